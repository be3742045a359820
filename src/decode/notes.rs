//! What no column holds as it was sent: unknown fields, misfits, and earlier values of a repeated key. Noted
//! while records are read, written into `_extra` when a page is done (see `extra.rs`).

use std::borrow::Cow;
use std::ops::Range;

use super::skim;
use super::tape::Parsed;
use super::value::Value;

/// The key under which the earlier values of repeated keys stand.
pub(super) const DUPLICATES: &str = "_duplicates";

/// One step into a record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Step<'p> {
    pub name: Cow<'p, str>,
    /// The name is the index of a list's element.
    pub is_index: bool,
}

impl<'p> Step<'p> {
    pub fn name(name: impl Into<Cow<'p, str>>) -> Self {
        Self { name: name.into(), is_index: false }
    }

    pub fn index(index: u32) -> Self {
        Self { name: index.to_string().into(), is_index: true }
    }
}

/// Why something was noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// A value of this column does not fit, or says more than the column.
    Misfit(&'static str),
    /// No column is meant for it.
    Unknown,
}

/// A value that `_extra` keeps.
#[derive(Debug, Clone)]
pub(super) struct Note<'p> {
    /// The row of this page.
    pub row: u32,
    pub path: Vec<Step<'p>>,
    pub reason: Reason,
    /// As sent: a value, or a whole member when its key is no JSON string.
    pub raw: &'p str,
    /// Whether `raw` is not JSON.
    pub broken: bool,
    /// An earlier value of a repeated key; such ones share a path and become a list.
    pub earlier: bool,
}

/// The notes of a page.
#[derive(Debug, Default)]
pub(super) struct Notes<'p> {
    pub list: Vec<Note<'p>>,
}

impl<'p> Notes<'p> {
    /// Notes a value at `path` of `row`.
    pub fn keep(&mut self, (row, path): (u32, Vec<Step<'p>>), value: Value<'p>, reason: Reason) {
        let span = value.span();
        let broken = value.page.is_broken(&span);
        self.list.push(Note { row, path, reason, raw: value.page.text(span), broken, earlier: false });
    }

    /// Notes the field `key` of the object at `path`, which no column is meant for.
    pub fn unknown(&mut self, (row, mut path): (u32, Vec<Step<'p>>), key: &'p str, value: Value<'p>) {
        let key_span = value.page.key_span(value.at);
        if !value.page.is_broken(&key_span) {
            path.push(Step::name(key));
            return self.keep((row, path), value, Reason::Unknown);
        }
        path.push(Step::name(read_key(value.page, key_span.clone())));
        let raw = value.page.text(key_span.start..value.span().end);
        self.list.push(Note { row, path, reason: Reason::Unknown, raw, broken: true, earlier: false });
    }

    /// Notes an earlier value of the key at the end of `path`. A null says nothing, but is kept, too: it
    /// was sent.
    pub fn earlier(&mut self, (row, mut path): (u32, Vec<Step<'p>>), value: Value<'p>, reason: Reason) {
        let at = path.len().saturating_sub(1);
        path.insert(at, Step::name(DUPLICATES));
        self.keep((row, path), value, reason);
        if let Some(note) = self.list.last_mut() {
            note.earlier = true;
        }
    }
}

fn read_key<'p>(page: &Parsed<'p>, span: Range<usize>) -> Cow<'p, str> {
    skim::text(page.text(span).as_bytes()).unwrap_or_default()
}
