//! Nothing is lost: every value of every record stands in its column as it was sent, or in `_extra` at its
//! place. A second reading by the written rules, on the text alone.

use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use drift2parquet::decode::{Decoded, skim};
use drift2parquet::schema::{Column, Kind, Origin, Rows};
use serde_json::value::RawValue;

use super::forms::Form;

/// The fields of an object: for each key all its values, in order.
type Fields<'a> = HashMap<String, Vec<&'a [u8]>>;

/// Checks every record of a page.
pub fn all(form: &Form, parent: Option<i64>, body: &[u8], decoded: &Decoded) {
    let (mut row, mut aside) = (0, decoded.set_aside.iter().peekable());
    for record in records(form.call.rows, body) {
        let text = std::str::from_utf8(record).expect("the body was made UTF-8");
        if aside.next_if(|aside| aside.record == text).is_some() {
            continue;
        }
        let arrays = decoded.batch.columns();
        let extra = text_at(decoded.batch.column_by_name("_extra").expect("every table has it"), row);
        let place = Place { columns: form.table.columns, arrays, row, parent };
        place.object(record, &mut Vec::new(), extra.map(str::as_bytes));
        row += 1;
    }
    assert_eq!((row, aside.next()), (decoded.batch.num_rows(), None), "rows of the text and of the batch");
}

fn records(rows: Rows, body: &[u8]) -> Vec<&[u8]> {
    match rows {
        Rows::Array(path) => skim::elements(skim::find(body, path).expect("it was decoded")).collect(),
        Rows::One(path) => vec![skim::find(body, path).expect("it was decoded")],
    }
}

fn text_at(array: &ArrayRef, row: usize) -> Option<&str> {
    let texts = array.as_string::<i32>();
    texts.is_valid(row).then(|| texts.value(row))
}

/// The columns of one record.
#[derive(Clone, Copy)]
struct Place<'a> {
    columns: &'static [Column],
    arrays: &'a [ArrayRef],
    row: usize,
    parent: Option<i64>,
}

impl Place<'_> {
    /// Checks the object at `path` of the record; `extra` is what `_extra` has there.
    fn object(self, object: &[u8], path: &mut Vec<String>, extra: Option<&[u8]>) {
        let extra = extra.map(fields).unwrap_or_default();
        let apart = extra.get("_duplicates").map(|all| fields(all[0])).unwrap_or_default();
        for (key, values) in fields(object) {
            let (last, mut earlier) = values.split_last().expect("a key has a value");
            if key == "_duplicates" {
                earlier = &values;
            }
            let kept = apart.get(&key).map(|all| skim::elements(all[0]).collect::<Vec<_>>());
            for (at, value) in earlier.iter().enumerate() {
                stands(kept.as_ref().and_then(|kept| kept.get(at).copied()), value, &key);
            }
            if key != "_duplicates" {
                let kept = extra.get(&key).map(|all| all[0]);
                path.push(key);
                self.value(last, path, kept);
                path.pop();
            }
        }
    }

    fn value(self, value: &[u8], path: &mut Vec<String>, extra: Option<&[u8]>) {
        let own = |column: &Column| match column.origin {
            Origin::Field(path) | Origin::Parent(path) => Some(path),
            _ => None,
        };
        let is_here = |column: &Column| own(column).is_some_and(|own| own == path.as_slice());
        if let Some(at) = self.columns.iter().position(is_here) {
            return self.column(at, value, extra);
        }
        let is_below = |column: &Column| {
            own(column)
                .is_some_and(|own| own.len() > path.len() && own.iter().zip(&*path).all(|(a, b)| a == b))
        };
        match value {
            b"null" if self.columns.iter().any(is_below) => {}
            [b'{', ..] if self.columns.iter().any(is_below) => self.object(value, path, extra),
            value => stands(extra, value, &path.join(".")),
        }
    }

    fn column(self, at: usize, value: &[u8], extra: Option<&[u8]>) {
        let Column { origin, kind, name, .. } = self.columns[at];
        match (origin, self.parent) {
            (Origin::Parent(_), Some(parent)) => {
                let own = skim::integer(value);
                if value != b"null" && own != Some(parent) {
                    stands(extra, value, name);
                }
            }
            _ => holds(kind, &self.arrays[at], self.row, value, extra, name),
        }
    }
}

