//! The manifest's form on disk, version 1.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::Masking;
use crate::schema::Span;
use crate::store::Etag;

/// The version of the format that this program writes; it refuses newer ones.
pub const FORMAT: u32 = 1;

/// The state of a lake at one commit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this format.
    pub format: u32,
    /// The number of this commit, also in its name.
    pub number: u64,
    /// Fresh for each commit, so that a writer recognises its own after a lost answer.
    pub commit_id: String,
    /// Fresh for each lake.
    pub lake_id: String,
    /// The Drift organization; null while nobody knows.
    pub org: Option<String>,
    /// Grows whenever a run takes the lake over from another.
    pub epoch: u64,
    /// Who may write, until when; null when nobody does.
    pub lease: Option<Lease>,
    /// The run that made this commit.
    pub run: RunState,
    /// The last run that ended completely.
    pub last_complete: Option<RunState>,
    /// What one partition of time spans; null before the first walk.
    pub span: Option<Span>,
    /// The lower bound of `updated_at`, at midnight UTC; null means all history.
    pub since: Option<Timestamp>,
    /// The tables.
    pub tables: BTreeMap<String, TableState>,
    /// The walk in progress.
    pub walk: Option<WalkState>,
    /// What the last full walk of the list proved.
    pub last_full_walk: Option<FullWalk>,
    /// Objects that a run which died has put, and whose rows may belong to conversations that it has not: no
    /// walk that ended has gone over them since.
    #[serde(default)]
    pub adopted: BTreeSet<String>,
    /// Objects that another hand has changed after a run had ended, and that are not known to be right again: they
    /// may lack rows, or have some that belong elsewhere.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub doubted: BTreeSet<String>,
    /// When the first load ended.
    pub first_load_ended: Option<Timestamp>,
    /// Keys that failed after all retries.
    pub pending: Vec<Pending>,
    /// HMAC-SHA256, under the lake id, of ids that were erased for good, sorted.
    pub forgotten: Vec<String>,
    /// The erasure that was begun and must be finished before anything is read; null when none is.
    #[serde(default)]
    pub erasing: Option<Erasing>,
    /// Numbers of earlier commits that were deleted because they named what was erased: no gap in the chain.
    #[serde(default)]
    pub erased_commits: BTreeSet<u64>,
    /// Objects of a table that was reset, which are to be deleted rather than adopted, by path.
    #[serde(default)]
    pub dropping: BTreeMap<String, ObjectState>,
    /// The archive of raw pages; null when the lake has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<Archive>,
    /// The columns that are left out or hashed.
    #[serde(default, skip_serializing_if = "Masking::is_empty")]
    pub masking: Masking,
}

/// The archive of raw pages: everything that was folded into the lake, as it came.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Archive {
    /// Its segments, in the order of what they hold, which is that of their paths.
    pub segments: Vec<ArchiveSegment>,
    /// Paths of segments whose run died before it could say whether they were folded; the next run folds them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redo: Vec<String>,
}

/// A segment of the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveSegment {
    /// Its path, below `_raw/`: the commit it was put after, its turn, and the SHA-256 of its bytes.
    pub path: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// How many pages it holds.
    pub pages: u64,
    /// How long these are as they came, in bytes.
    pub raw_bytes: u64,
}

/// An erasure that was begun. What it erases is all that is [forgotten](Manifest::forgotten).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasing {
    /// Whether messages with `_deleted_at` go too, whatever conversation they are of.
    pub deleted_messages: bool,
}

/// What the last full walk of the list proved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FullWalk {
    /// Drift's clock at its start.
    pub started_at: Timestamp,
    /// Whether every page came in `updated_at` order, newest first.
    pub ordered: bool,
    /// The generation of the list that was answered.
    pub generation: String,
}

/// The right to write.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lease {
    /// The run that holds it.
    pub run: String,
    /// Until when.
    pub until: Timestamp,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunState {
    /// Its id.
    pub id: String,
    /// The version of the program.
    pub version: String,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Where it stands.
    pub status: RunStatus,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// It runs, or it was killed.
    Running,
    /// It ended, and everything that was asked for is there.
    Done,
    /// It ended, and some rows are pending or were set aside.
    Incomplete,
    /// It was stopped, and committed what it had.
    Stopped,
    /// It ended with an error, after the last commit it could make.
    Failed,
}

