//! Two writers on one bucket: whatever they do to each other, one wins, the other stops with exit code 6, and
//! the lake ends exactly as one writer alone would have made it.

mod crashes;
mod late;
mod outcomes;
mod renewal;
mod suspended;
mod together;
mod weather;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use drift_simulator::{Mutation, Simulator, WorldConfig};
use drift2parquet::api::{Client, ClientSettings, Token};
use drift2parquet::clock::Clock;
use drift2parquet::config::SyncSettings;
use drift2parquet::data_file;
use drift2parquet::lake::{RunId, table_of};
use drift2parquet::manifest::{Log, Manifest};
use drift2parquet::progress::Progress;
use drift2parquet::stop::Stop;
use drift2parquet::store::{Bucket, Store};
use drift2parquet::sync::sync;
use drift2parquet::verify::{Verdict, verify};
use object_store::memory::InMemory;

use self::weather::Weather;
use crate::account::InProcess;
use crate::faults::{Found, Rows, SUMS, add_rows};

/// One more than the lease, so that whoever sleeps it wakes up without one.
const LONGER_THAN_THE_LEASE: Duration = Duration::from_secs(20 * 60);
/// When the lease of somebody who has just been suspended has run out.
const LEASE_IS_OVER: Duration = Duration::from_secs(16 * 60);

/// Paths and bytes of data objects.
type Objects = BTreeMap<String, Bytes>;

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    /// With this exit code, and what it said.
    Code(u8, String),
    Killed,
}

impl End {
    fn is(&self, wanted: u8) -> bool {
        matches!(self, Self::Code(code, _) if *code == wanted)
    }
}

/// An account, a bucket, and one clock for all who write to it.
#[derive(Clone)]
struct Scene {
    drift: Simulator,
    bucket: Arc<InMemory>,
    clock: Clock,
    settings: SyncSettings,
    /// Calls a second, if there is a limit.
    max_rate: Option<f64>,
}

impl Scene {
    /// An account of this world, and an empty bucket.
    fn of(world: WorldConfig) -> Self {
        let drift = Simulator::new(world);
        let now = drift.with_world(|world| world.now_ms());
        let clock = Clock::starting_at(jiff::Timestamp::from_millisecond(now).unwrap());
        // Every partition is committed by itself, so that there are many steps.
        let settings = SyncSettings { concurrency: 2, checkpoint_bytes: 1, ..SyncSettings::default() };
        Self { drift, bucket: Arc::default(), clock, settings, max_rate: None }
    }

    /// The least account that has everything.
    fn tiny() -> Self {
        let world = WorldConfig { conversations: 4, months: 2, ..WorldConfig::small(3) };
        Self::of(WorldConfig { users: 2, accounts: 2, teams: 1, playbooks: 2, meetings: 2, ..world })
    }

    /// The same, loaded once and changed since.
    async fn changed() -> Self {
        let scene = Self::tiny();
        let end = scene.run(50, &scene.fair(), false).await;
        assert!(end.is(0), "{end:?}");
        scene.drift.apply(Mutation::AddMessage { conversation: 1 });
        scene.drift.apply(Mutation::AddConversations { count: 1 });
        scene.drift.apply(Mutation::EraseConversation { conversation: 2 });
        scene.drift.apply(Mutation::AdvanceClock { ms: 48 * 3_600_000 });
        tokio::time::sleep(LEASE_IS_OVER).await;
        scene
    }

    /// The same account and what is in the bucket now, in a bucket of its own.
    fn fork(&self) -> Self {
        Self { bucket: Arc::new(self.bucket.fork()), ..self.clone() }
    }

    /// The same in a world of its own, where changes stay.
    fn apart(&self) -> Self {
        let world = self.drift.with_world(|world| world.clone());
        let drift = Simulator::new(world.config().clone());
        drift.with_world(|own| *own = world);
        Self { drift, ..self.fork() }
    }

    fn fair(&self) -> Arc<Weather> {
        Weather::fair(self.bucket.clone())
    }

    /// One run, whose number makes its id.
    async fn run(&self, number: u64, weather: &Arc<Weather>, takeover: bool) -> End {
        let run = RunId { id: format!("run-{number}"), version: "0.0.0".to_owned(), seed: number };
        let settings = SyncSettings { takeover, ..self.settings.clone() };
        let token = Token::fixed("sim-token").unwrap();
        let mut asking = ClientSettings::new(token, fastrand::Rng::with_seed(number));
        asking.concurrency = settings.concurrency;
        asking.max_rate = self.max_rate;
        let client = Client::new(asking, Arc::new(InProcess::to(self.drift.clone())));
        let (store, progress) = (lake(weather), Arc::new(Progress::default()));
        let running = sync(settings, client, store, run, self.clock, progress, Stop::default());
        tokio::select! {
            biased;
            ended = weather.over(running) => match ended {
                Ok(ended) => End::Code(ended.report.exit_code, format!("{:?}", ended.error)),
                Err(error) => End::Code(error.kind().exit_code(), error.to_string()),
            },
            () = weather.killed.notified() => End::Killed,
        }
    }

