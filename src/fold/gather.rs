//! Moves rows: from outcomes to batches, column by column.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, TimestampMicrosecondArray};
use arrow::compute::interleave;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

use super::incoming::Incoming;
use super::merge::Outcome;
use super::roles::{Role, Roles};
use super::unexpected;
use crate::error::Result;

/// Bounds what is copied at a time.
const BATCH_ROWS: usize = 8_192;

/// Where a value stands: in which of the three arrays below, and at which row.
type Place = (usize, usize);

const OLD: usize = 0;
const NEW: usize = 1;

/// One row: the start of the walk.
const WALK: Place = (2, 0);

/// The rows that outcomes point into.
pub(super) struct Gather<'a> {
    old: &'a RecordBatch,
    new: &'a RecordBatch,
    roles: &'a Roles,
    walk: ArrayRef,
}

impl<'a> Gather<'a> {
    pub(super) fn new(old: &'a RecordBatch, incoming: &'a Incoming, roles: &'a Roles, walk_us: i64) -> Self {
        let walk = TimestampMicrosecondArray::from(vec![walk_us]).with_timezone("UTC");
        Self { old, new: incoming.batch(), roles, walk: Arc::new(walk) }
    }

    /// The rows of the outcomes, in batches of bounded length.
    pub(super) fn batches(&self, outcomes: &[Outcome]) -> impl Iterator<Item = Result<RecordBatch>> {
        outcomes.chunks(BATCH_ROWS).map(|outcomes| self.batch(outcomes).map_err(unexpected))
    }

    fn batch(&self, outcomes: &[Outcome]) -> Result<RecordBatch, ArrowError> {
        let columns = self.roles.iter().enumerate().map(|(column, role)| self.column(column, role, outcomes));
        RecordBatch::try_new(self.new.schema(), columns.collect::<Result<_, _>>()?)
    }

    fn column(&self, column: usize, role: Role, outcomes: &[Outcome]) -> Result<ArrayRef, ArrowError> {
        let (old, new) = (self.old.column(column), self.new.column(column));
        let places = outcomes.iter().map(|outcome| match role {
            Role::Content => content(*outcome),
            Role::Ledger => ledger(*outcome, new),
            Role::SyncedAt => synced_at(*outcome),
            Role::DeletedAt => deleted_at(*outcome),
        });
        let places: Vec<Place> = places.collect();
        match role {
            Role::Content | Role::Ledger => interleave(&[old, new], &places),
            Role::SyncedAt | Role::DeletedAt => interleave(&[old, new, &self.walk], &places),
        }
    }
}

fn content(outcome: Outcome) -> Place {
    match outcome {
        Outcome::Insert { new } | Outcome::Update { new, .. } => (NEW, new),
        Outcome::Keep { old }
        | Outcome::Relist { old, .. }
        | Outcome::Bury { old }
        | Outcome::BuryByStub { old, .. } => (OLD, old),
    }
}

fn ledger(outcome: Outcome, incoming: &ArrayRef) -> Place {
    match outcome {
        Outcome::Insert { new } | Outcome::Update { new, .. } | Outcome::Relist { new, .. } => (NEW, new),
        Outcome::BuryByStub { new, .. } if incoming.is_valid(new) => (NEW, new),
        Outcome::Keep { old } | Outcome::Bury { old } | Outcome::BuryByStub { old, .. } => (OLD, old),
    }
}

fn synced_at(outcome: Outcome) -> Place {
    match outcome {
        Outcome::Bury { .. } | Outcome::BuryByStub { keeps_tombstone: false, .. } => WALK,
        other => content(other),
    }
}

fn deleted_at(outcome: Outcome) -> Place {
    match outcome {
        Outcome::Update { old, keeps_tombstone: true, .. } => (OLD, old),
        other => synced_at(other),
    }
}
