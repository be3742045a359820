//! Folding: a change is merged into the rows of one object, and the object is encoded anew.
//!
//! Promises: one row per identity (the table's `sort` columns), sorted by it; the same final rows give
//! the same bytes, whatever the order of folds that led there; an object in which not one row changed is
//! not encoded at all. Holds one row group of the old object, the change, and what the encoder holds.
//!
//! Pure computing. Knows nothing of JSON, HTTP, stores, the clock, or where objects go.

mod changes;
mod gather;
mod identity;
mod incoming;
mod matching;
mod merge;
mod pairs;
mod roles;
#[cfg(test)]
mod tests;

use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

pub use self::changes::{Changes, Dropped, FoldCounts, Folded, Gone, Matching, Picker, Picks, Values};
use self::gather::Gather;
use self::incoming::Incoming;
use self::matching::Matchers;
use self::merge::{Merge, Outcome};
use self::roles::Roles;
pub use crate::data_file::conform;
use crate::data_file::{Encoder, Reader};
use crate::error::{Error, Result};
use crate::schema::Table;

/// Merges `changes` into the rows of `old`, which is `None` while the partition has no object yet.
///
/// An object that an older version wrote is encoded anew even when no row changed. Fails when the old
/// object cannot be decoded or is not sorted by identity.
pub fn fold(old: Option<&Reader>, changes: Changes<'_>) -> Result<Folded> {
    let fold = Fold::new(changes, old.is_some())?;
    let Some(old) = old else { return fold.encode_first() };
    if let Some(counts) = fold.if_unchanged(old)? {
        return Ok(Folded { object: None, counts });
    }
    fold.encode(old)
}

/// A change, prepared for merging.
struct Fold<'a> {
    table: &'a Table,
    walk_us: i64,
    incoming: Incoming,
    matchers: Matchers,
    roles: Roles,
}

impl<'a> Fold<'a> {
    fn new(changes: Changes<'a>, compared: bool) -> Result<Self> {
        Ok(Self {
            table: changes.table,
            walk_us: changes.walk_us,
            matchers: Matchers::new(&changes)?,
            roles: Roles::of(changes.table),
            incoming: Incoming::new(changes, compared)?,
        })
    }

    /// The counts, if the merge would leave the object as it is. Reads until the first row that changes.
    fn if_unchanged(&self, old: &Reader) -> Result<Option<FoldCounts>> {
        if !old.differences().is_empty() {
            return Ok(None);
        }
        let mut merge = Merge::new(self);
        for batch in old.columns(&self.compared())? {
            merge.step(&batch?)?;
            if merge.counts().changes() > 0 {
                return Ok(None);
            }
        }
        merge.rest();
        let counts = merge.counts();
        Ok((counts.changes() == 0).then_some(counts))
    }

    /// Without incoming rows nothing is compared, so few columns are enough to know what changes.
    fn compared(&self) -> Vec<&'static str> {
        let all = self.roles.names();
        if self.incoming.rows() > 0 {
            return all;
        }
        let needed = self.matchers.columns();
        let is_needed = |name: &&str| self.incoming.sort().contains(name) || needed.contains(name);
        all.into_iter().filter(is_needed).collect()
    }

    fn encode(&self, old: &Reader) -> Result<Folded> {
        let mut encoder = Encoder::with_room(self.table, old.bytes() + self.incoming.bytes())?;
        let mut merge = Merge::new(self);
        for batch in old.batches() {
            let batch = batch?;
            let outcomes = merge.step(&batch)?;
            self.write(&mut encoder, &batch, &outcomes)?;
        }
        self.write_rest(&mut encoder, &merge.rest())?;
        Ok(Folded { object: Some(encoder.finish()?), counts: merge.counts() })
    }

    /// Where nothing is stored yet, there is nothing to compare with.
    fn encode_first(&self) -> Result<Folded> {
        let mut merge = Merge::new(self);
        let rows = merge.rest();
        let counts = merge.counts();
        if counts.changes() == 0 {
            return Ok(Folded { object: None, counts });
        }
        let mut encoder = Encoder::new(self.table)?;
        self.write_rest(&mut encoder, &rows)?;
        Ok(Folded { object: Some(encoder.finish()?), counts })
    }

    /// Writes incoming rows, by their numbers.
    fn write_rest(&self, encoder: &mut Encoder, rows: &[usize]) -> Result<()> {
        let places: Vec<_> = rows.iter().map(|row| self.incoming.place(*row)).collect();
        encoder.pick(self.incoming.batches(), &places)
    }

    fn write(&self, encoder: &mut Encoder, old: &RecordBatch, outcomes: &[Outcome]) -> Result<()> {
        if merge::is_untouched(outcomes, old.num_rows()) {
            return encoder.write(old);
        }
        let gather = Gather::new(old, &self.incoming, &self.roles, self.walk_us);
        gather.batches(outcomes).try_for_each(|batch| encoder.write(&batch?))
    }
}

/// For kernels that fail only when schemas were not checked before.
fn unexpected(error: ArrowError) -> Error {
    Error::internal("rows cannot be merged").caused_by(error)
}
