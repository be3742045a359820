//! The merge: stored rows in order, incoming rows in order, and what becomes of each. Decides and counts
//! only; rows are moved by `gather`.

use arrow::array::{Array, ArrayRef};
use arrow::record_batch::RecordBatch;
use arrow::row::Row;

use super::Fold;
use super::changes::FoldCounts;
use super::identity::Identities;
use super::matching::DELETED_AT;
use super::pairs::Pairs;
use crate::error::{Error, Result};

/// One row of the result; rows are numbered within their batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The stored row as it is.
    Keep { old: usize },
    /// An incoming row.
    Insert { new: usize },
    /// The incoming version; a row that was gone and still is keeps the time when that was noticed.
    Update { old: usize, new: usize, keeps_tombstone: bool },
    /// The stored version with the incoming ledger.
    Relist { old: usize, new: usize },
    /// The stored version with the tombstone of this walk.
    Bury { old: usize },
    /// The stored version with a tombstone, and with the stub's ledger where that is not null.
    BuryByStub { old: usize, new: usize, keeps_tombstone: bool },
}

/// Whether the outcomes are just the `rows` stored rows of a batch.
pub(super) fn is_untouched(outcomes: &[Outcome], rows: usize) -> bool {
    outcomes.len() == rows && outcomes.iter().all(|outcome| matches!(outcome, Outcome::Keep { .. }))
}

/// How far the merge has come.
pub(super) struct Merge<'a> {
    fold: &'a Fold<'a>,
    /// The place of the next incoming row.
    next: usize,
    /// Which incoming rows bear a tombstone.
    deleted: Vec<bool>,
    dropped: Vec<bool>,
    /// The identity of the last row of the stored batch before.
    last_old: Option<Vec<u8>>,
    /// The key of the last row of the result, where several records may have one; no key is empty.
    last_key: Vec<u8>,
    counts: FoldCounts,
}

/// One stored batch, with all that is to be known about it.
struct Stored {
    identities: Identities,
    /// Nothing when no row comes in, so that there is nothing to compare with.
    pairs: Option<Pairs>,
    deleted: ArrayRef,
    gone: Vec<bool>,
    dropped: Vec<bool>,
}

impl<'a> Merge<'a> {
    pub(super) fn new(fold: &'a Fold<'_>) -> Self {
        let incoming = fold.incoming.batches();
        let buried = |batch| {
            let tombstones = tombstones(batch);
            (0..tombstones.len()).map(move |row| tombstones.is_valid(row))
        };
        Self {
            fold,
            next: 0,
            deleted: incoming.iter().flat_map(buried).collect(),
            dropped: incoming.iter().flat_map(|batch| fold.matchers.dropped(batch)).collect(),
            last_old: None,
            last_key: Vec::new(),
            counts: FoldCounts {
                repeated: fold.incoming.repeated(),
                contradicted: fold.incoming.contradicted(),
                ..FoldCounts::default()
            },
        }
    }

    pub(super) fn counts(&self) -> FoldCounts {
        self.counts
    }

    /// Merges the next stored batch with the incoming rows up to its last identity.
    pub(super) fn step(&mut self, batch: &RecordBatch) -> Result<Vec<Outcome>> {
        let stored = Stored::read(batch, self.fold)?;
        self.check_order(&stored.identities, batch.num_rows())?;
        let mut outcomes = Vec::with_capacity(batch.num_rows());
        for old in 0..batch.num_rows() {
            let identity = stored.identities.row(old);
            self.insert_while(|row| row < identity, &mut outcomes);
            let new = self.take_if(|row| row == identity);
            outcomes.extend(self.settle(&stored, old, new));
        }
        Ok(outcomes)
    }

    /// The numbers of the incoming rows after the last stored one, which are all new.
    pub(super) fn rest(&mut self) -> Vec<usize> {
        let mut rows = Vec::with_capacity(self.fold.incoming.rows() - self.next);
        while let Some(new) = self.take_if(|_| true) {
            rows.extend(self.insert(new).map(|_| new));
        }
        rows
    }

