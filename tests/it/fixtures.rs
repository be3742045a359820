//! The decoder reads the sample pages, which were written by hand from what is documented of the API, as a
//! plain reading of the same JSON does.

use std::collections::BTreeSet;
use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use drift2parquet::decode::{Decoded, decode};
use drift2parquet::page::Page;
use drift2parquet::schema::{Absence, Column, Kind, Origin, Rows, Source, Table};
use drift2parquet::tables::{ALL, CONVERSATION_LIST, by_name};
use serde_json::{Map, Value, json};

/// The folders of sample pages of each table, and where the records stand in them.
fn folders(table: &Table) -> Vec<(&'static str, Rows)> {
    let rows = match table.source {
        Source::Walk { detail, .. } => detail.rows,
        Source::Thread { call } | Source::Lookup { call, .. } | Source::List { call, .. } => call.rows,
        Source::Derived { .. } => return Vec::new(),
    };
    let folder = match table.name {
        "conversations" => "conversation",
        "users" => "users_list",
        "teams" => "teams_org",
        "playbooks" => "playbooks_list",
        "landing_pages" => "playbooks_clp",
        name => name,
    };
    vec![(folder, rows)]
}

fn pages(folder: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(folder);
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|path| (path.display().to_string(), std::fs::read(path).unwrap())).collect()
}

fn decoded(table: &Table, rows: Rows, body: &[u8]) -> Decoded {
    let page = Page { path: "/sample".into(), parent: None, body: body.to_vec().into() };
    decode(table, rows, &[page]).unwrap()
}

fn records(rows: Rows, body: &[u8]) -> Vec<Value> {
    let value: Value = serde_json::from_slice(body).unwrap();
    let at = |path: &[&str]| path.iter().fold(&value, |value, name| &value[name]).clone();
    match rows {
        Rows::One(path) => vec![at(path)],
        Rows::Array(path) => at(path).as_array().unwrap().clone(),
    }
}

/// What a cell holds, as JSON.
fn cell(array: &ArrayRef, kind: Kind, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    let all = |list: ArrayRef, kind: Kind| (0..list.len()).map(|at| cell(&list, kind, at)).collect();
    match kind {
        Kind::Int => json!(array.as_primitive::<Int64Type>().value(row)),
        Kind::Time => json!(array.as_primitive::<TimestampMicrosecondType>().value(row) / 1000),
        Kind::Number => json!(array.as_primitive::<Float64Type>().value(row)),
        Kind::Flag => json!(array.as_boolean().value(row)),
        Kind::Text | Kind::Scalar => json!(array.as_string::<i32>().value(row)),
        Kind::Json => serde_json::from_str(array.as_string::<i32>().value(row)).unwrap(),
        Kind::Ints => all(array.as_list::<i32>().value(row), Kind::Int),
        Kind::Texts => all(array.as_list::<i32>().value(row), Kind::Text),
        Kind::Records(fields) => all(array.as_list::<i32>().value(row), Kind::Record(fields)),
        Kind::Record(fields) => {
            let record = array.as_struct();
            let field = |(at, field): (usize, &Column)| {
                (field.name.to_owned(), cell(record.column(at), field.kind, row))
            };
            Value::Object(fields.iter().enumerate().map(field).collect::<Map<_, _>>())
        }
    }
}

/// What a cell should hold for this value.
fn wanted(kind: Kind, value: &Value) -> Value {
    let all = |kind: Kind| value.as_array().map(|list| list.iter().map(|item| wanted(kind, item)).collect());
    let number = value.as_i64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    let fitting = match kind {
        Kind::Int | Kind::Time => number.map(|number| json!(number)),
        Kind::Number => value.as_f64().map(|number| json!(number)),
        Kind::Flag => value.as_bool().map(|flag| json!(flag)),
        Kind::Text => value.as_str().map(|text| json!(text)),
        Kind::Scalar => match value {
            Value::String(_) => Some(value.clone()),
            Value::Number(_) | Value::Bool(_) => Some(json!(value.to_string())),
            _ => None,
        },
        Kind::Json => Some(value.clone()),
        Kind::Ints => all(Kind::Int),
        Kind::Texts => all(Kind::Text),
        Kind::Records(fields) => all(Kind::Record(fields)),
        Kind::Record(fields) => value.as_object().map(|object| {
            let field = |field: &Column| {
                let Origin::Field(path) = field.origin else { panic!("nested fields mirror fields") };
                (field.name.to_owned(), wanted(field.kind, object.get(path[0]).unwrap_or(&Value::Null)))
            };
            fields.iter().map(field).collect()
        }),
    };
    fitting.unwrap_or(Value::Null)
}

fn value_of(column: &Column, record: &Value) -> Option<Value> {
    let at = |path: &[&str]| path.iter().fold(record, |value, name| &value[name]).clone();
    match column.origin {
        Origin::Field(path) | Origin::Parent(path) => Some(wanted(column.kind, &at(path))),
        Origin::Lifted(paths) => {
            let found = paths.iter().map(|path| wanted(column.kind, &at(path)));
            Some(found.into_iter().find(|value| !value.is_null()).unwrap_or(Value::Null))
        }
        Origin::Run => None,
    }
}

fn check(table: &Table, rows: Rows, file: &str, body: &[u8]) -> usize {
    let (decoded, records) = (decoded(table, rows, body), records(rows, body));
    assert!(decoded.set_aside.is_empty(), "{file}");
    assert_eq!(decoded.batch.num_rows(), records.len(), "{file}");
    for (row, record) in records.iter().enumerate() {
        for column in table.columns {
            if let Some(value) = value_of(column, record) {
                let array = decoded.batch.column_by_name(column.name).unwrap();
                assert_eq!(cell(array, column.kind, row), value, "{file}: row {row}, {}", column.name);
            }
        }
        let extra = cell(decoded.batch.column_by_name("_extra").unwrap(), Kind::Json, row);
        let known: BTreeSet<String> = table.columns.iter().filter_map(first_name).collect();
        for (name, value) in record.as_object().unwrap().iter().filter(|(name, _)| !known.contains(*name)) {
            assert_eq!(&extra[name], value, "{file}: row {row}, unknown field {name}");
        }
    }
    records.len()
}

fn first_name(column: &Column) -> Option<String> {
    Some(column.api_name()?.split('.').next()?.to_owned())
}

#[test]
fn every_table_reads_its_sample_pages() {
    for table in ALL {
        for (folder, rows) in folders(table) {
            // Contacts are asked for by id alone; pages of the other forms show the same records in lists.
            let own = |file: &String| !file.contains("by_email") && !file.contains("by_id");
            let files: Vec<_> = pages(folder).into_iter().filter(|(file, _)| own(file)).collect();
            let read: usize = files.iter().map(|(file, body)| check(table, rows, file, body)).sum();
            assert!(read > 0, "{} has no sample record", table.name);
        }
    }
}

#[test]
fn the_list_of_conversations_reads_both_generations() {
    let Source::Walk { list, .. } = CONVERSATION_LIST.source else { panic!("the list is walked") };
    for (file, body) in pages("conversations_list") {
        check(&CONVERSATION_LIST, list.rows, &file, &body);
    }
}

#[test]
fn a_deleted_account_reads_by_id() {
    let accounts = by_name("accounts").unwrap();
    let Source::List { absence: Absence::Asks(one), .. } = accounts.source else {
        panic!("accounts are asked for")
    };
    for (file, body) in pages("accounts").into_iter().filter(|(file, _)| file.contains("by_id")) {
        assert_eq!(check(accounts, one.rows, &file, &body), 1);
    }
}
