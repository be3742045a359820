//! A simulated Drift account, a lake in a temporary directory, and runs between the two: in process, on
//! the runtime's own time, with the real store underneath.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use async_trait::async_trait;
use drift_simulator::{ApiRequest, Behaviour, Mutation, Simulator, WireFault, WorldConfig};
use drift2parquet::api::{
    Broken, Client, ClientSettings, Method, Request, Response, Token, Transport, TransportError,
};
use drift2parquet::clock::Clock;
use drift2parquet::config::SyncSettings;
use drift2parquet::data_file;
use drift2parquet::error::Result;
use drift2parquet::lake::RunId;
use drift2parquet::manifest::{Log, Manifest};
use drift2parquet::progress::Progress;
use drift2parquet::report::Report;
use drift2parquet::schema::Table;
use drift2parquet::stop::Stop;
use drift2parquet::store::{Directory, Store};
use drift2parquet::sync::{Ended, sync};
use drift2parquet::tables;
use secrecy::ExposeSecret;
use tempfile::TempDir;

/// Answers of the simulator, without a socket: delays are slept on the runtime's time, faults of the wire
/// become errors of the transport.
#[derive(Debug)]
pub struct InProcess(pub Simulator);

#[async_trait]
impl Transport for InProcess {
    async fn send(&self, request: Request) -> std::result::Result<Response, TransportError> {
        let answer = self.0.handle(&asked(&request));
        tokio::time::sleep(answer.delay).await;
        match answer.fault {
            None => {}
            Some(WireFault::Refuse) => return Err(TransportError::new(Broken::Unreachable, "refused")),
            Some(WireFault::Drip(ms)) => {
                let pieces = answer.body.len().min(1_000) as u64;
                tokio::time::sleep(Duration::from_millis(u64::from(ms).saturating_mul(pieces))).await;
            }
            Some(WireFault::Hang | WireFault::HangOnConnect | WireFault::HangInBody) => {
                tokio::time::sleep(Duration::from_secs(60)).await;
                return Err(TransportError::new(Broken::Timeout, "no answer"));
            }
            Some(_) => return Err(TransportError::new(Broken::Cut, "the connection was reset")),
        }
        Ok(Response { status: answer.status, headers: answer.headers, body: answer.body })
    }
}

/// In memory where there is such a place, since syncing thousands of lakes to a disk takes its time.
fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn asked(request: &Request) -> ApiRequest {
    let method = if request.method() == Method::Get { "GET" } else { "POST" };
    let mut asked = ApiRequest::new(method, request.path_and_query()).header("accept-encoding", "gzip");
    if let Some(token) = request.bearer() {
        asked = asked.bearer(token.expose_secret());
    }
    if let Some(body) = request.body() {
        asked.body = body.expose_secret().to_owned().into();
    }
    asked
}

/// One account and its lake.
pub struct Account {
    pub drift: Simulator,
    pub lake: TempDir,
    pub settings: SyncSettings,
    pub token: Token,
    runs: u64,
}

impl Account {
    /// A small account, the same for the same seed.
    pub fn small(seed: u64) -> Self {
        Self::of(WorldConfig::small(seed), Behaviour::default())
    }

    /// An account of this world.
    pub fn of(world: WorldConfig, behaviour: Behaviour) -> Self {
        Self::on(Simulator::with_behaviour(world, behaviour))
    }

    /// The account of this simulator.
    pub fn on(drift: Simulator) -> Self {
        let token = Token::fixed("sim-token").unwrap();
        Self { drift, lake: folder(), settings: SyncSettings::default(), token, runs: 0 }
    }

    /// Another lake for the same account.
    pub fn with_new_lake(&self) -> Self {
        let (settings, token) = (self.settings.clone(), self.token.clone());
        Self { drift: self.drift.clone(), lake: folder(), settings, token, runs: 0 }
    }

    /// One run that must begin.
    pub async fn run(&mut self) -> Ended {
        self.try_run(&Stop::default()).await.unwrap()
    }

    /// One run that must end with everything done.
    pub async fn run_to_the_end(&mut self) -> Report {
        let ended = self.run().await;
        assert!(ended.error.is_none(), "{:?}", ended.error);
        assert_eq!(ended.report.exit_code, 0, "{:#?}", ended.report);
        ended.report
    }

