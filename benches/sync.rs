//! How fast a whole account becomes a lake: over HTTP on loopback, with and without gzip, where nothing binds but the
//! machine; over a slow line with a rate limit, where Drift binds and nothing else should; and from the archive, where
//! there is no Drift. The slow one takes as long as the limit says: its time is to be read against `requests / 50`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use drift_simulator::api::RateLimit;
use drift_simulator::{Behaviour, Server, Simulator, WorldConfig};
use drift2parquet::api::{ApiUrl, Client, ClientSettings, HttpTransport, Timeouts, Token};
use drift2parquet::clock::Clock;
use drift2parquet::config::{MEMORY, SyncSettings};
use drift2parquet::lake::RunId;
use drift2parquet::report::Traffic;
use drift2parquet::stop::Stop;
use drift2parquet::store::Directory;
use drift2parquet::sync::rebuild::{Rebuilt, Settings, rebuild};
use drift2parquet::sync::sync;
use jiff::Timestamp;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Where no limit binds, none is to be looked for: from the usual start it would take most of the time.
const UNBOUND: f64 = 1e6;

const SLOW: RateLimit = RateLimit { per_second: 50.0, burst: 50.0 };

/// A simulated Drift on a loopback port, and the runtime that serves it.
struct Drift {
    runtime: Runtime,
    server: Server,
    now: Timestamp,
}

impl Drift {
    fn new(conversations: u32, behaviour: Behaviour) -> Self {
        let world = WorldConfig { megabyte_body: false, ..WorldConfig::new(1, conversations) };
        let now = Timestamp::from_millisecond(world.now_ms).expect("it is a time");
        let runtime = Runtime::new().expect("there are threads");
        let simulator = Simulator::with_behaviour(world, behaviour);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = runtime.block_on(simulator.serve(address)).expect("there is a port");
        Self { runtime, server, now }
    }

    /// Loads the account into a new lake, at so many requests a second to begin with.
    fn load(&self, lake: &Path, raw: bool, first_rate: Option<f64>) -> Traffic {
        let url = ApiUrl::parse(&self.server.url()).expect("it is an address");
        let transport = HttpTransport::new(url, Timeouts::default(), 64 << 20).expect("HTTP can be set up");
        let token = Token::fixed("sim-token").expect("it is a token");
        let mut settings = ClientSettings::new(token, fastrand::Rng::with_seed(1));
        settings.first_rate = first_rate.unwrap_or(settings.first_rate);
        let client = Client::new(settings, Arc::new(transport));
        let run = RunId { id: "bench".into(), version: "0.0.0".into(), seed: 1 };
        let settings = SyncSettings { raw, ..SyncSettings::default() };
        let (store, clock) = (Arc::new(Directory::new(lake)), Clock::starting_at(self.now));
        let ended = self
            .runtime
            .block_on(sync(settings, client, store, run, clock, Arc::default(), Stop::default()))
            .expect("it begins");
        assert!(ended.error.is_none(), "{:?}", ended.error);
        ended.report.traffic
    }

    fn again(&self, from: &Path, into: &Path) -> Rebuilt {
        let run = RunId { id: "bench".into(), version: "0.0.0".into(), seed: 1 };
        let (from, into) = (Arc::new(Directory::new(from)), Arc::new(Directory::new(into)));
        let (clock, settings) =
            (Clock::starting_at(self.now), Settings { memory: MEMORY, keep_archive: false });
        self.runtime
            .block_on(rebuild(from, into, run, clock, settings, Arc::default(), Stop::default()))
            .expect("the archive is whole")
            .expect("nobody asks it to stop")
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("there is a place for files")
}

fn loopback(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sync over loopback");
    group.sample_size(10).measurement_time(Duration::from_secs(10));
    for (name, gzip) in [("identity", false), ("gzip", true)] {
        let drift = Drift::new(2_000, Behaviour { gzip, ..Behaviour::default() });
        let traffic = drift.load(folder().path(), false, Some(UNBOUND));
        group.throughput(Throughput::Bytes(traffic.body_bytes));
        group.bench_function(BenchmarkId::from_parameter(name), |bench| {
            bench.iter_with_large_drop(|| {
                let lake = folder();
                drift.load(lake.path(), false, Some(UNBOUND));
                lake
            });
        });
    }
    group.finish();
}

fn slow(criterion: &mut Criterion) {
    let latency = Duration::from_millis(100);
    let behaviour = Behaviour { latency, rate_limit: Some(SLOW), ..Behaviour::default() };
    let drift = Drift::new(60, behaviour);
    let traffic = drift.load(folder().path(), false, None);
    let mut group = criterion.benchmark_group("sync at 50 requests/s, 100 ms");
    group.sample_size(10).measurement_time(Duration::from_secs(30));
    group.throughput(Throughput::Elements(traffic.requests - traffic.throttled));
    group.bench_function("first load of 60 conversations", |bench| {
        bench.iter_with_large_drop(|| {
            let lake = folder();
            drift.load(lake.path(), false, None);
            lake
        });
    });
    group.finish();
}

fn from_archive(criterion: &mut Criterion) {
    let (drift, live) = (Drift::new(5_000, Behaviour::default()), folder());
    drift.load(live.path(), true, Some(UNBOUND));
    let rebuilt = drift.again(live.path(), folder().path());
    assert!(rebuilt.different.is_empty(), "{:?}", rebuilt.different);
    let mut group = criterion.benchmark_group("rebuild");
    group.sample_size(10).throughput(Throughput::Bytes(rebuilt.raw_bytes));
    group.bench_function("5,000 conversations", |bench| {
        bench.iter_with_large_drop(|| {
            let lake = folder();
            drift.again(live.path(), lake.path());
            lake
        });
    });
    group.finish();
}

criterion_group!(benches, loopback, slow, from_archive);
criterion_main!(benches);
