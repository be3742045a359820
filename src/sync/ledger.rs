//! The ledger: what the lake already holds for each conversation, read from the ledger columns of
//! `conversations`. Of those that need nothing only some bits are kept; of the others 40 bytes each.

mod read;

use jiff::Timestamp;

use super::bits::Bits;
use super::moment::Moment;
use crate::config::SETTLES_AFTER;

pub(super) use self::read::{Asked, Standing, read, standing};

/// One conversation of the lake. Times are epoch microseconds; none means never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub id: i64,
    pub listed_at: Moment,
    pub messages_as_of: Moment,
    pub walked_at: Moment,
    /// Index into [`Ledger::partition`].
    pub partition: u32,
    /// Its detail answered 404.
    pub deleted: bool,
    /// Its messages answered 404.
    pub missing: bool,
    /// Another hand has changed what the lake has of it.
    pub doubted: bool,
}

/// The conversations of the lake that a plan has to know of, sorted by id, and what is to be known of the others.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    entries: Vec<Entry>,
    partitions: Vec<String>,
    /// Listed conversations that are stored and need nothing, by their number in the index of what is listed.
    settled: Bits,
    /// How the listed ones stand in the lake.
    pub standing: Standing,
    /// Stored and not deleted.
    pub live: u64,
    /// Stored and not deleted, but not listed.
    pub unlisted: u64,
}

impl Entry {
    /// Whether nothing needs to be fetched for a conversation that the list shows with `updated_us`.
    ///
    /// A message may become visible late, so a conversation only settles some minutes after it changed.
    pub fn is_settled(&self, updated_us: i64, with_messages: bool) -> bool {
        let listed = self.listed_at.get().is_some_and(|listed| listed >= updated_us);
        listed && (!with_messages || self.deleted || self.has_settled_messages(updated_us))
    }

    fn has_settled_messages(&self, updated_us: i64) -> bool {
        let margin = SETTLES_AFTER.as_micros() as i64;
        self.messages_as_of.get().is_some_and(|as_of| as_of >= updated_us)
            && self.walked_at.get().is_some_and(|walked| walked >= updated_us.saturating_add(margin))
    }

    /// Whether this very walk has already fetched it, as recent as the list shows it.
    pub fn was_fetched_by(&self, walk: Timestamp, updated_us: i64) -> bool {
        self.walked_at.get() == Some(walk.as_microsecond())
            && self.listed_at.get().is_some_and(|listed| listed >= updated_us)
            && self.messages_as_of.get().is_some_and(|as_of| as_of >= updated_us)
    }

    /// Messages that a walk has fetched which began at or before `reset_us` are no longer in the lake.
    fn lose_messages(&mut self, reset_us: i64) {
        if self.walked_at.get().is_some_and(|walked| walked <= reset_us) {
            (self.messages_as_of, self.walked_at, self.missing) = (None.into(), None.into(), false);
        }
    }

    /// Whether its messages were never fetched, or not since the conversation last changed and settled.
    pub fn lacks_messages(&self) -> bool {
        let settled = match self.listed_at.get() {
            Some(listed) => self.has_settled_messages(listed),
            None => self.messages_as_of.get().is_some(),
        };
        !self.deleted && !settled
    }
}

impl Ledger {
    /// The ledger of these conversations, of which nothing else is known.
    pub fn of(mut entries: Vec<Entry>) -> Self {
        entries.sort_unstable_by_key(|entry| entry.id);
        Self { entries, partitions: vec![String::new()], ..Self::default() }
    }

    /// Whether the listed conversation of this number is known to need nothing; it has no entry then.
    pub fn is_settled(&self, number: usize) -> bool {
        self.settled.has(number)
    }

    /// The conversation of this id, if the plan has to know of it.
    pub fn get(&self, id: i64) -> Option<&Entry> {
        let found = self.entries.binary_search_by_key(&id, |entry| entry.id).ok()?;
        self.entries.get(found)
    }

    /// The partition an entry stands in.
    pub fn partition(&self, entry: &Entry) -> &str {
        &self.partitions[entry.partition as usize]
    }

    /// All that the plan has to know of, by id.
    pub fn iter(&self) -> std::slice::Iter<'_, Entry> {
        self.entries.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000;

    fn entry(listed: i64, as_of: Option<i64>, walked: Option<i64>) -> Entry {
        Entry {
            id: 1,
            listed_at: Some(listed).into(),
            messages_as_of: as_of.into(),
            walked_at: walked.into(),
            partition: 0,
            deleted: false,
            missing: false,
            doubted: false,
        }
    }

    #[test]
    fn an_entry_is_small() {
        assert_eq!(size_of::<Entry>(), 40);
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
