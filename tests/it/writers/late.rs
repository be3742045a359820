//! A put that a run had on its way when it was taken over lands late: right before the run that took over opens
//! the object, or between its reading and its putting it: then that run folds into it, and wins. Or after it
//! was put, and then it is refused.

use std::sync::Arc;
use std::time::Duration;

use drift_simulator::Mutation;
use drift2parquet::verify::Verdict;

use super::weather::{Kind, Twist, Weather};
use super::{Scene, lake};
use crate::faults::{Found, nothing_is, same};

const MINUTE: Duration = Duration::from_secs(60);

/// When the late put lands, as the run that took over sees it.
#[derive(Debug, Clone, Copy)]
enum Lands {
    /// Before it opens the object.
    BeforeItIsOpened,
    /// After it has folded what it has opened, and before it puts that.
    BeforeItIsPut,
    /// After it has put the object, and ended: too late, so it must be refused.
    AfterItsEnd,
}

impl Lands {
    /// The weather of the run that took over: it is slow at its first such operation with this object.
    fn weather(self, scene: &Scene, object: &str) -> Arc<Weather> {
        let (object, mut is_over) = (object.to_owned(), false);
        let slow_at = match self {
            Self::BeforeItIsOpened => Kind::Read,
            Self::BeforeItIsPut => Kind::Put,
            Self::AfterItsEnd => return scene.fair(),
        };
        let plan = move |_, kind, path: &str| {
            let now = !is_over && kind == slow_at && path == object;
            is_over |= now;
            now.then_some(Twist::SuspendBefore(4 * MINUTE))
        };
        Weather::new(scene.bucket.clone(), Box::new(plan))
    }
}

async fn try_out(scene: &Scene, at: usize, object: &str, lands: Lands, changes: bool) -> Found {
    let first = Weather::once(scene.bucket.clone(), at, Twist::SuspendBefore(2 * MINUTE));
    let running = scene.begin(1, first.clone(), false);
    first.suspended.notified().await;
    if changes {
        for conversation in 0..scene.drift.with_world(|world| world.conversation_rows()) {
            scene.drift.apply(Mutation::AddMessage { conversation });
        }
        scene.drift.apply(Mutation::AdvanceClock { ms: 3_600_000 });
    }
    let other = scene.run(2, &lands.weather(scene, object), true).await;
    let first = running.await.unwrap();
    if !(first.is(6) || first.is(0)) || !other.is(0) {
        return Err(format!("they ended with {first:?} and {other:?}"));
    }
    scene.took_turns().await?;
    scene.is_whole(Verdict::Proven).await?;
    scene.rows().await?;
    // The run that took over has taken up the walk that it found, so what changed since is for the next one.
    let end = scene.run(3, &scene.fair(), false).await;
    if !end.is(0) {
        return Err(format!("the next run: {end:?}"));
    }
    let new = Scene { bucket: Arc::default(), ..scene.clone() };
    let end = new.run(4, &new.fair(), false).await;
    if !end.is(0) {
        return Err(format!("a new lake: {end:?}"));
    }
    same(&scene.live().await?, &new.live().await?)
}

async fn sweep(scene: &Scene) {
    let dry = scene.fork();
    let weather = dry.fair();
    dry.run(1, &weather, false).await;
    let (mut cases, mut wrong) = (0, Vec::new());
    for (at, object) in weather.data_puts() {
        for lands in [Lands::BeforeItIsOpened, Lands::BeforeItIsPut, Lands::AfterItsEnd] {
            for changes in [false, true] {
                cases += 1;
                let found = try_out(&scene.apart(), at, &object, lands, changes).await;
                wrong.extend(
                    found.err().map(|found| format!("{object} {lands:?}, changes: {changes}: {found}")),
                );
            }
        }
    }
    crate::counts::record("two writers", &[("late puts", cases)]);
    nothing_is(&wrong, cases);
}

#[tokio::test(start_paused = true)]
async fn a_late_put_of_a_first_load_is_folded_into() {
    sweep(&Scene::tiny()).await;
}

#[tokio::test(start_paused = true)]
async fn a_late_put_of_a_change_is_folded_into() {
    sweep(&Scene::changed().await).await;
}

/// A run that was taken over, but whose lease still seems to hold, may read what the present run has put. It
/// must not fold its older rows into that.
#[tokio::test(start_paused = true)]
async fn a_run_that_was_taken_over_puts_nothing_over_what_came_after_it() {
    let scene = Scene::changed().await;
    let dry = scene.fork();
    let weather = dry.fair();
    dry.run(1, &weather, false).await;
    let (mut cases, mut wrong) = (0, Vec::new());
    for (at, kind) in weather.operations().into_iter().enumerate() {
        cases += 1;
        let found = Box::pin(try_out(&scene.apart(), at, "", Lands::AfterItsEnd, true)).await;
        wrong.extend(found.err().map(|found| format!("{at} {kind:?}: {found}")));
    }
    crate::counts::record("two writers", &[("taken over and awake", cases)]);
    nothing_is(&wrong, cases);
}

/// Bug: in a bucket an older copy of an object was adopted without a word, also where no run was ever overtaken.
#[tokio::test(start_paused = true)]
async fn an_older_copy_comes_right_where_nobody_was_overtaken() {
    let scene = Scene::tiny();
    assert!(scene.run(1, &scene.fair(), false).await.is(0));
    let before = scene.objects().await;
    scene.drift.apply(Mutation::AddMessage { conversation: 1 });
    scene.drift.apply(Mutation::AdvanceClock { ms: 48 * 3_600_000 });
    assert!(scene.run(2, &scene.fair(), false).await.is(0));
    let (live, now) = (scene.live().await.unwrap(), scene.objects().await);
    let path = before.keys().find(|path| path.starts_with("messages/") && now[*path] != before[*path]);
    let (store, path) = (lake(&scene.fair()), path.unwrap());
    store.overwrite(path, before[path].clone()).await.unwrap();
    assert!(scene.run(3, &scene.fair(), false).await.is(7));
    assert!(scene.run(4, &scene.fair(), false).await.is(0));
    scene.is_whole(Verdict::Proven).await.unwrap();
    assert_eq!(scene.live().await.unwrap(), live);
}
