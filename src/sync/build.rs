//! From fetched pages to the changes of one partition: the rows of conversations with their ledger, and the
//! sets of messages. Pure computing, on the pool.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, ListBuilder, RecordBatch, StringBuilder,
};
use arrow::compute::{concat_batches, filter_record_batch};
use serde_json::value::RawValue;

use super::columns::{
    assemble, broken, coalesce, column, exchange, instants, int_at, ints, time, time_at, times,
};
use super::fetch::{Fetched, Thread};
use super::keyed::{is_unreadable, sift};
use super::ledger::Ledger;
use super::listed::{Arranged, Row};
use crate::cpu;
use crate::decode::{Decoded, decode};
use crate::erase;
use crate::error::{Error, Result};
use crate::manifest::Forgotten;
use crate::page::Page;
use crate::schema::Span;
use crate::tables::{CONVERSATION_LIST, CONVERSATIONS, DETAIL, MESSAGES, THREAD};

/// Bytes of pages that are built by one task: enough to be worth it, few enough that all cores have some.
const PIECE_BYTES: u64 = 2 << 20;

/// What rows are built with.
pub(super) struct Context {
    /// What the list says of those that are fetched.
    pub listed: Arranged,
    /// One row for each distinct listed id, sorted by id.
    pub index: Vec<Row>,
    pub ledger: Ledger,
    /// What is to be left out.
    pub forgotten: Forgotten,
    /// Start of the walk, in epoch microseconds.
    pub walk_us: i64,
    /// What a partition of time spans.
    pub span: Span,
}

impl AsRef<[Row]> for Context {
    fn as_ref(&self) -> &[Row] {
        &self.index
    }
}

/// The changes of some conversations.
#[derive(Default)]
pub(super) struct Built {
    pub conversations: Vec<RecordBatch>,
    /// Rows of listed conversations whose detail answered 404, made of what the list showed.
    pub stubs: Vec<RecordBatch>,
    /// Conversations whose detail answered 404; a killed run may have put messages of those, too, that the
    /// lake does not know.
    pub gone: Vec<i64>,
    pub messages: Vec<RecordBatch>,
    /// Conversations whose messages are replaced as a whole.
    pub replaced: Vec<i64>,
    /// Conversations that are stored now, live or gone.
    pub stored: Vec<i64>,
    /// Conversations that the answer to their detail did not hold.
    pub failed: Vec<(i64, Error)>,
    /// Conversations whose records were set aside.
    pub aside: Vec<i64>,
    /// Conversations that are with somebody who was forgotten.
    pub left_out: Vec<i64>,
    /// Absent from the list, yet there.
    pub paging_misses: u64,
    /// Conversations whose messages answered 404.
    pub missing: u64,
    /// What was decoded; with its pages where records were set aside.
    pub decoded: Vec<(&'static crate::schema::Table, Vec<Page>, Decoded)>,
}

/// Builds the changes of `fetched`, which are all of one partition: piece by piece on the pool, in the order of
/// ids. A conversation with a page that nobody can read fails alone.
pub(super) fn build(mut fetched: Vec<Fetched>, context: &Context) -> Result<Built> {
    fetched.sort_by_key(|fetched| fetched.todo.id);
    let bytes = fetched.iter().map(Fetched::bytes).sum();
    let mut built = Built::default();
    let (there, gone): (Vec<_>, Vec<_>) = fetched.into_iter().partition(|fetched| fetched.detail.is_some());
    built.add_gone(&gone, context)?;
    for piece in cpu::map(bytes, pieces(there), |piece| build_piece(piece, context))? {
        built.add(piece);
    }
    Ok(built)
}

/// Cut into pieces that are large enough to be worth a task of their own.
fn pieces(there: Vec<Fetched>) -> Vec<Vec<Fetched>> {
    let mut pieces: Vec<Vec<Fetched>> = Vec::new();
    let mut bytes = PIECE_BYTES;
    for fetched in there {
        if bytes >= PIECE_BYTES {
            pieces.push(Vec::new());
            bytes = 0;
        }
        bytes += fetched.bytes();
        if let Some(piece) = pieces.last_mut() {
            piece.push(fetched);
        }
    }
    pieces
}

fn build_piece(piece: Vec<Fetched>, context: &Context) -> Result<Built> {
    match build_all(&piece, context) {
        Err(error) if is_unreadable(&error) => {
            let (readable, unreadable) = sift(piece, pages_are_readable);
            let mut built = build_all(&readable, context)?;
            built.failed.extend(unreadable.into_iter().map(|(fetched, error)| (fetched.todo.id, error)));
            Ok(built)
        }
        built => built,
    }
}

fn pages_are_readable(fetched: &Fetched) -> Result<()> {
    let thread: &[Page] = if let Thread::Pages(pages) = &fetched.thread { pages } else { &[] };
    decode(&CONVERSATIONS, DETAIL.rows, fetched.detail.as_slice())?;
    decode(&MESSAGES, THREAD.rows, thread).map(|_| ())
}

fn build_all(there: &[Fetched], context: &Context) -> Result<Built> {
    let mut built = Built::default();
    let accepted = built.add_details(there, context)?;
    built.add_messages(&accepted, context)?;
    Ok(built)
}

impl Built {
    /// Conversations that answered 404: those of the lake are marked, others become a row of what the list
    /// showed.
    fn add_gone(&mut self, gone: &[Fetched], context: &Context) -> Result<()> {
        self.stored.extend(gone.iter().map(|gone| gone.todo.id));
        self.gone = gone.iter().map(|gone| gone.todo.id).collect();
        let listed: Vec<Option<Row>> = gone
            .iter()
            .filter_map(|gone| gone.todo.listed.get().map(|listed| Some(context.index[listed as usize])))
            .collect();
        // Of orphans, and of what was pending, nothing is known but the id.
        let unknown =
            gone.iter().map(|gone| gone.todo).filter(|todo| todo.listed.get().is_none() && !todo.known);
        let orphans: Vec<i64> = unknown.map(|todo| todo.id).collect();
        if !listed.is_empty() || !orphans.is_empty() {
            let stubs = [listed_rows(&listed, context)?, bare_rows(orphans, context)?];
            self.stubs.push(concat_batches(stubs[0].schema_ref(), &stubs).map_err(broken)?);
        }
        Ok(())
    }

