//! Who a row is: the values of the table's `sort` columns, as bytes that sort as the values do.

use arrow::array::ArrayRef;
use arrow::record_batch::RecordBatch;
use arrow::row::{Row, RowConverter, Rows, SortField};

use super::unexpected;
use crate::error::Result;
use crate::schema::Table;

/// Turns rows into identities.
pub(super) struct Identity {
    sort: Columns,
    /// The key alone, where Drift gives one key to several records.
    key: Option<Columns>,
}

/// The identities of some rows.
pub(super) struct Identities {
    sort: Rows,
    key: Option<Rows>,
}

struct Columns {
    names: &'static [&'static str],
    converter: RowConverter,
}

impl Identity {
    pub(super) fn of(table: &Table) -> Result<Self> {
        let key = (table.key.len() < table.sort.len()).then(|| Columns::new(table, table.key));
        Ok(Self { sort: Columns::new(table, table.sort)?, key: key.transpose()? })
    }

    pub(super) fn sort(&self) -> &'static [&'static str] {
        self.sort.names
    }

    /// Those of the rows of batches, which are numbered on from one batch to the next.
    pub(super) fn read(&self, batches: &[RecordBatch]) -> Result<Identities> {
        let key = self.key.as_ref().map(|key| key.rows(batches)).transpose()?;
        Ok(Identities { sort: self.sort.rows(batches)?, key })
    }
}

impl Identities {
    pub(super) fn row(&self, row: usize) -> Row<'_> {
        self.sort.row(row)
    }

    /// The key, if it is less than the identity.
    pub(super) fn key(&self, row: usize) -> Option<&[u8]> {
        self.key.as_ref().map(|key| key.row(row).data())
    }
}

impl Columns {
    fn new(table: &Table, names: &'static [&'static str]) -> Result<Self> {
        let schema = table.schema();
        let field = |name: &&str| schema.field_with_name(name).map(|f| SortField::new(f.data_type().clone()));
        let converter = names.iter().map(field).collect::<Result<_, _>>().and_then(RowConverter::new);
        Ok(Self { names, converter: converter.map_err(unexpected)? })
    }

    fn rows(&self, batches: &[RecordBatch]) -> Result<Rows> {
        let mut rows = self.converter.empty_rows(batches.iter().map(RecordBatch::num_rows).sum(), 0);
        for batch in batches {
            let column = |name: &&str| batch.column_by_name(name).cloned();
            let columns: Option<Vec<ArrayRef>> = self.names.iter().map(column).collect();
            let columns = columns.expect("every batch of a fold has the sort columns");
            self.converter.append(&mut rows, &columns).map_err(unexpected)?;
        }
        Ok(rows)
    }
}
