//! Tables that are summed up from conversations: after some of these are gone, the sums are those of the ones
//! that stay, and what only the erased ones told of goes too.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch};

use super::Erased;
use super::rows::values;
use crate::columns::{broken, exchange, int_at, ints, time, times};
use crate::cpu;
use crate::data_file::Reader;
use crate::error::Result;
use crate::fold::Picker;
use crate::lake::{Change, Lake};
use crate::schema::Table;
use crate::seen::{AllSeen, Seen};
use crate::tables::{CAMPAIGNS, INBOXES};

/// Each table, and the column of conversations that holds its ids.
const SUMS: &[(&Table, &str)] = &[(&INBOXES, "inbox_id"), (&CAMPAIGNS, "related_playbook_id")];

/// Where a row comes from that nothing but conversations tells of, in tables that have several sources.
const FROM_CONVERSATIONS: &str = "conversation";

/// Brings the sums into line with the conversations that are there.
pub(super) async fn adjust(lake: &mut Lake, erased: &mut Erased) -> Result<()> {
    for (table, column) in SUMS {
        if !lake.paths(table).is_empty() {
            adjust_one(lake, table, column, erased).await?;
        }
    }
    Ok(())
}

async fn adjust_one(
    lake: &mut Lake,
    table: &'static Table,
    column: &'static str,
    erased: &mut Erased,
) -> Result<()> {
    let seen = lake.seen(column).await?;
    let Some(stored) = lake.open_partition(table, None).await? else { return Ok(()) };
    let now_us = lake.now().as_microsecond();
    let (rows, gone) = cpu::run_on(stored.bytes(), move || summed(table, &stored, &seen, now_us)).await?;
    let change =
        Change { upserts: vec![rows], dropped: Some(those(gone)), walk_us: now_us, ..Change::default() };
    let counts = lake.fold(table, None, change).await?;
    if counts.changes() > 0 {
        erased.rewritten.push(table.object_path(None));
    }
    if counts.dropped > 0 {
        *erased.rows.entry(table.name).or_default() += counts.dropped;
    }
    Ok(())
}

/// The stored rows with their new sums, and the ids of those that nothing tells of any more.
fn summed(
    table: &'static Table,
    stored: &Reader,
    seen: &AllSeen,
    now_us: i64,
) -> Result<(RecordBatch, Vec<i64>)> {
    let (mut batches, mut gone) = (Vec::new(), Vec::new());
    for batch in stored.batches() {
        let batch = batch?;
        let unseen = values(&batch, "id").filter(|(_, id)| !seen.contains_key(id));
        gone.extend(unseen.filter(|(row, _)| is_from_conversations(&batch, *row)).map(|(_, id)| id));
        batches.push(with_sums(table, &batch, seen, now_us)?);
    }
    let rows = arrow::compute::concat_batches(&table.schema(), &batches).map_err(broken)?;
    Ok((rows, gone))
}

fn is_from_conversations(batch: &RecordBatch, row: usize) -> bool {
    let Some(source) = batch.column_by_name("source") else { return true };
    let source = source.as_string::<i32>();
    source.is_valid(row) && source.value(row) == FROM_CONVERSATIONS
}

fn with_sums(table: &Table, batch: &RecordBatch, seen: &AllSeen, now_us: i64) -> Result<RecordBatch> {
    let ids = ints(batch, "id");
    let of = |row: usize| int_at(ids, row).and_then(|id| seen.get(&id)).copied().unwrap_or_default();
    let rows: Vec<Seen> = (0..batch.num_rows()).map(of).collect();
    let counts: ArrayRef = Arc::new(rows.iter().map(|seen| seen.conversations).collect::<Int64Array>());
    let columns = vec![
        ("first_seen", times(rows.iter().map(|seen| seen.first))),
        ("last_seen", times(rows.iter().map(|seen| seen.last))),
        ("conversations", counts),
        ("_synced_at", time(now_us, batch.num_rows())),
    ];
    exchange(table, batch, columns)
}

fn those(ids: Vec<i64>) -> Picker {
    let picks = move |batch: &RecordBatch| {
        let all = ints(batch, "id");
        (0..batch.num_rows()).map(|row| int_at(all, row).is_some_and(|id| ids.contains(&id))).collect()
    };
    Picker { columns: vec!["id"], picks: Arc::new(picks) }
}
