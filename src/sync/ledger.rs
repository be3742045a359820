//! The ledger: what the lake already holds for each conversation, read from the ledger columns of
//! `conversations`. Some 48 bytes a conversation, sorted by id.

use arrow::array::{Array, RecordBatch};
use jiff::Timestamp;

use super::columns::{instants, int_at, ints, time_at};
use crate::config::SETTLES_AFTER;
use crate::error::Result;
use crate::lake::Lake;
use crate::manifest::{Forgotten, Subject};
use crate::tables::{CONVERSATIONS, MESSAGES};
use crate::{cpu, data_file};

const COLUMNS: &[&str] = &["id", "_listed_at", "_messages_as_of", "_walked_at", "_missing", "_deleted_at"];

/// One conversation of the lake. Times are epoch microseconds; `None` means never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub id: i64,
    pub listed_at: Option<i64>,
    pub messages_as_of: Option<i64>,
    pub walked_at: Option<i64>,
    /// Index into [`Ledger::partition`].
    pub partition: u32,
    /// Its detail answered 404.
    pub deleted: bool,
    /// Its messages answered 404.
    pub missing: bool,
}

/// All conversations of the lake, sorted by id.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    entries: Vec<Entry>,
    partitions: Vec<String>,
}

impl Entry {
    /// Whether nothing needs to be fetched for a conversation that the list shows with `updated_us`.
    ///
    /// A message may become visible late, so a conversation only settles some minutes after it changed.
    pub fn is_settled(&self, updated_us: i64, with_messages: bool) -> bool {
        let listed = self.listed_at.is_some_and(|listed| listed >= updated_us);
        listed && (!with_messages || self.deleted || self.has_settled_messages(updated_us))
    }

    fn has_settled_messages(&self, updated_us: i64) -> bool {
        let margin = SETTLES_AFTER.as_micros() as i64;
        self.messages_as_of.is_some_and(|as_of| as_of >= updated_us)
            && self.walked_at.is_some_and(|walked| walked >= updated_us.saturating_add(margin))
    }

    /// Whether this very walk has already fetched it, as recent as the list shows it.
    pub fn was_fetched_by(&self, walk: Timestamp, updated_us: i64) -> bool {
        self.walked_at == Some(walk.as_microsecond())
            && self.listed_at.is_some_and(|listed| listed >= updated_us)
            && self.messages_as_of.is_some_and(|as_of| as_of >= updated_us)
    }

    /// Messages that a walk has fetched which began at or before `reset_us` are no longer in the lake.
    fn lose_messages(&mut self, reset_us: i64) {
        if self.walked_at.is_some_and(|walked| walked <= reset_us) {
            (self.messages_as_of, self.walked_at, self.missing) = (None, None, false);
        }
    }

    /// Whether its messages were never fetched, or not since the conversation last changed and settled.
    pub fn lacks_messages(&self) -> bool {
        let settled = match self.listed_at {
            Some(listed) => self.has_settled_messages(listed),
            None => self.messages_as_of.is_some(),
        };
        !self.deleted && !settled
    }
}

impl Ledger {
    /// Reads the ledger of the lake.
    pub async fn read(lake: &mut Lake) -> Result<Self> {
        let mut ledger = Self::default();
        let rows = lake.manifest.tables.get(CONVERSATIONS.name).map_or(0, |table| table.rows);
        ledger.entries.reserve_exact(rows as usize);
        for (partition, object) in lake.open_all(&CONVERSATIONS).await? {
            let number = ledger.partitions.len() as u32;
            let entries = cpu::run_on(object.bytes(), move || read_object(&object, number)).await?;
            ledger.entries.extend(entries);
            ledger.partitions.push(partition.unwrap_or_default());
        }
        ledger.entries.sort_unstable_by_key(|entry| entry.id);
        if let Some(reset) = lake.manifest.tables.get(MESSAGES.name).and_then(|table| table.reset) {
            ledger.entries.iter_mut().for_each(|entry| entry.lose_messages(reset.as_microsecond()));
        }
        Ok(ledger)
    }

    /// The ledger of these conversations, of which nothing else is known.
    pub fn of(mut entries: Vec<Entry>) -> Self {
        entries.sort_unstable_by_key(|entry| entry.id);
        Self { entries, partitions: vec![String::new()] }
    }

    /// The same without what is forgotten.
    pub fn without(mut self, forgotten: &Forgotten) -> Self {
        if !forgotten.is_empty() {
            self.entries.retain(|entry| !forgotten.contains(Subject::Conversation(entry.id)));
        }
        self
    }

    /// The conversation of this id.
    pub fn get(&self, id: i64) -> Option<&Entry> {
        let found = self.entries.binary_search_by_key(&id, |entry| entry.id).ok()?;
        self.entries.get(found)
    }

    /// The partition an entry stands in.
    pub fn partition(&self, entry: &Entry) -> &str {
        &self.partitions[entry.partition as usize]
    }

    /// All conversations, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }
}

fn read_object(reader: &data_file::Reader, partition: u32) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for batch in reader.columns(COLUMNS)? {
        let batch = batch?;
        entries.extend((0..batch.num_rows()).map(|row| entry(&batch, row, partition)));
    }
    Ok(entries)
}

fn entry(batch: &RecordBatch, row: usize, partition: u32) -> Entry {
    let time = |name: &str| time_at(instants(batch, name), row);
    Entry {
        id: int_at(ints(batch, "id"), row).expect("a key is never null"),
        listed_at: time("_listed_at"),
        messages_as_of: time("_messages_as_of"),
        walked_at: time("_walked_at"),
        partition,
        deleted: time("_deleted_at").is_some(),
        missing: super::columns::column(batch, "_missing").is_valid(row),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000;

    fn entry(listed: i64, as_of: Option<i64>, walked: Option<i64>) -> Entry {
        Entry {
            id: 1,
            listed_at: Some(listed),
            messages_as_of: as_of,
            walked_at: walked,
            partition: 0,
            deleted: false,
            missing: false,
        }
    }

    #[test]
    fn a_conversation_settles_ten_minutes_after_it_changed() {
        let at = 1_000 * MINUTE;
        assert!(entry(at, Some(at), Some(at + 10 * MINUTE)).is_settled(at, true));
        assert!(!entry(at, Some(at), Some(at + 9 * MINUTE)).is_settled(at, true));
        assert!(!entry(at, Some(at), Some(at + 10 * MINUTE)).is_settled(at + 1, true));
    }

    #[test]
    fn without_messages_only_the_detail_counts() {
        let at = 1_000 * MINUTE;
        assert!(entry(at, None, None).is_settled(at, false));
        assert!(!entry(at, None, None).is_settled(at, true));
        assert!(entry(at, None, None).lacks_messages());
    }

    #[test]
    fn a_walk_never_fetches_the_same_version_twice() {
        let at = Timestamp::from_microsecond(1_000 * MINUTE).unwrap();
        let entry = entry(5, Some(5), Some(at.as_microsecond()));
        assert!(entry.was_fetched_by(at, 5));
        assert!(!entry.was_fetched_by(at, 6));
    }
}
