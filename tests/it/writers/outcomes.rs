//! The outcome of a put is unknown: it has landed and the answer is lost, it has not, it lands late, or the
//! store speaks of a conflict. A run that can find out goes on; one that cannot stops, and the next one ends
//! exactly.

use std::sync::Arc;
use std::time::Duration;

use drift2parquet::verify::Verdict;
use object_store::memory::InMemory;

use super::weather::{Kind, Twist, Weather};
use super::{Objects, Scene, alone};
use crate::faults::{Found, nothing_is};

/// What becomes of one put, and of what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// One operation goes otherwise, and the run goes on.
    Once(Twist),
    /// No put lands any more.
    NoMore,
    /// No put lands any more, but this one lands a minute later.
    NoMoreButLate,
    /// It has landed, but nothing is answered any more, be it asked for or put.
    LandedThenSilence,
    /// Nothing is answered any more, and it has not landed.
    Silence,
}

const OUTCOMES: [Outcome; 9] = [
    Outcome::Once(Twist::LoseAnswer),
    Outcome::Once(Twist::Fail),
    Outcome::Once(Twist::Conflict),
    // Before it is tried again, and after.
    Outcome::Once(Twist::Late(Duration::from_millis(500))),
    Outcome::Once(Twist::Late(Duration::from_millis(1_500))),
    Outcome::NoMore,
    Outcome::NoMoreButLate,
    Outcome::LandedThenSilence,
    Outcome::Silence,
];

impl Outcome {
    fn weather(self, bucket: Arc<InMemory>, at: usize) -> Arc<Weather> {
        let late = Twist::Late(Duration::from_secs(60));
        Weather::new(
            bucket,
            Box::new(move |number, kind, _| match self {
                Self::Once(twist) => (number == at).then_some(twist),
                Self::NoMoreButLate if number == at => Some(late),
                Self::NoMore | Self::NoMoreButLate => {
                    (number >= at && kind == Kind::Put).then_some(Twist::Fail)
                }
                Self::LandedThenSilence if number == at => Some(Twist::LoseAnswer),
                Self::LandedThenSilence | Self::Silence => (number >= at).then_some(Twist::Fail),
            }),
        )
    }

    async fn try_out(self, scene: &Scene, at: usize, wanted: &Objects) -> Found {
        let end = scene.run(1, &self.weather(scene.bucket.clone(), at), false).await;
        scene.rows().await?;
        scene.is_whole(Verdict::Unfinished).await?;
        match self {
            Self::Once(_) if !end.is(0) => {
                return Err(format!("it could have found out, yet ended: {end:?}"));
            }
            Self::Once(_) => {
                scene.is_whole(Verdict::Proven).await?;
                scene.is(wanted).await?;
            }
            _ if !end.is(5) => return Err(format!("it cannot have ended well: {end:?}")),
            _ => {}
        }
        scene.ends_as(wanted).await
    }
}

/// Tries every outcome at every put of what one run does.
async fn sweep(scene: &Scene) {
    let (wanted, operations) = alone(scene).await;
    let puts = operations.iter().enumerate().filter(|(_, kind)| **kind == Kind::Put);
    let (mut cases, mut wrong) = (0, Vec::new());
    for ((at, _), outcome) in puts.flat_map(|put| OUTCOMES.map(|outcome| (put, outcome))) {
        cases += 1;
        let found = outcome.try_out(&scene.fork(), at, &wanted).await;
        wrong.extend(found.err().map(|found| format!("{at} {outcome:?}: {found}")));
    }
    crate::counts::record("two writers", &[("unknown outcomes", cases)]);
    nothing_is(&wrong, cases);
}

#[tokio::test(start_paused = true)]
async fn every_outcome_of_every_put_of_a_first_load() {
    sweep(&Scene::tiny()).await;
}

#[tokio::test(start_paused = true)]
async fn every_outcome_of_every_put_of_a_change() {
    sweep(&Scene::changed().await).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_cannot_be_read_is_asked_for_again_or_the_next_run_ends_exactly() {
    let scene = Scene::tiny();
    let (wanted, operations) = alone(&scene).await;
    let (mut cases, mut wrong) = (0, Vec::new());
    for (at, kind) in operations.iter().enumerate().filter(|(_, kind)| **kind != Kind::Put) {
        let scene = scene.fork();
        let end = scene.run(1, &Weather::once(scene.bucket.clone(), at, Twist::Fail), false).await;
        cases += 1;
        let found = match end {
            _ if end.is(0) => scene.is(&wanted).await,
            _ if end.is(5) => scene.ends_as(&wanted).await,
            _ => Err(format!("it ended: {end:?}")),
        };
        wrong.extend(found.err().map(|found| format!("{at} {kind:?}: {found}")));
    }
    crate::counts::record("two writers", &[("answers that cannot be read", cases)]);
    nothing_is(&wrong, cases);
}
