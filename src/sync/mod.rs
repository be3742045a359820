//! One run: the only place where the stages meet.
//!
//! ```text
//!  token_info ─► open lake ─► walk ─► plan ─► fetch ─► build ─► fold ─► put ─► … ─► derive ─► commit
//! ```
//!
//! Promises: messages are put before their conversation, and both before the manifest that names them; what
//! was fetched is committed even when the run is stopped or fails; the report says what is not complete.

mod bits;
mod build;
mod children;
mod claims;
mod completeness;
mod contacts;
mod conversations;
mod derive;
mod doubts;
mod fetch;
mod keyed;
mod ledger;
mod listed;
mod lists;
mod meetings;
mod moment;
mod moving;
mod numbered;
mod order;
mod orphans;
mod plan;
pub mod rebuild;
mod record;
mod replay;
mod room;
mod strays;
mod views;
mod walk;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::task::JoinSet;

use self::writer::Writer;
use crate::api::{Answer, Client};
use crate::clock::Clock;
use crate::columns;
use crate::config::{PENDING_MAX, SyncSettings};
use crate::erase;
use crate::error::{Error, ErrorKind, Result};
use crate::lake::{Lake, RunId};
use crate::manifest::RunStatus;
use crate::mask::Mask;
use crate::progress::{Phase, Progress};
use crate::report::{Outcome, Report, Traffic};
use crate::schema::Call;
use crate::stop::{Stop, StopReason};
use crate::store::Store;

/// How a run ended: what it did, and what stopped it, if something did.
#[derive(Debug)]
pub struct Ended {
    /// What it did.
    pub report: Report,
    /// What stopped it.
    pub error: Option<Error>,
}

/// What the phases of a run share, none of which they change.
pub(crate) struct Run {
    settings: SyncSettings,
    client: Client,
    stop: Stop,
    id: String,
    /// Drift's clock when the run began.
    started: Timestamp,
    /// Drift has said which account this is, so it is Drift that answers.
    account_known: bool,
    threads: fetch::Threads,
}

/// Reads an account into a lake, from where the last run stopped.
///
/// # Errors
/// What makes it impossible to begin: the token, the address, the lake. What stops a run later is told by
/// [`Ended::error`], together with what the run did before.
pub async fn sync(
    settings: SyncSettings,
    client: Client,
    store: Arc<dyn Store>,
    run: RunId,
    clock: Clock,
    progress: Arc<Progress>,
    stop: Stop,
) -> Result<Ended> {
    // From the very beginning, since Drift may let one wait for the first answer, too.
    let _timer = stop_after(settings.max_time, &stop);
    // A lake that this program cannot read is told before Drift is asked anything.
    crate::lake::newest(store.as_ref()).await?;
    let account = tokio::select! {
        account = account(&client) => account?,
        reason = stop.wait() => return Ok(stopped_early(&run, reason)),
    };
    let started = client.server_time_ms().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let started = started.unwrap_or_else(|| clock.now());
    // Boxed, here and below, since they hold what all phases need; whoever calls this need not.
    let (lake, mask) = Box::pin(open(&settings, store, run.clone(), account.clone(), clock)).await?;
    let client = Mask::over(mask, client);
    let report = Report {
        run: run.id.clone(),
        version: run.version.clone(),
        started_at: started,
        org: lake.manifest.org.clone(),
        ..Report::default()
    };
    let mut writer = Writer::new(lake, report, progress);
    doubts::tell(&mut writer);
    Box::pin(replay::redo(&mut writer)).await?;
    if account.is_none() {
        writer.warn("Drift did not say which organization the token belongs to, so it cannot be checked that this lake is of the same account.".into());
    }
    let account_known = account.is_some();
    let run = Arc::new(Run {
        settings,
        client,
        stop,
        id: run.id,
        started,
        account_known,
        threads: fetch::Threads::default(),
    });
    let ended = Box::pin(run.phases(&mut writer)).await;
    Box::pin(run.finish(writer, ended, clock)).await
}

/// The lake, brought up to date with this version and with what was begun before: its objects' schemas, an
/// erasure.
async fn open(
    settings: &SyncSettings,
    store: Arc<dyn Store>,
    run: RunId,
    account: Option<String>,
    clock: Clock,
) -> Result<(Lake, Option<Mask>)> {
    let agree = |lake: &mut Lake| agree(settings, lake);
    let (mut lake, mask) = Lake::open_for(store, run, account, clock, settings.takeover, agree).await?;
    lake.limit_memory(settings.memory);
    lake.upgrade().await?;
    if lake.manifest.erasing.is_some() {
        tracing::info!("finishing an erasure that was begun");
        erase::finish(&mut lake).await?;
    }
    Ok((lake, mask))
}

