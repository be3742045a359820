//! Publishing: the tables of a lake as Delta tables, for readers who need one version of a whole table while
//! loads go on. Asks Drift nothing and changes nothing in the lake.
//!
//! ```text
//!  manifest ─► copy what each table lacks ─► one commit a table ─► delete what need not be kept
//! ```
//!
//! Promises: each version of a Delta table is the table of one manifest of a complete run, whole. A file has the
//! bytes that the manifest names, and a name that is given once; so what a reader has begun to read stays, until
//! it was out of date for as long as is kept. Publishing a manifest again writes nothing. A publication that is
//! killed leaves files that no version names, which a later one deletes.
//!
//! The log is written here rather than by a library; `docs/delta.md` says why.

mod actions;
mod checkpoint;
mod copies;
mod log;
mod names;
mod retention;
mod schema;
mod state;
mod stats;
mod table;

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use self::table::OneTable;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::lake::{self, RunId};
use crate::manifest::{Manifest, RunStatus};
use crate::store::Store;
use crate::tables;

/// How often the lake may change while it is published.
const TRIES: u32 = 3;

/// How long files that were replaced are kept, unless told otherwise.
pub const RETAIN: Duration = Duration::from_secs(7 * 24 * 3_600);

/// How a lake is published.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How long files that were replaced are kept, for readers that are still at them and for time travel.
    pub retain: Duration,
    /// Whether a lake is published whose last run left rows pending.
    pub allow_incomplete: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { retain: RETAIN, allow_incomplete: false }
    }
}

/// What was published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Published {
    /// The manifest that the Delta tables are of.
    pub manifest: u64,
    /// Where they lie.
    pub to: String,
    /// Each of them.
    pub tables: Vec<PublishedTable>,
}

/// One Delta table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PublishedTable {
    /// Its name.
    pub table: &'static str,
    /// Its newest version.
    pub version: Option<u64>,
    /// Whether this publication made it.
    pub is_new_version: bool,
    /// Files that were added.
    pub added: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// Files of the version before that are no longer of the table.
    pub removed: u64,
    /// Files that were deleted, since they had been kept for long enough.
    pub deleted: u64,
}

/// One manifest on its way.
struct Publication<'a> {
    lake: &'a dyn Store,
    target: &'a dyn Store,
    manifest: &'a Manifest,
    now: Timestamp,
    retain: Duration,
    /// In hex, fresh for each try.
    stamp: String,
    /// Of the program.
    version: &'a str,
}

/// Publishes the newest manifest of the lake in `lake` as Delta tables in `target`, one folder a table.
///
/// # Errors
/// [`Error::usage`] when there is no lake, its last run was not complete, or the target is not a place for its
/// publication; [`Error::held`] while a run changes the lake or somebody else publishes to the same directory;
/// those of the stores, after which the next publication goes on.
pub async fn publish(
    lake: &dyn Store,
    target: &dyn Store,
    run: &RunId,
    clock: Clock,
    settings: Settings,
) -> Result<Published> {
    check_place(lake, target).await?;
    let mut attempt = 0;
    let guard = target.lock().await?;
    let published = loop {
        let manifest = complete(lake, settings).await?;
        let stamp = format!("{:08x}{attempt:x}", run.seed as u32);
        let (now, retain, version) = (clock.now(), settings.retain, run.version.as_str());
        let publication = Publication { lake, target, manifest: &manifest, now, retain, stamp, version };
        match publication.run().await {
            Err(error) if error.place(CHANGED).is_some() && attempt < TRIES => attempt += 1,
            published => break published,
        }
    };
    drop(guard);
    published
}

impl Publication<'_> {
    /// All tables are copied before the first is committed, so that their commits follow each other closely.
    async fn run(&self) -> Result<Published> {
        let mut tables = Vec::new();
        for table in tables::ALL.iter().copied() {
            if let Some(state) =
                self.manifest.tables.get(table.name).filter(|state| !state.objects.is_empty())
            {
                let mut one = OneTable::new(self, table, state);
                one.prepare().await.map_err(|error| error.at("table", table.name))?;
                tables.push(one);
            }
        }
        let mut published = Vec::new();
        for table in tables {
            published.push(table.conclude().await?);
        }
        Ok(Published { manifest: self.manifest.number, to: self.target.uri(""), tables: published })
    }
}

/// The newest manifest, if it is of a complete run.
async fn complete(lake: &dyn Store, settings: Settings) -> Result<Manifest> {
    let manifest = lake::existing(lake).await?;
    let hint = "nothing was published; run `drift2parquet sync` to its end, then publish";
    if manifest.lease.is_some() {
        return Err(Error::held("a run is changing the lake, or was killed while it did").hint(hint));
    }
    let is_erased = manifest.erasing.is_none() && manifest.dropping.is_empty();
    match manifest.run.status {
        RunStatus::Done if is_erased => Ok(manifest),
        RunStatus::Incomplete if is_erased && settings.allow_incomplete => Ok(manifest),
        RunStatus::Incomplete if is_erased => Err(Error::usage(
            "the lake's last run left rows pending or set aside",
        )
        .hint("run `drift2parquet sync` again, or publish with --allow-incomplete; nothing was published")),
        _ => Err(Error::usage("the lake's last run did not come to its end").hint(hint)),
    }
}

/// Readers of a lake take every file in a table's folder for data; so nothing is published into a lake.
async fn check_place(lake: &dyn Store, target: &dyn Store) -> Result<()> {
    let below = |inner: &str, outer: &str| inner == outer || inner.starts_with(&format!("{outer}/"));
    let (source, place) = (lake.uri(""), target.uri(""));
    let (source, place) = (source.trim_end_matches('/'), place.trim_end_matches('/'));
    let covers_lake =
        tables::ALL.iter().any(|table| below(source, target.uri(table.name).trim_end_matches('/')));
    if below(place, source) || covers_lake || !target.list("_manifest").await?.is_empty() {
        return Err(Error::usage(
            "the publication would lie in a lake, whose readers would take it for data",
        )
        .at("place", place)
        .hint("publish to a directory or prefix of its own, outside of every lake; nothing was changed"));
    }
    Ok(())
}

/// Names the object that is not what the manifest says.
const CHANGED: &str = "changed object";

/// The lake has moved on, or an object was changed by hand.
fn lake_changed(uri: &str) -> Error {
    Error::held("the lake was changed while it was published")
        .at(CHANGED, uri)
        .hint("publish again when no run changes the lake; if it stays so, `drift2parquet verify` tells what is wrong")
}
