//! What a footer says of an object's columns, without any row being read.

use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use parquet::file::statistics::Statistics;

use super::Reader;

/// One column that is neither a list nor a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnSummary {
    /// Its name.
    pub name: String,
    /// Rows without a value, where every row group counts them.
    pub nulls: Option<u64>,
    /// The least and the greatest value of a column of integers or times (in microseconds); none where there
    /// is no value, or where a row group does not tell.
    pub range: Option<(i64, i64)>,
}

/// What row groups tell of a column.
#[derive(Debug, Clone, Copy)]
struct Told {
    nulls: Option<u64>,
    range: Range,
}

/// The bounds of a column.
#[derive(Debug, Clone, Copy)]
enum Range {
    Unknown,
    /// There is no value.
    Empty,
    Within(i64, i64),
}

impl Reader {
    /// What the footer says of each plain column, in their order.
    pub fn summaries(&self) -> Vec<ColumnSummary> {
        let leaves = self.parquet().file_metadata().schema_descr().columns().iter().enumerate();
        let plain = leaves.filter(|(_, leaf)| leaf.path().parts().len() == 1);
        plain.map(|(leaf, column)| self.summary(leaf, column.name())).collect()
    }

    fn summary(&self, leaf: usize, name: &str) -> ColumnSummary {
        let groups = self.parquet().row_groups().iter().map(|group| told(group, leaf));
        let all = groups.fold(Told { nulls: Some(0), range: Range::Empty }, Told::and);
        let range = match all.range {
            Range::Within(least, greatest) => Some((least, greatest)),
            Range::Unknown | Range::Empty => None,
        };
        ColumnSummary { name: name.to_owned(), nulls: all.nulls, range }
    }
}

impl Told {
    fn and(self, other: Self) -> Self {
        let nulls = self.nulls.zip(other.nulls).map(|(one, other)| one + other);
        Self { nulls, range: self.range.and(other.range) }
    }
}

impl Range {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Empty, range) | (range, Self::Empty) => range,
            (Self::Within(a, b), Self::Within(c, d)) => Self::Within(a.min(c), b.max(d)),
        }
    }
}

fn told(group: &RowGroupMetaData, leaf: usize) -> Told {
    let column = group.column(leaf);
    match column.statistics() {
        Some(told) => Told { nulls: told.null_count_opt(), range: range(told, column) },
        None => Told { nulls: None, range: Range::Unknown },
    }
}

fn range(told: &Statistics, column: &ColumnChunkMetaData) -> Range {
    let Statistics::Int64(values) = told else { return Range::Unknown };
    let is_empty = told.null_count_opt() == Some(column.num_values() as u64);
    match values.min_opt().zip(values.max_opt()) {
        Some((least, greatest)) => Range::Within(*least, *greatest),
        None if is_empty => Range::Empty,
        None => Range::Unknown,
    }
}
