//! A change to one object that owns all it needs, so that it can travel to the pool.

use arrow::array::RecordBatch;

use crate::fold::{Changes, Dropped, Gone, Matching, Picker, Values};
use crate::schema::Table;

/// What is to be folded into one object.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Rows as they were read.
    pub upserts: Vec<RecordBatch>,
    /// Rows made up for records that answered 404; stored rows are marked rather than replaced.
    pub stubs: Option<RecordBatch>,
    /// Parents whose whole set of rows was read.
    pub replaced: Option<Keys>,
    /// Stored rows that are gone.
    pub gone: Departed,
    /// Rows to remove physically.
    pub dropped: Option<Picker>,
    /// Start of the walk, in epoch microseconds.
    pub walk_us: i64,
}

/// Values of one column.
#[derive(Debug, Clone)]
pub struct Keys {
    /// The column.
    pub column: &'static str,
    /// Its values.
    pub values: KeyValues,
}

/// Values by kind.
#[derive(Debug, Clone)]
pub enum KeyValues {
    /// Of an integer column.
    Ints(Vec<i64>),
    /// Of a text column.
    Texts(Vec<String>),
}

/// Which stored rows are gone.
#[derive(Debug, Clone, Default)]
pub enum Departed {
    /// None.
    #[default]
    None,
    /// Those of these keys or parents.
    Of(Keys),
    /// Every one that did not come in.
    AllAbsent,
    /// Every one that did not come in and whose time lies in the window (epoch microseconds).
    AbsentWithin {
        /// The time column.
        column: &'static str,
        /// First instant of the window.
        from_us: i64,
        /// First instant after it.
        to_us: i64,
    },
}

impl Keys {
    /// Integer values of `column`.
    pub fn ints(column: &'static str, values: Vec<i64>) -> Self {
        Self { column, values: KeyValues::Ints(values) }
    }

    fn matching(&self) -> Matching<'_> {
        let values = match &self.values {
            KeyValues::Ints(values) => Values::Ints(values),
            KeyValues::Texts(values) => Values::Texts(values),
        };
        Matching { column: self.column, values }
    }
}

impl Change {
    /// About how much memory its rows take, in bytes.
    pub fn bytes(&self) -> u64 {
        self.upserts.iter().chain(&self.stubs).map(|rows| rows.get_array_memory_size() as u64).sum()
    }

    /// The change as the fold takes it.
    pub(super) fn of<'a>(&'a self, table: &'a Table) -> Changes<'a> {
        Changes {
            upserts: self.upserts.clone(),
            stubs: self.stubs.clone(),
            replaced: self.replaced.as_ref().map(Keys::matching),
            gone: self.gone.of(),
            dropped: self.dropped.as_ref().map_or(Dropped::None, Dropped::Picked),
            ..Changes::none(table, self.walk_us)
        }
    }
}

impl Departed {
    fn of(&self) -> Gone<'_> {
        match self {
            Self::None => Gone::None,
            Self::Of(keys) => Gone::Of(keys.matching()),
            Self::AllAbsent => Gone::AllAbsent,
            Self::AbsentWithin { column, from_us, to_us } => {
                Gone::AbsentWithin { column, from_us: *from_us, to_us: *to_us }
            }
        }
    }
}
