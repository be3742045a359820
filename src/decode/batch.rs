//! Pages one after the other into one batch: finds the records, sets aside those without a key, has the
//! columns filled, and writes `_extra`.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringBuilder, new_null_array};

use crate::error::{Error, Result};
use crate::page::Page;
use crate::schema::{Rows, Table, arrow_type};

use super::extra;
use super::group::Group;
use super::locate::Scope;
use super::notes::{Note, Notes, Reason};
use super::tape::{Node, Parsed, Parser, Seat, StaticNode};
use super::{Decoded, OTHERS, SetAside, UNKNOWN_MAX};

/// How many characters of a page an error shows.
const SHOWN_CHARS: usize = 80;

/// A page of at most so many bytes is short: to set up its reading costs more than to read it.
const SHORT_BYTES: usize = 4 << 10;

/// So many bytes of short pages are read together, which keeps them near.
const TOGETHER_BYTES: usize = 32 << 10;

/// How many bytes of a field's path are kept for the report.
const PATH_BYTES_MAX: usize = 200;

/// A batch in the making.
pub(super) struct Reading<'t> {
    table: &'t Table,
    rows: Rows,
    parser: Parser,
    group: Group,
    extra: StringBuilder,
    decoded: Tally,
}

/// What is counted on the way.
#[derive(Default)]
struct Tally {
    page_of_row: Vec<u32>,
    misfits: BTreeMap<&'static str, u64>,
    unknown: BTreeMap<String, u64>,
    set_aside: Vec<SetAside>,
}

impl Tally {
    fn count(&mut self, note: &Note<'_>) {
        match note.reason {
            Reason::Misfit(column) => *self.misfits.entry(column).or_default() += 1,
            Reason::Unknown => self.count_unknown(api_path(note)),
        }
    }

    fn count_unknown(&mut self, path: String) {
        let is_counted = self.unknown.len() < UNKNOWN_MAX || self.unknown.contains_key(&path);
        let counted = if is_counted { path } else { OTHERS.to_owned() };
        *self.unknown.entry(counted).or_default() += 1;
    }
}

/// The names down to what was noted, joined by dots; indices of lists are left out.
fn api_path(note: &Note<'_>) -> String {
    let names = note.path.iter().filter(|step| !step.is_index).map(|step| step.name.as_ref());
    let path = names.collect::<Vec<_>>().join(".");
    match path.char_indices().find(|(at, _)| *at >= PATH_BYTES_MAX) {
        Some((end, _)) => path[..end].to_owned() + OTHERS,
        None => path,
    }
}

impl<'t> Reading<'t> {
    pub fn new(table: &'t Table, rows: Rows) -> Self {
        Self {
            table,
            rows,
            parser: Parser::new(),
            group: Group::new(table.columns, table.key),
            extra: StringBuilder::new(),
            decoded: Tally::default(),
        }
    }

    /// Adds the records of pages, numbered from `first` on: of short ones together, where they are alike.
    pub fn pages<P: Borrow<Page>>(&mut self, first: u32, pages: &[P]) -> Result<()> {
        if pages.len() > 1 && self.together(first, pages) {
            return Ok(());
        }
        (first..).zip(pages).try_for_each(|(index, page)| self.page(index, page.borrow()))
    }

    /// Makes room for `times` as much text as there is, so that no column has to grow step by step.
    pub fn make_room(&mut self, times: usize) {
        self.group.make_room(times);
    }

    /// How many pages, the first of these, are read together.
    pub fn run<P: Borrow<Page>>(&self, pages: &[P]) -> usize {
        let Rows::One([_, ..]) = self.rows else { return 1 };
        let has_parent = self.group.has_parent();
        let parent = pages.first().and_then(|page| page.borrow().parent).filter(|_| has_parent);
        let mut bytes = 0;
        let short = pages.iter().take_while(|page| {
            let page: &Page = P::borrow(page);
            let length = page.body.len();
            bytes += length;
            length <= SHORT_BYTES && bytes <= TOGETHER_BYTES && page.parent.filter(|_| has_parent) == parent
        });
        short.count().max(1)
    }

