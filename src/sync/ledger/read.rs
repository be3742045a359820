//! Reading the ledger, one object after the other: what needs nothing is not kept, so that a lake of any size takes
//! as much memory as there is to do.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch, TimestampMicrosecondArray};

use super::{Entry, Ledger};
use crate::columns::{column, instants, int_at, ints, time_at};
use crate::error::Result;
use crate::lake::{Lake, partition_of};
use crate::manifest::{Forgotten, Subject};
use crate::sync::bits::Bits;
use crate::sync::listed::Row;
use crate::sync::plan::Rules;
use crate::tables::{CONVERSATIONS, MESSAGES};
use crate::{cpu, data_file};

const COLUMNS: &[&str] = &["id", "_listed_at", "_messages_as_of", "_walked_at", "_missing", "_deleted_at"];

/// What is asked of the ledger.
#[derive(Debug)]
pub(in crate::sync) struct Asked {
    /// What is listed, sorted by id.
    pub index: Vec<Row>,
    /// Ids that are to be fetched whatever is known of them, sorted.
    pub pending: Vec<i64>,
    pub rules: Rules,
    /// Every conversation must be known, be it that nothing is to be done for it.
    pub everything: bool,
    /// Partitions of which another hand has changed an object.
    pub doubted: BTreeSet<String>,
    /// The walk was begun by an earlier run, and since then nothing came into doubt.
    pub resumed: bool,
    pub forgotten: Forgotten,
}

/// How listed conversations stand in the lake, by their numbers in the index.
#[derive(Debug, Default)]
pub(in crate::sync) struct Standing {
    stored: Bits,
    deleted: Bits,
    /// What `conversations` held when this was read.
    fingerprint: String,
}

impl Standing {
    /// Whether a listed conversation is stored.
    pub fn is_stored(&self, number: usize) -> bool {
        self.stored.has(number)
    }

    /// Whether it is stored as one that is gone.
    pub fn is_deleted(&self, number: usize) -> bool {
        self.deleted.has(number)
    }

    /// Whether the lake still holds what it held then.
    pub fn is_of(&self, lake: &Lake) -> bool {
        self.fingerprint == lake.fingerprint(&[&CONVERSATIONS])
    }

    fn note(&mut self, number: usize, deleted: bool) {
        self.stored.insert(number);
        if deleted {
            self.deleted.insert(number);
        }
    }
}

/// Reads what is asked for, and gives back what asked for it.
pub(in crate::sync) async fn read(lake: &mut Lake, asked: Asked) -> Result<(Ledger, Asked)> {
    let reset = lake.manifest.tables.get(MESSAGES.name).and_then(|table| table.reset);
    let reset_us = reset.map(jiff::Timestamp::as_microsecond);
    let mut sift = Sift { ledger: Ledger::default(), asked, reset_us };
    for path in lake.paths(&CONVERSATIONS) {
        let object = lake.open_named(&CONVERSATIONS, &path).await?;
        let partition = partition_of(&path).unwrap_or_default();
        sift = cpu::run_on(object.bytes(), move || sift.with(&object, partition)).await?;
    }
    let Sift { mut ledger, asked, .. } = sift;
    // Objects are sorted, and mostly begin where others end, so there is little to be moved.
    ledger.entries.sort_unstable_by_key(|entry| entry.id);
    ledger.standing.fingerprint = lake.fingerprint(&[&CONVERSATIONS]);
    Ok((ledger, asked))
}

/// How these listed conversations stand in the lake now.
pub(in crate::sync) async fn standing<T>(lake: &mut Lake, listed: Arc<T>) -> Result<Standing>
where
    T: AsRef<[Row]> + Send + Sync + 'static,
{
    let mut standing = Standing::default();
    for path in lake.paths(&CONVERSATIONS) {
        let object = lake.open_named(&CONVERSATIONS, &path).await?;
        let listed = listed.clone();
        standing =
            cpu::run_on(object.bytes(), move || note_all(standing, &object, (*listed).as_ref())).await?;
    }
    standing.fingerprint = lake.fingerprint(&[&CONVERSATIONS]);
    Ok(standing)
}