/// Checks that a cell holds a value, or that `_extra` does.
fn holds(kind: Kind, array: &ArrayRef, row: usize, value: &[u8], extra: Option<&[u8]>, name: &str) {
    if value == b"null" {
        assert!(array.is_null(row), "{name} holds something for null");
        return;
    }
    if array.is_null(row) {
        return stands(extra, value, name);
    }
    match kind {
        Kind::Records(columns) => {
            let list = array.as_list::<i32>().value(row);
            elements(&list, value, extra, |at, element, extra| match element {
                [b'{', ..] => record(columns, &list, at, element, extra),
                b"null" => assert!(list.is_null(at), "{name} holds something for null"),
                _ => stands(extra, element, name),
            });
        }
        Kind::Record(columns) => record(columns, array, row, value, extra),
        Kind::Ints | Kind::Texts => {
            let list = array.as_list::<i32>().value(row);
            let kind = if matches!(kind, Kind::Ints) { Kind::Int } else { Kind::Text };
            elements(&list, value, extra, |at, element, extra| holds(kind, &list, at, element, extra, name));
        }
        _ if says(kind, array, row, value) => {}
        _ => stands(extra, value, name),
    }
}

fn elements(
    list: &ArrayRef,
    value: &[u8],
    extra: Option<&[u8]>,
    check: impl Fn(usize, &[u8], Option<&[u8]>),
) {
    let extra = extra.map(fields).unwrap_or_default();
    let mut count = 0;
    for (at, element) in skim::elements(value).enumerate() {
        check(at, element, extra.get(&at.to_string()).map(|all| all[0]));
        count += 1;
    }
    assert_eq!(count, list.len(), "elements of the text and of the list");
}

fn record(columns: &'static [Column], array: &ArrayRef, row: usize, object: &[u8], extra: Option<&[u8]>) {
    assert!(array.is_valid(row), "a record became null");
    let place = Place { columns, arrays: array.as_struct().columns(), row, parent: None };
    place.object(object, &mut Vec::new(), extra);
}

/// Whether a cell alone says all that was sent.
fn says(kind: Kind, array: &ArrayRef, row: usize, value: &[u8]) -> bool {
    let raw = std::str::from_utf8(value).expect("the body was made UTF-8");
    let text = || serde_json::from_str::<String>(raw).ok();
    match kind {
        Kind::Int => raw.parse() == Ok(array.as_primitive::<Int64Type>().value(row)),
        Kind::Time => {
            let us = array.as_primitive::<TimestampMicrosecondType>().value(row);
            raw.parse::<i64>().is_ok_and(|ms| ms * 1000 == us)
        }
        Kind::Number => raw.parse() == Ok(array.as_primitive::<Float64Type>().value(row)),
        Kind::Flag => raw == array.as_boolean().value(row).to_string(),
        Kind::Text => text().as_deref() == text_at(array, row),
        Kind::Scalar => text().as_deref().or(Some(raw)) == text_at(array, row),
        Kind::Json => {
            let sound = serde_json::from_str::<&RawValue>(raw).is_ok();
            sound && text_at(array, row) == Some(raw)
        }
        _ => false,
    }
}

/// Checks that `_extra` has a value at its place: as sent, or, where that is no JSON, as text in `$raw`. When
/// the key was no JSON either, the text ends with the value.
fn stands(extra: Option<&[u8]>, value: &[u8], place: &str) {
    let shown = || String::from_utf8_lossy(value);
    let Some(extra) = extra else { panic!("{place}: lost {}", shown()) };
    if extra == value && skim::find(value, &["$raw"]).is_none() {
        return;
    }
    let raw = skim::find(extra, &["$raw"]).and_then(skim::text);
    let raw = raw.unwrap_or_else(|| panic!("{place}: {} became {}", shown(), String::from_utf8_lossy(extra)));
    assert!(raw.as_bytes().ends_with(value), "{place}: {} became {raw}", shown());
}

fn fields(object: &[u8]) -> Fields<'_> {
    let mut found = Fields::new();
    for (key, value) in skim::fields(object) {
        let key = skim::text(key).expect("keys are strings").into_owned();
        found.entry(key).or_default().push(value);
    }
    found
}
