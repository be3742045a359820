//! Takes the values of columns out of pages, before anything else sees them: no column, no `_extra`, no
//! `_quarantine`, no report can hold what is not in the page.
//!
//! A value that is left out becomes `null` where it stands; one that is hashed becomes the hash as a JSON string.
//! What stands where an object should be that holds such a value cannot be looked into, and becomes `null` whole;
//! so does a record that is no object. All else stays, byte for byte. Knows JSON text and the declared tables, no
//! HTTP and no files.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};

use crate::api::Client;
use crate::config::Masking;
use crate::decode::skim;
use crate::error::{Error, Result};
use crate::hmac::Hmac;
use crate::schema::{Absence, Call, Column, Origin, Rows, Source, Table};
use crate::tables;

/// The variable of the environment that holds the key of the hashes.
pub const KEY_VARIABLE: &str = "DRIFT2PARQUET_HASH_KEY";

/// What is taken out of the pages of each call.
#[derive(Debug, Clone)]
pub struct Mask {
    /// By the path of the call, as declared.
    calls: BTreeMap<&'static str, Vec<Records>>,
    hash: Option<Hmac>,
}

/// Where the records of a table stand in an answer, and what is taken out of them.
#[derive(Debug, Clone)]
struct Records {
    rows: Rows,
    fields: Vec<(&'static [&'static str], Deed)>,
}

/// What happens to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    LeaveOut,
    Hash,
}

/// A piece of the body, and what comes in its place.
type Edit = (std::ops::Range<usize>, String);

impl Mask {
    /// The mask of a lake; nothing when all is kept as sent.
    ///
    /// # Errors
    /// [`Error::usage`] when columns are hashed and there is no key, or another one than before.
    pub fn of(masking: &Masking, key: Option<&SecretString>, lake_id: &str) -> Result<Option<Self>> {
        if masking.is_empty() {
            return Ok(None);
        }
        let hash = if masking.hashed.is_empty() { None } else { Some(hash(masking, key, lake_id)?) };
        let mut calls: BTreeMap<_, Vec<Records>> = BTreeMap::new();
        for table in tables::ALL {
            let fields = fields(masking, table);
            for call in calls_of(table).into_iter().filter(|_| !fields.is_empty()) {
                let records = Records { rows: call.rows, fields: fields.clone() };
                calls.entry(call.path).or_default().push(records);
            }
        }
        Ok(Some(Self { calls, hash }))
    }

    /// The client, whose pages go through the mask, if there is one.
    pub fn over(mask: Option<Self>, client: Client) -> Client {
        match mask {
            Some(mask) => client.edited(Arc::new(move |call, body| mask.apply(call, body))),
            None => client,
        }
    }

    /// The body of an answer to `call`, without what is taken out.
    pub fn apply(&self, call: &Call, body: Bytes) -> Bytes {
        let mut edits = Vec::new();
        for records in self.calls.get(call.path).into_iter().flatten() {
            let whole = skim::find(&body, &[]).unwrap_or_default();
            self.find(&body, whole, records.rows.path(), records, &mut edits);
        }
        if edits.is_empty() { body } else { edited(&body, edits) }
    }

    /// Every place where records may stand: a key that stands twice is followed twice.
    fn find(&self, body: &[u8], value: &[u8], path: &[&str], records: &Records, edits: &mut Vec<Edit>) {
        if let [name, rest @ ..] = path {
            for (_, inner) in skim::fields(value).filter(|(key, _)| is(key, name)) {
                self.find(body, inner, rest, records, edits);
            }
            return;
        }
        let mut elements = skim::elements(value).peekable();
        if elements.peek().is_none() {
            self.record(body, value, records, edits);
        }
        for record in elements {
            self.record(body, record, records, edits);
        }
    }

    fn record(&self, body: &[u8], record: &[u8], records: &Records, edits: &mut Vec<Edit>) {
        for (path, deed) in &records.fields {
            self.field(body, record, path, *deed, edits);
        }
    }