    /// Adds the records of pages that have one each; nothing is added unless all of them are sound.
    fn together<P: Borrow<Page>>(&mut self, first: u32, pages: &[P]) -> bool {
        let bodies: Vec<&[u8]> = pages.iter().map(|page| &*page.borrow().body).collect();
        let Self { rows, parser, group, extra, decoded, .. } = self;
        let path = rows.path();
        let read = parser.read_together(&bodies, |parsed, roots| {
            let record = |root: &u32| {
                let at = path.iter().try_fold(*root, |at, name| follow(parsed, at, name)).ok()?;
                matches!(parsed.node(at), Node::Object { .. }).then_some(at)
            };
            let nodes = roots.iter().map(record).collect::<Option<Vec<u32>>>()?;
            let parent = pages.first().and_then(|page| page.borrow().parent);
            let mut sheet = Sheet { index: first, parent, group, extra, tally: decoded };
            sheet.add_one_each(parsed, &Records { array: None, nodes });
            Some(())
        });
        read.is_some()
    }

    /// Adds the records of a page.
    fn page(&mut self, index: u32, page: &Page) -> Result<()> {
        let Self { rows, parser, group, extra, decoded, .. } = self;
        let mut sheet = Sheet { index, parent: page.parent, group, extra, tally: decoded };
        let read = parser.read(&page.body, |parsed| {
            let records = find_records(parsed, *rows)?;
            sheet.add(parsed, &records);
            Ok(())
        });
        let outcome: Result<(), String> = read.unwrap_or_else(|flaw| Err(flaw.to_string()));
        outcome.map_err(|found| other_form(&found, page))
    }

    /// The batch.
    pub fn finish(mut self) -> Result<Decoded> {
        let count = self.decoded.page_of_row.len();
        let mut own = self.group.finish().into_iter();
        let columns = self.table.all_columns().map(|column| -> ArrayRef {
            match own.next() {
                Some(array) => array,
                None if column.name == "_extra" => Arc::new(self.extra.finish()),
                None => new_null_array(&arrow_type(column.kind), count),
            }
        });
        let batch = RecordBatch::try_new(self.table.schema(), columns.collect())
            .map_err(|cause| Error::internal("the columns do not make a batch").caused_by(cause))
            .map_err(|error| error.at("table", self.table.name))?;
        let Tally { page_of_row, misfits, unknown, set_aside } = self.decoded;
        Ok(Decoded { batch, page_of_row, misfits, unknown, set_aside })
    }
}

/// The records of a page.
struct Records {
    /// The array they are elements of, unless there is just the one.
    array: Option<u32>,
    nodes: Vec<u32>,
}

impl Records {
    /// The text of a record, as it came.
    fn text(&self, page: &Parsed<'_>, index: usize) -> String {
        let seat = match self.array {
            Some(array) => Seat::Element { array, index: index as u32 },
            None => Seat::Keyed,
        };
        page.text(page.span(self.nodes[index], seat)).to_owned()
    }
}

/// The records of a page, or what is wrong with it.
fn find_records(page: &Parsed<'_>, rows: Rows) -> Result<Records, String> {
    let path = rows.path();
    let at = path.iter().try_fold(0, |at, name| follow(page, at, name))?;
    let place = if path.is_empty() { "at its top".to_owned() } else { format!("at `{}`", path.join(".")) };
    match (rows, page.node(at)) {
        (Rows::Array(_), Node::Array { .. }) => {
            Ok(Records { array: Some(at), nodes: page.elements(at).collect() })
        }
        (Rows::One(_), Node::Object { .. }) => Ok(Records { array: None, nodes: vec![at] }),
        (Rows::Array(_), found) => Err(format!("expected a list {place}, found {}", word(&found))),
        (Rows::One(_), found) => Err(format!("expected an object {place}, found {}", word(&found))),
    }
}

