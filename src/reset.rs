//! Resetting a table: its data and its state are dropped in one commit, and the next `sync` reads it from the
//! beginning. Asks Drift nothing and needs no token.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::TimestampMicrosecondType;
use jiff::Timestamp;
use serde::Serialize;

use crate::archive::{Head, Step};
use crate::clock::Clock;
use crate::cpu;
use crate::data_file::Reader;
use crate::error::Result;
use crate::lake::{Lake, RunId, open_object, table_of};
use crate::schema::{Source, Table};
use crate::store::Store;
use crate::tables::CONVERSATIONS;

/// What was dropped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// The table.
    pub table: &'static str,
    /// Rows that were in it.
    pub rows: u64,
    /// Its objects, which were deleted.
    pub deleted: Vec<String>,
    /// The number of the manifest that this ended with.
    pub manifest: u64,
}

/// Drops a table.
///
/// # Errors
/// [`crate::error::Error::usage`] when there is no lake, [`crate::error::Error::held`] while a run holds it;
/// those of the store, after which the table is either whole or dropped, and the next run deletes what is left.
pub async fn reset(
    store: Arc<dyn Store>,
    run: RunId,
    clock: Clock,
    table: &'static Table,
) -> Result<Dropped> {
    let (mut rows, mut deleted) = (0, Vec::new());
    let prepare = async |lake: &mut Lake| {
        // Another table may be as damaged as the one that is dropped; each is to be dropped in its turn.
        lake.tolerate();
        rows = lake.table(table).rows;
        lake.archive(Step::bare(Head::Reset { table: table.name.to_owned() })).await?;
        drop_table(lake, table).await?;
        let dropping = lake.manifest.dropping.keys().cloned();
        deleted = dropping.filter(|path| table_of(path).is_some_and(|of| of.name == table.name)).collect();
        Ok(())
    };
    let (mut lake, ended) = Lake::open_prepared(store, run, clock, prepare).await?;
    lake.sweep_todo().await?;
    lake.end(ended).await?;
    Ok(Dropped { table: table.name, rows, deleted, manifest: lake.manifest.number })
}

async fn drop_table(lake: &mut Lake, table: &'static Table) -> Result<()> {
    if matches!(table.source, Source::Walk { .. } | Source::Thread { .. }) {
        let last_walk = last_walk(lake).await?;
        lake.drop_table(table).await?;
        lake.table(table).reset = Some(last_walk);
    } else {
        lake.drop_table(table).await?;
    }
    lake.manifest.pending.retain(|pending| pending.table != table.name);
    forget_walks(lake, table);
    Ok(())
}

/// A walk in progress believes what it has fetched to be there, and what earlier walks proved about the list
/// says nothing about a table that is to be read from the beginning.
fn forget_walks(lake: &mut Lake, table: &Table) {
    match table.source {
        Source::Walk { .. } => {
            lake.manifest.walk = None;
            lake.manifest.last_full_walk = None;
            lake.manifest.first_load_ended = None;
        }
        Source::Thread { .. } => lake.manifest.walk = None,
        Source::Lookup { .. } | Source::List { .. } | Source::Derived { .. } => {}
    }
}

/// The start of the latest walk that fetched messages, as all conversations tell that stand there: a run that was
/// killed may have put some that the manifest does not know. One that cannot be read may tell of any walk so far.
async fn last_walk(lake: &Lake) -> Result<Timestamp> {
    let walking = lake.manifest.walk.as_ref().map(|walk| walk.started_at);
    let mut latest = walking.unwrap_or(Timestamp::UNIX_EPOCH);
    for entry in lake.store().list(CONVERSATIONS.name).await? {
        if table_of(&entry.path).is_some_and(|of| of.name == CONVERSATIONS.name) {
            latest = latest.max(last_walk_at(lake, &entry.path).await.unwrap_or_else(|_| lake.now()));
        }
    }
    Ok(latest)
}

async fn last_walk_at(lake: &Lake, path: &str) -> Result<Timestamp> {
    let opened = open_object(lake.store(), &CONVERSATIONS, path).await?;
    let Some((object, _)) = opened else { return Ok(Timestamp::UNIX_EPOCH) };
    let latest = cpu::run_on(object.bytes(), move || last_walk_in(&object)).await?;
    Ok(latest.and_then(|us| Timestamp::from_microsecond(us).ok()).unwrap_or(Timestamp::UNIX_EPOCH))
}

fn last_walk_in(object: &Reader) -> Result<Option<i64>> {
    let mut latest = None;
    for batch in object.columns(&["_walked_at"])? {
        let batch = batch?;
        let walked = batch.column(0).as_primitive::<TimestampMicrosecondType>();
        latest = latest.max(arrow::compute::max(walked));
    }
    Ok(latest)
}
