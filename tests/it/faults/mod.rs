//! The exporter under fire: whatever the API does, a run ends in full success, or in the documented exit
//! code with the incident named; the lake stays valid, and a run without faults ends in the exact truth.
//!
//! What is exact is told by a second lake of the same account that never saw a fault, and whose ids are
//! those of the simulator's own truth.

mod api;
mod complete;
mod data;
mod ends;
mod mended;
mod records;
mod rights;
pub mod scripts;

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use drift_simulator::{Fault, FaultScript, Table as Truth};
use drift2parquet::api::{OAuth, Token};
use drift2parquet::error::{Error, Result};
use drift2parquet::progress::Progress;
use drift2parquet::report::Report;
use drift2parquet::schema::Table;
use drift2parquet::stop::Stop;
use drift2parquet::sync::Ended;
use drift2parquet::tables;
use drift2parquet::verify::{Verdict, Verification, verify};

use crate::account::Account;
use crate::counts::record;

/// What answers may have in suites of many cases, whose oversized bodies exceed it by little.
const LEAN_BODY_BYTES_MAX: usize = 4 << 20;

/// The same fault with no more megabytes than [`LEAN_BODY_BYTES_MAX`] needs.
fn lean(fault: Fault) -> Fault {
    match fault {
        Fault::Oversize(_) => Fault::Oversize(5),
        Fault::DeflateBomb(_) => Fault::DeflateBomb(16),
        fault => fault,
    }
}

/// Columns that say when something was fetched, which no fault need leave alone.
const OF_THE_RUN: [&str; 7] =
    ["_synced_at", "_walked_at", "_as_of", "_deleted_at", "_listed_at", "_messages_as_of", "_missing"];

/// Tables that are summed up from others: true to what is stored, not to the API.
pub const SUMS: [&str; 2] = ["campaigns", "inboxes"];

/// Live rows by table and key, as text.
pub type Rows = BTreeMap<&'static str, BTreeMap<String, String>>;

/// What a case found wrong, in one line.
pub type Found<T = ()> = std::result::Result<T, String>;

impl Account {
    /// The live rows of all tables; wrong when a key stands twice, be it deleted or not.
    pub fn live(&self) -> Found<Rows> {
        let mut rows = Rows::new();
        for table in tables::ALL.iter().copied() {
            let mut keys = BTreeMap::new();
            for batch in self.try_rows(table).map_err(|error| error.to_string())? {
                add_rows(table, &batch, &mut keys)?;
            }
            let live = keys.into_iter().filter_map(|(key, row)| row.map(|row| (key, row)));
            rows.insert(table.name, live.collect());
        }
        Ok(rows)
    }

    /// Wrong when a key stands twice over a table, be it deleted or not.
    pub fn no_key_twice(&self) -> Found {
        let formats = FormatOptions::default();
        for table in tables::ALL.iter().copied() {
            let mut keys = BTreeSet::new();
            for batch in self.columns(table, table.key) {
                let columns = batch.columns().iter();
                let columns: Vec<_> =
                    columns.map(|column| ArrayFormatter::try_new(column, &formats).unwrap()).collect();
                for row in 0..batch.num_rows() {
                    let key: Vec<String> =
                        columns.iter().map(|column| column.value(row).to_string()).collect();
                    if let Some(key) = keys.replace(key) {
                        return Err(format!("{}: the key {key:?} stands twice", table.name));
                    }
                }
            }
        }
        Ok(())
    }

    /// What `verify` says; nothing when there is no lake yet.
    pub async fn verified(&self) -> Option<Verification> {
        verify(self.lake.store().as_ref(), false, &Progress::default()).await.ok()
    }

    /// Wrong unless `verify` finds nothing worse than `worst`.
    pub async fn is_valid(&self, worst: Verdict) -> Found {
        match self.verified().await {
            Some(found) if found.verdict > worst => Err(format!("verify: {:?}", found.findings)),
            _ => Ok(()),
        }
    }

