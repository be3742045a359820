//! Random histories: several runs of one lake with changes of the account, faults of the API, other options,
//! deaths and power losses between, recovery runs that die too; then one sound run, and the truth.
//!
//! `D2P_HISTORIES` says how many (1,000 when it does not), `D2P_SEED` plays a single one again.

use std::time::Duration;

use drift_simulator::{FaultScript, WorldConfig};
use drift2parquet::config::{Selection, SyncSettings};
use drift2parquet::error::{Error, Result};
use drift2parquet::sync::Ended;

use super::life::{Death, live};
use super::{Cut, Kept, MemoryDisk, Tree};
use crate::account::Account;
use crate::counts;
use crate::faults::scripts::{
    LASTING, behaviour, came_and_went, changes, is_believed, is_refused, sharpened,
};
use crate::faults::{Found, OF_CONVERSATIONS, SUMS, is_named, nothing_is, same};
use crate::lake::Lake;

/// How many histories there are, unless the environment says otherwise.
const HISTORIES: u64 = 1_000;
/// Tests that share them, so that they run side by side.
const SHARES: u64 = 8;

/// What some runs are restricted to.
const SELECTIONS: [&[&str]; 4] = [&["users", "meetings"], &["conversations"], &["messages"], &["contacts"]];

/// One history, and what happened in it.
struct History {
    account: Account,
    chance: fastrand::Rng,
    /// Answers were given that a run has to believe though they are wrong.
    misled: bool,
    told: Vec<String>,
    /// The lake keeps the raw pages, too.
    raw: bool,
    runs: u64,
    deaths: u64,
    outages: u64,
}

impl History {
    fn of(seed: u64) -> Self {
        let mut chance = fastrand::Rng::with_seed(seed);
        let world = WorldConfig {
            conversations: [1, 3, 6][chance.usize(0..3)],
            months: 1 + chance.u32(0..2),
            mean_messages: [1, 3][chance.usize(0..2)],
            users: 3,
            accounts: 3,
            playbooks: 3,
            meetings: 3,
            ..WorldConfig::small(seed)
        };
        let make = if chance.u8(0..8) == 0 { MemoryDisk::without_links } else { MemoryDisk::of };
        let lake = Lake::Memory(make(Tree::default()));
        let account = Account::of(world, behaviour(&mut chance)).with_lake(lake);
        let (told, raw) = (Vec::new(), seed % 16 < 8);
        Self { account, chance, misled: false, told, raw, runs: 0, deaths: 0, outages: 0 }
    }

    fn play(&mut self, seed: u64) -> Found {
        for round in 0..2 + self.chance.u64(0..3) {
            self.choose_settings();
            self.choose_faults(seed * 16 + round);
            self.run()?;
            self.account.is_whole()?;
            if self.chance.u8(0..6) == 0 {
                self.fail_at_rest()?;
            }
            // Without a change in between, the next run recovers, and may die at that.
            if self.chance.bool() {
                let counts = changes(&mut self.chance);
                self.account.drift.mutate(seed * 16 + round, counts);
            }
        }
        self.end()
    }

    fn choose_settings(&mut self) {
        let chance = &mut self.chance;
        let mut settings = SyncSettings {
            raw: self.raw,
            full: chance.u8(0..4) == 0,
            refetch: chance.u8(0..6) == 0,
            concurrency: [1, 4, 32][chance.usize(0..3)],
            memory: [256 << 20, 2 << 20][chance.usize(0..2)],
            checkpoint_bytes: [500, 3_000, 64 << 20][chance.usize(0..3)],
            max_time: (chance.u8(0..6) == 0).then(|| Duration::from_millis(chance.u64(1..5_000))),
            ..SyncSettings::default()
        };
        if chance.u8(0..5) == 0 {
            let names: Vec<String> = SELECTIONS[chance.usize(0..4)].iter().map(ToString::to_string).collect();
            settings.tables = Selection::only(&names).unwrap();
        }
        let which = settings.tables.tables().count();
        self.told.push(format!(
            "{which} tables{}{}",
            if settings.full { " --full" } else { "" },
            if settings.refetch { " --refetch" } else { "" }
        ));
        self.account.settings = settings;
    }

    fn choose_faults(&mut self, seed: u64) {
        let mut script = FaultScript::default();
        if self.chance.u8(0..4) == 0 {
            script = sharpened(FaultScript::random(seed), &mut self.chance);
            self.told.push(format!("[{script}]"));
        }
        self.misled |= script.rules.iter().any(|rule| is_believed(rule.fault));
        self.account.drift.set_faults(script);
    }

