//! What to begin with: the sample pages, and pages made up from the declared columns.

use std::path::Path;
use std::sync::OnceLock;

use drift2parquet::decode::decode;
use drift2parquet::schema::{Column, Kind, Origin, Rows};
use fastrand::Rng;
use serde_json::{Value, json};

use super::forms::{Form, forms, input, split};
use super::mutate::ODD;

/// Every sample page, as each form that takes it.
///
/// # Panics
/// When the folder cannot be read.
pub fn fixtures(folder: &Path) -> Vec<Vec<u8>> {
    let mut pages = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder of sample pages") {
        let path = entry.expect("an entry of it").path();
        if path.is_dir() {
            pages.extend(files(&path));
        }
    }
    pages.sort();
    let forms = 0..2 * forms().len();
    let inputs = forms.flat_map(|form| pages.iter().map(move |body| input(form, body)));
    inputs.filter(|input| is_read(input)).collect()
}

fn is_read(input: &[u8]) -> bool {
    split(input).is_some_and(|(form, page)| decode(form.table, form.call.rows, &[page]).is_ok())
}

fn files(folder: &Path) -> impl Iterator<Item = Vec<u8>> {
    let entries = std::fs::read_dir(folder).expect("a folder of sample pages");
    entries.filter_map(|entry| std::fs::read(entry.ok()?.path()).ok())
}

/// The names of all fields that a table reads, and of what stands around records.
pub fn names() -> &'static [String] {
    static NAMES: OnceLock<Vec<String>> = OnceLock::new();
    NAMES.get_or_init(all_names)
}

fn all_names() -> Vec<String> {
    let around = [
        "data",
        "messages",
        "accounts",
        "links",
        "next",
        "pagination",
        "more",
        "error",
        "errors",
        "page_token",
    ];
    let declared =
        forms().into_iter().flat_map(|form| form.table.columns.iter().flat_map(steps).collect::<Vec<_>>());
    let mut names: Vec<String> = around.map(str::to_owned).into_iter().chain(declared).collect();
    names.sort();
    names.dedup();
    names
}

fn steps(column: &Column) -> Vec<String> {
    let own: Vec<&str> = match column.origin {
        Origin::Field(path) | Origin::Parent(path) => path.to_vec(),
        Origin::Lifted(paths) => paths.concat(),
        Origin::Run => Vec::new(),
    };
    let inner = match column.kind {
        Kind::Records(fields) | Kind::Record(fields) => fields.iter().flat_map(steps).collect(),
        _ => Vec::new(),
    };
    own.into_iter().map(str::to_owned).chain(inner).collect()
}

/// A page of up to four made-up records of any form.
pub fn page(random: &mut Rng) -> Vec<u8> {
    let forms = forms();
    let at = random.usize(..2 * forms.len());
    let form = forms[at % forms.len()];
    let records: Vec<Value> = (0..random.u8(..5)).map(|_| record(&form, random)).collect();
    let (content, path) = match form.call.rows {
        Rows::Array(path) => (Value::Array(records), path),
        Rows::One(path) => (record(&form, random), path),
    };
    let whole = path.iter().rev().fold(content, |inner, name| json!({ *name: inner }));
    input(at, whole.to_string().as_bytes())
}

fn record(form: &Form, random: &mut Rng) -> Value {
    let mut record = json!({});
    for column in form.table.columns {
        if random.u8(..5) == 0 {
            continue;
        }
        let paths: Vec<&[&str]> = match column.origin {
            Origin::Field(path) | Origin::Parent(path) => vec![path],
            Origin::Lifted(paths) => paths.to_vec(),
            Origin::Run => continue,
        };
        let value = value(column.kind, random);
        put(&mut record, random.choice(paths).expect("a path"), value);
    }
    record
}

fn put(record: &mut Value, path: &[&str], value: Value) {
    let mut at = record;
    for name in path {
        if !at.is_object() {
            *at = json!({});
        }
        at = &mut at[name];
    }
    *at = value;
}

/// A value of a kind, or, now and then, of another.
fn value(kind: Kind, random: &mut Rng) -> Value {
    if random.u8(..12) == 0 {
        return serde_json::from_str(random.choice(ODD).unwrap_or(&"null")).unwrap_or_default();
    }
    let many = |random: &mut Rng| 0..random.u8(..4);
    match kind {
        Kind::Int => json!(random.i64(..) >> random.u8(..63)),
        Kind::Time => json!(random.i64(1_600_000_000_000..1_800_000_000_000)),
        Kind::Number => json!(random.f64()),
        Kind::Flag => json!(random.bool()),
        Kind::Text | Kind::Scalar => json!(text(random)),
        Kind::Json => json!({ text(random): random.i32(..), "email": text(random) }),
        Kind::Ints => many(random).map(|_| json!(random.i32(..))).collect(),
        Kind::Texts => many(random).map(|_| json!(text(random))).collect(),
        Kind::Records(fields) => many(random).map(|_| object(fields, random)).collect(),
        Kind::Record(fields) => object(fields, random),
    }
}

fn object(fields: &[Column], random: &mut Rng) -> Value {
    let mut object = json!({});
    for field in fields {
        if let Origin::Field(path) = field.origin
            && random.u8(..4) > 0
        {
            let value = value(field.kind, random);
            put(&mut object, path, value);
        }
    }
    object
}

fn text(random: &mut Rng) -> String {
    (0..random.u8(..8))
        .map(|_| if random.u8(..6) > 0 { random.alphanumeric() } else { random.char(..) })
        .collect()
}

/// A value for a field that may be any: an odd one, or a small object of known names.
pub fn any_value(names: &[String], random: &mut Rng) -> String {
    match random.choice(names) {
        Some(name) if random.u8(..3) == 0 => format!("{{\"{name}\":{}}}", random.i64(..)),
        _ => (*random.choice(ODD).unwrap_or(&"null")).to_owned(),
    }
}
