//! From a declared table to its Arrow schema. The schema is declared, never inferred: every object of a
//! table has the same one, from an empty account to the largest.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use sha2::{Digest, Sha256};

use super::{Column, Kind, Table};

impl Table {
    /// The Arrow schema: all columns in order, each with its sentence and API name as metadata.
    pub fn schema(&self) -> SchemaRef {
        let fields: Vec<Field> = self.all_columns().map(|column| self.arrow_field(column)).collect();
        let about = HashMap::from([
            ("drift2parquet.table".to_owned(), self.name.to_owned()),
            ("drift2parquet.about".to_owned(), self.about.to_owned()),
            ("drift2parquet.derived".to_owned(), self.is_derived().to_string()),
        ]);
        Arc::new(Schema::new_with_metadata(fields, about))
    }

    fn arrow_field(&self, column: &Column) -> Field {
        let nullable = !self.key.contains(&column.name);
        Field::new(column.name, arrow_type(column.kind), nullable).with_metadata(metadata(column))
    }
}

/// A short name of a table's schema: it changes exactly when objects must be rewritten.
pub fn fingerprint(table: &Table) -> String {
    let mut hash = Sha256::new();
    for field in table.schema().fields() {
        hash.update(format!("{field:?}\n"));
    }
    hex::encode(&hash.finalize()[..8])
}

/// The Arrow type of a kind.
pub fn arrow_type(kind: Kind) -> DataType {
    match kind {
        Kind::Int => DataType::Int64,
        Kind::Text | Kind::Scalar | Kind::Json => DataType::Utf8,
        Kind::Flag => DataType::Boolean,
        Kind::Number => DataType::Float64,
        Kind::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Kind::Ints => list(DataType::Int64),
        Kind::Texts => list(DataType::Utf8),
        Kind::Records(fields) => list(DataType::Struct(nested(fields))),
        Kind::Record(fields) => DataType::Struct(nested(fields)),
    }
}

fn list(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", item, true)))
}

fn nested(fields: &[Column]) -> Fields {
    fields.iter().map(|field| Field::new(field.name, arrow_type(field.kind), true)).collect()
}

fn metadata(column: &Column) -> HashMap<String, String> {
    let mut metadata = HashMap::from([("drift2parquet.about".to_owned(), column.about.to_owned())]);
    if let Some(api) = column.api_name() {
        metadata.insert("drift2parquet.api".to_owned(), api);
    }
    metadata
}