    /// Adds what was built of conversations that follow.
    pub fn add(&mut self, next: Self) {
        self.stubs.extend(next.stubs);
        self.gone.extend(next.gone);
        self.conversations.extend(next.conversations);
        self.messages.extend(next.messages);
        self.replaced.extend(next.replaced);
        self.stored.extend(next.stored);
        self.failed.extend(next.failed);
        self.aside.extend(next.aside);
        self.left_out.extend(next.left_out);
        self.paging_misses += next.paging_misses;
        self.missing += next.missing;
        self.decoded.extend(next.decoded);
    }

    /// Adds the rows of details; answers the conversations whose detail is accepted.
    fn add_details<'f>(&mut self, there: &'f [Fetched], context: &Context) -> Result<Vec<&'f Fetched>> {
        if there.is_empty() {
            return Ok(Vec::new());
        }
        let pages: Vec<&Page> = there.iter().filter_map(|fetched| fetched.detail.as_ref()).collect();
        let mut decoded = decode(&CONVERSATIONS, DETAIL.rows, &pages)?;
        let mut rows = Self::row_of_each(there, &decoded);
        let forgotten = erase::picks(&CONVERSATIONS, &decoded.batch, &context.forgotten);
        let is_forgotten = |row: &mut Option<usize>| row.take_if(|row| forgotten[*row]).is_some();
        let left_out: Vec<bool> = rows.iter_mut().map(is_forgotten).collect();
        let aside: Vec<u32> = decoded.set_aside.iter().map(|aside| aside.page).collect();
        let mut accepted = Vec::new();
        for (page, fetched) in there.iter().enumerate() {
            if rows[page].is_some() {
                self.paging_misses += u64::from(fetched.todo.absent);
                self.stored.push(fetched.todo.id);
                accepted.push(fetched);
            } else if left_out[page] {
                self.left_out.push(fetched.todo.id);
            } else if aside.contains(&(page as u32)) {
                self.aside.push(fetched.todo.id);
            } else {
                self.failed.push((fetched.todo.id, another(fetched)));
            }
        }
        let batch = keep(&decoded, &rows)?;
        let batch = ledger_columns(&batch, &accepted, context)?;
        decoded.batch = batch.clone();
        self.decoded.push((&CONVERSATIONS, named(&pages, &decoded), decoded));
        self.conversations.push(batch);
        Ok(accepted)
    }

    /// The row that answers each page, if it is the conversation that was asked for.
    fn row_of_each(there: &[Fetched], decoded: &Decoded) -> Vec<Option<usize>> {
        let ids = ints(&decoded.batch, "id");
        let mut rows = vec![None; there.len()];
        for (row, page) in decoded.page_of_row.iter().enumerate() {
            if int_at(ids, row) == Some(there[*page as usize].todo.id) {
                rows[*page as usize] = Some(row);
            }
        }
        rows
    }

    fn add_messages(&mut self, accepted: &[&Fetched], context: &Context) -> Result<()> {
        let mut pages: Vec<&Page> = Vec::new();
        for fetched in accepted {
            match &fetched.thread {
                Thread::Pages(thread) => {
                    self.replaced.push(fetched.todo.id);
                    pages.extend(thread);
                }
                Thread::Missing => self.missing += 1,
                Thread::NotAsked => {}
            }
        }
        if pages.is_empty() {
            return Ok(());
        }
        let mut decoded = decode(&MESSAGES, THREAD.rows, &pages)?;
        decoded.batch = erase::leave_out(&MESSAGES, decoded.batch, &context.forgotten)?;
        let synced = time(context.walk_us, decoded.batch.num_rows());
        decoded.batch = exchange(&MESSAGES, &decoded.batch, vec![("_synced_at", synced)])?;
        self.messages.push(decoded.batch.clone());
        self.decoded.push((&MESSAGES, named(&pages, &decoded), decoded));
        Ok(())
    }
}