    /// One run, which may be refused at once.
    pub async fn attempt(&mut self) -> Result<Ended> {
        self.try_run(&Stop::default()).await
    }

    /// A run without faults that must end well.
    pub async fn sound_run(&mut self) -> Found<Report> {
        self.drift.set_faults(FaultScript::default());
        let ended = self.attempt().await.map_err(|error| format!("a sound run was refused: {error}"))?;
        match ended.report.exit_code {
            0 => Ok(ended.report),
            code => Err(format!(
                "a sound run ended with {code}: {:?}, pending {:?}, warnings {:?}",
                ended.error, ended.report.pending, ended.report.warnings
            )),
        }
    }

    /// Wrong unless the lake holds what the account has, of these tables.
    pub fn holds_the_truth(&self, of: &[(&'static str, Truth)]) -> Found {
        for (name, truth) in of {
            let live = self.ids(tables::by_name(name).unwrap(), "id", true);
            let truth = self.true_ids(*truth);
            if live != truth {
                return Err(format!("{name}: {}", difference(&live, &truth)));
            }
        }
        Ok(())
    }
}

/// The token of the simulator's OAuth app.
pub fn oauth() -> Token {
    Token::OAuth(OAuth {
        client_id: "sim-client".to_owned(),
        client_secret: "sim-secret".to_owned().into(),
        refresh_token: "sim-refresh".to_owned().into(),
        on_rotation: None,
    })
}

/// The tables of a conversation and whose rows they are.
pub const OF_CONVERSATIONS: [(&str, Truth); 3] =
    [("conversations", Truth::Conversations), ("messages", Truth::Messages), ("contacts", Truth::Contacts)];

/// The cells of all live rows of a table, by key and column.
pub type Cells = BTreeMap<String, BTreeMap<String, String>>;

impl Account {
    /// The cells of a table's live rows.
    pub fn cells(&self, table: &'static Table) -> Found<Cells> {
        let mut rows = BTreeMap::new();
        for batch in self.rows(table) {
            add_rows(table, &batch, &mut rows)?;
        }
        let cells = |row: String| {
            let pairs = row.split(BETWEEN).filter_map(|cell| cell.split_once('='));
            pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
        };
        Ok(rows.into_iter().filter_map(|(key, row)| row.map(|row| (key, cells(row)))).collect())
    }
}

/// Stands between two cells of a row told as text.
const BETWEEN: char = '\u{1f}';

pub fn add_rows(table: &Table, batch: &RecordBatch, rows: &mut BTreeMap<String, Option<String>>) -> Found {
    let deleted = batch.column_by_name("_deleted_at").unwrap();
    let schema = batch.schema();
    let names = schema.fields().iter().map(|field| field.name().as_str());
    let told: Vec<&str> = names.filter(|name| !OF_THE_RUN.contains(name)).collect();
    let columns: Vec<ArrayRef> = told.iter().map(|name| readable(batch, name)).collect();
    let keys: Vec<ArrayRef> = table.key.iter().map(|name| readable(batch, name)).collect();
    let options = FormatOptions::default().with_null("∅");
    let format = |array: &ArrayRef, row: usize| {
        ArrayFormatter::try_new(array, &options).unwrap().value(row).to_string()
    };
    for row in 0..batch.num_rows() {
        let key: Vec<String> = keys.iter().map(|key| format(key, row)).collect();
        let value = |(name, array): (&&str, &ArrayRef)| format!("{name}={}{BETWEEN}", format(array, row));
        let text = || told.iter().zip(&columns).map(value).collect();
        if rows.insert(key.join("/"), deleted.is_null(row).then(text)).is_some() {
            return Err(format!("{}: the key {key:?} stands twice", table.name));
        }
    }
    Ok(())
}

/// Times as numbers, since without a database of time zones not even UTC can be shown.
fn readable(batch: &RecordBatch, name: &str) -> ArrayRef {
    let array = batch.column_by_name(name).unwrap();
    match array.data_type() {
        DataType::Timestamp(..) => cast(array, &DataType::Int64).unwrap(),
        _ => array.clone(),
    }
}

fn difference(live: &[i64], truth: &[i64]) -> String {
    let missing: Vec<_> = truth.iter().filter(|id| live.binary_search(id).is_err()).take(5).collect();
    let surplus: Vec<_> = live.iter().filter(|id| truth.binary_search(id).is_err()).take(5).collect();
    format!("{} rows, {} in truth; missing {missing:?}, surplus {surplus:?}", live.len(), truth.len())
}

/// Wrong unless both hold the same rows.
pub fn same(found: &Rows, wanted: &Rows) -> Found {
    let nothing = BTreeMap::new();
    for (table, found) in found {
        // A table that never had a row may have no object.
        let wanted = wanted.get(table).unwrap_or(&nothing);
        if let Some((key, row)) = wanted.iter().find(|(key, row)| found.get(*key) != Some(row)) {
            return Err(match found.get(key) {
                None => format!("{table}: {key} is missing ({} of {} rows)", found.len(), wanted.len()),
                Some(other) => format!("{table}: {key} differs: {}", first_difference(other, row)),
            });
        }
        if let Some(key) = found.keys().find(|key| !wanted.contains_key(*key)) {
            return Err(format!("{table}: {key} is too much"));
        }
    }
    Ok(())
}

/// Wrong unless every row found is one of those wanted, be it an older version.
pub fn within(found: &Rows, wanted: &[&Rows]) -> Found {
    for (table, rows) in found.iter().filter(|(table, _)| !SUMS.contains(table)) {
        for (key, row) in rows {
            let versions: Vec<&String> = wanted.iter().filter_map(|wanted| wanted[table].get(key)).collect();
            if !versions.contains(&row) {
                let other = versions.last().map_or("no such row", |version| version.as_str());
                return Err(format!("{table}: {key} is untrue: {}", first_difference(row, other)));
            }
        }
    }
    Ok(())
}

fn first_difference(one: &str, other: &str) -> String {
    let same = one.chars().zip(other.chars()).take_while(|(one, other)| one == other).count();
    let cut = |text: &str| text.chars().skip(same.saturating_sub(30)).take(80).collect::<String>();
    format!("`{}` instead of `{}`", cut(one), cut(other))
}

/// Wrong unless a run that did not end well says what is wrong, and where.
pub fn is_named(ended: &Ended) -> Found {
    let report = &ended.report;
    match (&ended.error, report.exit_code) {
        (None, 0) => Ok(()),
        (None, 7) => {
            let aside = report.tables.values().any(|table| table.set_aside > 0);
            let sum_fails = report.completeness.as_ref().is_some_and(|sum| !sum.holds);
            let told = !report.pending.is_empty() || aside;
            if told && !sum_fails { Ok(()) } else { Err(format!("7, yet nothing is named: {report:?}")) }
        }
        (Some(error), code) if code == error.kind().exit_code() => is_placed(error, &[3, 4]),
        (error, code) => Err(format!("exit code {code} with {error:?}")),
    }
}

/// Wrong unless the error names a call or a table, and is of one of these exit codes.
pub fn is_placed(error: &Error, codes: &[u8]) -> Found {
    let code = error.kind().exit_code();
    if !codes.contains(&code) {
        return Err(format!("exit code {code}: {error}"));
    }
    if error.place("call").is_none() && error.place("table").is_none() {
        return Err(format!("an error that names no place: {error}"));
    }
    Ok(())
}

/// Counts the cases of a suite, and fails the test with everything that was found wrong.
pub fn settle(suite: &str, cases: usize, wrong: &[String]) {
    record(suite, &[("cases", cases as u64)]);
    nothing_is(wrong, cases as u64);
}

/// Fails the test with everything that was found wrong.
pub fn nothing_is(wrong: &[String], cases: u64) {
    assert!(wrong.is_empty(), "{} of {cases} cases are wrong:\n{}", wrong.len(), wrong.join("\n"));
}
