//! What decoding promises, rule by rule, on an invented table that has a column of every kind and origin.

#![allow(clippy::unwrap_used, reason = "a test that unwraps nothing has failed")]

mod odd;
mod pages;
mod property;
mod reference;
mod rules;

use arrow::array::{
    Array, AsArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::DataType;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::error::Result;
use crate::page::Page;
use crate::schema::{Column, Kind, Origin, Partition, Rows, Source, Table};

use super::{Decoded, decode};

pub(super) static THINGS: Table = Table {
    name: "things",
    about: "Things.",
    source: Source::Derived { from: &[] },
    key: &["id"],
    sort: &["id"],
    partition: Partition::Whole,
    brings: &[],
    columns: &[
        Column::field("id", &["id"], Kind::Int, "Id."),
        Column::field("name", &["name"], Kind::Text, "Text."),
        Column::field("code", &["code"], Kind::Scalar, "Scalar."),
        Column::field("ok", &["ok"], Kind::Flag, "Flag."),
        Column::field("score", &["score"], Kind::Number, "Number."),
        Column::field("at", &["at"], Kind::Time, "Time."),
        Column::field("blob", &["blob"], Kind::Json, "Json."),
        Column::field("ids", &["ids"], Kind::Ints, "Ints."),
        Column::field("tags", &["tags"], Kind::Texts, "Texts."),
        Column::field("items", &["items"], Kind::Records(ITEM), "Records."),
        Column::field("author_id", &["author", "id"], Kind::Int, "Flattened."),
        Column::field("author_type", &["author", "type"], Kind::Text, "Flattened."),
        Column {
            name: "parent_id",
            origin: Origin::Parent(&["parentId"]),
            kind: Kind::Int,
            about: "Parent.",
        },
        Column::run("_seen", Kind::Time, "Run."),
        Column::field("free", &["free"], Kind::Json, "Free map."),
        Column::lifted("email", &[&["free", "email"]], Kind::Text, "Lifted."),
        Column::lifted("count", &[&["free", "n"], &["free", "deep", "n"]], Kind::Int, "Lifted."),
        Column::lifted("pre", &[&["free", "pre"]], Kind::Json, "Lifted."),
        Column::lifted("marks", &[&["free", "marks"]], Kind::Ints, "Lifted."),
        Column::lifted("parts", &[&["free", "parts"]], Kind::Records(INNER), "Lifted."),
    ],
};

const ITEM: &[Column] = &[
    Column::field("a", &["a"], Kind::Int, "A."),
    Column::field("b", &["b"], Kind::Text, "B."),
    Column::field("c", &["c"], Kind::Json, "C."),
    Column::field("inner", &["in"], Kind::Record(INNER), "Inner."),
    Column::field("list", &["list"], Kind::Records(INNER), "List."),
    Column::field("nums", &["nums"], Kind::Ints, "Nums."),
];

const INNER: &[Column] =
    &[Column::field("x", &["x"], Kind::Int, "X."), Column::field("y", &["deep", "y"], Kind::Text, "Y.")];

pub(super) fn page(body: impl Into<Bytes>) -> Page {
    Page { path: "/things".into(), parent: None, body: body.into() }
}

/// Decodes a bare array of records.
pub(super) fn try_read(table: &Table, body: impl Into<Bytes>) -> Result<Decoded> {
    decode(table, Rows::Array(&[]), &[page(body)])
}

pub(super) fn read(body: impl Into<Bytes>) -> Decoded {
    try_read(&THINGS, body).expect("it decodes")
}

/// Decodes the one record with these fields and an id.
pub(super) fn one(fields: &str) -> Decoded {
    let decoded = read(format!(r#"[{{"id":1,{fields}}}]"#));
    assert_eq!(decoded.batch.num_rows(), 1, "{:?}", decoded.set_aside);
    decoded
}

/// The cell of a column, as JSON; times in microseconds.
pub(super) fn cell(decoded: &Decoded, row: usize, column: &str) -> Value {
    let batch: &RecordBatch = &decoded.batch;
    value(batch.column_by_name(column).expect("a column").as_ref(), row)
}

/// The text of the only row's `_extra`.
pub(super) fn extra(decoded: &Decoded) -> Option<String> {
    extra_of(decoded, 0)
}

pub(super) fn extra_of(decoded: &Decoded, row: usize) -> Option<String> {
    let column = decoded.batch.column_by_name("_extra").expect("a column");
    let texts = column.as_any().downcast_ref::<StringArray>().expect("text");
    texts.is_valid(row).then(|| texts.value(row).to_owned())
}

fn value(array: &dyn Array, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Int64 => json!(array.as_any().downcast_ref::<Int64Array>().unwrap().value(row)),
        DataType::Utf8 => json!(array.as_any().downcast_ref::<StringArray>().unwrap().value(row)),
        DataType::Boolean => json!(array.as_any().downcast_ref::<BooleanArray>().unwrap().value(row)),
        DataType::Float64 => json!(array.as_any().downcast_ref::<Float64Array>().unwrap().value(row)),
        DataType::Timestamp(..) => {
            json!(array.as_any().downcast_ref::<TimestampMicrosecondArray>().unwrap().value(row))
        }
        DataType::List(_) => {
            let list = array.as_list::<i32>().value(row);
            (0..list.len()).map(|at| value(list.as_ref(), at)).collect()
        }
        DataType::Struct(fields) => {
            let columns = fields.iter().zip(array.as_struct().columns());
            let pairs = columns.map(|(field, column)| (field.name().clone(), value(column.as_ref(), row)));
            Value::Object(pairs.collect::<Map<_, _>>())
        }
        other => panic!("{other} is no type of ours"),
    }
}
