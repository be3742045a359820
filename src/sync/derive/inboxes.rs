//! Inboxes: the distinct inbox ids of conversations.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};

use super::Inputs;
use crate::columns::{assemble, times};
use crate::error::Result;
use crate::schema::Table;
use crate::seen::AllSeen;

/// One row per inbox.
pub(super) fn rows(table: &Table, seen: &AllSeen, _: &Inputs) -> Result<RecordBatch> {
    let ids: ArrayRef = Arc::new(seen.keys().copied().collect::<Int64Array>());
    let counts: ArrayRef = Arc::new(seen.values().map(|seen| seen.conversations).collect::<Int64Array>());
    let columns = vec![
        ("id", ids),
        ("first_seen", times(seen.values().map(|seen| seen.first))),
        ("last_seen", times(seen.values().map(|seen| seen.last))),
        ("conversations", counts),
    ];
    assemble(table, seen.len(), columns)
}
