//! A simulated Drift account, its lake, and runs between the two: in process, on the runtime's own time. The
//! lake lies in a directory; `in_memory` is for the many who need no files.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use async_trait::async_trait;
use bytes::Bytes;
use drift_simulator::{ApiRequest, ApiResponse, Behaviour, Mutation, Simulator, WireFault, WorldConfig};
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
use drift2parquet::sync::{Ended, sync};
use drift2parquet::tables;
use secrecy::ExposeSecret;

use crate::crash::{Course, Cut, Fate};
use crate::lake::Lake;

/// Answers of the simulator, without a socket: delays are slept on the runtime's time, faults of the wire
/// become errors of the transport.
pub struct InProcess(Simulator, Option<Arc<Fate>>, Option<Edit>);

/// Changes answers on their way, beyond what the simulator's own faults do.
pub type Edit = Arc<dyn Fn(&Request, &mut Response) + Send + Sync>;

impl std::fmt::Debug for InProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InProcess")
    }
}

#[async_trait]
impl Transport for InProcess {
    async fn send(&self, request: Request) -> std::result::Result<Response, TransportError> {
        let answer = self.answer(&asked(&request)).await;
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
        let mut response = Response { status: answer.status, headers: answer.headers, body: answer.body };
        if let Some(edit) = &self.2 {
            edit(&request, &mut response);
        }
        Ok(response)
    }
}

impl InProcess {
    /// The way to this simulator, on which nothing happens.
    pub fn to(drift: Simulator) -> Self {
        Self(drift, None, None)
    }

    /// The simulator's answer, unless the run dies before it asks, or before it is answered.
    async fn answer(&self, asked: &ApiRequest) -> ApiResponse {
        let Some(fate) = &self.1 else { return self.0.handle(asked) };
        match fate.meet("request") {
            Course::Goes | Course::Fails => return self.0.handle(asked),
            Course::Ends(Cut::Before) | Course::Dead => {}
            Course::Ends(_) => drop(self.0.handle(asked)),
        }
        fate.halt().await
    }
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
    pub lake: Lake,
    pub settings: SyncSettings,
    pub token: Token,
    /// What changes answers on their way.
    pub edit: Option<Edit>,
    /// No answer may be longer; suites that send too much lower it, since megabytes take their time.
    pub body_bytes_max: usize,
    runs: u64,
    /// Whether runs begin fast: for those on real time, who would else wait for the pace.
    pub hurries: bool,
    /// As `--max-rate`.
    pub max_rate: Option<f64>,
    /// How far the run's own clock is ahead of the account's.
    pub ahead: Duration,
}

/// As the program has it.
const BODY_BYTES_MAX: usize = 64 << 20;

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
        let lake = Lake::in_directory();
        Self {
            drift,
            lake,
            settings: SyncSettings::default(),
            token,
            edit: None,
            body_bytes_max: BODY_BYTES_MAX,
            runs: 0,
            hurries: false,
            max_rate: None,
            ahead: Duration::ZERO,
        }
    }

    /// The same account with a new lake in memory, for those who need no files.
    pub fn in_memory(self) -> Self {
        Self { lake: Lake::in_memory(), ..self }
    }

    /// The same account with another lake.
    pub fn with_lake(self, lake: Lake) -> Self {
        Self { lake, ..self }
    }

    /// Another lake for the same account.
    pub fn with_new_lake(&self) -> Self {
        let (settings, token) = (self.settings.clone(), self.token.clone());
        let lake = match &self.lake {
            Lake::Memory(_) => Lake::in_memory(),
            Lake::Directory(_) | Lake::Bucket(_) => Lake::in_directory(),
        };
        let (drift, body_bytes_max, hurries) = (self.drift.clone(), self.body_bytes_max, self.hurries);
        let (max_rate, ahead) = (self.max_rate, self.ahead);
        Self { drift, lake, settings, token, edit: None, body_bytes_max, runs: 0, hurries, max_rate, ahead }
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
        let now = jiff::Timestamp::from_millisecond(self.drift.with_world(|world| world.now_ms())).unwrap();
        let progress = Arc::new(Progress::default());
        sync(
            self.settings.clone(),
            self.client(),
            self.lake.store(),
            run,
            Clock::starting_at(now + self.ahead),
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
        settings.body_bytes_max = self.body_bytes_max;
        settings.max_rate = self.max_rate;
        if self.hurries {
            settings.first_rate = 1_000.0;
        }
        let transport = InProcess(self.drift.clone(), self.lake.fate(), self.edit.clone());
        Client::new(settings, Arc::new(transport))
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
        Log::new(self.lake.store().as_ref()).newest().await.unwrap().unwrap()
    }

    /// Every object of every table with its bytes.
    pub fn objects(&self) -> BTreeMap<String, Bytes> {
        tables::ALL.iter().flat_map(|table| self.lake.files(table.name)).collect()
    }

    /// All rows of a table.
    pub fn rows(&self, table: &'static Table) -> Vec<RecordBatch> {
        self.try_rows(table).unwrap()
    }

    /// All rows of a table, as a plain glob finds them: every file below its folder, whoever put it there.
    pub fn try_rows(&self, table: &'static Table) -> Result<Vec<RecordBatch>> {
        let names: Vec<&str> = table.all_columns().map(|column| column.name).collect();
        self.try_columns(table, &names)
    }

    /// These columns of all rows of a table; reading all of them takes its time.
    pub fn columns(&self, table: &'static Table, names: &[&str]) -> Vec<RecordBatch> {
        self.try_columns(table, names).unwrap()
    }

    fn try_columns(&self, table: &'static Table, names: &[&str]) -> Result<Vec<RecordBatch>> {
        let mut rows = Vec::new();
        for (path, bytes) in self.lake.files(table.name) {
            let object = data_file::open(table, bytes).map_err(|error| error.at("object", &path))?;
            for batch in object.columns(names)? {
                rows.push(batch.map_err(|error| error.at("object", &path))?);
            }
        }
        Ok(rows)
    }

    /// The values of an integer column, sorted; of live rows only, if so asked.
    pub fn ids(&self, table: &'static Table, column: &str, live: bool) -> Vec<i64> {
        let mut ids = Vec::new();
        for batch in self.columns(table, &[column, "_deleted_at"]) {
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