    fn insert_while(&mut self, belongs: impl Fn(Row<'_>) -> bool, outcomes: &mut Vec<Outcome>) {
        while let Some(new) = self.take_if(&belongs) {
            outcomes.extend(self.insert(new));
        }
    }

    fn take_if(&mut self, belongs: impl Fn(Row<'_>) -> bool) -> Option<usize> {
        let new = self.fold.incoming.at(self.next)?;
        let taken = belongs(self.fold.incoming.identities().row(new)).then_some(new);
        self.next += usize::from(taken.is_some());
        taken
    }

    fn insert(&mut self, new: usize) -> Option<Outcome> {
        if self.dropped[new] {
            return None;
        }
        self.counts.inserted += 1;
        self.count(self.deleted[new], self.fold.incoming.identities().key(new));
        Some(Outcome::Insert { new })
    }

    /// What becomes of a stored row, and of the incoming one of the same identity.
    fn settle(&mut self, stored: &Stored, old: usize, new: Option<usize>) -> Option<Outcome> {
        if stored.dropped[old] || new.is_some_and(|new| self.dropped[new]) {
            self.counts.dropped += 1;
            return None;
        }
        let outcome = match new {
            None => self.settle_alone(stored, old),
            Some(new) if self.fold.incoming.is_stub(new) => self.settle_stub(stored, old, new),
            Some(new) => self.settle_pair(stored, old, new),
        };
        let deleted = match outcome {
            Outcome::Bury { .. } | Outcome::BuryByStub { .. } => true,
            Outcome::Insert { new } | Outcome::Update { new, .. } => self.deleted[new],
            Outcome::Keep { old } | Outcome::Relist { old, .. } => stored.deleted.is_valid(old),
        };
        self.count(deleted, stored.identities.key(old));
        Some(outcome)
    }

    fn settle_alone(&mut self, stored: &Stored, old: usize) -> Outcome {
        if stored.gone[old] && stored.deleted.is_null(old) {
            self.counts.tombstoned += 1;
            return Outcome::Bury { old };
        }
        self.counts.unchanged += 1;
        Outcome::Keep { old }
    }

    fn settle_stub(&mut self, stored: &Stored, old: usize, new: usize) -> Outcome {
        let keeps_tombstone = stored.deleted.is_valid(old);
        let moves = stored.pairs.as_ref().is_some_and(|pairs| pairs.ledger_moves(old, new));
        let count = match (keeps_tombstone, moves) {
            (false, _) => &mut self.counts.tombstoned,
            (true, true) => &mut self.counts.relisted,
            (true, false) => {
                self.counts.unchanged += 1;
                return Outcome::Keep { old };
            }
        };
        *count += 1;
        Outcome::BuryByStub { old, new, keeps_tombstone }
    }

    fn settle_pair(&mut self, stored: &Stored, old: usize, new: usize) -> Outcome {
        let pairs = stored.pairs.as_ref().expect("rows are compared whenever one comes in");
        let (was_deleted, is_deleted) = (stored.deleted.is_valid(old), self.deleted[new]);
        let count = match (was_deleted, is_deleted) {
            (true, false) => &mut self.counts.revived,
            (false, true) => &mut self.counts.tombstoned,
            _ if pairs.content_differs(old, new) => &mut self.counts.updated,
            _ if pairs.ledger_differs(old, new) => {
                self.counts.relisted += 1;
                return Outcome::Relist { old, new };
            }
            _ => {
                self.counts.unchanged += 1;
                return Outcome::Keep { old };
            }
        };
        *count += 1;
        Outcome::Update { old, new, keeps_tombstone: was_deleted && is_deleted }
    }

    fn count(&mut self, deleted: bool, key: Option<&[u8]>) {
        self.counts.rows += 1;
        self.counts.deleted += u64::from(deleted);
        if let Some(key) = key {
            self.counts.duplicates += u64::from(self.last_key == key);
            self.last_key.clear();
            self.last_key.extend_from_slice(key);
        }
    }

    fn check_order(&mut self, identities: &Identities, rows: usize) -> Result<()> {
        let Some(last) = rows.checked_sub(1) else { return Ok(()) };
        let follows = self.last_old.as_deref().is_none_or(|before| before < identities.row(0).data());
        if !follows || (0..last).any(|row| identities.row(row) >= identities.row(row + 1)) {
            return Err(Error::store("the object's rows are not in order, each once")
                .hint("something else wrote this object; restore it, or `reset` the table and sync again"));
        }
        self.last_old = Some(identities.row(last).data().to_owned());
        Ok(())
    }
}

impl Stored {
    fn read(batch: &RecordBatch, fold: &Fold<'_>) -> Result<Self> {
        let compares = fold.incoming.rows() > 0;
        let pairs = compares.then(|| Pairs::new(&fold.roles, batch, fold.incoming.batch()));
        Ok(Self {
            identities: fold.incoming.identity().read(std::slice::from_ref(batch))?,
            pairs: pairs.transpose()?,
            deleted: tombstones(batch),
            gone: fold.matchers.gone(batch),
            dropped: fold.matchers.dropped(batch),
        })
    }
}

fn tombstones(batch: &RecordBatch) -> ArrayRef {
    batch.column_by_name(DELETED_AT).expect("every batch of a fold has the tombstones").clone()
}