/// The pages that are named where records were set aside; none, nearly always.
fn named(pages: &[&Page], decoded: &Decoded) -> Vec<Page> {
    if decoded.set_aside.is_empty() { Vec::new() } else { pages.iter().copied().cloned().collect() }
}

fn keep(decoded: &Decoded, rows: &[Option<usize>]) -> Result<RecordBatch> {
    if rows.iter().flatten().count() == decoded.batch.num_rows() {
        return Ok(decoded.batch.clone());
    }
    let mask: BooleanArray = decoded
        .page_of_row
        .iter()
        .enumerate()
        .map(|(row, page)| Some(rows[*page as usize] == Some(row)))
        .collect();
    filter_record_batch(&decoded.batch, &mask).map_err(broken)
}

/// Fills the ledger of accepted details, whose rows are in the same order, and what only the list knew.
fn ledger_columns(batch: &RecordBatch, accepted: &[&Fetched], context: &Context) -> Result<RecordBatch> {
    let rows: Vec<Option<Row>> = accepted
        .iter()
        .map(|fetched| fetched.todo.listed.get().map(|listed| context.index[listed as usize]))
        .collect();
    let mut columns = from_list(batch, &rows, context)?;
    let updated = columns
        .iter()
        .find(|(name, _)| *name == "updated_at")
        .map_or_else(|| column(batch, "updated_at").clone(), |(_, array)| array.clone());
    let updated = updated.as_primitive();
    let states: Vec<State> = accepted
        .iter()
        .enumerate()
        .map(|(row, fetched)| State::of(fetched, rows[row], time_at(updated, row), context))
        .collect();
    columns.push(("_listed_at", times(states.iter().map(|state| state.listed_at))));
    columns.push(("_messages_as_of", times(states.iter().map(|state| state.messages_as_of))));
    columns.push(("_walked_at", times(states.iter().map(|state| state.walked_at))));
    columns.push(("_missing", missing(&states)));
    columns.push(("_synced_at", time(context.walk_us, batch.num_rows())));
    exchange(&CONVERSATIONS, batch, columns)
}

/// The ledger of one conversation.
struct State {
    listed_at: Option<i64>,
    messages_as_of: Option<i64>,
    walked_at: Option<i64>,
    missing: bool,
}

impl State {
    fn of(fetched: &Fetched, listed: Option<Row>, updated: Option<i64>, context: &Context) -> Self {
        let listed = listed.map(|row| row.updated_us).filter(|us| *us != i64::MIN);
        let listed_at = listed.or(updated);
        if let Thread::NotAsked = fetched.thread {
            let before = context.ledger.get(fetched.todo.id);
            return Self {
                listed_at,
                messages_as_of: before.and_then(|entry| entry.messages_as_of.get()),
                walked_at: before.and_then(|entry| entry.walked_at.get()),
                missing: before.is_some_and(|entry| entry.missing),
            };
        }
        Self {
            listed_at,
            messages_as_of: updated.max(listed).or(Some(context.walk_us)),
            walked_at: Some(context.walk_us),
            missing: matches!(fetched.thread, Thread::Missing),
        }
    }
}

