//! Which rows of a batch are gone, and which are to be dropped.

use std::collections::HashSet;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;

use super::changes::{Changes, Dropped, Gone, Matching, Picker, Values};
use crate::error::{Error, Result};
use crate::schema::{Kind, Table};

/// The name of the column that holds tombstones.
pub(super) const DELETED_AT: &str = "_deleted_at";

/// Whom a change calls gone or dropped.
pub(super) struct Matchers {
    gone: Vec<Matcher>,
    dropped: Vec<Matcher>,
    picker: Option<Picker>,
}

enum Matcher {
    All,
    Ints(String, HashSet<i64>),
    Texts(String, HashSet<String>),
    Within(String, std::ops::Range<i64>),
    Set(&'static str),
}

impl Matchers {
    pub(super) fn new(changes: &Changes<'_>) -> Result<Self> {
        let table = changes.table;
        let replaced = changes.replaced.map(|matching| Matcher::of(matching, table));
        let gone = match changes.gone {
            Gone::None => None,
            Gone::Of(matching) => Some(Matcher::of(matching, table)),
            Gone::AllAbsent => Some(Ok(Matcher::All)),
            Gone::AbsentWithin { column, from_us, to_us } => {
                Some(Matcher::within(table, column, from_us..to_us))
            }
        };
        let dropped = match changes.dropped {
            Dropped::None | Dropped::Picked(_) => None,
            Dropped::Of(matching) => Some(Matcher::of(matching, table)),
            Dropped::Deleted => Some(Ok(Matcher::Set(DELETED_AT))),
        };
        let picker = if let Dropped::Picked(picker) = changes.dropped { Some(picker.clone()) } else { None };
        Ok(Self {
            picker,
            gone: replaced.into_iter().chain(gone).collect::<Result<_>>()?,
            dropped: dropped.into_iter().collect::<Result<_>>()?,
        })
    }

    /// For each row, whether it is gone unless it came in.
    pub(super) fn gone(&self, batch: &RecordBatch) -> Vec<bool> {
        mask(&self.gone, batch)
    }

    /// For each row, whether it is to be removed.
    pub(super) fn dropped(&self, batch: &RecordBatch) -> Vec<bool> {
        match &self.picker {
            Some(picker) => (picker.picks)(batch),
            None => mask(&self.dropped, batch),
        }
    }

    /// The columns that masks look at, and the tombstones.
    pub(super) fn columns(&self) -> Vec<&str> {
        let matchers = self.gone.iter().chain(&self.dropped);
        let picked = self.picker.iter().flat_map(|picker| picker.columns.iter().copied());
        matchers.filter_map(Matcher::column).chain(picked).chain([DELETED_AT]).collect()
    }
}

fn mask(matchers: &[Matcher], batch: &RecordBatch) -> Vec<bool> {
    let mut mask = vec![false; batch.num_rows()];
    for matcher in matchers {
        let column = matcher.column().and_then(|name| batch.column_by_name(name));
        let matched = mask.iter_mut().enumerate();
        matched.for_each(|(row, is)| *is |= matcher.holds(column, row));
    }
    mask
}

impl Matcher {
    fn of(matching: Matching<'_>, table: &Table) -> Result<Self> {
        let column = matching.column.to_owned();
        match (matching.values, table.column(matching.column).map(|column| column.kind)) {
            (Values::Ints(values), Some(Kind::Int)) => {
                Ok(Self::Ints(column, values.iter().copied().collect()))
            }
            (Values::Texts(values), Some(Kind::Text)) => {
                Ok(Self::Texts(column, values.iter().cloned().collect()))
            }
            _ => Err(no_such_column(table, matching.column)),
        }
    }

    fn within(table: &Table, column: &str, window: std::ops::Range<i64>) -> Result<Self> {
        match table.column(column).map(|column| column.kind) {
            Some(Kind::Time) => Ok(Self::Within(column.to_owned(), window)),
            _ => Err(no_such_column(table, column)),
        }
    }

    fn column(&self) -> Option<&str> {
        match self {
            Self::All => None,
            Self::Ints(column, _) | Self::Texts(column, _) | Self::Within(column, _) => Some(column),
            Self::Set(column) => Some(column),
        }
    }

    fn holds(&self, column: Option<&ArrayRef>, row: usize) -> bool {
        let Some(column) = column.filter(|column| column.is_valid(row)) else {
            return matches!(self, Self::All);
        };
        match self {
            Self::All | Self::Set(_) => true,
            Self::Ints(_, values) => values.contains(&column.as_primitive::<Int64Type>().value(row)),
            Self::Texts(_, values) => values.contains(column.as_string::<i32>().value(row)),
            Self::Within(_, window) => window.contains(&time_us(column, row)),
        }
    }
}

fn time_us(column: &ArrayRef, row: usize) -> i64 {
    debug_assert!(matches!(column.data_type(), DataType::Timestamp(..)));
    column.as_primitive::<TimestampMicrosecondType>().value(row)
}

fn no_such_column(table: &Table, column: &str) -> Error {
    Error::internal(format!("{}.{column} cannot be matched by these values", table.name))
}
