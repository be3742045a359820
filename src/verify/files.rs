//! What lies in the lake: data objects, the program's own notes, and files of somebody else.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::lake::{partition_of, table_of};
use crate::manifest::{Manifest, ObjectState};
use crate::schema::{Partition, Span, Table};
use crate::store::Entry;
use crate::tables;

use super::verdict::{Finding, Verification};

const REMOVE: &str = "move it out of the lake, since readers take it for data; then verify again";

/// The program's own folders and files, whose names begin with an underscore.
const OWN: &[&str] =
    &["_manifest", "_todo", "_reports", "_quarantine", "_lock", "_tmp", "_raw", "_probe", "views.sql"];

/// A data object that is to be judged.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    pub path: String,
    pub table: &'static Table,
    /// What the manifest says of it, if it names it.
    pub known: Option<ObjectState>,
    /// The object as it was listed, if it was.
    pub entry: Option<Entry>,
    /// Another hand has changed it, and it is not known to be right again.
    pub doubted: bool,
}

/// All data objects, those of the manifest and those that lie there; everything else is named.
pub(super) fn sort_out(manifest: &Manifest, entries: &[Entry], found: &mut Verification) -> Vec<Subject> {
    let mut subjects = BTreeMap::new();
    for (_, path, object) in manifest.objects() {
        if let Some(table) = table_of(path) {
            let (path, known) = (path.to_owned(), Some(object.clone()));
            let doubted = manifest.doubted.contains(&path);
            subjects.insert(path.clone(), Subject { path, table, known, entry: None, doubted });
        }
    }
    for entry in entries {
        match table_of(&entry.path) {
            Some(table) => {
                let path = entry.path.clone();
                let unknown = Subject { path: path.clone(), table, known: None, entry: None, doubted: false };
                subjects.entry(path).or_insert(unknown).entry = Some(entry.clone());
            }
            None => judge_other(&entry.path, found),
        }
    }
    subjects.into_values().collect()
}

/// A file that is no data object: a note, or broken when a reader of a table would meet it.
fn judge_other(path: &str, found: &mut Verification) {
    let top = path.split('/').next().unwrap_or(path);
    if OWN.contains(&top) {
        return;
    }
    if tables::by_name(top).is_none() || is_passed_over(path) {
        found.notes.push(format!("{path} is a foreign file; readers of the tables pass it over"));
        return;
    }
    found.findings.push(Finding::broken(path, "is a foreign file among the data of a table", REMOVE));
}

/// Spark passes over names that begin so, and no glob for Parquet takes them without the ending.
fn is_passed_over(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.starts_with(['.', '_']) && !name.contains(".parquet")
}

/// What is wrong with the name of an object's partition, if something is.
pub(super) fn partition_fault(table: &Table, path: &str, span: Option<Span>) -> Option<String> {
    let partition = partition_of(path)?;
    let fits = match table.partition {
        Partition::Whole => false,
        Partition::Bucket(count) => {
            (0..i64::from(count)).any(|key| Partition::bucket(count, key) == partition)
        }
        Partition::Time(_) | Partition::OfConversation => match span {
            Some(span) => is_span(&partition, span),
            None => is_span(&partition, Span::Month) || is_span(&partition, Span::Day),
        },
    };
    (!fits).then(|| format!("{partition} is no partition that {} can have", table.name))
}

fn is_span(partition: &str, span: Span) -> bool {
    let Some((_, value)) = partition.split_once('=') else { return false };
    let first = if span == Span::Month { format!("{value}-01") } else { value.to_owned() };
    let begins = first.parse::<jiff::civil::Date>().ok();
    let begins = begins.and_then(|date| TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok());
    let time_us = begins.map(Timestamp::as_microsecond);
    span.of(time_us) == partition
}
