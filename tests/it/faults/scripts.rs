//! Random scripts of many faults over several runs, with changes between them; then none, and the truth.
//!
//! `D2P_SCRIPTS` says how many scripts (1,000 when it does not), `D2P_SEED` plays a single one again.

use drift_simulator::api::{CursorKind, Generation, LinksEnd, ListOrder};
use drift_simulator::{Behaviour, EndpointKind as E, Fault, FaultScript, MutationCounts, WorldConfig};
use drift2parquet::error::Error;
use drift2parquet::sync::Ended;
use drift2parquet::tables::CONVERSATIONS;
use drift2parquet::verify::Verdict;
use std::time::Duration;

use super::{Found, LEAN_BODY_BYTES_MAX, OF_CONVERSATIONS, SUMS, is_named, is_placed, lean, same, settle};
use crate::account::Account;

/// How many scripts a test runs, unless the environment says otherwise.
const SCRIPTS: u64 = 1_000;
/// Tests that share the scripts, so that they run side by side.
const SHARES: u64 = 4;

/// Rows of these may stay though a reader who begins today does not get them any more.
pub const LASTING: [&str; 3] = ["contacts", "users", "meetings"];

/// Endpoints that a run calls; those with the most rows come twice.
const CALLED: [E; 17] = [
    E::TokenInfo,
    E::OauthToken,
    E::ConversationList,
    E::ConversationList,
    E::Conversation,
    E::Conversation,
    E::Messages,
    E::Messages,
    E::Contact,
    E::Contact,
    E::ConversationStats,
    E::UserList,
    E::User,
    E::AccountList,
    E::Account,
    E::PlaybookList,
    E::Meetings,
];

/// One history: an account, its scripts, and how it went.
struct History {
    account: Account,
    chance: fastrand::Rng,
    told: Vec<String>,
}

impl History {
    fn of(seed: u64) -> Self {
        let mut chance = fastrand::Rng::with_seed(seed);
        let world = WorldConfig {
            conversations: [4, 16, 24, 130][chance.usize(0..4)],
            months: 1 + chance.u32(0..2),
            mean_messages: [1, 3, 6][chance.usize(0..3)],
            ..WorldConfig::small(seed)
        };
        let mut account = Account::of(world, behaviour(&mut chance)).in_memory();
        account.body_bytes_max = LEAN_BODY_BYTES_MAX;
        account.settings.concurrency = [1, 4, 32][chance.usize(0..3)];
        if chance.u8(0..4) == 0 {
            account.token = super::oauth();
        }
        Self { account, chance, told: Vec::new() }
    }

    async fn play(&mut self, seed: u64) -> Found {
        let mut again = false;
        for round in 0..2 + self.chance.u64(0..3) {
            let script = sharpened(FaultScript::random(seed * 16 + round), &mut self.chance);
            again |= script.rules.iter().any(|rule| is_believed(rule.fault));
            self.told.push(format!("[{script}]"));
            self.account.settings.full = self.chance.u8(0..3) == 0;
            self.account.settings.max_time = (self.chance.u8(0..5) == 0).then_some(Duration::from_secs(40));
            self.account.drift.set_faults(script);
            match self.account.attempt().await {
                Ok(ended) if ended.report.exit_code == 8 => {}
                // Where nothing else has answered, a 404 for the list looks like a wrong address.
                Ok(Ended { error: Some(error), .. }) if error.found().starts_with("there is no list") => {}
                Ok(ended) => is_named(&ended)?,
                Err(error) => is_refused(&error)?,
            }
            self.account.drift.set_faults(FaultScript::default());
            self.account.is_valid(Verdict::Unfinished).await?;
            self.account.no_key_twice()?;
            let changed = self.account.drift.mutate(seed * 16 + round, changes(&mut self.chance));
            self.told.push(format!("{changed:?}"));
        }
        self.recover(again).await
    }

    async fn recover(&mut self, again: bool) -> Found {
        let account = &mut self.account;
        account.settings.max_time = None;
        account.wait(1);
        account.settings.full = false;
        account.sound_run().await.map_err(|wrong| format!("afterwards {wrong}"))?;
        account.wait(1);
        let refetch = again || came_and_went(account);
        (account.settings.full, account.settings.refetch) = (true, refetch);
        account.sound_run().await.map_err(|wrong| format!("afterwards {wrong}"))?;
        account.is_valid(Verdict::Proven).await.map_err(|wrong| format!("afterwards {wrong}"))?;
        let mut twin = account.with_new_lake();
        twin.settings.full = false;
        twin.sound_run().await.map_err(|wrong| format!("the twin: {wrong}"))?;
        twin.holds_the_truth(&OF_CONVERSATIONS).map_err(|wrong| format!("the twin: {wrong}"))?;
        let (mut live, wanted) = (account.live()?, twin.live()?);
        live.retain(|table, rows| {
            rows.retain(|key, _| !LASTING.contains(table) || wanted[table].contains_key(key));
            !SUMS.contains(table)
        });
        same(&live, &wanted).map_err(|wrong| format!("afterwards {wrong}"))
    }
}

