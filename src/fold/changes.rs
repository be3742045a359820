//! What a fold is asked to do, and what it says it did.

use std::fmt;
use std::sync::Arc;

use arrow::record_batch::RecordBatch;

use crate::data_file::Encoded;
use crate::schema::Table;

/// What is to be merged into one object.
///
/// A row that came in is never tombstoned by `replaced` or `gone` of the same change: it was read, so it
/// is there.
#[derive(Debug, Clone)]
pub struct Changes<'a> {
    /// The table.
    pub table: &'a Table,
    /// Rows as they were read, of the table's schema, with `_synced_at` at the start of the walk. In any
    /// order; of several with one identity the last one wins.
    pub upserts: Vec<RecordBatch>,
    /// Rows made up from what else is known of records that Drift answered 404 for, with `_deleted_at`
    /// set. One whose identity is stored already does not replace what is stored: the stored row gets its
    /// tombstone and the ledger of this one, where that is not null. Upserts win over these.
    pub stubs: Option<RecordBatch>,
    /// Parents whose whole set of rows was read again: their stored rows that did not come in are
    /// tombstoned.
    pub replaced: Option<Matching<'a>>,
    /// Stored rows that are to be tombstoned unless they came in.
    pub gone: Gone<'a>,
    /// Rows that are to be removed physically, stored or incoming.
    pub dropped: Dropped<'a>,
    /// Start of the walk in epoch microseconds: `_deleted_at` and `_synced_at` of tombstones.
    pub walk_us: i64,
}

impl<'a> Changes<'a> {
    /// No change yet, of a walk that started at `walk_us` (epoch microseconds).
    pub fn none(table: &'a Table, walk_us: i64) -> Self {
        Self {
            table,
            upserts: Vec::new(),
            stubs: None,
            replaced: None,
            gone: Gone::None,
            dropped: Dropped::None,
            walk_us,
        }
    }
}

/// The rows whose value in a column is one of these.
#[derive(Debug, Clone, Copy)]
pub struct Matching<'a> {
    /// The column: a key, or the parent's key.
    pub column: &'a str,
    /// The values, in any order.
    pub values: Values<'a>,
}

/// Values of a column, by its kind.
#[derive(Debug, Clone, Copy)]
pub enum Values<'a> {
    /// Of an integer column.
    Ints(&'a [i64]),
    /// Of a text column.
    Texts(&'a [String]),
}

/// Which stored rows are gone.
#[derive(Debug, Clone, Copy)]
pub enum Gone<'a> {
    /// None.
    None,
    /// Those of these keys or parents.
    Of(Matching<'a>),
    /// Every one that did not come in: the whole table was read.
    AllAbsent,
    /// Every one that did not come in and whose time lies in the window that was read.
    AbsentWithin {
        /// The time column; a row without a time stays.
        column: &'a str,
        /// First instant of the window, in epoch microseconds.
        from_us: i64,
        /// First instant after the window, in epoch microseconds.
        to_us: i64,
    },
}

/// Which rows are removed for good.
#[derive(Debug, Clone, Copy)]
pub enum Dropped<'a> {
    /// None.
    None,
    /// Those of these keys or parents.
    Of(Matching<'a>),
    /// All of which the stored or the incoming row bears a tombstone.
    Deleted,
    /// Those that are picked.
    Picked(&'a Picker),
}

/// For each row of a batch, whether it is picked.
pub type Picks = dyn Fn(&RecordBatch) -> Vec<bool> + Send + Sync;

/// Picks rows by what stands in some of their columns.
#[derive(Clone)]
pub struct Picker {
    /// The columns it looks at.
    pub columns: Vec<&'static str>,
    /// Picks among the rows of a batch with these columns.
    pub picks: Arc<Picks>,
}

impl fmt::Debug for Picker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Picker").field("columns", &self.columns).finish_non_exhaustive()
    }
}

/// What a fold did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folded {
    /// The new object, which may be without rows; nothing when not one row changed, so that there is
    /// nothing to put.
    pub object: Option<Encoded>,
    /// What happened to the rows.
    pub counts: FoldCounts,
}

/// Numbers of rows. Each row of the result is counted once among `inserted`, `updated`, `relisted`,
/// `tombstoned`, `revived` and `unchanged`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FoldCounts {
    /// In the object now.
    pub rows: u64,
    /// Of these, with `_deleted_at`.
    pub deleted: u64,
    /// New.
    pub inserted: u64,
    /// Stored in another version before, and neither tombstoned nor revived.
    pub updated: u64,
    /// The same but for the ledger; they keep their `_synced_at`.
    pub relisted: u64,
    /// Found to be gone by this change.
    pub tombstoned: u64,
    /// Gone before, and there again.
    pub revived: u64,
    /// Kept as they were.
    pub unchanged: u64,
    /// Removed physically.
    pub dropped: u64,
    /// Rows whose key the row before them has too: Drift itself gave one key to several records.
    pub duplicates: u64,
    /// Incoming rows that a later one of the same identity replaced before the merge.
    pub repeated: u64,
    /// Of these, the records that said something else than the one that stayed.
    pub contradicted: u64,
}

impl FoldCounts {
    /// How many rows make the object differ from what it was.
    pub fn changes(&self) -> u64 {
        self.inserted + self.updated + self.relisted + self.tombstoned + self.revived + self.dropped
    }
}
