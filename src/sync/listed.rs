//! What a walk has listed: the pages' rows as columns, and an index of the latest row of each id. Some 80
//! bytes a conversation.

use std::cmp::Reverse;

use arrow::array::RecordBatch;

use super::columns::{broken, instants, int_at, ints, time_at};
use crate::error::Result;
use crate::tables::CONVERSATION_LIST;

/// Where the latest row of one listed conversation stands, and what decides about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    pub id: i64,
    /// Epoch microseconds; the smallest number stands for null, which is older than everything.
    pub updated_us: i64,
    /// Epoch microseconds.
    pub created_us: Option<i64>,
    /// Which batch it stands in, and where.
    place: (u32, u32),
}

/// All rows that a walk has listed.
#[derive(Debug, Default)]
pub(super) struct Listed {
    batches: Vec<RecordBatch>,
    rows: u64,
}

impl Listed {
    /// Adds a page's rows.
    pub fn push(&mut self, batch: RecordBatch) {
        self.rows += batch.num_rows() as u64;
        self.batches.push(batch);
    }

    /// How many rows there are, repeats included.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Joins the batches from `first` on into one, and returns it; many small ones cost more than one large.
    pub fn join_from(&mut self, first: usize) -> Result<Option<RecordBatch>> {
        if self.batches.len() <= first {
            return Ok(None);
        }
        let tail = self.batches.split_off(first);
        let joined = arrow::compute::concat_batches(&CONVERSATION_LIST.schema(), &tail).map_err(broken)?;
        self.batches.push(joined.clone());
        Ok(Some(joined))
    }

    /// How many batches there are.
    pub fn batches(&self) -> usize {
        self.batches.len()
    }

    /// One row for each distinct id, sorted by id: the one with the greatest `updated_at`, the last listed
    /// among equals.
    pub fn index(&self) -> Vec<Row> {
        let mut all = Vec::with_capacity(self.rows as usize);
        for (number, batch) in (0..).zip(&self.batches) {
            all.extend(rows(number, batch));
        }
        // In place, and the winner of each id first.
        all.sort_unstable_by_key(|row: &Row| (row.id, Reverse((row.updated_us, row.place))));
        all.dedup_by_key(|row| row.id);
        all
    }

    /// The columns of these rows, in this order; `None` is a row of nulls.
    pub fn take(&self, wanted: &[Option<Row>]) -> Result<Vec<(&'static str, arrow::array::ArrayRef)>> {
        let schema = CONVERSATION_LIST.schema();
        let columns = CONVERSATION_LIST.all_columns();
        columns
            .zip(schema.fields())
            .map(|(column, field)| self.take_column(column.name, field, wanted))
            .collect()
    }

    fn take_column(
        &self,
        name: &'static str,
        field: &arrow::datatypes::Field,
        wanted: &[Option<Row>],
    ) -> Result<(&'static str, arrow::array::ArrayRef)> {
        let nothing = arrow::array::new_null_array(field.data_type(), 1);
        let columns = self.batches.iter().map(|batch| super::columns::column(batch, name).as_ref());
        let arrays: Vec<&dyn arrow::array::Array> =
            std::iter::once(nothing.as_ref()).chain(columns).collect();
        let place =
            |row: &Option<Row>| row.map_or((0, 0), |row| (row.place.0 as usize + 1, row.place.1 as usize));
        let places: Vec<(usize, usize)> = wanted.iter().map(place).collect();
        Ok((name, arrow::compute::interleave(&arrays, &places).map_err(broken)?))
    }
}

fn rows(number: u32, batch: &RecordBatch) -> impl Iterator<Item = Row> {
    let (ids, updated, created) =
        (ints(batch, "id"), instants(batch, "updated_at"), instants(batch, "created_at"));
    let row = move |row: usize| Row {
        id: int_at(ids, row).expect("a key is never null"),
        updated_us: time_at(updated, row).unwrap_or(i64::MIN),
        created_us: time_at(created, row),
        place: (number, row as u32),
    };
    (0..batch.num_rows()).map(row)
}