/// What the lake is made with, once and for all, must be what the run asks for. It is committed before the first page
/// is kept, so that a run that is killed leaves none that nobody looks for.
fn agree(settings: &SyncSettings, lake: &mut Lake) -> Result<Option<Mask>> {
    if settings.raw && settings.masking.is_some() {
        return Err(raw_and_masked());
    }
    if settings.raw && !lake.archives() {
        lake.begin_archive()?;
    }
    lake.keep_masking(&settings.masking)
}

fn raw_and_masked() -> Error {
    Error::usage(
        "raw pages are kept as they came, so that no column can be left out of them or hashed in them",
    )
    .hint("leave out --raw, or --exclude-columns and --hash-columns")
}

/// Asks the run to stop after `limit`, unless what is returned is dropped before.
fn stop_after(limit: Option<Duration>, stop: &Stop) -> JoinSet<()> {
    let (mut timer, stop) = (JoinSet::new(), stop.clone());
    if let Some(limit) = limit {
        timer.spawn(async move {
            tokio::time::sleep(limit).await;
            stop.ask(StopReason::OutOfTime);
        });
    }
    timer
}

/// The calls that a client has made so far.
pub fn traffic(client: &Client) -> Traffic {
    let stats = client.stats();
    Traffic {
        requests: stats.requests,
        retries: stats.retries,
        throttled: stats.throttled,
        wire_bytes: stats.wire_bytes,
        body_bytes: stats.body_bytes,
        limited_ms: stats.limiter_wait_ms,
        rate: (stats.throttled > 0).then_some(stats.rate),
    }
}

/// The organization of the token, from where Drift tells it first.
async fn account(client: &Client) -> Result<Option<String>> {
    if let Some(org) = client.token_info().await?.org_id {
        return Ok(Some(org.to_string()));
    }
    lists::org_of_users(client).await
}

impl Run {
    /// The phases in their order. What concerns only a part of the account does not stop the rest: it is
    /// kept and told at the end.
    async fn phases(self: &Arc<Self>, writer: &mut Writer) -> Result<()> {
        let walked = conversations::read(self, writer).await;
        let walked = go_on(writer, walked)?;
        writer.erase_forgotten().await?;
        let looked_up = contacts::read(self, writer).await;
        let looked_up = go_on(writer, looked_up.map(|()| None))?;
        let listed = lists::read(self, writer).await?;
        if self.stop.asked().is_none() {
            derive::derive(self, writer).await?;
            self.put_empty_objects(writer).await?;
            views::put(writer).await?;
        }
        walked.or(looked_up).or(listed).map_or(Ok(()), Err)
    }

    /// Drift's clock now, as its last answer showed it.
    fn server_time(&self) -> Timestamp {
        let ms = self.client.server_time_ms();
        ms.and_then(|ms| Timestamp::from_millisecond(ms).ok())
            .map_or(self.started, |now| now.max(self.started))
    }

    /// The most bytes of pages that are folded at once, where there is `room` for so many bytes. They are in memory
    /// several times: as pages (those that come meanwhile, too), as columns, sorted, merged, and waiting to be
    /// encoded.
    fn checkpoint_bytes(&self, room: u64) -> u64 {
        self.settings.checkpoint_bytes.min(room / 16)
    }

    /// One call, or nothing when the run is asked to stop meanwhile.
    async fn get(
        &self,
        call: &Call,
        key: Option<&str>,
        query: &[(String, String)],
    ) -> Result<Option<Answer>> {
        let query: Vec<(&str, String)> =
            query.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        self.unless_stopped(self.client.get(call, key, &query)).await
    }

    /// An answer, or nothing when the run is asked to stop meanwhile.
    async fn unless_stopped<T>(&self, asking: impl Future<Output = Result<T>>) -> Result<Option<T>> {
        if self.stop.asked().is_some() {
            return Ok(None);
        }
        tokio::select! {
            answer = asking => answer.map(Some),
            _ = self.stop.wait() => Ok(None),
        }
    }

    /// Every selected table has at least one object, so that a plain glob finds its schema.
    async fn put_empty_objects(&self, writer: &mut Writer) -> Result<()> {
        for table in self.settings.tables.tables() {
            // A table that could not be read stays absent: nothing is blank in place of an error.
            let was_read = writer.lake.table(table).synced_at.is_some();
            if was_read && writer.lake.paths(table).is_empty() {
                let span = writer.lake.manifest.span.unwrap_or_default();
                writer.put_empty(table, span).await?;
            }
        }
        Ok(())
    }

