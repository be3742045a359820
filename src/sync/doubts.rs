//! What another hand has changed is made right again: rows that stand twice, or where they do not belong, are
//! removed, and Drift is asked again for everything that should be in such an object. What Drift answers goes to the
//! archive of raw pages as ever; that rows were removed does not, since the archive never had them there.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::RecordBatch;

use super::Run;
use super::columns::{instants, int_at, ints, time_at};
use super::conversations::walked;
use super::writer::Writer;
use crate::cpu;
use crate::data_file::Reader;
use crate::error::Result;
use crate::fold::Picker;
use crate::lake::{Change, partition_of};
use crate::schema::{Partition, Span, Table};
use crate::tables::CONVERSATIONS;

/// Tells of every object in doubt, whichever run has found it.
pub(super) fn tell(writer: &mut Writer) {
    for path in writer.lake.manifest.doubted.clone() {
        writer.warn(format!(
            "`{path}` was changed by another hand after a run had ended, and was taken as it is; Drift is asked again for what should be in it."
        ));
    }
}

/// Tells of what this run could not make right again.
pub(super) fn tell_of_rest(writer: &mut Writer) {
    for path in writer.lake.manifest.doubted.clone() {
        writer.warn(format!(
            "`{path}` is not known to be right again yet; run `sync` once more, with all tables, until it says nothing of it."
        ));
    }
}

/// The objects in doubt that a walk makes right again, which asks for all conversations of their partitions.
pub(super) fn of_walk(run: &Run, writer: &Writer) -> Vec<String> {
    walked(run).flat_map(|table| writer.lake.doubted(table)).collect()
}

/// The partitions of these objects.
pub(super) fn partitions(paths: &[String]) -> BTreeSet<String> {
    paths.iter().filter_map(|path| partition_of(path)).collect()
}

/// Removes conversations from objects in doubt that stand in another object, too. Of two objects in doubt, the one
/// whose span a conversation began in keeps it.
pub(super) async fn drop_doubles(writer: &mut Writer) -> Result<()> {
    let doubted = writer.lake.doubted(&CONVERSATIONS);
    for path in &doubted {
        let Some(partition) = partition_of(path) else { continue };
        let elsewhere = elsewhere(writer, path, &doubted).await?;
        let span = writer.lake.manifest.span.unwrap_or_default();
        if !elsewhere.is_empty() {
            let dropped = Some(doubles(elsewhere, span, partition.clone()));
            writer.fold(&CONVERSATIONS, Some(&partition), Change { dropped, ..Change::default() }).await?;
        }
    }
    Ok(())
}

/// Conversations of an object that stand in others, too, and whether one of these is beyond doubt.
async fn elsewhere(writer: &mut Writer, path: &str, doubted: &[String]) -> Result<HashMap<i64, bool>> {
    let here = ids_of(writer, path).await?;
    let mut elsewhere = HashMap::new();
    for other in writer.lake.paths(&CONVERSATIONS).iter().filter(|other| *other != path) {
        let there = ids_of(writer, other).await?;
        let certain = !doubted.contains(other);
        for id in there.into_iter().filter(|id| here.binary_search(id).is_ok()) {
            *elsewhere.entry(id).or_default() |= certain;
        }
    }
    Ok(elsewhere)
}

/// The ids of conversations in an object, which is sorted by them.
async fn ids_of(writer: &mut Writer, path: &str) -> Result<Vec<i64>> {
    let object = writer.lake.open_named(&CONVERSATIONS, path).await?;
    cpu::run_on(object.bytes(), move || ids_in(&object, "id")).await
}

/// The ids in a column.
fn ids_in(object: &Reader, column: &str) -> Result<Vec<i64>> {
    let mut found = Vec::new();
    for batch in object.columns(&[column])? {
        found.extend(ints(&batch?, column).iter().flatten());
    }
    Ok(found)
}

fn doubles(elsewhere: HashMap<i64, bool>, span: Span, partition: String) -> Picker {
    let picks = move |batch: &RecordBatch| {
        let (ids, began) = (ints(batch, "id"), instants(batch, "created_at"));
        let is_double = |row: usize| {
            let certain = int_at(ids, row).and_then(|id| elsewhere.get(&id));
            certain.is_some_and(|certain| *certain || span.of(time_at(began, row)) != partition)
        };
        (0..batch.num_rows()).map(is_double).collect()
    };
    Picker { columns: vec!["id", "created_at"], picks: Arc::new(picks) }
}

/// Removes rows from objects in doubt whose conversation does not stand in their partition.
pub(super) async fn drop_parted(
    writer: &mut Writer,
    table: &'static Table,
    column: &'static str,
) -> Result<()> {
    for path in writer.lake.doubted(table) {
        let Some(partition) = partition_of(&path) else { continue };
        let mut known = Vec::new();
        if let Some(object) = writer.lake.open_partition(&CONVERSATIONS, Some(&partition)).await? {
            known = cpu::run_on(object.bytes(), move || ids_in(&object, "id")).await?;
        }
        let dropped = Some(picked(column, move |id| known.binary_search(&id).is_err()));
        writer.fold(table, Some(&partition), Change { dropped, ..Change::default() }).await?;
    }
    Ok(())
}

/// Removes rows from objects in doubt whose key belongs to another bucket.
pub(super) async fn drop_misplaced(writer: &mut Writer, table: &'static Table) -> Result<()> {
    let Partition::Bucket(count) = table.partition else { return Ok(()) };
    for path in writer.lake.doubted(table) {
        let Some(bucket) = partition_of(&path) else { continue };
        let here = bucket.clone();
        let dropped = Some(picked(table.key[0], move |key| Partition::bucket(count, key) != here));
        writer.fold(table, Some(&bucket), Change { dropped, ..Change::default() }).await?;
    }
    Ok(())
}

/// Picks rows by an integer column.
fn picked(column: &'static str, picks: impl Fn(i64) -> bool + Send + Sync + 'static) -> Picker {
    let picks = move |batch: &RecordBatch| {
        let values = ints(batch, column);
        (0..batch.num_rows()).map(|row| int_at(values, row).is_some_and(&picks)).collect()
    };
    Picker { columns: vec![column], picks: Arc::new(picks) }
}
