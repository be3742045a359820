//! Generated records: several fields of a record spoiled at once, many such records on a page, all tables in
//! one run. Each record is read a second time, by `serde_json` alone, and what the lake has must agree: the
//! value in its column, or in `_extra` as it was sent, or the whole record in `_quarantine`, told of.
//!
//! `D2P_RECORDS` says how many records at least, `D2P_SEED` plays a single world again.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimestampMicrosecondType};
use drift_simulator::faults::{FieldFlip, Flip};
use drift_simulator::{Behaviour, FaultScript, Table as Truth, WorldConfig};
use drift2parquet::report::Report;
use drift2parquet::schema::{Column, Kind, Origin, TIME_MS_END, TIME_MS_START, Table};
use drift2parquet::tables::by_name;
use drift2parquet::verify::Verdict;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Found, settle};
use crate::account::Account;

const RECORDS: u64 = 20_000;
/// Stands for `NaN`, which `serde_json` does not read.
const NOT_A_NUMBER: &str = "\"@NaN@\"";
/// Answered by id: with a spoiled key they are another record, which is another suite's business.
const BY_ID: [Truth; 2] = [Truth::Conversations, Truth::Contacts];

/// The members of a JSON object; of those that share a name, the last.
type Members<'a> = BTreeMap<String, &'a RawValue>;

fn members(text: &str) -> Option<Members<'_>> {
    serde_json::from_str(text).ok()
}

/// What `path` names in a record.
fn follow<'a>(record: &'a RawValue, path: &[&str]) -> Option<&'a RawValue> {
    path.iter().try_fold(record, |at, name| members(at.get())?.get(*name).copied())
}

/// One world with many flips, after one run.
struct Spoiled {
    account: Account,
    report: Report,
    flips: Vec<FieldFlip>,
}

impl Spoiled {
    async fn of(seed: u64) -> Found<Self> {
        let world = WorldConfig { conversations: 40, months: 2, accounts: 60, ..WorldConfig::small(seed) };
        let mut account = Account::of(world, Behaviour::default());
        let mut chance = fastrand::Rng::with_seed(seed);
        let flips: Vec<_> = (0..40).filter_map(|_| any_flip(&mut chance)).collect();
        account.drift.set_faults(FaultScript { flips: flips.clone(), ..FaultScript::default() });
        let ended = account.attempt().await.map_err(|error| format!("refused: {error}"))?;
        match ended.error {
            Some(error) => Err(format!("the run ended: {error}")),
            None => Ok(Self { account, report: ended.report, flips }),
        }
    }

    fn touches(&self, truth: Truth, path: &str) -> bool {
        self.flips.iter().any(|flip| flip.table == truth && flip.path == path)
    }

    /// Judges all records of a table; how many there were.
    fn judge(&self, truth: Truth) -> Found<u64> {
        let table = by_name(truth.name()).unwrap();
        let rows = self.rows(table)?;
        let texts: Vec<String> = self.account.drift.truth(truth).collect();
        let mut keys: BTreeMap<Vec<String>, u32> = BTreeMap::new();
        texts
            .iter()
            .filter_map(|text| key_of(table, text))
            .for_each(|key| *keys.entry(key).or_default() += 1);
        let (quarantine, listed) = (self.quarantine(), self.listed(truth));
        let mut aside = 0;
        for text in &texts {
            match key_of(table, text) {
                None if !quarantine.contains(text) => return Err(format!("{text} is in no quarantine")),
                None => aside += 1,
                // Of records that share a key one is stored, and the report counts the others.
                Some(key) if keys[&key] > 1 && !rows.contains_key(&key) => {
                    return Err(format!("{}: {key:?} is missing", table.name));
                }
                Some(key) if keys[&key] > 1 => {}
                Some(key) => match rows.get(&key) {
                    Some(row) => judge_record(table, text, row, listed.get(&key).map(String::as_str))
                        .map_err(|wrong| format!("{} {key:?}: {wrong}\n{text:.2000}", table.name))?,
                    None if truth == Truth::Contacts && self.touches(Truth::Conversations, "contactId") => {}
                    None => return Err(format!("{}: {key:?} is missing", table.name)),
                },
            }
        }
        let told = self.report.tables[table.name].set_aside;
        if told < aside { Err(format!("{aside} set aside, {told} told of")) } else { Ok(texts.len() as u64) }
    }

    /// The rows of the list, which fill what a detail lacks.
    fn listed(&self, truth: Truth) -> BTreeMap<Vec<String>, String> {
        if truth != Truth::Conversations {
            return BTreeMap::new();
        }
        let table = by_name(truth.name()).unwrap();
        let rows = self.account.drift.truth(Truth::ListRows);
        rows.filter_map(|text| key_of(table, &text).map(|key| (key, text))).collect()
    }

