//! An independent, slow reading of a record by the same rules, on `serde_json`'s raw values: no tape, no
//! offsets, no tree of places. Sound JSON without repeated keys only.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::schema::{Column, Kind, Origin, TIME_MS_END, TIME_MS_START};

type Fields<'a> = BTreeMap<String, &'a RawValue>;

/// The columns of a record, and its `_extra` (null when there is nothing).
pub(super) fn expected(columns: &[Column], record: &RawValue) -> (Map<String, Value>, Value) {
    let mut extra = Value::Null;
    let filled = record_of(columns, record, &[], &mut extra);
    (filled, extra)
}

fn record_of(
    columns: &[Column],
    record: &RawValue,
    path: &[String],
    extra: &mut Value,
) -> Map<String, Value> {
    unknown(columns, record, &[], path, extra);
    columns.iter().map(|column| (column.name.to_owned(), column_of(column, record, path, extra))).collect()
}

fn column_of(column: &Column, record: &RawValue, path: &[String], extra: &mut Value) -> Value {
    match column.origin {
        Origin::Run => Value::Null,
        Origin::Field(own) | Origin::Parent(own) => match follow(record, own) {
            None => Value::Null,
            Some(raw) => convert(column.kind, raw, &join(path, own), extra).unwrap_or(Value::Null),
        },
        Origin::Lifted(places) => {
            let found = places.iter().filter_map(|place| follow(record, place));
            let mut fits = found.filter_map(|raw| convert(column.kind, raw, &[], &mut Value::Null));
            fits.find(|value| !value.is_null()).unwrap_or(Value::Null)
        }
    }
}

/// The value for the column; nothing when it does not fit.
fn convert(kind: Kind, raw: &RawValue, path: &[String], extra: &mut Value) -> Option<Value> {
    if raw.get() == "null" {
        return Some(Value::Null);
    }
    let (fit, keep) = match kind {
        Kind::Records(fields) => (
            list(raw).map(|all| {
                all.iter()
                    .zip(0..)
                    .map(|(raw, at)| {
                        convert(Kind::Record(fields), raw, &join(path, &[&at.to_string()]), extra)
                            .unwrap_or(Value::Null)
                    })
                    .collect()
            }),
            false,
        ),
        Kind::Record(fields) => {
            (object(raw).map(|_| Value::Object(record_of(fields, raw, path, extra))), false)
        }
        Kind::Ints => (elements(Kind::Int, raw, path, extra), false),
        Kind::Texts => (elements(Kind::Text, raw, path, extra), false),
        _ => scalar(kind, raw),
    };
    if keep || fit.is_none() {
        put(extra, path, raw);
    }
    fit
}

fn elements(kind: Kind, raw: &RawValue, path: &[String], extra: &mut Value) -> Option<Value> {
    let all = list(raw)?;
    let each = all
        .iter()
        .zip(0..)
        .map(|(raw, at)| convert(kind, raw, &join(path, &[&at.to_string()]), extra).unwrap_or(Value::Null));
    Some(each.collect())
}

fn scalar(kind: Kind, raw: &RawValue) -> (Option<Value>, bool) {
    let text: Option<String> = serde_json::from_str(raw.get()).ok();
    let is_number = raw.get().starts_with(|first: char| first == '-' || first.is_ascii_digit());
    let is_flag = matches!(raw.get(), "true" | "false");
    match kind {
        Kind::Int => integer(raw),
        Kind::Time => {
            let (ms, keep) = integer(raw);
            let ms = ms.and_then(|ms| ms.as_i64()).filter(|ms| *ms >= TIME_MS_START && *ms < TIME_MS_END);
            (ms.map(|ms| json!(ms * 1000)), keep)
        }
        Kind::Scalar if is_number || is_flag => (Some(json!(raw.get())), false),
        Kind::Scalar | Kind::Text => (text.map(Value::String), false),
        Kind::Flag => (is_flag.then(|| json!(raw.get() == "true")), false),
        Kind::Number => (is_number.then(|| json!(raw.get().parse::<f64>().expect("a number"))), false),
        Kind::Json => (Some(json!(raw.get())), false),
        _ => unreachable!("lists and records are no scalars"),
    }
}

fn integer(raw: &RawValue) -> (Option<Value>, bool) {
    if let Ok(text) = serde_json::from_str::<String>(raw.get()) {
        let canonical = text.parse::<i64>().ok().filter(|number| number.to_string() == text);
        return (canonical.map(|number| json!(number)), true);
    }
    (raw.get().parse::<i64>().ok().map(|number| json!(number)), false)
}

/// Puts every field that no column is meant for, and every parent that is no object.
fn unknown(columns: &[Column], object_: &RawValue, own: &[&str], path: &[String], extra: &mut Value) {
    for (key, raw) in object(object_).unwrap_or_default() {
        let own: Vec<&str> = own.iter().copied().chain([key.as_str()]).collect();
        let path = join(path, &[&key]);
        let paths = columns.iter().filter_map(|column| match column.origin {
            Origin::Field(path) | Origin::Parent(path) => Some(path),
            _ => None,
        });
        let (mut is_column, mut is_parent) = (false, false);
        for path in paths {
            is_column |= *path == own;
            is_parent |= path.len() > own.len() && path.starts_with(&own);
        }
        match (is_column, is_parent) {
            (true, _) => {}
            (_, true) if object(raw).is_some() => unknown(columns, raw, &own, &path, extra),
            (_, true) if raw.get() == "null" => {}
            _ => put(extra, &path, raw),
        }
    }
}

fn put(extra: &mut Value, path: &[String], raw: &RawValue) {
    let mut at = extra;
    for name in path {
        if at.is_null() {
            *at = json!({});
        }
        at = at.as_object_mut().expect("an object").entry(name.clone()).or_insert(Value::Null);
    }
    *at = serde_json::from_str(raw.get()).expect("sound JSON");
}

fn follow<'a>(record: &'a RawValue, path: &[&str]) -> Option<&'a RawValue> {
    path.iter().try_fold(record, |at, name| object(at)?.get(*name).copied())
}

fn object(raw: &RawValue) -> Option<Fields<'_>> {
    serde_json::from_str(raw.get()).ok()
}

fn list(raw: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(raw.get()).ok()
}

fn join(path: &[String], own: &[&str]) -> Vec<String> {
    path.iter().cloned().chain(own.iter().map(|name| (*name).to_owned())).collect()
}
