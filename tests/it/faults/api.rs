//! Every fault alone, on every endpoint that a run calls: once, and for good.

use drift_simulator::faults::When;
use drift_simulator::{Behaviour, EndpointKind as E, Fault, FaultScript, Mutation, WorldConfig};
use drift2parquet::config::Selection;
use drift2parquet::sync::Ended;
use drift2parquet::verify::Verdict;

use super::{Found, LEAN_BODY_BYTES_MAX, Rows, is_named, is_placed, lean, same, settle, within};
use crate::account::Account;

/// What the cases are counted under.
pub const SUITE: &str = "API faults";

/// A world, what happens to it after a first load, and what a reader who never meets a fault gets.
pub struct Ground {
    world: WorldConfig,
    tables: &'static [&'static str],
    changes: &'static [Mutation],
    before: Rows,
    after: Rows,
}

const CHILDREN: &[&str] = &["conversations", "messages", "contacts", "campaign_members"];

pub const CHANGES: &[Mutation] = &[
    Mutation::AddConversations { count: 2 },
    Mutation::AddMessage { conversation: 3 },
    Mutation::Bump { conversation: 5 },
    Mutation::EraseConversation { conversation: 7 },
    Mutation::UnlistUser { user: 1 },
    Mutation::RemoveUser { user: 2 },
    Mutation::RenameUser { user: 3 },
    Mutation::DeleteAccount { account: 4 },
    Mutation::ChangeAccount { account: 5 },
    Mutation::ChangeTeam { team: 0 },
    Mutation::UnlistPlaybook { playbook: 1 },
    Mutation::AddLandingPage,
    Mutation::AddMeeting,
];

/// Few conversations of one or two months.
pub fn tiny(seed: u64) -> WorldConfig {
    WorldConfig { conversations: 16, months: 1, mean_messages: 3, ..WorldConfig::small(seed) }
}

/// Three pages of the list, two of accounts.
fn paged(seed: u64) -> WorldConfig {
    WorldConfig { conversations: 230, accounts: 100, mean_messages: 1, ..tiny(seed) }
}

/// Threads of several pages.
fn long_threads(seed: u64) -> WorldConfig {
    WorldConfig { conversations: 6, mean_messages: 160, ..tiny(seed) }
}

impl Ground {
    pub async fn of(
        world: WorldConfig,
        tables: &'static [&'static str],
        changes: &'static [Mutation],
    ) -> Self {
        let mut ground = Self { world, tables, changes, before: Rows::new(), after: Rows::new() };
        let mut account = ground.account();
        account.run_to_the_end().await;
        ground.before = account.live().unwrap();
        ground.change(&mut account);
        account.run_to_the_end().await;
        ground.after = account.live().unwrap();
        ground
    }

    fn account(&self) -> Account {
        let mut account = Account::of(self.world.clone(), Behaviour::default());
        let names: Vec<String> = self.tables.iter().map(ToString::to_string).collect();
        account.settings.tables = Selection::only(&names).unwrap();
        account.body_bytes_max = LEAN_BODY_BYTES_MAX;
        account
    }

    fn change(&self, account: &mut Account) {
        if !self.changes.is_empty() {
            account.wait(3);
            account.change(self.changes.iter().copied());
            account.settings.full = true;
        }
    }

    /// One fault on one endpoint, or on all of them, then a run without.
    pub async fn attack(&self, endpoint: Option<E>, when: When, fault: Fault) -> Found {
        let mut account = self.account();
        if !self.changes.is_empty() {
            account.sound_run().await?;
        }
        self.change(&mut account);
        account.drift.set_faults(FaultScript::one(endpoint, when, fault));
        let ended = account.attempt().await;
        account.drift.set_faults(FaultScript::default());
        match &ended {
            Ok(ended) => self.judge(&account, ended, fault)?,
            Err(error) => {
                is_placed(error, if endpoint.is_none_or(is_greeting) { &[2, 3, 4] } else { &[3, 4] })?;
            }
        }
        account.is_valid(Verdict::Unfinished).await?;
        self.recover(account, fault).await
    }

    fn judge(&self, account: &Account, ended: &Ended, fault: Fault) -> Found {
        is_named(ended)?;
        let live = account.live()?;
        if is_event(fault) || fault == Fault::InvalidUtf8 {
            return Ok(());
        }
        within(&live, &[&self.before, &self.after])?;
        if is_not_found(fault) && says_gone(ended) {
            return Ok(());
        }
        // A thread whose end was never said may be cut; only a person can tell.
        let warned = ended.report.warnings.iter().any(|warning| warning.contains("whether more follow"));
        if ended.report.exit_code == 0 && !warned {
            same(&live, &self.after).map_err(|wrong| format!("exit 0, yet {wrong}"))?;
        }
        if warned { Ok(()) } else { self.nothing_buried(&live) }
    }

    /// What was stored and is still there must not be marked as deleted.
    fn nothing_buried(&self, live: &Rows) -> Found {
        if self.changes.is_empty() {
            return Ok(());
        }
        for (table, rows) in &self.before {
            let still = rows.keys().filter(|key| self.after[table].contains_key(*key));
            if let Some(key) = still.into_iter().find(|key| !live[table].contains_key(*key)) {
                return Err(format!("{table}: {key} was lost"));
            }
        }
        Ok(())
    }

    async fn recover(&self, mut account: Account, fault: Fault) -> Found {
        account.wait(1);
        account.sound_run().await.map_err(|wrong| format!("afterwards {wrong}"))?;
        let again = is_not_found(fault) || matches!(fault, Fault::InvalidUtf8 | Fault::NoPagination);
        if is_event(fault) || again {
            account.wait(1);
            (account.settings.full, account.settings.refetch) = (true, again);
            account.sound_run().await.map_err(|wrong| format!("afterwards {wrong}"))?;
        }
        let wanted = if is_event(fault) { self.after_event(&account).await? } else { self.after.clone() };
        let mut live = account.live()?;
        live.retain(|table, rows| {
            // A contact stays though its last conversation was erased.
            rows.retain(|key, _| *table != "contacts" || wanted[table].contains_key(key));
            !is_event(fault) || !super::SUMS.contains(table)
        });
        same(&live, &wanted).map_err(|wrong| format!("afterwards {wrong}"))?;
        account.is_valid(Verdict::Proven).await.map_err(|wrong| format!("afterwards {wrong}"))
    }

    /// What a reader without faults gets when the account changed in the middle of a run.
    async fn after_event(&self, account: &Account) -> Found<Rows> {
        let mut twin = account.with_new_lake();
        twin.sound_run().await?;
        let mut wanted = self.after.clone();
        for (table, rows) in twin.live()? {
            if CHILDREN.contains(&table) {
                wanted.insert(table, rows);
            }
        }
        Ok(wanted)
    }
}

