//! What a lake holds, read from its newest manifest and its last reports; nothing is written or locked.

use jiff::Timestamp;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::lake;
use crate::manifest::{Lease, Manifest, RunState, TableState};
use crate::report::Report;
use crate::schema::Span;
use crate::store::Store;

/// How many of the last runs are shown.
const RUNS_SHOWN: usize = 5;

/// Where the reports lie.
const REPORTS: &str = "_reports";

/// A lake at its newest commit.
#[derive(Debug, Serialize)]
pub struct Status {
    /// The lake's own id.
    pub lake_id: String,
    /// The Drift organization, if it is known.
    pub org: Option<String>,
    /// The number of the newest commit.
    pub manifest: u64,
    /// The version of the format on disk.
    pub format: u32,
    /// The run that made the newest commit.
    pub run: RunState,
    /// The last run that ended completely.
    pub last_complete: Option<RunState>,
    /// Who holds the lake by the newest commit, if someone does.
    pub lease: Option<Lease>,
    /// Whether a run holds the lake now: the lock of a directory tells it, or else the lease.
    pub held: bool,
    /// What one partition of time spans.
    pub span: Option<Span>,
    /// The lower bound of history; null means all of it.
    pub since: Option<Timestamp>,
    /// A walk that is not finished.
    pub walk: Option<WalkStatus>,
    /// The tables of the lake, by name.
    pub tables: Vec<TableStatus>,
    /// Rows that failed after all retries, all tables together.
    pub pending: u64,
    /// Objects that another hand has changed, and that are not known to be right again.
    pub doubted: Vec<String>,
    /// The last runs, newest first.
    pub runs: Vec<Report>,
    /// Reports that cannot be read, by path.
    pub unreadable_reports: Vec<String>,
}

/// A walk that is not finished.
#[derive(Debug, Serialize)]
pub struct WalkStatus {
    /// Drift's clock at its start.
    pub started_at: Timestamp,
    /// Whether it walks the whole list.
    pub full: bool,
    /// Whether the list has been walked to its end, so that only rows remain to be fetched.
    pub listed: bool,
    /// Conversations listed so far.
    pub rows: u64,
}

