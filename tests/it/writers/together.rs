//! Two runs at once, in every order that chance brings: slow operations, suspensions beyond the lease,
//! takeovers, and an account that changes meanwhile.

use std::time::Duration;

use drift_simulator::{Mutation, WorldConfig};
use drift2parquet::verify::Verdict;

use super::weather::{Twist, Weather};
use super::{End, LEASE_IS_OVER, Scene};
use crate::faults::scripts::LASTING;
use crate::faults::{Found, nothing_is};

/// How many histories; more on demand.
fn histories() -> u64 {
    std::env::var("D2P_WRITERS").ok().and_then(|count| count.parse().ok()).unwrap_or(150)
}

fn minutes(chance: &mut fastrand::Rng, most: u64) -> Duration {
    Duration::from_millis(chance.u64(..most * 60_000))
}

/// Most operations are quick, some are slow, few are longer than a lease.
fn twist(chance: &mut fastrand::Rng) -> Option<Twist> {
    let time = match chance.u32(..100) {
        0..70 => return None,
        70..97 => Duration::from_millis(chance.u64(1..20_000)),
        _ => minutes(chance, 30),
    };
    Some(match chance.u32(..3) {
        0 => Twist::Slow(time),
        1 => Twist::SuspendBefore(time),
        _ => Twist::SuspendAfter(time),
    })
}

async fn one_of_the_two(scene: &Scene, number: u64, mut chance: fastrand::Rng) -> End {
    tokio::time::sleep(minutes(&mut chance, 20)).await;
    let takeover = chance.u32(..3) == 0;
    let plan = Box::new(move |_: usize, _: super::weather::Kind, _: &str| twist(&mut chance));
    scene.run(number, &Weather::new(scene.bucket.clone(), plan), takeover).await
}

/// The account changes under the hands of those who read it.
async fn change(scene: &Scene, mut chance: fastrand::Rng) {
    for _ in 0..chance.usize(..4) {
        tokio::time::sleep(minutes(&mut chance, 20)).await;
        let conversation = chance.u32(..6);
        let mutation = match chance.u32(..5) {
            0 => Mutation::EraseConversation { conversation },
            1 => Mutation::AddConversations { count: 2 },
            2 => Mutation::Bump { conversation },
            _ => Mutation::AddMessage { conversation },
        };
        scene.drift.apply(mutation);
    }
}

async fn history(seed: u64) -> Found {
    let mut chance = fastrand::Rng::with_seed(seed);
    let world = WorldConfig {
        conversations: 6,
        months: 3,
        users: 2,
        accounts: 2,
        meetings: 2,
        ..WorldConfig::small(seed)
    };
    let scene = Scene::of(world);
    if chance.bool() {
        let end = scene.run(1, &scene.fair(), false).await;
        if !end.is(0) {
            return Err(format!("the load before: {end:?}"));
        }
        scene.drift.apply(Mutation::AddMessage { conversation: 1 });
    }
    let (one, other, ()) = tokio::join!(
        one_of_the_two(&scene, 2, chance.fork()),
        one_of_the_two(&scene, 3, chance.fork()),
        change(&scene, chance.fork()),
    );
    if ![&one, &other].iter().all(|end| end.is(0) || end.is(6)) || !(one.is(0) || other.is(0)) {
        return Err(format!("they ended with {one:?} and {other:?}"));
    }
    scene.took_turns().await?;
    scene.rows().await?;
    ends_in_truth(&scene).await
}

/// Some hours later, a run of its own brings what a new lake of the account has, but for what was erased.
async fn ends_in_truth(scene: &Scene) -> Found {
    let hours = i64::try_from(LEASE_IS_OVER.as_millis()).unwrap() * 12;
    scene.drift.apply(Mutation::AdvanceClock { ms: hours });
    tokio::time::sleep(LEASE_IS_OVER * 12).await;
    let mut scene = scene.clone();
    scene.settings.full = true;
    let end = scene.run(98, &scene.fair(), false).await;
    if !end.is(0) {
        return Err(format!("the last run: {end:?}"));
    }
    scene.is_whole(Verdict::Proven).await?;
    let new = Scene { bucket: std::sync::Arc::default(), ..scene.clone() };
    let end = new.run(99, &new.fair(), false).await;
    if !end.is(0) {
        return Err(format!("a new lake: {end:?}"));
    }
    let (mut found, wanted) = (scene.live().await?, new.live().await?);
    // Contacts outlive the conversations that named them, and meetings the time that is asked for: a new lake has
    // never heard of those.
    for table in LASTING {
        let wanted = wanted.get(table);
        found.entry(table).or_default().retain(|key, _| wanted.is_some_and(|rows| rows.contains_key(key)));
    }
    crate::faults::same(&found, &wanted)
}

#[tokio::test(start_paused = true)]
async fn two_runs_at_once_end_in_the_truth() {
    let mut wrong = Vec::new();
    for seed in 0..histories() {
        let found = Box::pin(history(seed)).await;
        wrong.extend(found.err().map(|found| format!("seed {seed}: {found}")));
    }
    crate::counts::record("two writers", &[("histories", histories())]);
    nothing_is(&wrong, histories());
}
