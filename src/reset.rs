//! Resetting a table: its data and its state are dropped in one commit, and the next `sync` reads it from the
//! beginning. Asks Drift nothing and needs no token.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::TimestampMicrosecondType;
use jiff::Timestamp;
use serde::Serialize;

use crate::clock::Clock;
use crate::cpu;
use crate::data_file::Reader;
use crate::error::Result;
use crate::lake::{Lake, RunId, open_object};
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
        (rows, deleted) = (lake.table(table).rows, lake.paths(table));
        drop_table(lake, table).await
    };
    let (mut lake, ended) = Lake::open_prepared(store, run, clock, prepare).await?;
    lake.sweep_todo().await?;
    lake.end(ended).await?;
    Ok(Dropped { table: table.name, rows, deleted, manifest: lake.manifest.number })
}

async fn drop_table(lake: &mut Lake, table: &'static Table) -> Result<()> {
    let last_walk = last_walk(lake, table).await?;
    lake.drop_table(table).await?;
    if matches!(table.source, Source::Walk { .. } | Source::Thread { .. }) {
        lake.table(table).reset = Some(last_walk.unwrap_or(Timestamp::UNIX_EPOCH));
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

/// The start of the latest walk that fetched messages, as far as conversations tell that are not dropped
/// themselves.
async fn last_walk(lake: &Lake, dropped: &Table) -> Result<Option<Timestamp>> {
    let mut latest = None;
    for path in lake.paths(&CONVERSATIONS) {
        let object = match open_object(lake.store(), &CONVERSATIONS, &path).await {
            Err(_) if dropped.name == CONVERSATIONS.name => None,
            opened => opened?,
        };
        let Some((object, _)) = object else { continue };
        latest = latest.max(cpu::run_on(object.bytes(), move || last_walk_in(&object)).await?);
    }
    Ok(latest.and_then(|us| Timestamp::from_microsecond(us).ok()))
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