/// One table.
#[derive(Debug, Serialize)]
pub struct TableStatus {
    /// Its name.
    pub table: String,
    /// Complete for changes up to here; null before its first complete read.
    pub bookmark: Option<Timestamp>,
    /// When it was last read completely.
    pub synced_at: Option<Timestamp>,
    /// Seconds since then.
    pub age_s: Option<i64>,
    /// Rows, deleted ones included.
    pub rows: u64,
    /// Rows that Drift no longer has.
    pub deleted: u64,
    /// Parents whose rows answered 404.
    pub missing: u64,
    /// Keys that failed after all retries.
    pub pending: u64,
    /// Objects.
    pub objects: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

/// The newest manifest of the lake in `store`, which people call `location`.
///
/// # Errors
/// [`Error::usage`] when there is no lake, or one of a newer format; [`Error::store`] when it cannot be read, or its
/// manifests are lost.
pub async fn newest(store: &dyn Store, location: &str) -> Result<Manifest> {
    lake::newest(store).await?.ok_or_else(|| {
        Error::usage(format!("there is no lake at `{location}`"))
            .hint("give the directory of an earlier `drift2parquet sync` to --lake")
    })
}

/// What the lake in `store` holds; `now` is what ages are counted from.
///
/// # Errors
/// As [`newest`].
pub async fn status(store: &dyn Store, location: &str, now: Timestamp) -> Result<Status> {
    let manifest = newest(store, location).await?;
    let (runs, unreadable_reports) = last_runs(store).await?;
    let held = is_held(store, &manifest, now).await;
    Ok(Status { held, ..describe(manifest, runs, unreadable_reports, now) })
}

/// The system gives a lock back when its process ends, however that ends; a lease outlives it.
async fn is_held(store: &dyn Store, manifest: &Manifest, now: Timestamp) -> bool {
    let by_lease = || manifest.lease.as_ref().is_some_and(|lease| lease.until > now);
    store.is_locked().await.unwrap_or_else(by_lease)
}

fn describe(
    manifest: Manifest,
    runs: Vec<Report>,
    unreadable_reports: Vec<String>,
    now: Timestamp,
) -> Status {
    let tables = manifest.tables.iter().map(|(name, state)| table(&manifest, name, state, now)).collect();
    let walk = manifest.walk.as_ref().map(|walk| WalkStatus {
        started_at: walk.started_at,
        full: walk.full,
        listed: walk.listed,
        rows: walk.chunks.iter().map(|chunk| chunk.rows).sum(),
    });
    Status {
        tables,
        walk,
        runs,
        unreadable_reports,
        pending: manifest.pending.len() as u64,
        doubted: manifest.doubted.into_iter().collect(),
        lake_id: manifest.lake_id,
        org: manifest.org,
        manifest: manifest.number,
        format: manifest.format,
        run: manifest.run,
        last_complete: manifest.last_complete,
        lease: manifest.lease,
        held: false,
        span: manifest.span,
        since: manifest.since,
    }
}

fn table(manifest: &Manifest, name: &str, state: &TableState, now: Timestamp) -> TableStatus {
    let pending = manifest.pending.iter().filter(|pending| pending.table == name).count();
    TableStatus {
        table: name.to_owned(),
        bookmark: state.bookmark,
        synced_at: state.synced_at,
        age_s: state.synced_at.map(|at| now.as_second() - at.as_second()),
        rows: state.rows,
        deleted: state.deleted,
        missing: state.missing,
        pending: pending as u64,
        objects: state.objects.len() as u64,
        bytes: state.objects.values().map(|object| object.bytes).sum(),
    }
}

/// A report that cannot be read is named and otherwise passed over: it is a note, not the truth.
async fn last_runs(store: &dyn Store) -> Result<(Vec<Report>, Vec<String>)> {
    let mut paths: Vec<String> = store.list(REPORTS).await?.into_iter().map(|entry| entry.path).collect();
    paths.sort_by_key(|path| std::cmp::Reverse(number_of(path)));
    let (mut runs, mut unreadable) = (Vec::new(), Vec::new());
    for path in paths.into_iter().take(RUNS_SHOWN) {
        let stored = store.get(&path).await?;
        match stored.and_then(|stored| serde_json::from_slice(&stored.bytes).ok()) {
            Some(report) => runs.push(report),
            None => unreadable.push(path),
        }
    }
    Ok((runs, unreadable))
}

fn number_of(path: &str) -> Option<u64> {
    path.rsplit('/').next()?.strip_suffix(".json")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::manifest::{Log, RunStatus};
    use crate::store::Directory;

    fn run() -> RunState {
        let start = Timestamp::UNIX_EPOCH;
        RunState {
            id: "r".into(),
            version: "0".into(),
            started_at: start,
            ended_at: None,
            status: RunStatus::Done,
        }
    }

    #[tokio::test]
    async fn no_lake_is_a_mistake_that_names_the_path() {
        let root = tempfile::tempdir().unwrap();
        let store = Directory::new(root.path());
        let error = status(&store, "some/where", Timestamp::UNIX_EPOCH).await.unwrap_err();
        assert_eq!(error.kind().exit_code(), 2);
        assert!(error.to_string().contains("some/where"));
    }

    #[tokio::test]
    async fn shows_tables_with_their_age_and_the_newest_runs_first() {
        let root = tempfile::tempdir().unwrap();
        let store = Directory::new(root.path());
        let mut manifest = Manifest::empty("lake".into(), run());
        let users = TableState { rows: 3, synced_at: Some(Timestamp::UNIX_EPOCH), ..TableState::default() };
        manifest.tables.insert("users".into(), users);
        Log::new(&store).commit(&mut manifest, "c".into()).await.unwrap();
        for number in [9, 10] {
            let report = Report { run: format!("r{number}"), ..Report::default() };
            let text = Bytes::from(serde_json::to_vec(&report).unwrap());
            store.overwrite(&format!("_reports/{number}.json"), text).await.unwrap();
        }
        store.overwrite("_reports/8.json", Bytes::from_static(b"torn")).await.unwrap();
        let now = Timestamp::from_second(60).unwrap();
        let status = status(&store, "x", now).await.unwrap();
        assert_eq!((status.tables[0].rows, status.tables[0].age_s), (3, Some(60)));
        assert_eq!(status.runs.iter().map(|run| run.run.as_str()).collect::<Vec<_>>(), ["r10", "r9"]);
        assert_eq!(status.unreadable_reports, ["_reports/8.json"]);
    }
}
