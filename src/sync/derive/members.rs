//! Campaign members: one row per conversation with a playbook, in the partition of the conversation.

use arrow::array::RecordBatch;
use arrow::compute::{filter_record_batch, is_not_null};

use crate::columns::{assemble, broken, column, time};
use crate::cpu;
use crate::data_file::Reader;
use crate::error::Result;
use crate::lake::{Change, Departed, partition_of};
use crate::schema::Table;
use crate::sync::doubts;
use crate::sync::writer::Writer;
use crate::tables::{CAMPAIGN_MEMBERS, CONVERSATIONS};

/// The columns of a member, and those of the conversation that they repeat.
const COLUMNS: &[(&str, &str)] = &[
    ("resultid", "id"),
    ("campaign_id", "related_playbook_id"),
    ("conversation_id", "id"),
    ("contact_id", "contact_id"),
    ("status", "status"),
    ("created_at", "created_at"),
    ("updated_at", "updated_at"),
    ("_deleted_at", "_deleted_at"),
];

/// Computes all partitions.
pub(super) async fn put_all(writer: &mut Writer, walk_us: i64) -> Result<()> {
    doubts::drop_parted_members(writer).await?;
    for path in writer.lake.paths(&CONVERSATIONS) {
        if let Some(partition) = partition_of(&path) {
            put(writer, &partition, walk_us).await?;
        }
    }
    Ok(())
}

/// Computes one partition, if the table is in the lake: a tombstone reaches it in the same checkpoint.
pub(crate) async fn put_members(writer: &mut Writer, partition: &str, walk_us: i64) -> Result<()> {
    if writer.lake.paths(&CAMPAIGN_MEMBERS).is_empty() {
        Ok(())
    } else {
        put(writer, partition, walk_us).await
    }
}

async fn put(writer: &mut Writer, partition: &str, walk_us: i64) -> Result<()> {
    let Some(object) = writer.lake.open_partition(&CONVERSATIONS, Some(partition)).await? else {
        return Ok(());
    };
    let rows = cpu::run_on(object.bytes(), move || members(&CAMPAIGN_MEMBERS, &object, walk_us)).await?;
    let change = Change { upserts: vec![rows], gone: Departed::AllAbsent, walk_us, ..Change::default() };
    writer.fold(&CAMPAIGN_MEMBERS, Some(partition), change).await.map(drop)
}

fn members(table: &Table, conversations: &Reader, walk_us: i64) -> Result<RecordBatch> {
    let mut names: Vec<&str> = COLUMNS.iter().map(|(_, source)| *source).collect();
    names.sort_unstable();
    names.dedup();
    let mut rows = Vec::new();
    for batch in conversations.columns(&names)? {
        rows.push(member_rows(table, &batch?, walk_us)?);
    }
    arrow::compute::concat_batches(&table.schema(), &rows).map_err(broken)
}

fn member_rows(table: &Table, batch: &RecordBatch, walk_us: i64) -> Result<RecordBatch> {
    let started = is_not_null(column(batch, "related_playbook_id")).map_err(broken)?;
    let batch = filter_record_batch(batch, &started).map_err(broken)?;
    let mut columns: Vec<_> =
        COLUMNS.iter().map(|(name, source)| (*name, column(&batch, source).clone())).collect();
    columns.push(("_synced_at", time(walk_us, batch.num_rows())));
    assemble(table, batch.num_rows(), columns)
}