/// The detail fills a column; where it has no value, the list's stands in. Fields that only the list has
/// go to `_extra`.
fn from_list(
    batch: &RecordBatch,
    rows: &[Option<Row>],
    context: &Context,
) -> Result<Vec<(&'static str, ArrayRef)>> {
    let mut columns = Vec::new();
    for (name, listed) in context.listed.take(rows)? {
        let own = column(batch, name);
        if name == "_extra" {
            if listed.null_count() < listed.len() {
                columns.push((name, both_extras(own, &listed)?));
            }
        } else if CONVERSATION_LIST.columns.iter().any(|column| column.name == name) && own.null_count() > 0 {
            columns.push((name, coalesce(own, &listed)?));
        }
    }
    Ok(columns)
}

fn both_extras(detail: &ArrayRef, listed: &ArrayRef) -> Result<ArrayRef> {
    let (detail, listed) = (detail.as_string::<i32>(), listed.as_string::<i32>());
    let mut extras = StringBuilder::new();
    for (detail, listed) in detail.iter().zip(listed) {
        match (detail, listed) {
            (Some(detail), Some(listed)) => extras.append_value(both_objects(detail, listed)?),
            (one, other) => extras.append_option(one.or(other)),
        }
    }
    Ok(Arc::new(extras.finish()))
}

/// The fields of both objects, values as they are; the first one's where both have one.
fn both_objects(first: &str, second: &str) -> Result<String> {
    let read = |text| serde_json::from_str::<BTreeMap<String, Box<RawValue>>>(text);
    let mut fields = read(second).map_err(not_an_object)?;
    fields.extend(read(first).map_err(not_an_object)?);
    serde_json::to_string(&fields).map_err(not_an_object)
}

fn not_an_object(cause: serde_json::Error) -> Error {
    Error::internal("`_extra` is no JSON object").caused_by(cause).at("table", CONVERSATIONS.name)
}

fn missing(states: &[State]) -> ArrayRef {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for state in states {
        if state.missing {
            lists.values().append_value(MESSAGES.name);
        }
        lists.append(state.missing);
    }
    Arc::new(lists.finish())
}

/// Rows for conversations of which only the list is known.
fn listed_rows(rows: &[Option<Row>], context: &Context) -> Result<RecordBatch> {
    let mut columns = context.listed.take(rows)?;
    columns.retain(|(name, _)| !matches!(*name, "_synced_at" | "_deleted_at"));
    let updated = rows.iter().map(|row| row.map(|row| row.updated_us).filter(|us| *us != i64::MIN));
    columns.push(("_listed_at", times(updated)));
    columns.push(("_synced_at", time(context.walk_us, rows.len())));
    columns.push(("_deleted_at", time(context.walk_us, rows.len())));
    assemble(&CONVERSATIONS, rows.len(), columns)
}

/// Rows for conversations of which nothing is known but the id, and that they are gone.
fn bare_rows(ids: Vec<i64>, context: &Context) -> Result<RecordBatch> {
    let rows = ids.len();
    let gone = || time(context.walk_us, rows);
    let id: ArrayRef = Arc::new(Int64Array::from(ids));
    assemble(&CONVERSATIONS, rows, vec![("id", id), ("_synced_at", gone()), ("_deleted_at", gone())])
}

fn another(fetched: &Fetched) -> Error {
    let path = fetched.detail.as_ref().map_or(String::new(), Page::call);
    Error::unavailable("Drift answered another conversation than the one that was asked for").at("call", path)
}

/// The partition of each accepted row that had none so far, by when its conversation began.
pub(super) fn began_at(page: &Page) -> Result<Option<i64>> {
    let decoded = decode(&CONVERSATIONS, DETAIL.rows, std::slice::from_ref(page))?;
    let began = instants(&decoded.batch, "created_at");
    Ok(if decoded.batch.num_rows() == 1 { time_at(began, 0) } else { None })
}