    /// One run.
    pub async fn try_run(&mut self, stop: &Stop) -> Result<Ended> {
        self.runs += 1;
        let run = RunId { id: format!("run-{}", self.runs), version: "0.0.0".to_owned(), seed: self.runs };
        let store: Arc<dyn Store> = Arc::new(Directory::new(self.lake.path()));
        let now = jiff::Timestamp::from_millisecond(self.drift.with_world(|world| world.now_ms())).unwrap();
        let progress = Arc::new(Progress::default());
        sync(
            self.settings.clone(),
            self.client(),
            store,
            run,
            Clock::starting_at(now),
            progress,
            stop.clone(),
        )
        .await
    }

    /// A client of its own.
    pub fn client(&self) -> Client {
        let random = fastrand::Rng::with_seed(self.runs);
        let mut settings = ClientSettings::new(self.token.clone(), random);
        settings.concurrency = self.settings.concurrency;
        Client::new(settings, Arc::new(InProcess(self.drift.clone())))
    }

    /// Changes the account.
    pub fn change(&self, mutations: impl IntoIterator<Item = Mutation>) {
        mutations.into_iter().for_each(|mutation| self.drift.apply(mutation));
    }

    /// Lets time pass.
    pub fn wait(&self, hours: i64) {
        self.drift.apply(Mutation::AdvanceClock { ms: hours * 3_600_000 });
    }

    /// Calls made since the last time this was asked, by endpoint, with the total under `total`.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        let stats = self.drift.stats();
        self.drift.reset_stats();
        let mut calls: BTreeMap<String, u64> =
            stats.by_endpoint.iter().map(|(kind, count)| (kind.to_string(), *count)).collect();
        calls.insert("total".to_owned(), stats.total);
        calls
    }

    /// The newest manifest.
    pub async fn manifest(&self) -> Manifest {
        Log::new(&Directory::new(self.lake.path())).newest().await.unwrap().unwrap()
    }

    /// Every object of every table with its bytes.
    pub fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        let mut objects = BTreeMap::new();
        for table in tables::ALL {
            collect(self.lake.path(), &self.lake.path().join(table.name), &mut objects);
        }
        objects
    }

    /// All rows of a table.
    pub fn rows(&self, table: &'static Table) -> Vec<RecordBatch> {
        let mut found = BTreeMap::new();
        collect(self.lake.path(), &self.lake.path().join(table.name), &mut found);
        let open = |bytes: Vec<u8>| data_file::open(table, bytes::Bytes::from(bytes)).unwrap();
        found
            .into_values()
            .flat_map(|bytes| open(bytes).batches().map(Result::unwrap).collect::<Vec<_>>())
            .collect()
    }

    /// The values of an integer column, sorted; of live rows only, if so asked.
    pub fn ids(&self, table: &'static Table, column: &str, live: bool) -> Vec<i64> {
        let mut ids = Vec::new();
        for batch in self.rows(table) {
            let deleted =
                batch.column_by_name("_deleted_at").unwrap().as_primitive::<TimestampMicrosecondType>();
            let values = batch.column_by_name(column).unwrap().as_primitive::<Int64Type>();
            ids.extend(
                (0..batch.num_rows())
                    .filter(|row| !live || deleted.is_null(*row))
                    .map(|row| values.value(row)),
            );
        }
        ids.sort_unstable();
        ids
    }

    /// The ids that a perfect reader would have got, sorted.
    pub fn true_ids(&self, table: drift_simulator::Table) -> Vec<i64> {
        let id = |record: String| {
            let value: serde_json::Value = serde_json::from_str(&record).unwrap();
            value["id"].as_i64().unwrap()
        };
        let mut ids: Vec<i64> = self.drift.truth(table).map(id).collect();
        ids.sort_unstable();
        ids
    }
}

fn collect(root: &std::path::Path, folder: &std::path::Path, found: &mut BTreeMap<String, Vec<u8>>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.map(std::result::Result::unwrap) {
        if entry.path().is_dir() {
            collect(root, &entry.path(), found);
        } else {
            let path = entry.path().strip_prefix(root).unwrap().display().to_string();
            found.insert(path, std::fs::read(entry.path()).unwrap());
        }
    }
}