/// An envelope that has the field twice is refused: choosing one would lose the records of the other.
fn follow(page: &Parsed<'_>, at: u32, name: &str) -> Result<u32, String> {
    if !matches!(page.node(at), Node::Object { .. }) {
        return Err(format!("expected an object with `{name}`, found {}", word(&page.node(at))));
    }
    let mut found = page.fields(at).filter(|(key, _)| *key == name).map(|(_, value)| value);
    match (found.next(), found.next()) {
        (Some(value), None) => Ok(value),
        (None, _) => Err(format!("expected a field `{name}`, found none")),
        (Some(_), Some(_)) => Err(format!("expected one field `{name}`, found several")),
    }
}

fn word(node: &Node<'_>) -> &'static str {
    match node {
        Node::Object { .. } => "an object",
        Node::Array { .. } => "a list",
        Node::String(_) => "a string",
        Node::Static(StaticNode::Null) => "null",
        Node::Static(StaticNode::Bool(_)) => "a boolean",
        Node::Static(_) => "a number",
    }
}

fn other_form(found: &str, page: &Page) -> Error {
    let start = String::from_utf8_lossy(&page.body[..page.body.len().min(SHOWN_CHARS * 4)]);
    let shown: String = start
        .chars()
        .take(SHOWN_CHARS)
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect();
    Error::unavailable(format!("answer of another form: {found}: {shown:?}")).at("call", page.call())
}

/// What one page is added to.
struct Sheet<'r> {
    index: u32,
    parent: Option<i64>,
    group: &'r mut Group,
    extra: &'r mut StringBuilder,
    tally: &'r mut Tally,
}

impl Sheet<'_> {
    /// Adds records that are all of one page.
    fn add<'p>(&mut self, page: &'p Parsed<'p>, records: &Records) {
        let number = self.index;
        self.add_each(page, records, |_| number);
    }

    /// Adds the records of pages of one record each.
    fn add_one_each<'p>(&mut self, page: &'p Parsed<'p>, records: &Records) {
        let first = self.index;
        self.add_each(page, records, |record| first + record);
    }

    fn add_each<'p>(&mut self, page: &'p Parsed<'p>, records: &Records, number: impl Fn(u32) -> u32) {
        let mut notes = Notes::default();
        for (index, record) in records.nodes.iter().enumerate() {
            let number = number(index as u32);
            match self.locate(page, *record, &mut notes) {
                None => self.tally.page_of_row.push(number),
                Some(reason) => {
                    let record = records.text(page, index);
                    self.tally.set_aside.push(SetAside { page: number, reason, record });
                }
            }
        }
        let count = self.group.rows();
        self.group.fill(page, &Scope::RECORDS, self.parent, &mut notes);
        notes.list.iter().for_each(|note| self.tally.count(note));
        self.write_extra(count, &mut notes.list);
    }

    /// Makes the record the next row, or says why it cannot be one.
    fn locate<'p>(&mut self, page: &'p Parsed<'p>, record: u32, notes: &mut Notes<'p>) -> Option<String> {
        let found = page.node(record);
        if !matches!(found, Node::Object { .. }) {
            return Some(format!("the record is {}, not an object", word(&found)));
        }
        let notes_before = notes.list.len();
        self.group.push(page, Some(record), &Scope::RECORDS, notes);
        let lacking = self.group.lacks(page, self.parent)?;
        self.group.pop();
        notes.list.truncate(notes_before);
        Some(format!("its key `{lacking}` is missing or cannot be used"))
    }

    fn write_extra(&mut self, count: u32, notes: &mut [Note<'_>]) {
        if notes.is_empty() {
            self.extra.append_nulls(count as usize);
            return;
        }
        extra::arrange(notes);
        let mut notes = &*notes;
        let mut text = String::new();
        for row in 0..count {
            let (own, rest) = notes.split_at(notes.partition_point(|note| note.row <= row));
            notes = rest;
            if own.is_empty() {
                self.extra.append_null();
            } else {
                text.clear();
                extra::write(own, &mut text);
                self.extra.append_value(&text);
            }
        }
    }
}