    /// A run in fair weather, spawned, so that others can run beside it.
    fn begin(&self, number: u64, weather: Arc<Weather>, takeover: bool) -> tokio::task::JoinHandle<End> {
        let scene = self.clone();
        tokio::spawn(async move { scene.run(number, &weather, takeover).await })
    }

    /// The data objects.
    async fn objects(&self) -> Objects {
        let store = lake(&self.fair());
        let mut objects = Objects::new();
        for entry in store.list("").await.unwrap() {
            if table_of(&entry.path).is_some() {
                let stored = store.get(&entry.path).await.unwrap().unwrap();
                objects.insert(entry.path, stored.bytes);
            }
        }
        objects
    }

    /// The manifests that are there, oldest first.
    async fn chain(&self) -> Vec<Manifest> {
        let store = lake(&self.fair());
        let log = Log::new(store.as_ref());
        let mut chain = Vec::new();
        for number in log.numbers().await.unwrap() {
            chain.push(log.read(number).await.unwrap());
        }
        chain
    }

    /// Wrong when `verify` finds something worse, or a key stands twice.
    async fn is_whole(&self, worst: Verdict) -> Found {
        let store = lake(&self.fair());
        if store.list("_manifest").await.unwrap().is_empty() {
            return if self.objects().await.is_empty() {
                Ok(())
            } else {
                Err("data without a manifest".to_owned())
            };
        }
        let found =
            verify(store.as_ref(), false, &Progress::default()).await.map_err(|error| error.to_string())?;
        if found.verdict > worst { Err(format!("verify: {:?}", found.findings)) } else { Ok(()) }
    }

    /// The live rows of all tables.
    async fn live(&self) -> Found<Rows> {
        let live = |rows: BTreeMap<String, Option<String>>| {
            rows.into_iter().filter_map(|(key, row)| row.map(|row| (key, row))).collect()
        };
        let rows = self.rows().await?;
        Ok(rows
            .into_iter()
            .filter(|(table, _)| !SUMS.contains(table))
            .map(|(table, rows)| (table, live(rows)))
            .collect())
    }

    /// The rows by table and key, deleted ones as nothing; wrong when a key stands twice in a table.
    async fn rows(&self) -> Found<BTreeMap<&'static str, BTreeMap<String, Option<String>>>> {
        let mut rows = BTreeMap::<_, BTreeMap<_, _>>::new();
        for (path, bytes) in self.objects().await {
            let table = table_of(&path).unwrap();
            let object = data_file::open(table, bytes).map_err(|error| error.to_string())?;
            for batch in object.batches() {
                add_rows(table, &batch.unwrap(), rows.entry(table.name).or_default())?;
            }
        }
        Ok(rows)
    }

    /// Wrong when a run has committed after another one had.
    async fn took_turns(&self) -> Found {
        let mut turns: Vec<String> = self.chain().await.into_iter().map(|manifest| manifest.run.id).collect();
        turns.dedup();
        let runs: BTreeSet<&String> = turns.iter().collect();
        if runs.len() == turns.len() { Ok(()) } else { Err(format!("commits of {turns:?}")) }
    }

    /// A run of its own, hours later, ends exactly as one writer alone.
    async fn ends_as(&self, alone: &Objects) -> Found {
        tokio::time::sleep(LEASE_IS_OVER).await;
        let end = self.run(99, &self.fair(), false).await;
        if !end.is(0) {
            return Err(format!("the next run: {end:?}"));
        }
        self.is_whole(Verdict::Proven).await?;
        self.is(alone).await
    }

    /// Wrong unless the data is this, byte for byte.
    async fn is(&self, alone: &Objects) -> Found {
        let objects = self.objects().await;
        let paths: BTreeSet<&String> = alone.keys().chain(objects.keys()).collect();
        let wrong: Vec<_> = paths.into_iter().filter(|path| alone.get(*path) != objects.get(*path)).collect();
        if wrong.is_empty() { Ok(()) } else { Err(format!("not as one writer alone: {wrong:?}")) }
    }
}

/// The lake in a bucket, as one run sees it.
fn lake(weather: &Arc<Weather>) -> Arc<dyn Store> {
    Arc::new(Bucket::new(weather.clone(), "lake", "s3://bucket/lake").unwrap())
}

/// What one writer alone makes of the scene, and the operations it takes.
async fn alone(scene: &Scene) -> (Objects, Vec<weather::Kind>) {
    let scene = scene.fork();
    let weather = scene.fair();
    let end = scene.run(1, &weather, false).await;
    assert!(end.is(0), "{end:?}");
    scene.is_whole(Verdict::Proven).await.unwrap();
    (scene.objects().await, weather.operations())
}