/// The first call of a run, whose answer tells whether this is Drift at all.
fn is_greeting(endpoint: E) -> bool {
    matches!(endpoint, E::TokenInfo | E::OauthToken)
}

fn is_not_found(fault: Fault) -> bool {
    matches!(fault, Fault::Status { status: 404, .. })
}

/// 404 is believed, and counted.
fn says_gone(ended: &Ended) -> bool {
    let gone = ended.report.completeness.as_ref().is_some_and(|sum| sum.missing > 0);
    gone || ended.report.tables.values().any(|table| table.missing + table.tombstoned > 0)
}

/// Faults that change the account rather than the answer.
fn is_event(fault: Fault) -> bool {
    use Fault as F;
    matches!(
        fault,
        F::Bump(_)
            | F::Erase(_)
            | F::Begin(_)
            | F::EraseAsked
            | F::MessageAfter
            | F::LateMessageAfter(_)
            | F::ExpireTokens
    )
}

/// Faults that take megabytes strike twice at most.
fn for_good(fault: Fault) -> When {
    match fault {
        Fault::Oversize(_) | Fault::DeflateBomb(_) => When::First(2),
        Fault::Bump(_) | Fault::Erase(_) | Fault::Begin(_) | Fault::EraseAsked => When::First(3),
        _ => When::From(1),
    }
}

/// All faults on one endpoint, each at each of these times.
async fn all(ground: &Ground, endpoint: E, whens: &[fn(Fault) -> When]) -> (usize, Vec<String>) {
    let (mut cases, mut wrong) = (0, Vec::new());
    for fault in Fault::all().into_iter().map(lean) {
        for when in whens {
            let when = when(fault);
            cases += 1;
            if let Err(found) = ground.attack(Some(endpoint), when, fault).await {
                wrong.push(format!("{endpoint} {when} {fault}: {found}"));
            }
        }
    }
    (cases, wrong)
}

const ONCE: fn(Fault) -> When = |_| When::Nth(1);
const SECOND: fn(Fault) -> When = |_| When::Nth(2);
const THIRD: fn(Fault) -> When = |_| When::Every(3);
const FOR_GOOD: fn(Fault) -> When = for_good;

macro_rules! cases {
    ($($name:ident: $world:expr, $tables:expr, $changes:expr, [$($endpoint:expr),+], $whens:expr;)+) => {$(
        #[tokio::test(start_paused = true)]
        async fn $name() {
            let ground = Ground::of($world, $tables, $changes).await;
            let (mut cases, mut wrong) = (0, Vec::new());
            for endpoint in [$($endpoint),+] {
                let (more, found) = all(&ground, endpoint, &$whens).await;
                cases += more;
                wrong.extend(found);
            }
            settle(SUITE, cases, &wrong);
        }
    )+};
}

cases! {
    token_info: tiny(1), &["teams"], &[], [E::TokenInfo], [ONCE, FOR_GOOD];
    users: tiny(2), &["users"], CHANGES, [E::UserList, E::User], [ONCE, FOR_GOOD];
    accounts: paged(3), &["accounts"], CHANGES, [E::AccountList, E::Account], [SECOND, FOR_GOOD];
    pages_of_accounts: paged(3), &["accounts"], &[], [E::AccountList], [ONCE, SECOND];
    teams_and_meetings: tiny(4), &["teams", "meetings"], CHANGES, [E::Teams, E::Meetings], [ONCE, FOR_GOOD];
    playbooks: tiny(5), &["playbooks", "landing_pages"], CHANGES, [E::PlaybookList, E::LandingPages], [ONCE, FOR_GOOD];
    list_of_conversations: tiny(6), &["conversations"], CHANGES, [E::ConversationList], [ONCE, FOR_GOOD];
    pages_of_conversations: paged(7), &["conversations"], &[], [E::ConversationList], [SECOND];
    details: tiny(8), CHILDREN, &[], [E::Conversation], [THIRD];
    details_for_good: tiny(8), &["messages"], &[], [E::Conversation], [FOR_GOOD];
    details_later: tiny(8), &["messages"], CHANGES, [E::Conversation], [FOR_GOOD];
    messages: tiny(9), &["messages"], CHANGES, [E::Messages], [ONCE, FOR_GOOD];
    pages_of_messages: long_threads(10), &["messages"], &[], [E::Messages], [SECOND, FOR_GOOD];
    stats: tiny(11), &["conversations"], &[], [E::ConversationStats], [ONCE, FOR_GOOD];
    contacts: tiny(12), &["contacts"], &[], [E::Contact], [THIRD];
    contacts_for_good: tiny(12), &["contacts"], CHANGES, [E::Contact], [FOR_GOOD];
}
