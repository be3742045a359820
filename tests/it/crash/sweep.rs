//! Every operation of a small load, and of the run that brings the changes after it, is once the last one:
//! before it, after it, in its middle, with and without the power failing. Each time the next run ends in the
//! lake of the program that never died, byte for byte.

use std::collections::BTreeMap;

use bytes::Bytes;
use drift_simulator::{Behaviour, MutationCounts, WorldConfig};

use drift2parquet::error::{ErrorKind, Result};
use drift2parquet::sync::Ended;

use super::life::{Death, live};
use super::{Cut, Kept, MemoryDisk, Tree};
use crate::account::Account;
use crate::counts;
use crate::faults::{Found, nothing_is, same};
use crate::lake::Lake;

/// How an operation can be the last one; or it fails, and the program is told.
const WAYS: [&str; 7] =
    ["before", "after", "torn", "power off before", "power off after", "power off within", "refused"];

/// What is swept: the state a run begins with, the run that never died, and how many operations it has.
struct Stage {
    changed: bool,
    before: Tree,
    objects: BTreeMap<String, Bytes>,
    operations: Vec<&'static str>,
    make: fn(Tree) -> MemoryDisk,
}

fn changes() -> MutationCounts {
    MutationCounts {
        added: 1,
        messages: 1,
        edited: 1,
        bumped: 1,
        erased: 1,
        others: 2,
        advance_ms: 3_600_000,
        ..MutationCounts::default()
    }
}

/// A tiny account that checkpoints after nearly every page, at the time of its first run or of its second.
fn account(changed: bool, disk: MemoryDisk) -> Account {
    let world = WorldConfig {
        conversations: 5,
        months: 2,
        mean_messages: 2,
        users: 3,
        accounts: 3,
        meetings: 2,
        ..WorldConfig::small(11)
    };
    let mut account = Account::of(world, Behaviour::default()).with_lake(Lake::Memory(disk));
    account.settings.checkpoint_bytes = 2_000;
    account.settings.concurrency = 2;
    if changed {
        account.drift.mutate(5, changes());
    }
    account
}

impl Stage {
    fn first(make: fn(Tree) -> MemoryDisk) -> Self {
        Self::of(false, Tree::default(), make)
    }

    fn second(make: fn(Tree) -> MemoryDisk) -> Self {
        let mut account = account(false, make(Tree::default()));
        account.recovers().unwrap();
        let before = account.lake.disk().tree().clone();
        Self::of(true, before, make)
    }

    fn of(changed: bool, before: Tree, make: fn(Tree) -> MemoryDisk) -> Self {
        let mut account = account(changed, make(before.clone()));
        let fate = account.lake.fate().unwrap();
        fate.begin(None);
        live(account.sound_run()).unwrap();
        let operations = fate.operations();
        Self { changed, before, objects: account.objects(), operations, make }
    }

    /// The run dies, and the next one is as good as the one that did not.
    fn survives(&self, death: Death) -> Found {
        let mut account = account(self.changed, (self.make)(self.before.clone()));
        let at = death.at;
        if let (Cut::Refused, Some(ended)) = (death.cut, account.run_to_death(death)) {
            self.is_told(ended, at)?;
        }
        account.is_whole()?;
        account.recovers()?;
        self.is_exact(&account)
    }

    fn is_exact(&self, account: &Account) -> Found {
        let objects = account.objects();
        if objects == self.objects {
            return Ok(());
        }
        let differs = |(path, bytes): &(&String, &Bytes)| objects.get(*path) != Some(bytes);
        let path = self.objects.iter().find(differs).map(|(path, _)| path.as_str());
        let twin = account.with_new_lake().with_lake(self.twin());
        same(&account.live()?, &twin.live()?)?;
        Err(format!("other bytes than those of the run that never died: {}", path.unwrap_or("one too many")))
    }

    /// The lake of the run that never died.
    fn twin(&self) -> Lake {
        let mut account = account(self.changed, (self.make)(self.before.clone()));
        live(account.sound_run()).unwrap();
        account.lake
    }