    fn rows(&self, table: &'static Table) -> Found<BTreeMap<Vec<String>, BTreeMap<String, Value>>> {
        let mut rows = BTreeMap::new();
        for batch in self.account.rows(table) {
            for row in 0..batch.num_rows() {
                let cells = cells(&batch, row);
                let key: Vec<String> = table.key.iter().map(|name| cells[*name].to_string()).collect();
                if table.name != "messages" && rows.contains_key(&key) {
                    return Err(format!("{}: {key:?} stands twice", table.name));
                }
                rows.insert(key, cells);
            }
        }
        Ok(rows)
    }

    /// The records set aside, as they came.
    fn quarantine(&self) -> BTreeSet<String> {
        let Ok(files) = std::fs::read_dir(self.account.lake.path().join("_quarantine")) else {
            return BTreeSet::new();
        };
        let texts = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
        let records = |text: String| {
            let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
            lines.map(|line| line["record"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        texts.flat_map(records).collect()
    }
}

fn any_flip(chance: &mut fastrand::Rng) -> Option<FieldFlip> {
    let table = Truth::ALL[chance.usize(1..Truth::ALL.len())];
    let path = table.paths()[chance.usize(0..table.paths().len())];
    let flip = Flip::ALL[chance.usize(0..Flip::ALL.len())];
    let other = BY_ID.contains(&table) && path == "id";
    let every = chance.u64(1..6);
    (!other && flip != Flip::TenMegabytes).then(|| FieldFlip { table, path: path.to_owned(), flip, every })
}

/// The cells that make up a record's key, as they must be; nothing when they cannot be used.
fn key_of(table: &Table, text: &str) -> Option<Vec<String>> {
    let text = readable(text);
    let record: &RawValue = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let cell = |name: &&str| {
        let column = table.column(name).unwrap();
        let Origin::Field(path) = column.origin else { panic!("a key is a field") };
        // What is no Unicode is shown as text, and is no key.
        let raw = follow(record, path)?.get();
        let value = scalar(column.kind, raw).filter(|_| !raw.contains("\\ud800b"));
        value.filter(|value| !value.is_null()).map(|value| value.to_string())
    };
    table.key.iter().map(cell).collect()
}

/// The text with something that JSON has in place of what it has not; within strings it may stand as it is.
fn readable(text: &str) -> String {
    let (mut read, mut rest) = (String::with_capacity(text.len()), text);
    let (mut within, mut escaped) = (false, false);
    while let Some(letter) = rest.chars().next() {
        if let Some(behind) = rest.strip_prefix("NaN").filter(|_| !within) {
            read.push_str(NOT_A_NUMBER);
            rest = behind;
            continue;
        }
        within ^= letter == '"' && !escaped;
        escaped = within && letter == '\\' && !escaped;
        read.push(letter);
        rest = &rest[letter.len_utf8()..];
    }
    read
}

fn judge_record(table: &Table, text: &str, row: &BTreeMap<String, Value>, listed: Option<&str>) -> Found {
    let text = readable(text);
    let record: &RawValue = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let extra = row["_extra"].as_str().unwrap_or("{}");
    let extra: &RawValue = serde_json::from_str(extra).map_err(|error| format!("_extra: {error}"))?;
    for column in table.columns {
        let cell = &row[column.name];
        let filled = judge_cell(column, record, cell, extra).is_err() && list_says(column, listed, cell);
        judge_cell(column, record, if filled { &Value::Null } else { cell }, extra)
            .map_err(|wrong| format!("{}: {wrong}; it holds {}", column.name, row[column.name]))?;
    }
    let known = |name: &str| table.columns.iter().any(|column| begins_with(column, name));
    for (name, raw) in members(record.get()).unwrap() {
        if !known(&name) {
            is_kept(&[&name], raw.get(), extra)?;
        }
    }
    let holds = |cell: &Value| cell.as_str().is_some_and(|text| text.contains("earlier"));
    if text.contains("\"earlier\"") && !row.values().any(holds) {
        return Err("an earlier value is lost".to_owned());
    }
    Ok(())
}

fn list_says(column: &Column, listed: Option<&str>, cell: &Value) -> bool {
    let (Origin::Field(path), Some(listed)) = (column.origin, listed) else { return false };
    let raw = follow(serde_json::from_str(listed).unwrap(), path);
    raw.is_some_and(|raw| scalar(column.kind, raw.get()).as_ref() == Some(cell))
}

fn begins_with(column: &Column, name: &str) -> bool {
    matches!(column.origin, Origin::Field(path) | Origin::Parent(path) if path[0] == name)
}

fn judge_cell(column: &Column, record: &RawValue, cell: &Value, extra: &RawValue) -> Found {
    match column.origin {
        Origin::Run => Ok(()),
        Origin::Lifted(paths) => judge_lifted(column.kind, paths, record, cell),
        // Filled with the conversation that was asked for, whatever the record says.
        Origin::Parent(path) => match follow(record, path).map(RawValue::get) {
            None | Some("null") => Ok(()),
            Some(raw) if cell.as_i64().is_some_and(|id| id.to_string() == raw) => Ok(()),
            Some(raw) => is_kept(path, raw, extra),
        },
        Origin::Field(path) => match follow(record, path) {
            None => is_empty(cell),
            Some(raw) => judge_value(column.kind, path, raw.get(), cell, extra),
        },
    }
}

/// The first value that fits; the free map that it comes from keeps all of them as they were sent.
fn judge_lifted(kind: Kind, paths: &[&[&str]], record: &RawValue, cell: &Value) -> Found {
    if matches!(kind, Kind::Json | Kind::Ints | Kind::Texts | Kind::Record(_) | Kind::Records(_)) {
        return Ok(());
    }
    let mut found = paths.iter().filter_map(|path| follow(record, path)).filter(|raw| raw.get() != "null");
    let wanted = found.find_map(|raw| scalar(kind, raw.get())).unwrap_or(Value::Null);
    if *cell == wanted { Ok(()) } else { Err(format!("the first that fits is {wanted}")) }
}

fn is_empty(cell: &Value) -> Found {
    if cell.is_null() { Ok(()) } else { Err("filled out of nothing".to_owned()) }
}

fn judge_value(kind: Kind, path: &[&str], raw: &str, cell: &Value, extra: &RawValue) -> Found {
    if raw == "null" {
        return is_empty(cell);
    }
    match kind {
        Kind::Json if raw.contains("@NaN@") || raw.contains("\\ud800b") => {
            let word = if raw.contains("@NaN@") { "NaN" } else { "ud800" };
            let held = cell.as_str().is_some_and(|cell| cell.contains(word)) || extra.get().contains(word);
            if held { Ok(()) } else { Err(format!("{word} is lost")) }
        }
        Kind::Ints | Kind::Texts | Kind::Record(_) | Kind::Records(_) => {
            judge_nested(kind, path, raw, cell, extra)
        }
        kind => {
            let wanted = scalar(kind, raw);
            // A number given as text fills the column and is kept as sent too.
            let both = matches!(kind, Kind::Int | Kind::Time) && raw.starts_with('"');
            if wanted.is_none() || both || raw.contains("\\ud800b") {
                is_kept(path, raw, extra)?;
            }
            let wanted = wanted.unwrap_or(Value::Null);
            if *cell == wanted { Ok(()) } else { Err(format!("`{raw:.200}` reads as {wanted}")) }
        }
    }
}

fn judge_nested(kind: Kind, path: &[&str], raw: &str, cell: &Value, extra: &RawValue) -> Found {
    let (element, raws): (Kind, Vec<&RawValue>) = match (kind, serde_json::from_str(raw)) {
        (Kind::Record(fields), _) if raw.starts_with('{') => {
            return judge_fields(fields, path, raw, cell, extra);
        }
        (Kind::Ints, Ok(raws)) => (Kind::Int, raws),
        (Kind::Texts, Ok(raws)) => (Kind::Text, raws),
        (Kind::Records(fields), Ok(raws)) => (Kind::Record(fields), raws),
        _ => {
            is_empty(cell)?;
            return is_kept(path, raw, extra);
        }
    };
    if cell.as_array().is_none_or(|cells| cells.len() != raws.len()) {
        return Err(format!("`{raw:.200}` has {} elements", raws.len()));
    }
    for (index, raw) in raws.iter().enumerate() {
        let (cell, index) = (&cell[index], index.to_string());
        judge_value(element, &[path, &[index.as_str()]].concat(), raw.get(), cell, extra)?;
    }
    Ok(())
}

fn judge_fields(fields: &[Column], path: &[&str], raw: &str, cell: &Value, extra: &RawValue) -> Found {
    let record: &RawValue = serde_json::from_str(raw).unwrap();
    for field in fields {
        let Origin::Field(own) = field.origin else { panic!("nested columns are fields") };
        let cell = &cell[field.name];
        match follow(record, own) {
            None => is_empty(cell)?,
            Some(raw) => judge_value(field.kind, &[path, own].concat(), raw.get(), cell, extra)?,
        }
    }
    Ok(())
}

/// Wrong unless `_extra` holds the value as it was sent.
fn is_kept(path: &[&str], raw: &str, extra: &RawValue) -> Found {
    let held = follow(extra, path).map_or("", RawValue::get);
    let as_raw = |text: &str| held == format!(r#"{{"$raw":{}}}"#, Value::from(text));
    let kept = match raw {
        NOT_A_NUMBER => as_raw("NaN"),
        raw if raw.contains("\\ud800b") => held.contains("ud800b"),
        raw if raw.contains("@NaN@") => held.contains("NaN"),
        raw => held == raw,
    };
    if kept { Ok(()) } else { Err(format!("_extra holds `{held:.200}` instead of `{raw:.200}`")) }
}

/// What the column must hold; nothing when the value does not fit.
fn scalar(kind: Kind, raw: &str) -> Option<Value> {
    let text = || {
        let whole = raw.replace("\\ud800b", "\u{fffd}b");
        serde_json::from_str::<String>(&whole).ok().filter(|_| raw != NOT_A_NUMBER)
    };
    let is_number = raw.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    let is_flag = matches!(raw, "true" | "false");
    let integer = || match text() {
        Some(text) => text.parse::<i64>().ok().filter(|number| number.to_string() == text),
        None => raw.parse::<i64>().ok(),
    };
    match kind {
        Kind::Int => integer().map(Value::from),
        Kind::Time => {
            integer().filter(|ms| (TIME_MS_START..TIME_MS_END).contains(ms)).map(|ms| Value::from(ms * 1_000))
        }
        Kind::Scalar if is_number || is_flag => Some(raw.into()),
        Kind::Scalar | Kind::Text => text().map(Value::from),
        Kind::Flag => is_flag.then(|| (raw == "true").into()),
        Kind::Number => is_number.then(|| raw.parse::<f64>().unwrap().into()),
        Kind::Json => (raw != NOT_A_NUMBER).then(|| raw.into()),
        Kind::Ints | Kind::Texts | Kind::Record(_) | Kind::Records(_) => panic!("no scalar"),
    }
}

fn cells(batch: &RecordBatch, row: usize) -> BTreeMap<String, Value> {
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns());
    columns.map(|(field, column)| (field.name().clone(), value(column.as_ref(), row))).collect()
}

/// A cell as JSON; times in microseconds.
fn value(array: &dyn Array, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row).into(),
        DataType::Timestamp(..) => array.as_primitive::<TimestampMicrosecondType>().value(row).into(),
        DataType::Utf8 => array.as_string::<i32>().value(row).into(),
        DataType::Boolean => array.as_boolean().value(row).into(),
        DataType::List(_) => {
            let list = array.as_list::<i32>().value(row);
            (0..list.len()).map(|at| value(list.as_ref(), at)).collect()
        }
        DataType::Struct(fields) => {
            let columns = fields.iter().zip(array.as_struct().columns());
            let pair = |(field, column): (&arrow::datatypes::FieldRef, &arrow::array::ArrayRef)| {
                (field.name().clone(), value(column.as_ref(), row))
            };
            Value::Object(columns.map(pair).collect())
        }
        other => panic!("{other} is no type of ours"),
    }
}

async fn judge_world(seed: u64) -> Found<u64> {
    let spoiled = Spoiled::of(seed).await?;
    spoiled.account.is_valid(Verdict::Proven).await?;
    let mut records = 0;
    for truth in Truth::ALL.into_iter().filter(|truth| *truth != Truth::ListRows) {
        records += spoiled.judge(truth)?;
    }
    Ok(records)
}

#[tokio::test(start_paused = true)]
async fn generated_records_are_stored_or_told_of() {
    let read = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (wanted, only) = (read("D2P_RECORDS").unwrap_or(RECORDS), read("D2P_SEED"));
    let (mut records, mut wrong) = (0, Vec::new());
    for seed in only.unwrap_or(0).. {
        match judge_world(seed).await {
            Ok(more) => records += more,
            Err(found) => {
                let replay = format!("D2P_SEED={seed} cargo nextest run --test it generated_records");
                wrong.push(format!("`{replay}`: {found}"));
            }
        }
        // Worlds in which something is wrong count for a few hundred records, so that the test ends.
        if only.is_some() || records + 400 * wrong.len() as u64 >= wanted {
            break;
        }
    }
    settle("generated records", records as usize, &wrong);
}
