//! The lease: renewed however long a run waits, respected by others before they change anything, and given up
//! at once by a run that was taken over.

use std::time::Duration;

use drift2parquet::manifest::RunStatus;
use drift2parquet::verify::Verdict;

use super::weather::{Twist, Weather};
use super::{LEASE_IS_OVER, LONGER_THAN_THE_LEASE, Scene, alone};

const MINUTE: Duration = Duration::from_secs(60);

/// A run that may ask so seldom that it waits for every single call longer than a lease lasts.
fn slow() -> Scene {
    Scene { max_rate: Some(1.0 / LONGER_THAN_THE_LEASE.as_secs_f64()), ..Scene::tiny() }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_waits_for_every_call_never_loses_its_lease() {
    let scene = slow();
    let running = scene.begin(1, scene.fair(), false);
    let mut looks = 0;
    while !running.is_finished() {
        tokio::time::sleep(MINUTE).await;
        let Some(newest) = scene.chain().await.pop() else { continue };
        if newest.run.status == RunStatus::Running {
            let left = newest.lease.unwrap().until.duration_since(scene.clock.now());
            assert!(left.as_mins() >= 9, "{left:?} are left of the lease after {looks} looks");
            looks += 1;
        }
    }
    let end = running.await.unwrap();
    assert!(end.is(0), "{end:?}");
    assert!(looks > 300, "{looks}");
    scene.is_whole(Verdict::Proven).await.unwrap();
}

/// Only reads and puts of data may take so long: a commit is small, and renews nothing before it is made.
#[tokio::test(start_paused = true)]
async fn however_slow_the_store_is_with_data_the_lease_lives() {
    let scene = Scene::tiny();
    let (_, operations) = alone(&scene).await;
    for (at, kind) in operations.iter().enumerate() {
        let scene = scene.fork();
        let slow = Weather::once(scene.bucket.clone(), at, Twist::Slow(LONGER_THAN_THE_LEASE));
        let running = scene.begin(1, slow, false);
        tokio::time::sleep(LEASE_IS_OVER).await;
        let before = scene.chain().await;
        let Some(lease) = before.last().and_then(|newest| newest.lease.clone()) else { continue };
        let lives = lease.until > scene.clock.now();
        let other = scene.run(2, &scene.fair(), false).await;
        assert_eq!(other.is(6), lives, "{at}: {other:?}");
        let end = running.await.unwrap();
        assert!(end.is(if lives { 0 } else { 6 }), "{at} {kind:?}: {end:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn while_the_lease_lives_others_change_nothing() {
    let scene = slow();
    let running = scene.begin(1, scene.fair(), false);
    tokio::time::sleep(LONGER_THAN_THE_LEASE * 5).await;
    let quick = Scene { max_rate: None, ..scene.clone() };
    let before = (scene.chain().await, scene.objects().await);
    assert!(!before.0.is_empty() && !running.is_finished());
    let weather = quick.fair();
    let end = quick.run(2, &weather, false).await;
    assert!(end.is(6), "{end:?}");
    assert!(weather.operations().iter().all(|kind| *kind == super::weather::Kind::Read));
    assert_eq!((scene.chain().await, scene.objects().await), before);
    let end = running.await.unwrap();
    assert!(end.is(0), "{end:?}");
}

/// Wherever it waits, be it for the list, for conversations, contacts or plain lists.
#[tokio::test(start_paused = true)]
async fn a_run_that_was_taken_over_while_it_waits_stops_within_minutes() {
    let mut stopped = 0;
    for answers in 1..60 {
        let scene = slow();
        let mut running = scene.begin(1, scene.fair(), false);
        tokio::time::sleep(LONGER_THAN_THE_LEASE * answers + MINUTE).await;
        if running.is_finished() {
            break;
        }
        if scene.chain().await.is_empty() {
            continue;
        }
        let quick = Scene { max_rate: None, ..scene.clone() };
        let end = quick.run(2, &quick.fair(), true).await;
        assert!(end.is(0), "{end:?}");
        let end = tokio::time::timeout(6 * MINUTE, &mut running).await;
        assert!(end.as_ref().is_ok_and(|end| end.as_ref().unwrap().is(6)), "after {answers}: {end:?}");
        scene.took_turns().await.unwrap();
        scene.is_whole(Verdict::Proven).await.unwrap();
        stopped += 1;
    }
    assert!(stopped > 8, "{stopped}");
}

#[tokio::test(start_paused = true)]
async fn a_killed_run_keeps_others_out_until_its_lease_is_over() {
    let scene = Scene::tiny();
    let (wanted, operations) = alone(&scene).await;
    let middle = Weather::once(scene.bucket.clone(), operations.len() / 2, Twist::DieAfter);
    scene.run(1, &middle, false).await;
    let end = scene.run(2, &scene.fair(), false).await;
    assert!(end.is(6), "{end:?}");
    tokio::time::sleep(LEASE_IS_OVER).await;
    let end = scene.run(3, &scene.fair(), false).await;
    assert!(end.is(0), "{end:?}");
    let last = scene.chain().await.pop().unwrap();
    assert_eq!((last.epoch, last.lease), (1, None));
    scene.is(&wanted).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_killed_run_can_be_taken_over_at_once() {
    let scene = Scene::tiny();
    let (wanted, operations) = alone(&scene).await;
    let middle = Weather::once(scene.bucket.clone(), operations.len() / 2, Twist::DieAfter);
    scene.run(1, &middle, false).await;
    let end = scene.run(2, &scene.fair(), true).await;
    assert!(end.is(0), "{end:?}");
    assert_eq!(scene.chain().await.pop().unwrap().epoch, 1);
    scene.is(&wanted).await.unwrap();
}