impl RunStatus {
    /// Whether the run itself said the last word, so that every object must be as the manifest says.
    pub fn ended_cleanly(self) -> bool {
        self != Self::Running
    }
}

/// One table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TableState {
    /// The fingerprint of the schema its objects have.
    pub schema: String,
    /// Its key columns.
    pub key: Vec<String>,
    /// Its partition column, if it has one.
    pub partition: Option<String>,
    /// Complete for changes up to here; null before its first complete read.
    pub bookmark: Option<Timestamp>,
    /// When it was last read completely.
    pub synced_at: Option<Timestamp>,
    /// Rows, deleted ones included.
    pub rows: u64,
    /// Rows with `_deleted_at`.
    pub deleted: u64,
    /// Parents whose rows answered 404.
    pub missing: u64,
    /// What it was computed or looked up from, when that was complete: equal inputs need no new look.
    pub inputs: Option<String>,
    /// The table was reset: what walks that began up to here have fetched is no longer there. Only for
    /// conversations, until they have been walked again, and for messages.
    #[serde(default)]
    pub reset: Option<Timestamp>,
    /// Its objects, by path.
    pub objects: BTreeMap<String, ObjectState>,
}

/// One object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ObjectState {
    /// Rows, deleted ones included.
    pub rows: u64,
    /// Rows with `_deleted_at`.
    pub deleted: u64,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
    /// The store's name for this version.
    pub etag: Etag,
}

/// The walk in progress.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WalkState {
    /// The run that began it.
    pub run: String,
    /// Drift's clock at its start.
    pub started_at: Timestamp,
    /// The lower bound of `updated_at` that it walks for, at midnight UTC; null means all history. It becomes
    /// the lake's when the walk is done.
    #[serde(default)]
    pub since: Option<Timestamp>,
    /// Whether it walks the whole list.
    pub full: bool,
    /// Whether children are fetched again where they are settled.
    pub refetch: bool,
    /// Whether the list has been walked to its end.
    pub listed: bool,
    /// Whether all pages so far came in order.
    pub ordered: bool,
    /// The generation of the list that was answered.
    pub generation: Option<String>,
    /// The cursor of the next list page, as query pairs; only a hint.
    pub cursor: Option<Vec<(String, String)>>,
    /// What has been listed so far.
    pub chunks: Vec<TodoChunk>,
    /// Listed conversations that were left out since they are forgotten, in the form of the lake's own.
    #[serde(default)]
    pub forgotten: BTreeSet<String>,
}

/// A piece of what a walk has listed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TodoChunk {
    /// Its path, below `_todo/`.
    pub path: String,
    /// Its rows.
    pub rows: u64,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
}

/// A key that failed after all retries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// The table.
    pub table: String,
    /// The key.
    pub key: String,
    /// Why, in one clause without personal data.
    pub reason: String,
    /// How many runs have failed at it.
    pub runs: u32,
}

impl Manifest {
    /// The manifest of a lake that does not exist yet; number 0 is never written.
    pub fn empty(lake_id: String, run: RunState) -> Self {
        Self {
            format: FORMAT,
            number: 0,
            commit_id: String::new(),
            lake_id,
            org: None,
            epoch: 0,
            lease: None,
            run,
            last_complete: None,
            span: None,
            since: None,
            tables: BTreeMap::new(),
            walk: None,
            last_full_walk: None,
            adopted: BTreeSet::new(),
            doubted: BTreeSet::new(),
            first_load_ended: None,
            pending: Vec::new(),
            forgotten: Vec::new(),
            erasing: None,
            erased_commits: BTreeSet::new(),
            dropping: BTreeMap::new(),
            archive: None,
            masking: Masking::default(),
        }
    }

    /// Every object of every table, with its table's name and its path.
    pub fn objects(&self) -> impl Iterator<Item = (&str, &str, &ObjectState)> {
        self.tables.iter().flat_map(|(table, state)| {
            state.objects.iter().map(move |(path, object)| (table.as_str(), path.as_str(), object))
        })
    }
}