fn note_all(mut standing: Standing, object: &data_file::Reader, listed: &[Row]) -> Result<Standing> {
    for batch in object.columns(&["id", "_deleted_at"])? {
        let batch = batch?;
        let (ids, deleted) = (ints(&batch, "id"), instants(&batch, "_deleted_at"));
        for row in 0..batch.num_rows() {
            if let Some(number) = number(listed, ids.value(row)) {
                standing.note(number, deleted.is_valid(row));
            }
        }
    }
    Ok(standing)
}

fn number(listed: &[Row], id: i64) -> Option<usize> {
    listed.binary_search_by_key(&id, |row| row.id).ok()
}

/// The ledger, as far as it is read.
struct Sift {
    ledger: Ledger,
    asked: Asked,
    /// Messages that were fetched by walks which began no later are no longer in the lake.
    reset_us: Option<i64>,
}

impl Sift {
    /// Takes in one more object.
    fn with(mut self, object: &data_file::Reader, partition: String) -> Result<Self> {
        let number = self.ledger.partitions.len() as u32;
        let doubted = self.asked.doubted.contains(&partition);
        self.ledger.partitions.push(partition);
        for batch in object.columns(COLUMNS)? {
            let batch = batch?;
            let columns = Columns::of(&batch);
            for row in 0..batch.num_rows() {
                let mut entry = columns.entry(row, number);
                entry.doubted = doubted && !self.asked.has_asked_again(&entry);
                self.take(entry);
            }
        }
        Ok(self)
    }

    fn take(&mut self, mut entry: Entry) {
        let Asked { forgotten, .. } = &self.asked;
        if !forgotten.is_empty() && forgotten.contains(Subject::Conversation(entry.id)) {
            return;
        }
        if let Some(reset_us) = self.reset_us {
            entry.lose_messages(reset_us);
        }
        let listed = number(&self.asked.index, entry.id);
        self.count(listed, entry.deleted);
        if self.asked.needs(listed, &entry) {
            self.ledger.entries.push(entry);
        } else if let Some(number) = listed {
            self.ledger.settled.insert(number);
        }
    }

    fn count(&mut self, listed: Option<usize>, deleted: bool) {
        if let Some(number) = listed {
            self.ledger.standing.note(number, deleted);
        }
        self.ledger.live += u64::from(!deleted);
        self.ledger.unlisted += u64::from(!deleted && listed.is_none());
    }
}

impl Asked {
    /// Whether the walk has fetched a conversation since it came into doubt.
    fn has_asked_again(&self, entry: &Entry) -> bool {
        self.resumed && entry.walked_at.get() == Some(self.rules.walk.as_microsecond())
    }

    /// Whether a plan has to know of a conversation, which is listed under this number or not at all.
    fn needs(&self, listed: Option<usize>, entry: &Entry) -> bool {
        let lacks = || self.rules.with_messages && entry.lacks_messages();
        let needed = entry.doubted
            || if let Some(number) = listed {
                self.rules.wants(&self.index[number], entry)
            } else {
                lacks() || (self.rules.infers_absence() && !entry.deleted)
            };
        needed || self.everything || self.pending.binary_search(&entry.id).is_ok()
    }
}

/// The columns of some rows.
struct Columns<'a> {
    ids: &'a Int64Array,
    listed_at: &'a TimestampMicrosecondArray,
    messages_as_of: &'a TimestampMicrosecondArray,
    walked_at: &'a TimestampMicrosecondArray,
    deleted_at: &'a TimestampMicrosecondArray,
    missing: &'a ArrayRef,
}

impl<'a> Columns<'a> {
    fn of(batch: &'a RecordBatch) -> Self {
        Self {
            ids: ints(batch, "id"),
            listed_at: instants(batch, "_listed_at"),
            messages_as_of: instants(batch, "_messages_as_of"),
            walked_at: instants(batch, "_walked_at"),
            deleted_at: instants(batch, "_deleted_at"),
            missing: column(batch, "_missing"),
        }
    }

    fn entry(&self, row: usize, partition: u32) -> Entry {
        Entry {
            id: int_at(self.ids, row).expect("a key is never null"),
            listed_at: time_at(self.listed_at, row).into(),
            messages_as_of: time_at(self.messages_as_of, row).into(),
            walked_at: time_at(self.walked_at, row).into(),
            partition,
            deleted: self.deleted_at.is_valid(row),
            missing: self.missing.is_valid(row),
            doubted: false,
        }
    }
}
