//! How an object's schema differs from the declared one, and rows brought under the declared one.
//!
//! What an older version lacked becomes null. What this version does not know is never dropped in
//! silence: it is an error.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, RecordBatchOptions, StructArray, new_null_array};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

use crate::error::{Error, Result};
use crate::schema::Table;

/// One way in which an object's schema differs from the declared one; columns are named with dots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// The object lacks this column.
    Missing(String),
    /// The object has this column, which is not declared.
    Unknown(String),
    /// The column is of another type.
    Type {
        /// The column.
        column: String,
        /// Its type in the object.
        have: String,
        /// Its declared type.
        want: String,
    },
    /// Whether the column may be null is not as declared.
    Nullable(String),
    /// The columns of the table, or of this nested record, stand in another order.
    Order(String),
}

impl Difference {
    /// Whether rows can be brought under the declared schema all the same.
    pub fn is_mendable(&self) -> bool {
        !matches!(self, Self::Unknown(_) | Self::Type { .. })
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(column) => write!(f, "column {column} is missing"),
            Self::Unknown(column) => write!(f, "column {column} is not known"),
            Self::Type { column, have, want } => write!(f, "column {column} is {have} instead of {want}"),
            Self::Nullable(column) => write!(f, "column {column} differs in whether it may be null"),
            Self::Order(place) if place.is_empty() => write!(f, "columns stand in another order"),
            Self::Order(place) => write!(f, "fields of {place} stand in another order"),
        }
    }
}

/// Brings rows under the schema of `table`: adds missing columns as nulls and puts columns in order, in
/// nested records too.
///
/// Fails when a column is unknown, of another type, or null where the table allows none.
pub fn conform(batch: &RecordBatch, table: &Table) -> Result<RecordBatch> {
    conform_to(batch, &table.schema())
}

pub(super) fn conform_to(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    fit_all(batch.schema().fields(), batch.columns(), schema.fields(), batch.num_rows())
        .and_then(|columns| RecordBatch::try_new_with_options(schema.clone(), columns, &rows))
        .map_err(|error| Error::store("rows do not fit the table's schema").caused_by(error))
}

/// How `have` differs from `want`; metadata is not compared.
pub(super) fn differences(have: &Schema, want: &Schema) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(have.fields(), want.fields(), "", &mut found);
    found
}

fn compare(have: &Fields, want: &Fields, place: &str, found: &mut Vec<Difference>) {
    let names = |fields: &Fields| fields.iter().map(|field| field.name().clone()).collect::<Vec<_>>();
    let (have_names, want_names) = (names(have), names(want));
    let unknown = have_names.iter().filter(|name| !want_names.contains(name));
    found.extend(unknown.map(|name| Difference::Unknown(within(place, name))));
    for field in want {
        match have.find(field.name()) {
            Some((_, other)) => compare_field(other, field, &within(place, field.name()), found),
            None => found.push(Difference::Missing(within(place, field.name()))),
        }
    }
    let known = |names: Vec<String>, others: &[String]| -> Vec<String> {
        names.into_iter().filter(|name| others.contains(name)).collect()
    };
    if known(have_names.clone(), &want_names) != known(want_names, &have_names) {
        found.push(Difference::Order(place.to_owned()));
    }
}

fn compare_field(have: &Field, want: &Field, column: &str, found: &mut Vec<Difference>) {
    if have.is_nullable() != want.is_nullable() {
        found.push(Difference::Nullable(column.to_owned()));
    }
    match (have.data_type(), want.data_type()) {
        (DataType::Struct(have), DataType::Struct(want)) => compare(have, want, column, found),
        (DataType::List(have), DataType::List(want)) => compare_field(have, want, column, found),
        (have, want) if have == want => {}
        (have, want) => found.push(Difference::Type {
            column: column.to_owned(),
            have: have.to_string(),
            want: want.to_string(),
        }),
    }
}

fn within(place: &str, name: &str) -> String {
    if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") }
}

fn fit_all(
    have: &Fields,
    columns: &[ArrayRef],
    want: &Fields,
    rows: usize,
) -> Result<Vec<ArrayRef>, ArrowError> {
    if let Some(unknown) = have.iter().find(|field| want.find(field.name()).is_none()) {
        return Err(ArrowError::SchemaError(format!("column {} is not known", unknown.name())));
    }
    let fitted = |field: &FieldRef| match have.find(field.name()) {
        Some((position, _)) => fit(&columns[position], field),
        None => Ok(new_null_array(field.data_type(), rows)),
    };
    want.iter().map(fitted).collect()
}

fn fit(array: &ArrayRef, field: &Field) -> Result<ArrayRef, ArrowError> {
    match (array.data_type(), field.data_type()) {
        (have, want) if have == want => Ok(array.clone()),
        (DataType::Struct(_), DataType::Struct(want)) => fit_struct(array.as_struct(), want),
        (DataType::List(_), DataType::List(want)) => fit_list(array.as_list(), want),
        (have, want) => {
            Err(ArrowError::SchemaError(format!("column {} is {have} instead of {want}", field.name())))
        }
    }
}

fn fit_struct(array: &StructArray, want: &Fields) -> Result<ArrayRef, ArrowError> {
    let columns = fit_all(array.fields(), array.columns(), want, array.len())?;
    let nulls = array.nulls().cloned();
    Ok(Arc::new(StructArray::try_new_with_length(want.clone(), columns, nulls, array.len())?))
}

fn fit_list(array: &ListArray, want: &FieldRef) -> Result<ArrayRef, ArrowError> {
    let items = fit(array.values(), want)?;
    let nulls = array.nulls().cloned();
    Ok(Arc::new(ListArray::try_new(want.clone(), array.offsets().clone(), items, nulls)?))
}
