//! What Drift answered against what is stored: every column that mirrors the record, and the set of messages.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};

use super::asked::Asked;
use crate::cpu;
use crate::data_file::Reader;
use crate::decode::decode;
use crate::erase;
use crate::error::{Error, Result};
use crate::lake::{open_object, partition_of};
use crate::manifest::Forgotten;
use crate::schema::Table;
use crate::store::Store;
use crate::tables::{CONVERSATION_LIST, CONVERSATIONS, DETAIL, MESSAGES, THREAD};

/// How one conversation stands to what Drift answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Compared {
    /// Every column, and so many messages.
    Equal { messages: u64 },
    /// It changed in Drift since, or has not settled.
    ChangedSince,
    /// Drift has it no more.
    GoneSince,
    /// In words.
    Differs(String),
}

/// Compares the conversations of one object with the answers about them.
pub(super) async fn compare(
    store: &dyn Store,
    path: &str,
    asked: Vec<Asked>,
    forgotten: Forgotten,
) -> Result<Vec<(i64, Compared)>> {
    let ids: BTreeSet<i64> = asked.iter().map(|asked| asked.stored.id).collect();
    let conversations = rows_of(store, &CONVERSATIONS, path, "id", ids.clone()).await?;
    let beside = MESSAGES.object_path(partition_of(path).as_deref());
    let messages = rows_of(store, &MESSAGES, &beside, "conversation_id", ids).await?;
    cpu::run(move || {
        let compared = asked
            .iter()
            .map(|asked| Ok((asked.stored.id, compare_one(asked, &conversations, &messages, &forgotten)?)));
        compared.collect()
    })
    .await
}

/// The rows of an object whose `column` is one of `ids`.
async fn rows_of(
    store: &dyn Store,
    table: &'static Table,
    path: &str,
    column: &'static str,
    ids: BTreeSet<i64>,
) -> Result<RecordBatch> {
    let object = open_object(store, table, path).await?.map(|(object, _)| object);
    cpu::run_on(object.as_ref().map_or(0, Reader::bytes), move || {
        let mut kept = Vec::new();
        for batch in object.iter().flat_map(Reader::batches) {
            let batch = batch?;
            let wanted = ints(&batch, column).iter().map(|id| Some(id.is_some_and(|id| ids.contains(&id))));
            let wanted: BooleanArray = wanted.collect();
            kept.push(filter_record_batch(&batch, &wanted).map_err(broken)?);
        }
        concat_batches(&table.schema(), &kept).map_err(broken)
    })
    .await
}

fn compare_one(
    asked: &Asked,
    conversations: &RecordBatch,
    messages: &RecordBatch,
    forgotten: &Forgotten,
) -> Result<Compared> {
    let stored = &asked.stored;
    let Some(detail) = &asked.detail else {
        return Ok(if stored.deleted { Compared::Equal { messages: 0 } } else { Compared::GoneSince });
    };
    if stored.deleted {
        return Ok(Compared::Differs("is stored as erased, but Drift answers it".to_owned()));
    }
    let answered = decode(&CONVERSATIONS, DETAIL.rows, std::slice::from_ref(detail))?.batch;
    let Some(row) = row_of(&answered, stored.id) else {
        return Ok(Compared::Differs("Drift answers it with a record that cannot be stored".to_owned()));
    };
    if time(&answered, "updated_at", row) > stored.changed_us || !stored.settled {
        return Ok(Compared::ChangedSince);
    }
    let Some(own) = row_of(conversations, stored.id) else { return Ok(Compared::ChangedSince) };
    let columns = differing(&CONVERSATIONS, (&answered, row), (conversations, own), |name| {
        // The list's value stands where the detail has none.
        CONVERSATION_LIST.column(name).is_some()
    });
    if !columns.is_empty() {
        return Ok(Compared::Differs(format!("differs from what Drift answers in {}", quoted(&columns))));
    }
    match &asked.messages {
        Some(pages) => compare_thread(stored.id, pages, messages, forgotten),
        None => Ok(Compared::Equal { messages: 0 }),
    }
}

fn compare_thread(
    id: i64,
    pages: &[crate::page::Page],
    stored: &RecordBatch,
    forgotten: &Forgotten,
) -> Result<Compared> {
    let answered = erase::leave_out(&MESSAGES, decode(&MESSAGES, THREAD.rows, pages)?.batch, forgotten)?;
    let (theirs, ours) = (index(&answered, |_| true), index(stored, |row| belongs(stored, row, id)));
    let lacking = theirs.keys().filter(|key| !ours.contains_key(key)).count();
    let surplus = ours.keys().filter(|key| !theirs.contains_key(key)).count();
    if lacking + surplus > 0 {
        return Ok(Compared::Differs(format!(
            "{lacking} of its messages are not stored, and {surplus} stored ones are not answered"
        )));
    }
    let mut columns = BTreeMap::<&str, u64>::new();
    for (key, row) in &theirs {
        for name in differing(&MESSAGES, (&answered, *row), (stored, ours[key]), |_| false) {
            *columns.entry(name).or_default() += 1;
        }
    }
    if columns.is_empty() {
        return Ok(Compared::Equal { messages: theirs.len() as u64 });
    }
    let names: Vec<&str> = columns.into_keys().collect();
    Ok(Compared::Differs(format!("has messages that differ from what Drift answers in {}", quoted(&names))))
}

/// Stored, live, and of this conversation.
fn belongs(stored: &RecordBatch, row: usize, conversation: i64) -> bool {
    ints(stored, "conversation_id").value(row) == conversation && time(stored, "_deleted_at", row).is_none()
}

/// The last row of each id, since of a repeated one the last counts.
fn index(batch: &RecordBatch, keeps: impl Fn(usize) -> bool) -> HashMap<i64, usize> {
    let ids = ints(batch, "id");
    (0..batch.num_rows()).filter(|row| keeps(*row)).map(|row| (ids.value(row), row)).collect()
}

/// The columns that mirror the record and differ between two rows. A value that was not answered is passed
/// over where `elsewhere` says that it may have come from another call.
fn differing(
    table: &'static Table,
    (answered, theirs): (&RecordBatch, usize),
    (stored, ours): (&RecordBatch, usize),
    elsewhere: impl Fn(&str) -> bool,
) -> Vec<&'static str> {
    let mirrored = table.columns.iter().filter(|column| Table::is_from_api(column)).map(|column| column.name);
    let differs = |name: &&str| {
        let (one, other) = (column(answered, name), column(stored, name));
        let skipped = one.is_null(theirs) && elsewhere(name);
        !skipped && one.slice(theirs, 1).as_ref() != other.slice(ours, 1).as_ref()
    };
    mirrored.filter(differs).collect()
}

fn row_of(batch: &RecordBatch, id: i64) -> Option<usize> {
    ints(batch, "id").iter().position(|found| found == Some(id))
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> &'a arrow::array::ArrayRef {
    batch.column_by_name(name).expect("every batch has the declared columns")
}

fn ints<'a>(batch: &'a RecordBatch, name: &str) -> &'a arrow::array::Int64Array {
    column(batch, name).as_primitive::<Int64Type>()
}

fn time(batch: &RecordBatch, name: &str, row: usize) -> Option<i64> {
    let times = column(batch, name).as_primitive::<TimestampMicrosecondType>();
    times.is_valid(row).then(|| times.value(row))
}

fn broken(cause: arrow::error::ArrowError) -> Error {
    Error::internal("rows cannot be compared").caused_by(cause)
}
