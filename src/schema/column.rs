//! A column: its name, where its value comes from, its kind, and one sentence about it.

use super::Kind;

/// Where a column's value comes from.
#[derive(Debug, Clone, Copy)]
pub enum Origin {
    /// The record's field at this path of API names, such as `["author", "id"]`.
    Field(&'static [&'static str]),
    /// A leaf of a free map that has a column of its own: the first of these paths with a fitting value.
    /// A value that does not fit is null here, since the whole map is kept anyway.
    Lifted(&'static [&'static [&'static str]]),
    /// The key of the parent that the record was asked under. The record's own field at this path is
    /// kept in `_extra` when it says something else.
    Parent(&'static [&'static str]),
    /// Filled in by the run, not by Drift: the ledger, `_extra`, `_synced_at`, `_deleted_at`, and
    /// everything in derived tables.
    Run,
}

/// One column of a table, or one field of a nested record.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// The name in Arrow and Parquet, `snake_case`.
    pub name: &'static str,
    /// Where the value comes from.
    pub origin: Origin,
    /// What it holds.
    pub kind: Kind,
    /// One sentence, which travels into the Parquet metadata and the documentation.
    pub about: &'static str,
}

impl Column {
    /// A column that mirrors the field at `path`.
    pub const fn field(
        name: &'static str,
        path: &'static [&'static str],
        kind: Kind,
        about: &'static str,
    ) -> Self {
        Self { name, origin: Origin::Field(path), kind, about }
    }

    /// A column that repeats a leaf of a free map.
    pub const fn lifted(
        name: &'static str,
        paths: &'static [&'static [&'static str]],
        kind: Kind,
        about: &'static str,
    ) -> Self {
        Self { name, origin: Origin::Lifted(paths), kind, about }
    }

    /// A column that the run fills.
    pub const fn run(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self { name, origin: Origin::Run, kind, about }
    }

    /// The API's name for it, with dots, or nothing when the run fills it.
    pub fn api_name(&self) -> Option<String> {
        match self.origin {
            Origin::Field(path) | Origin::Parent(path) => Some(path.join(".")),
            Origin::Lifted(paths) => paths.first().map(|path| path.join(".")),
            Origin::Run => None,
        }
    }
}

/// JSON text of what the schema does not name and of what does not fit; the first of the closing three.
pub(super) const EXTRA: Column = Column::run(
    "_extra",
    Kind::Json,
    "JSON object, by API names, of every field this table does not name and of every value that does not fit its column, as sent; null when there is none.",
);

/// When this version of the row was first stored.
pub(super) const SYNCED_AT: Column = Column::run(
    "_synced_at",
    Kind::Time,
    "Drift's clock at the start of the walk that first stored this version of the row.",
);

/// When the row was found to be gone.
pub(super) const DELETED_AT: Column = Column::run(
    "_deleted_at",
    Kind::Time,
    "Start of the walk that noticed that Drift no longer has this record; null while it is there.",
);
