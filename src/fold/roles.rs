//! What each column means to a fold, read off its declaration.

use crate::schema::{Column, Origin, Table};

/// What a column means to a fold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Says something about the record: a difference is a new version of the row.
    Content,
    /// Says how far the run has come with the record: a difference is stored, yet is no new version.
    Ledger,
    /// When this version was stored: never compared.
    SyncedAt,
    /// Compared only by whether it is set.
    DeletedAt,
}

/// The columns of a table in order, with their roles.
pub(super) struct Roles(Vec<(&'static str, Role)>);

impl Roles {
    pub(super) fn of(table: &Table) -> Self {
        Self(table.all_columns().map(|column| (column.name, role(column))).collect())
    }

    pub(super) fn names(&self) -> Vec<&'static str> {
        self.0.iter().map(|(name, _)| *name).collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Role> + '_ {
        self.0.iter().map(|(_, role)| *role)
    }
}

/// The ledger is what the run fills in under a name with an underscore; `_extra` belongs to the record.
/// Derived tables are filled by the run too, and their plain names make their columns content.
fn role(column: &Column) -> Role {
    match (column.name, column.origin) {
        ("_synced_at", _) => Role::SyncedAt,
        ("_deleted_at", _) => Role::DeletedAt,
        ("_extra", _) => Role::Content,
        (name, Origin::Run) if name.starts_with('_') => Role::Ledger,
        _ => Role::Content,
    }
}
