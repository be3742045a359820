//! Columns that the run fills, and columns read back: small bridges between Arrow and plain numbers.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, TimestampMicrosecondArray,
    new_null_array,
};
use arrow::compute::{is_not_null, kernels::zip::zip};
use arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};

use crate::error::{Error, Result};
use crate::schema::Table;

/// Named columns, to be put into a batch.
pub type Columns = Vec<(&'static str, ArrayRef)>;

/// Times in epoch microseconds.
pub fn times(values: impl IntoIterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
}

/// The same time in every row.
pub fn time(value: i64, rows: usize) -> ArrayRef {
    times(std::iter::repeat_n(Some(value), rows))
}

/// A batch of `table` from some of its columns; the others are null.
///
/// # Errors
/// Internal, when a key column is missing or the columns differ in length.
pub fn assemble(table: &Table, rows: usize, mut columns: Columns) -> Result<RecordBatch> {
    let schema = table.schema();
    let mut take = |name: &str, kind: &DataType| match columns.iter().position(|(known, _)| *known == name) {
        Some(index) => columns.swap_remove(index).1,
        None => new_null_array(kind, rows),
    };
    let arrays = schema.fields().iter().map(|field| take(field.name(), field.data_type())).collect();
    RecordBatch::try_new(schema, arrays).map_err(|cause| mismatch(table, cause))
}

/// The batch with some columns exchanged.
pub fn exchange(table: &Table, batch: &RecordBatch, columns: Columns) -> Result<RecordBatch> {
    let mut arrays = batch.columns().to_vec();
    for (name, array) in columns {
        let index = batch.schema().index_of(name).map_err(|cause| mismatch(table, cause))?;
        arrays[index] = array;
    }
    RecordBatch::try_new(batch.schema(), arrays).map_err(|cause| mismatch(table, cause))
}

/// Each value of `first`, or that of `second` where `first` has none.
pub fn coalesce(first: &ArrayRef, second: &ArrayRef) -> Result<ArrayRef> {
    let there: BooleanArray = is_not_null(first).map_err(broken)?;
    zip(&there, first, second).map_err(broken)
}

/// The column of this name; every batch at hand has the declared schema.
///
/// # Panics
/// When the batch has no such column.
pub fn column<'a>(batch: &'a RecordBatch, name: &str) -> &'a ArrayRef {
    batch.column_by_name(name).expect("the batch has the columns that were asked for")
}

/// An Int64 column.
pub fn ints<'a>(batch: &'a RecordBatch, name: &str) -> &'a Int64Array {
    column(batch, name).as_primitive::<Int64Type>()
}

/// A time column, in epoch microseconds.
pub fn instants<'a>(batch: &'a RecordBatch, name: &str) -> &'a TimestampMicrosecondArray {
    column(batch, name).as_primitive::<TimestampMicrosecondType>()
}

/// The value at `row`, if there is one.
pub fn int_at(array: &Int64Array, row: usize) -> Option<i64> {
    array.is_valid(row).then(|| array.value(row))
}

/// The time at `row` in epoch microseconds, if there is one.
pub fn time_at(array: &TimestampMicrosecondArray, row: usize) -> Option<i64> {
    array.is_valid(row).then(|| array.value(row))
}

/// For kernels that fail only when the columns do not belong together.
pub fn broken(cause: arrow::error::ArrowError) -> Error {
    Error::internal("columns cannot be combined").caused_by(cause)
}

fn mismatch(table: &Table, cause: arrow::error::ArrowError) -> Error {
    Error::internal("columns do not make a batch").caused_by(cause).at("table", table.name)
}