    /// Commits what there is, writes the report, and says how the run ended.
    async fn finish(&self, mut writer: Writer, ended: Result<()>, clock: Clock) -> Result<Ended> {
        writer.progress.begin(Phase::Committing, 0);
        let error = ended.err().or_else(|| too_many_pending(&writer));
        writer.report.error = error.as_ref().map(ToString::to_string);
        if let Some(kind) = error.as_ref().map(Error::kind).filter(|kind| is_beyond_writing(*kind)) {
            writer.report.outcome = Outcome::Failed;
            writer.report.exit_code = kind.exit_code();
            return Ok(Ended { report: writer.report, error });
        }
        doubts::tell_of_rest(&mut writer);
        writer.prepare().await?;
        let (outcome, status) = self.outcome(&writer, error.as_ref());
        writer.report.outcome = outcome;
        writer.report.exit_code = self.exit_code(outcome, error.as_ref());
        writer.report.duration_ms = clock.elapsed().as_millis() as u64;
        writer.report.traffic = traffic(&self.client);
        writer.report.manifest = writer.lake.manifest.number + 1;
        writer.fill_tables(&self.settings.tables);
        let mut leftovers = writer.lake.leftovers().await?;
        leftovers.extend(writer.lake.join_segments().await?);
        writer.lake.close(status).await?;
        let text = serde_json::to_vec_pretty(&writer.report).map_err(unwritable)?;
        let path = format!("_reports/{:020}.json", writer.report.manifest);
        writer.lake.store().overwrite(&path, Bytes::from(text)).await?;
        for path in leftovers {
            if let Err(error) = writer.lake.store().delete(&path).await {
                // The next run tries again.
                tracing::warn!(%error, "what is left of an earlier walk stays");
                break;
            }
        }
        Ok(Ended { report: writer.report, error })
    }

    fn outcome(&self, writer: &Writer, error: Option<&Error>) -> (Outcome, RunStatus) {
        match (error, self.stop.asked()) {
            (Some(_), _) => (Outcome::Failed, RunStatus::Failed),
            (None, Some(StopReason::OutOfTime)) => (Outcome::OutOfTime, RunStatus::Stopped),
            (None, Some(_)) => (Outcome::Interrupted, RunStatus::Stopped),
            (None, None) if writer.is_incomplete(&self.settings.tables) => {
                (Outcome::Incomplete, RunStatus::Incomplete)
            }
            (None, None) => (Outcome::Done, RunStatus::Done),
        }
    }

    fn exit_code(&self, outcome: Outcome, error: Option<&Error>) -> u8 {
        match (error, self.stop.asked(), outcome) {
            (Some(error), _, _) => error.kind().exit_code(),
            (None, Some(reason), _) => reason.exit_code(),
            (None, None, Outcome::Incomplete) => 7,
            (None, None, _) => 0,
        }
    }
}

/// A right that is missing leaves other tables readable; everything else that ends a phase ends the run.
fn go_on(writer: &mut Writer, ended: Result<Option<Error>>) -> Result<Option<Error>> {
    let kept = match ended {
        Err(error) if error.kind() == ErrorKind::Refused && error.place("status") == Some("403") => {
            Some(error)
        }
        ended => ended?,
    };
    if let Some(error) = &kept {
        writer.warn(error.to_string());
    }
    Ok(kept)
}

/// After these the lake must not be touched: it is somebody else's now, or its store does not answer.
fn is_beyond_writing(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Held | ErrorKind::Store | ErrorKind::Internal)
}

fn too_many_pending(writer: &Writer) -> Option<Error> {
    let pending = writer.pending();
    (pending > PENDING_MAX).then(|| {
        Error::unavailable(format!("{pending} keys failed after all retries; Drift seems to be down"))
            .hint("run again later; what was fetched is committed")
    })
}

fn stopped_early(run: &RunId, reason: StopReason) -> Ended {
    let report = Report {
        run: run.id.clone(),
        version: run.version.clone(),
        outcome: if reason == StopReason::OutOfTime { Outcome::OutOfTime } else { Outcome::Interrupted },
        exit_code: reason.exit_code(),
        ..Report::default()
    };
    Ended { report, error: None }
}

fn unwritable(cause: serde_json::Error) -> Error {
    Error::internal("cannot write the report").caused_by(cause)
}
