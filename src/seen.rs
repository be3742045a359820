//! When an id was seen in conversations: first, last, how often.

use std::collections::BTreeMap;

use crate::columns::{instants, int_at, ints, time_at};
use crate::data_file::Reader;
use crate::error::Result;

/// When an id was seen. Times are epoch microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// In the conversation that began first.
    pub first: Option<i64>,
    /// In the conversation that changed last.
    pub last: Option<i64>,
    /// In so many conversations.
    pub conversations: i64,
}

impl Seen {
    fn note(&mut self, created: Option<i64>, updated: Option<i64>) {
        self.first = self.first.into_iter().chain(created).min();
        self.last = self.last.max(updated).max(created);
        self.conversations += 1;
    }
}

/// When each id was seen.
pub type AllSeen = BTreeMap<i64, Seen>;

/// Notes all ids in `column` of an object of conversations, deleted ones included: what was seen stays known.
pub fn note(mut seen: AllSeen, object: &Reader, column: &str) -> Result<AllSeen> {
    for batch in object.columns(&[column, "created_at", "updated_at"])? {
        let batch = batch?;
        let (created, updated) = (instants(&batch, "created_at"), instants(&batch, "updated_at"));
        let ids = ints(&batch, column);
        for row in 0..batch.num_rows() {
            if let Some(id) = int_at(ids, row) {
                seen.entry(id).or_default().note(time_at(created, row), time_at(updated, row));
            }
        }
    }
    Ok(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_and_last_ignore_what_is_not_known() {
        let mut seen = Seen::default();
        seen.note(None, Some(5));
        seen.note(Some(3), None);
        assert_eq!(seen, Seen { first: Some(3), last: Some(5), conversations: 2 });
    }
}