    fn field(&self, body: &[u8], value: &[u8], path: &[&str], deed: Deed, edits: &mut Vec<Edit>) {
        match path {
            _ if value == b"null" => {}
            [] => edits.push((place(body, value), self.instead(value, deed))),
            [name, rest @ ..] if value.starts_with(b"{") => {
                for (_, inner) in skim::fields(value).filter(|(key, _)| is(key, name)) {
                    self.field(body, inner, rest, deed, edits);
                }
            }
            // An empty list is what some answers have for an empty map.
            _ if skim::elements(value).next().is_none() && value.starts_with(b"[") => {}
            _ => edits.push((place(body, value), "null".to_owned())),
        }
    }

    fn instead(&self, value: &[u8], deed: Deed) -> String {
        match (deed, &self.hash) {
            (Deed::Hash, Some(hash)) => {
                let text = skim::text(value);
                let text = text.as_deref().map_or(value, str::as_bytes);
                format!("\"{}\"", hex::encode(hash.of(text)))
            }
            _ => "null".to_owned(),
        }
    }
}

/// What the manifest keeps of a key: a hash of the lake's id under it, which tells it from other keys.
pub fn key_id(key: &SecretString, lake_id: &str) -> String {
    let hash = Hmac::new(key.expose_secret().as_bytes());
    hex::encode(&hash.of(format!("lake/{lake_id}").as_bytes())[..8])
}

fn hash(masking: &Masking, key: Option<&SecretString>, lake_id: &str) -> Result<Hmac> {
    let Some(key) = key else {
        return Err(Error::usage("columns of this lake are hashed, and there is no key to hash with")
            .hint(format!("set {KEY_VARIABLE}, or {KEY_VARIABLE}_FILE to a file that holds it")));
    };
    if masking.key_id.as_ref().is_some_and(|known| *known != key_id(key, lake_id)) {
        return Err(Error::usage("columns of this lake were hashed with another key").hint(format!(
            "set {KEY_VARIABLE} to the key of the runs before; `reset --table` each table with hashed columns to begin them with a new one"
        )));
    }
    Ok(Hmac::new(key.expose_secret().as_bytes()))
}

fn fields(masking: &Masking, table: &'static Table) -> Vec<(&'static [&'static str], Deed)> {
    let (excluded, hashed) = masking.of(table);
    let deeds = [(excluded, Deed::LeaveOut), (hashed, Deed::Hash)];
    let of = |(names, deed): (Vec<&'static str>, Deed)| {
        let columns = names.into_iter().filter_map(|name| table.column(name));
        columns
            .flat_map(move |column| paths(column).into_iter().map(move |path| (path, deed)))
            .collect::<Vec<_>>()
    };
    deeds.into_iter().flat_map(of).collect()
}

/// Every place in a record that a column may be filled from.
fn paths(column: &Column) -> Vec<&'static [&'static str]> {
    match column.origin {
        Origin::Field(path) | Origin::Parent(path) => vec![path],
        Origin::Lifted(paths) => paths.to_vec(),
        Origin::Run => Vec::new(),
    }
}

/// The calls whose answers hold records of a table.
fn calls_of(table: &Table) -> Vec<Call> {
    match table.source {
        Source::Walk { list, detail, .. } => vec![list, detail],
        Source::List { call, absence: Absence::Asks(one) } => vec![call, one],
        Source::Thread { call } | Source::Lookup { call, .. } | Source::List { call, .. } => vec![call],
        Source::Derived { .. } => Vec::new(),
    }
}

fn is(key: &[u8], name: &str) -> bool {
    skim::text(key).is_some_and(|key| key == name)
}

/// Where `value`, which is a piece of `body`, stands in it.
fn place(body: &[u8], value: &[u8]) -> std::ops::Range<usize> {
    let start = value.as_ptr().addr() - body.as_ptr().addr();
    start..start + value.len()
}

/// Of edits that lie within each other, the outer one counts.
fn edited(body: &[u8], mut edits: Vec<Edit>) -> Bytes {
    edits.sort_by_key(|(place, _)| (place.start, std::cmp::Reverse(place.end)));
    let (mut text, mut at) = (Vec::with_capacity(body.len()), 0);
    for (place, instead) in edits {
        if place.start >= at {
            text.extend_from_slice(&body[at..place.start]);
            text.extend_from_slice(instead.as_bytes());
            at = place.end;
        }
    }
    text.extend_from_slice(&body[at..]);
    text.into()
}

#[cfg(test)]
mod tests;