    fn run(&mut self) -> Found {
        self.runs += 1;
        let death = self.death();
        let power = death.power.is_some();
        self.told.push(format!("{:?} {}{}", death.cut, death.at, if power { " power off" } else { "" }));
        if let Some(ended) = self.account.run_to_death(death) {
            ended_well(ended)?;
        } else {
            self.deaths += 1;
            self.outages += u64::from(power);
        }
        self.account.drift.set_faults(FaultScript::default());
        Ok(())
    }

    /// Some runs live: their last operation would come later than any they make.
    fn death(&mut self) -> Death {
        let chance = &mut self.chance;
        let within = [10, 60, 400, 2_000][chance.usize(0..4)];
        let power = match chance.u8(0..8) {
            0..4 => None,
            4..7 => Some(Kept::Some(chance.fork())),
            _ => Some(Kept::Nothing),
        };
        let cut = [Cut::Before, Cut::After, Cut::Torn][chance.usize(0..3)];
        Death { at: chance.usize(0..within), cut, power }
    }

    fn fail_at_rest(&mut self) -> Found {
        self.outages += 1;
        self.told.push("power off at rest".to_owned());
        self.account.lake.disk().lose_power(Kept::Some(self.chance.fork()));
        self.account.is_whole().map_err(|wrong| format!("after a power loss at rest: {wrong}"))
    }

    /// Two sound runs, since what has not settled is fetched again; then the lake is that of a twin that has
    /// seen nothing of all this.
    fn end(&mut self) -> Found {
        let account = &mut self.account;
        account.settings = SyncSettings::default();
        account.wait(1);
        account.settings.raw = self.raw;
        account.recovers().map_err(|wrong| format!("at the end {wrong}"))?;
        if self.raw {
            live(account.is_made_again(&[])).map_err(|wrong| format!("at the end {wrong}"))?;
        }
        account.wait(1);
        let refetch = self.misled || came_and_went(account);
        (account.settings.full, account.settings.refetch) = (true, refetch);
        account.recovers().map_err(|wrong| format!("at the end {wrong}"))?;
        if self.raw {
            live(account.is_made_again(&[])).map_err(|wrong| format!("after a refetch {wrong}"))?;
        }
        let mut twin = account.with_new_lake();
        live(twin.sound_run()).map_err(|wrong| format!("the twin: {wrong}"))?;
        twin.holds_the_truth(&OF_CONVERSATIONS).map_err(|wrong| format!("the twin: {wrong}"))?;
        let (mut rows, wanted) = (account.live()?, twin.live()?);
        rows.retain(|table, rows| {
            rows.retain(|key, _| !LASTING.contains(table) || wanted[table].contains_key(key));
            !SUMS.contains(table)
        });
        same(&rows, &wanted).map_err(|wrong| format!("at the end {wrong}"))
    }
}

/// Wrong unless a run that lived ended as documented, and never for a reason that lies in the lake.
fn ended_well(ended: Result<Ended>) -> Found {
    match ended {
        Ok(ended) if ended.report.exit_code == 8 => Ok(()),
        Ok(Ended { error: Some(error), .. }) if is_wrong_address(&error) => Ok(()),
        Ok(ended) => is_named(&ended),
        Err(error) => is_refused(&error),
    }
}

/// Where nothing else has answered, a 404 for the list looks like a wrong address.
fn is_wrong_address(error: &Error) -> bool {
    error.found().starts_with("there is no list")
}

fn share(number: u64) {
    let read = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match read("D2P_SEED") {
        Some(seed) if seed % SHARES == number => seed..seed + 1,
        Some(_) => 0..0,
        None => 0..read("D2P_HISTORIES").unwrap_or(HISTORIES),
    };
    let (mut histories, mut runs, mut deaths, mut outages) = (0, 0, 0, 0);
    let mut wrong = Vec::new();
    for seed in seeds.filter(|seed| seed % SHARES == number) {
        let mut history = History::of(seed);
        if let Err(found) = history.play(seed) {
            wrong.push(format!("D2P_SEED={seed} {}: {found}", history.told.join(", ")));
        }
        histories += 1;
        runs += history.runs;
        deaths += history.deaths;
        outages += history.outages;
    }
    counts::record("crash histories", &[("histories", histories)]);
    if std::env::var_os("D2P_PHASES").is_some() {
        // Where a stop falls among threads is never quite the same twice.
        let told = [("runs", runs), ("stops", deaths), ("power losses", outages)];
        counts::record("crash histories", &told);
    }
    nothing_is(&wrong, histories);
}

/// One test for each share.
macro_rules! shares {
    ($($name:ident = $number:literal),*) => { $(#[test] fn $name() { share($number); })* };
}

shares!(
    histories_of_share_0 = 0,
    histories_of_share_1 = 1,
    histories_of_share_2 = 2,
    histories_of_share_3 = 3,
    histories_of_share_4 = 4,
    histories_of_share_5 = 5,
    histories_of_share_6 = 6,
    histories_of_share_7 = 7
);
