//! SIGKILL, which no program sees coming. `D2P_KILLS` says how many; `D2P_PHASES` has the counts say when they
//! struck, which is never the same twice.

use std::collections::BTreeMap;
use std::time::Duration;

use drift_simulator::MutationCounts;
use drift2parquet::status::status;

use super::{Served, finish, small};
use crate::counts::record;

const KILLS: u64 = 200;
/// Tests that share the kills.
const SHARES: u64 = 4;
/// Worlds of one test under fire side by side: a small run mostly waits for its own pace.
const LANES: u64 = 4;
/// After so many kills of one run and those that take it up, it is left alone.
const IN_A_ROW: u64 = 5;
/// The last kills of a run fall this long after its last request, at most.
const AFTERWARDS_MS: u64 = 30;

const CHANGES: MutationCounts = MutationCounts {
    added: 2,
    messages: 4,
    edited: 2,
    bumped: 3,
    erased: 1,
    erased_contacts: 0,
    others: 2,
    advance_ms: 10_800_000,
};

/// Kills that are still to be done, and when those before struck.
struct Killing {
    chance: fastrand::Rng,
    left: u64,
    phases: BTreeMap<&'static str, u64>,
}

impl Killing {
    /// A world that is loaded under fire, changes, and is read again under fire.
    async fn world(&mut self, seed: u64) {
        let served = Served::of(small(seed), Duration::from_millis(1)).await;
        let mut requests = 80;
        for round in 0..2 {
            self.rounds(&served, requests).await;
            served.recovers(&format!("seed {seed}, round {round}")).await;
            served.account.drift.mutate(seed + round, CHANGES);
            requests = 30;
        }
    }

    async fn rounds(&mut self, served: &Served, requests: u64) {
        for _ in 0..self.left.min(IN_A_ROW) {
            let mut child = served.start(&["--concurrency", ["1", "16"][self.chance.usize(0..2)]]);
            let alive = served.reaches(&mut child, self.chance.u64(0..requests)).await;
            tokio::time::sleep(Duration::from_millis(self.chance.u64(0..AFTERWARDS_MS))).await;
            if !alive || child.try_wait().unwrap().is_some() {
                // It was done before its moment came: nothing is left to be killed.
                let (code, said) = finish(child);
                return assert_eq!(code, Some(0), "{said}");
            }
            child.kill().unwrap();
            child.wait().unwrap();
            *self.phases.entry(served.phase()).or_default() += 1;
            served.verdict().await;
            self.left -= 1;
        }
    }
}

async fn share(number: u64) {
    let lanes: Vec<_> = (0..LANES).map(|lane| tokio::spawn(self::lane(number + SHARES * lane))).collect();
    for lane in lanes {
        let (kills, phases) = lane.await.unwrap();
        record("SIGKILL", &[("kills", kills)]);
        if std::env::var_os("D2P_PHASES").is_some() {
            record("SIGKILL", &phases.into_iter().collect::<Vec<_>>());
        }
    }
}

/// Every so-many-th of all kills; how many they were and when they struck.
async fn lane(number: u64) -> (u64, BTreeMap<&'static str, u64>) {
    let kills = std::env::var("D2P_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS);
    let of = SHARES * LANES;
    let left = (number..kills).step_by(of as usize).count() as u64;
    let chance = fastrand::Rng::with_seed(number);
    let mut killing = Killing { chance, left, phases: BTreeMap::new() };
    for seed in (number..).step_by(of as usize).map(|seed| seed * 8) {
        if killing.left == 0 {
            break;
        }
        killing.world(seed).await;
    }
    (left, killing.phases)
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_by_the_first_share() {
    share(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_by_the_second_share() {
    share(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_by_the_third_share() {
    share(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_by_the_fourth_share() {
    share(3).await;
}

/// Bug: the lease of a run that was killed made `status` say for a quarter of an hour that it still runs, though in a
/// directory the lock tells the truth.
#[tokio::test(flavor = "multi_thread")]
async fn status_knows_a_run_that_was_killed_from_one_that_lives() {
    let served = Served::of(small(777), Duration::from_millis(5)).await;
    let store = served.account.lake.store();
    let mut child = served.start(&["--max-rate", "5"]);
    assert!(served.reaches(&mut child, 8).await);
    let held = async || status(&*store, "lake", jiff::Timestamp::now()).await.unwrap().held;
    assert!(held().await, "it lives");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!held().await, "it was killed");
}
