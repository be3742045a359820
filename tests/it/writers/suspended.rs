//! A run is suspended before and after every single operation, and wakes up when another one has taken the
//! lake over, or is about to.

use std::time::Duration;

use drift2parquet::verify::Verdict;

use super::weather::{Kind, Twist, Weather};
use super::{End, LEASE_IS_OVER, LONGER_THAN_THE_LEASE, Objects, Scene, alone};
use crate::faults::{Found, nothing_is};

const MINUTE: Duration = Duration::from_secs(60);

/// Who else is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Other {
    Nobody,
    /// Comes when the lease has run out, and is done when the first wakes up.
    Later,
    /// Comes when the lease has run out, and is suspended itself while the first wakes up.
    LaterAndSlow,
    /// Takes over, and is done when the first wakes up.
    TakesOver,
    /// Takes over, and is suspended itself while the first, whose lease still seems to hold, wakes up.
    TakesOverAndIsSlow,
}

impl Other {
    fn takes_over(self) -> bool {
        matches!(self, Self::TakesOver | Self::TakesOverAndIsSlow)
    }

    fn is_slow(self) -> bool {
        matches!(self, Self::LaterAndSlow | Self::TakesOverAndIsSlow)
    }

    /// How long after the first was suspended it comes.
    fn comes_after(self) -> Duration {
        if self.takes_over() { MINUTE } else { LEASE_IS_OVER }
    }

    /// How long the first is suspended.
    fn sleep(self) -> Duration {
        if self == Self::TakesOverAndIsSlow { 8 * MINUTE } else { LONGER_THAN_THE_LEASE }
    }
}

/// One case: where the first is suspended, and who comes.
#[derive(Debug, Clone, Copy)]
struct Case {
    at: usize,
    kind: Kind,
    before: bool,
    other: Other,
    /// Where the other is suspended, if it is slow.
    other_at: usize,
}

impl Case {
    fn twist(self, sleep: Duration) -> Twist {
        if self.before { Twist::SuspendBefore(sleep) } else { Twist::SuspendAfter(sleep) }
    }

    /// Whether a put of the first lands after the other has ended.
    fn puts_late(self) -> bool {
        self.before && self.kind == Kind::Put && self.other != Other::Nobody
    }

    async fn try_out(self, scene: &Scene, wanted: &Objects) -> Found {
        let first = Weather::once(scene.bucket.clone(), self.at, self.twist(self.other.sleep()));
        let running = scene.begin(1, first.clone(), false);
        first.suspended.notified().await;
        let other = self.run_other(scene).await;
        let first = running.await.unwrap();
        self.judge(scene, &first, other.as_ref()).await?;
        scene.ends_as(wanted).await
    }

    async fn run_other(self, scene: &Scene) -> Option<End> {
        if self.other == Other::Nobody {
            return None;
        }
        tokio::time::sleep(self.other.comes_after()).await;
        let weather = if self.other.is_slow() {
            Weather::once(scene.bucket.clone(), self.other_at, Twist::SuspendBefore(10 * MINUTE))
        } else {
            scene.fair()
        };
        Some(scene.run(2, &weather, self.other.takes_over()).await)
    }

    async fn judge(self, scene: &Scene, first: &End, other: Option<&End>) -> Found {
        let fine = match other {
            None => first.is(0),
            Some(other) => {
                (first.is(0) || first.is(6)) && (other.is(0) || other.is(6)) && first.is(0) | other.is(0)
            }
        };
        if !fine {
            return Err(format!("they ended with {first:?} and {other:?}"));
        }
        scene.took_turns().await?;
        scene.rows().await?;
        scene.is_whole(if self.puts_late() { Verdict::Broken } else { Verdict::Proven }).await
    }
}

async fn sweep(others: &[Other]) {
    let scene = Scene::tiny();
    let (wanted, operations) = alone(&scene).await;
    let (mut cases, mut wrong) = (0, Vec::new());
    let mut chance = fastrand::Rng::with_seed(11);
    for (at, kind) in operations.iter().copied().enumerate() {
        for (before, other) in others.iter().flat_map(|other| [(true, *other), (false, *other)]) {
            let other_at = chance.usize(..operations.len());
            let case = Case { at, kind, before, other, other_at };
            cases += 1;
            let found = case.try_out(&scene.fork(), &wanted).await;
            wrong.extend(found.err().map(|found| format!("{case:?}: {found}")));
        }
    }
    crate::counts::record("two writers", &[("suspended", cases)]);
    nothing_is(&wrong, cases);
}

#[tokio::test(start_paused = true)]
async fn suspended_at_any_operation_a_run_alone_goes_on() {
    sweep(&[Other::Nobody]).await;
}

#[tokio::test(start_paused = true)]
async fn suspended_for_longer_than_its_lease_a_run_gives_way() {
    sweep(&[Other::Later, Other::LaterAndSlow]).await;
}

#[tokio::test(start_paused = true)]
async fn taken_over_while_suspended_a_run_gives_way() {
    sweep(&[Other::TakesOver, Other::TakesOverAndIsSlow]).await;
}