    fn sweep(&self, ways: &[&str]) {
        let mut wrong = Vec::new();
        for way in ways {
            for at in 0..self.operations.len() {
                if let Err(found) = self.survives(death(way, at)) {
                    wrong.push(format!("{way} operation {at} ({}): {found}", self.operations[at]));
                }
            }
        }
        let cases = self.operations.len() * ways.len();
        counts::record(
            "crash sweep",
            &[("operations", self.operations.len() as u64), ("cases", cases as u64)],
        );
        nothing_is(&wrong, cases as u64);
    }

    /// An operation of the disk that failed ends the run with exit code 5, the path and a remedy. What a run can
    /// do without may fail: tidying up, and the pointer to the newest manifest; requests are not the disk's.
    fn is_told(&self, ended: Result<Ended>, at: usize) -> Found {
        let operation = self.operations[at];
        let tidies = operation == "sync folder" && self.operations[at - 1] == "remove";
        let spared = ["request", "remove", "list"].contains(&operation) || tidies || self.is_of_pointer(at);
        let error = match ended {
            Ok(ended) if ended.report.exit_code == 0 && spared => return Ok(()),
            Ok(ended) => ended.error.ok_or_else(|| format!("exit code {} for it", ended.report.exit_code))?,
            Err(error) => error,
        };
        let remedy = error.advice().unwrap_or_default();
        let is_read = ["look", "list", "open"].contains(&operation);
        let told = error.place("path").is_some() && (is_read || remedy.contains("no space left"));
        let fits = error.kind() == ErrorKind::Store && told;
        if fits { Ok(()) } else { Err(format!("told as {error}; {remedy}")) }
    }

    /// The pointer is put right after a listing of the manifests, which tells whether the commit holds.
    fn is_of_pointer(&self, at: usize) -> bool {
        let put = ["write", "sync", "rename", "sync folder"];
        let begins = |first: usize| first > 0 && self.operations[first - 1] == "list";
        let first = (0..put.len()).filter_map(|behind| at.checked_sub(behind)).find(|first| begins(*first));
        first.is_some_and(|first| self.operations[first..].starts_with(&put))
    }
}

fn death(way: &str, at: usize) -> Death {
    let some = Kept::Some(fastrand::Rng::with_seed(at as u64));
    let (cut, power) = match way {
        "before" => (Cut::Before, None),
        "after" => (Cut::After, None),
        "torn" => (Cut::Torn, None),
        "refused" => (Cut::Refused, None),
        "power off before" => (Cut::Before, Some(some)),
        "power off after" => (Cut::After, Some(Kept::Nothing)),
        _ => (Cut::Torn, Some(some)),
    };
    Death { at, cut, power }
}

#[test]
fn every_operation_of_the_disk_may_fail() {
    Stage::first(MemoryDisk::of).sweep(&WAYS[6..]);
    Stage::second(MemoryDisk::of).sweep(&WAYS[6..]);
}

#[test]
fn every_operation_of_a_first_load_may_be_the_last() {
    Stage::first(MemoryDisk::of).sweep(&WAYS[..3]);
}

#[test]
fn the_power_may_fail_at_every_operation_of_a_first_load() {
    Stage::first(MemoryDisk::of).sweep(&WAYS[3..6]);
}

#[test]
fn every_operation_of_a_second_run_may_be_the_last() {
    Stage::second(MemoryDisk::of).sweep(&WAYS[..3]);
}

#[test]
fn the_power_may_fail_at_every_operation_of_a_second_run() {
    Stage::second(MemoryDisk::of).sweep(&WAYS[3..6]);
}

#[test]
fn every_operation_may_be_the_last_on_a_disk_that_has_no_hard_links() {
    Stage::first(MemoryDisk::without_links).sweep(&WAYS[1..2]);
    Stage::second(MemoryDisk::without_links).sweep(&WAYS[4..5]);
}
