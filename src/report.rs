//! What a run did, in numbers: written to `_reports/<number>.json` and, on demand, to a file. It names no
//! person and holds no text of theirs.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Not yet.
    #[default]
    Running,
    /// Everything that was asked for is in the lake.
    Done,
    /// Done, but some rows are pending, set aside or skipped, and named.
    Incomplete,
    /// `--max-time` was reached.
    OutOfTime,
    /// Stopped by a signal; what was fetched is committed.
    Interrupted,
    /// Stopped by an error.
    Failed,
}

/// The report of one run.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Report {
    /// The run's id.
    pub run: String,
    /// The version of the program.
    pub version: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The exit code that says so.
    pub exit_code: u8,
    /// Drift's clock at the start, or ours where Drift gave none.
    pub started_at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The number of the manifest that the run ended with.
    pub manifest: u64,
    /// The Drift organization, if it is known.
    pub org: Option<String>,
    /// The walk of the conversation list, if there was one.
    pub walk: Option<WalkReport>,
    /// The sum that proves completeness, after a finished walk of conversations.
    pub completeness: Option<Completeness>,
    /// Numbers by table.
    pub tables: BTreeMap<String, TableReport>,
    /// The calls that were made.
    pub traffic: Traffic,
    /// Keys that failed after all retries, by table; the next run tries them first. At most 100 a table are named.
    pub pending: BTreeMap<String, Vec<String>>,
    /// What a person should know, in whole sentences.
    pub warnings: Vec<String>,
    /// What stopped the run, if something did.
    pub error: Option<String>,
}

/// The walk of the conversation list.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct WalkReport {
    /// Whether the whole list was walked.
    pub full: bool,
    /// Whether it took up a walk that an earlier run began.
    pub resumed: bool,
    /// Drift's clock at its start.
    pub started_at: Timestamp,
    /// List pages read by this run.
    pub pages: u64,
    /// Rows on them, repeats included.
    pub rows: u64,
    /// Distinct conversations listed.
    pub listed: u64,
    /// Whether the list came in `updated_at` order, newest first.
    pub ordered: bool,
    /// Stored conversations that a full walk did not list.
    pub absent: u64,
    /// Of those, the ones that still answered by id.
    pub paging_misses: u64,
    /// What `/conversations/stats` counted, after a full walk.
    pub stats: Option<u64>,
}

/// `listed = live + missing + pending + set_aside + forgotten`, over distinct ids of a finished walk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completeness {
    /// Distinct ids listed.
    pub listed: u64,
    /// Of those, stored and live.
    pub live: u64,
    /// Of those, stored as gone (their detail answered 404).
    pub missing: u64,
    /// Of those, to be tried again.
    pub pending: u64,
    /// Of those, set aside into quarantine.
    pub set_aside: u64,
    /// Of those, forgotten on demand.
    pub forgotten: u64,
    /// Whether the sum holds.
    pub holds: bool,
}

/// What happened to one table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableReport {
    /// Rows in the lake after the run, deleted ones included.
    pub rows: u64,
    /// Of those, rows that Drift no longer has.
    pub deleted: u64,
    /// Rows decoded in this run.
    pub read: u64,
    /// New rows.
    pub inserted: u64,
    /// Rows with a new version.
    pub updated: u64,
    /// Rows found gone.
    pub tombstoned: u64,
    /// Rows that came back.
    pub revived: u64,
    /// Children that answered 404.
    pub missing: u64,
    /// Keys that failed after all retries.
    pub pending: u64,
    /// Records whose key cannot be used, in `_quarantine`.
    pub set_aside: u64,
    /// Keys that Drift itself gave twice.
    pub duplicates: u64,
    /// Values that did not fit, by column; they stand in `_extra`.
    pub misfits: BTreeMap<String, u64>,
    /// Fields the table does not name, by API path; they stand in `_extra`.
    pub unknown: BTreeMap<String, u64>,
    /// Objects put by this run.
    pub objects_written: u64,
    /// Bytes put by this run.
    pub bytes_written: u64,
}

/// The calls of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Traffic {
    /// Requests sent, tries included.
    pub requests: u64,
    /// Requests that were tried again.
    pub retries: u64,
    /// Answers of 429.
    pub throttled: u64,
    /// Bytes of bodies as they came over the wire.
    pub wire_bytes: u64,
    /// Bytes of bodies, decompressed.
    pub body_bytes: u64,
    /// Time spent waiting for the rate limit, in milliseconds, summed over requests.
    pub limited_ms: u64,
    /// The allowed rate that was found, in requests a second; null when no limit was met.
    pub rate: Option<f64>,
}
