//! Compares the stored and the incoming version of a row.
//!
//! Null, an empty list and an empty text are three different values; floats are compared by total order,
//! so that every NaN equals itself and 0.0 differs from -0.0, as their bytes do.

use std::cmp::Ordering;

use arrow::array::{Array, ArrayRef, DynComparator, make_comparator};
use arrow::compute::SortOptions;
use arrow::record_batch::RecordBatch;

use super::roles::{Role, Roles};
use super::unexpected;
use crate::error::Result;

/// Compares rows of one stored batch with incoming rows.
pub(super) struct Pairs {
    content: Vec<DynComparator>,
    ledger: Vec<(DynComparator, ArrayRef)>,
}

impl Pairs {
    pub(super) fn new(roles: &Roles, old: &RecordBatch, new: &RecordBatch) -> Result<Self> {
        let mut pairs = Self { content: Vec::new(), ledger: Vec::new() };
        for ((role, old), new) in roles.iter().zip(old.columns()).zip(new.columns()) {
            let compare = make_comparator(old, new, SortOptions::default()).map_err(unexpected)?;
            match role {
                Role::Content => pairs.content.push(compare),
                Role::Ledger => pairs.ledger.push((compare, new.clone())),
                Role::SyncedAt | Role::DeletedAt => {}
            }
        }
        Ok(pairs)
    }

    /// Whether what the rows say of the record differs.
    pub(super) fn content_differs(&self, old: usize, new: usize) -> bool {
        self.content.iter().any(|compare| compare(old, new) != Ordering::Equal)
    }

    /// Whether the ledger differs.
    pub(super) fn ledger_differs(&self, old: usize, new: usize) -> bool {
        self.ledger.iter().any(|(compare, _)| compare(old, new) != Ordering::Equal)
    }

    /// Whether the ledger differs where the incoming one says anything.
    pub(super) fn ledger_moves(&self, old: usize, new: usize) -> bool {
        let moves = |(compare, values): &(DynComparator, ArrayRef)| {
            values.is_valid(new) && compare(old, new) != Ordering::Equal
        };
        self.ledger.iter().any(moves)
    }
}
