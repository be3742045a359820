//! A run on a bucket is killed before and after every single operation; the next one ends exactly.

use drift2parquet::verify::Verdict;

use super::weather::{Twist, Weather};
use super::{End, Scene, alone};
use crate::faults::{Found, nothing_is};

async fn killed(scene: &Scene, at: usize, twist: Twist) -> Found {
    let weather = Weather::once(scene.bucket.clone(), at, twist);
    let end = scene.run(1, &weather, false).await;
    if end != End::Killed {
        return Err(format!("it was not killed: {end:?}"));
    }
    scene.is_whole(Verdict::Unfinished).await
}

#[tokio::test(start_paused = true)]
async fn killed_at_any_operation_the_next_run_ends_as_if_nothing_had_been() {
    let scene = Scene::tiny();
    let (wanted, operations) = alone(&scene).await;
    let (mut cases, mut wrong) = (0, Vec::new());
    for (at, kind) in operations.iter().enumerate() {
        for twist in [Twist::DieBefore, Twist::DieAfter] {
            let scene = scene.fork();
            cases += 1;
            let mut found = killed(&scene, at, twist).await;
            if found.is_ok() {
                found = scene.ends_as(&wanted).await;
            }
            wrong.extend(found.err().map(|found| format!("{at} {kind:?} {twist:?}: {found}")));
        }
    }
    crate::counts::record("bucket crashes", &[("cases", cases)]);
    nothing_is(&wrong, cases);
}