/// Whether a conversation came and was erased before any run saw it: what it changed of its contact no list tells,
/// so that only `--refetch` brings it.
pub fn came_and_went(account: &Account) -> bool {
    let stored = account.ids(&CONVERSATIONS, "id", false);
    account.drift.with_world(|world| {
        let mut erased = (0..world.conversation_rows()).filter(|row| !world.conversation_resolves(*row));
        erased.any(|row| stored.binary_search(&world.conversation_id(row)).is_err())
    })
}

/// A dialect of the API.
pub fn behaviour(chance: &mut fastrand::Rng) -> Behaviour {
    let mut behaviour = Behaviour {
        generation: [Generation::Auto, Generation::Old, Generation::New][chance.usize(0..3)],
        order: [ListOrder::Updated, ListOrder::Updated, ListOrder::Created][chance.usize(0..3)],
        cursor: [CursorKind::Position, CursorKind::Keyset][chance.usize(0..2)],
        links_end: [LinksEnd::NoNext, LinksEnd::NoLinks, LinksEnd::EmptyNext][chance.usize(0..3)],
        cursor_as_string: chance.bool(),
        messages_newest_first: chance.bool(),
        messages_end_pagination: chance.bool(),
        plural_errors: chance.bool(),
        latency: Duration::from_millis([0, 100, 900][chance.usize(0..3)]),
        ..Behaviour::default()
    };
    // Where the list tells it, the detail may differ a little either way.
    behaviour.detail_updated_offset_ms = [0, 0, -1_500, 1_500][chance.usize(0..4)];
    if let Some(oauth) = &mut behaviour.oauth {
        // An answer that is lost takes the new refresh token with it, which nothing can bring back.
        oauth.rotates = false;
    }
    behaviour
}

/// Rules aim at endpoints that a run calls, and some of them never end.
pub fn sharpened(mut script: FaultScript, chance: &mut fastrand::Rng) -> FaultScript {
    for rule in &mut script.rules {
        rule.fault = lean(rule.fault);
        if rule.endpoint.is_some_and(|endpoint| !CALLED.contains(&endpoint)) {
            rule.endpoint = Some(CALLED[chance.usize(0..CALLED.len())]);
        }
        if chance.u8(0..3) == 0 {
            rule.times = None;
        }
    }
    script
}

/// What changes between two runs.
pub fn changes(chance: &mut fastrand::Rng) -> MutationCounts {
    MutationCounts {
        added: chance.u32(0..3),
        messages: chance.u32(0..4),
        edited: chance.u32(0..3),
        bumped: chance.u32(0..3),
        erased: chance.u32(0..2),
        erased_contacts: u32::from(chance.u8(0..4) == 0),
        others: chance.u32(0..4),
        advance_ms: [60_000, 3_600_000, 90_000_000][chance.usize(0..3)],
    }
}

/// Answers that a run has to believe, so that only `--refetch` brings the truth back.
pub fn is_believed(fault: Fault) -> bool {
    matches!(fault, Fault::Status { status: 404, .. } | Fault::InvalidUtf8 | Fault::NoPagination)
}

/// A run may be refused at its first calls, before it is known that it is Drift that answers.
pub fn is_refused(error: &Error) -> Found {
    let greets = ["/app/token_info", "/oauth2/token", "/users/list"];
    let first = error.place("call").is_some_and(|call| greets.contains(&call));
    is_placed(error, if first { &[2, 3, 4] } else { &[3, 4] })
}

async fn share(number: u64) {
    let read = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match read("D2P_SEED") {
        Some(seed) if seed % SHARES == number => seed..seed + 1,
        Some(_) => 0..0,
        None => 0..read("D2P_SCRIPTS").unwrap_or(SCRIPTS),
    };
    let (mut played, mut wrong) = (0, Vec::new());
    for seed in seeds.filter(|seed| seed % SHARES == number) {
        let mut history = History::of(seed);
        played += 1;
        if let Err(found) = history.play(seed).await {
            let replay = format!("D2P_SEED={seed} cargo nextest run --test it random_scripts");
            wrong.push(format!("`{replay}`, {}: {found}", history.told.join(" ")));
        }
    }
    settle("random scripts", played, &wrong);
}

#[tokio::test(start_paused = true)]
async fn random_scripts_of_the_first_share() {
    share(0).await;
}

#[tokio::test(start_paused = true)]
async fn random_scripts_of_the_second_share() {
    share(1).await;
}

#[tokio::test(start_paused = true)]
async fn random_scripts_of_the_third_share() {
    share(2).await;
}

#[tokio::test(start_paused = true)]
async fn random_scripts_of_the_fourth_share() {
    share(3).await;
}
