//! A table, declared once: everything else (schema, decoder, requests, documentation) follows from it.

use super::column::{DELETED_AT, EXTRA, SYNCED_AT};
use super::{Column, Origin, Partition, Source};

/// A table of the lake.
#[derive(Debug)]
pub struct Table {
    /// Its name, which is its folder in the lake.
    pub name: &'static str,
    /// One sentence about it.
    pub about: &'static str,
    /// How it comes by its rows.
    pub source: Source,
    /// The columns whose values, together, stand once in the table.
    pub key: &'static [&'static str],
    /// The columns rows are sorted by; begins with the key, and goes on where Drift itself repeats a key.
    pub sort: &'static [&'static str],
    /// How it is cut into objects.
    pub partition: Partition,
    /// Tables that are read whenever this one is.
    pub brings: &'static [&'static str],
    /// Its own columns; the closing three are the same for all tables and are not repeated here.
    pub columns: &'static [Column],
}

impl Table {
    /// All columns in order: its own, then `_extra`, `_synced_at`, `_deleted_at`.
    pub fn all_columns(&self) -> impl Iterator<Item = &Column> + '_ {
        self.columns.iter().chain([&EXTRA, &SYNCED_AT, &DELETED_AT])
    }

    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.all_columns().find(|column| column.name == name)
    }

    /// The columns that mirror the record, which are those that the decoder fills.
    pub fn is_from_api(column: &Column) -> bool {
        !matches!(column.origin, Origin::Run)
    }

    /// Whether rows are computed rather than read.
    pub fn is_derived(&self) -> bool {
        matches!(self.source, Source::Derived { .. })
    }

    /// Where the object of a partition (or of the whole table) stands in the lake.
    pub fn object_path(&self, partition: Option<&str>) -> String {
        let name = self.name;
        match partition {
            Some(partition) => format!("{name}/{partition}/{name}.parquet"),
            None => format!("{name}/{name}.parquet"),
        }
    }
}
