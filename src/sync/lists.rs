//! The plain lists: each is read whole at every run, and written only when a row changed.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use bytes::Bytes;

use super::Run;
use super::columns::{column, exchange, instants, ints, time, times};
use super::keyed::{Answers, Keyed, ask_all, decode_each};
use super::meetings::Window;
use super::writer::Writer;
use crate::api::{Answer, Client, Cursor, Envelope};
use crate::archive::{self, Absent, Head, Step};
use crate::decode::{Decoded, decode, skim};
use crate::erase;
use crate::error::{Error, ErrorKind, Result};
use crate::lake::{Change, Departed, KeyValues, Keys, needed_memory};
use crate::page::Page;
use crate::progress::Phase;
use crate::schema::{Absence, Call, Kind, Paging, Rows, Source, Table};
use crate::{cpu, tables};

/// Pages of one list: more than any account has.
const PAGES_MAX: usize = 100_000;
/// Stands for the whole list among the pending keys.
const WHOLE_LIST: &str = "*";

/// Reads the selected plain lists. A list that fails is pending, a refused one is answered; the others are
/// read all the same.
pub(super) async fn read(run: &Arc<Run>, writer: &mut Writer) -> Result<Option<Error>> {
    let lists: Vec<List> = tables::ALL.iter().filter_map(|table| List::of(table)).collect();
    let selected = lists.into_iter().filter(|list| run.settings.tables.contains(list.table.name));
    let selected: Vec<List> = selected.collect();
    writer.progress.begin(Phase::Lists, selected.len() as u64);
    let mut refused = None;
    for list in selected {
        if run.stop.asked().is_some() {
            break;
        }
        match list.read(run, writer).await {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::Unavailable || needed_memory(&error).is_some() => {
                writer.postpone(list.table, WHOLE_LIST, &error.at("table", list.table.name));
            }
            Err(error) if error.kind() == ErrorKind::Refused => {
                let error = error.at("table", list.table.name);
                writer.warn(error.to_string());
                refused.get_or_insert(error);
            }
            Err(error) => return Err(error.at("table", list.table.name)),
        }
        writer.progress.advance(1);
    }
    Ok(refused)
}

/// The organization, from any user; nothing when that cannot be told.
pub(super) async fn org_of_users(client: &Client) -> Result<Option<String>> {
    let Some(users) = tables::ALL.iter().filter_map(|table| List::of(table)).find(|list| list.names_org())
    else {
        return Ok(None);
    };
    match client.get(&users.call, None, &[]).await {
        Ok(Answer::Page(page, _)) => Ok(org_in(&page.body)),
        Ok(Answer::Missing(_)) => Ok(None),
        Err(error) if matches!(error.kind(), ErrorKind::Usage) => Err(error),
        Err(error) => {
            tracing::info!(%error, "the users did not tell the organization");
            Ok(None)
        }
    }
}

fn org_in(body: &[u8]) -> Option<String> {
    let users = skim::find(body, &["data"])?;
    let org = |user| skim::find(user, &["orgId"]).and_then(skim::integer);
    skim::elements(users).find_map(org).map(|org| org.to_string())
}

/// One plain list.
#[derive(Debug, Clone, Copy)]
struct List {
    table: &'static Table,
    call: Call,
    absence: Absence,
}

impl List {
    fn of(table: &'static Table) -> Option<Self> {
        match table.source {
            Source::List { call, absence } => Some(Self { table, call, absence }),
            _ => None,
        }
    }

    /// Lists of one page whose rows name the organization can tell it with one call.
    fn names_org(self) -> bool {
        self.call.paging == Paging::One
            && self.call.rows == Rows::Array(&["data"])
            && self.table.column("org_id").is_some()
    }

    async fn read(self, run: &Arc<Run>, writer: &mut Writer) -> Result<()> {
        let doubted = writer.lake.doubted(self.table);
        let window = Window::of(self.call.paging, run.started);
        let pages = match window {
            Some(window) => writer.meanwhile(window.read(run, &self.call)).await?,
            None => writer.meanwhile(self.pages(run)).await?,
        };
        let Some(pages) = pages else { return Ok(()) };
        let walk_us = run.started.as_microsecond();
        let upserts = self.decode(writer, pages.clone(), self.call.rows, walk_us).await?;
        let answers = match self.absence {
            Absence::Asks(call) => self.ask_absent(run, writer, call, &upserts).await?,
            _ => Some(Answers::default()),
        };
        let Some(answers) = answers else { return Ok(()) };
        if writer.lake.archives() {
            writer.archive(self.recorded(&pages, &answers, window, walk_us)).await?;
        }
        self.fold(writer, upserts, answers, window, walk_us).await?;
        let state = writer.lake.table(self.table);
        (state.synced_at, state.bookmark) = (Some(run.started), Some(run.started));
        writer.settle(self.table, WHOLE_LIST);
        writer.lake.trust_again(&doubted);
        Ok(())
    }

    /// What the archive keeps of it.
    fn recorded(self, pages: &[Page], answers: &Answers, window: Option<Window>, walk_us: i64) -> Step {
        let absent = |key: &String, gone: bool| Absent { key: key.clone(), gone };
        let there = answers.pages.iter().map(|(key, _)| absent(key, false));
        let absent = there.chain(answers.missing.iter().map(|key| absent(key, true))).collect();
        let bodies = pages.iter().chain(answers.pages.iter().map(|(_, page)| page));
        let head = archive::List {
            table: self.table.name.to_owned(),
            walk_us,
            path: self.call.path.to_owned(),
            pages: pages.len() as u32,
            absent,
            window: window.map(Into::into),
        };
        Step { bodies: bodies.map(|page| page.body.clone()).collect(), head: Head::List(head) }
    }

    async fn fold(
        self,
        writer: &mut Writer,
        mut upserts: Vec<RecordBatch>,
        answers: Answers,
        window: Option<Window>,
        walk_us: i64,
    ) -> Result<()> {
        let gone = match self.absence {
            Absence::Deletes => Departed::AllAbsent,
            Absence::DeletesWithin(column) => window.map_or(Departed::None, |window| window.departed(column)),
            Absence::Asks(call) => {
                upserts.extend(self.decode_absent(writer, answers.pages, call.rows, walk_us).await?);
                departed(self.table, answers.missing)
            }
        };
        let change = Change { upserts, gone, walk_us, ..Change::default() };
        writer.fold(self.table, None, change).await.map(drop)
    }

    /// All pages, or nothing when the run is asked to stop.
    async fn pages(self, run: &Run) -> Result<Option<Vec<Page>>> {
        let (mut pages, mut query, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
        loop {
            let (page, envelope) = match run.get(&self.call, None, &query).await? {
                None => return Ok(None),
                Some(Answer::Missing(page)) => return Err(no_such_list(&page)),
                Some(Answer::Page(page, envelope)) => (page, envelope),
            };
            pages.push(page);
            let behind = self.behind(&envelope, &query);
            let Some(next) = envelope.next.or(behind) else { return Ok(Some(pages)) };
            query = next.pairs();
            if pages.len() >= PAGES_MAX || !seen.insert(format!("{query:?}")) {
                return Err(endless(&self.call));
            }
        }
    }

    /// What lies behind a full page that names no next one: a link that was lost would cut the list short
    /// in silence.
    fn behind(self, envelope: &Envelope, asked: &[(String, String)]) -> Option<Cursor> {
        let number = |name: &str| asked.iter().find(|(known, _)| known == name)?.1.parse::<u64>().ok();
        let usual = self.call.query.iter().find(|(known, _)| *known == "size");
        let size = number("size").or(usual.and_then(|(_, size)| size.parse().ok()))?;
        let full = self.call.paging == Paging::Index && envelope.rows.is_some_and(|rows| rows >= size);
        full.then(|| Cursor::Index { index: number("index").unwrap_or(0) + size, size })
    }

    /// The rows of the pages; those that Drift itself marks as deleted get their tombstone.
    async fn decode(
        self,
        writer: &mut Writer,
        pages: Vec<Page>,
        rows: Rows,
        walk_us: i64,
    ) -> Result<Vec<RecordBatch>> {
        let (table, forgotten) = (self.table, writer.forgotten.clone());
        let bytes = pages.iter().map(Page::bytes).sum();
        let (pages, decoded) = cpu::run_on(bytes, move || {
            let mut decoded = decode(table, rows, &pages)?;
            decoded.batch = erase::leave_out(table, decoded.batch, &forgotten)?;
            decoded.batch = stamp(table, &decoded, walk_us)?;
            Ok((pages, decoded))
        })
        .await?;
        writer.note(table, &pages, &decoded);
        Ok(vec![decoded.batch])
    }

    /// Asks for each stored row that is no longer listed; nothing when the run is asked to stop.
    async fn ask_absent(
        self,
        run: &Arc<Run>,
        writer: &mut Writer,
        call: Call,
        listed: &[RecordBatch],
    ) -> Result<Option<Answers>> {
        let listed: HashSet<String> = listed.iter().flat_map(|batch| keys(self.table, batch)).collect();
        for key in writer.pending_keys(self.table).iter().filter(|key| listed.contains(*key)) {
            writer.settle(self.table, key);
        }
        let deleted_too = run.settings.refetch || !writer.lake.doubted(self.table).is_empty();
        let stored = self.stored(writer, deleted_too).await?;
        let absent: Vec<String> = stored.into_iter().filter(|key| !listed.contains(key)).collect();
        let mut answers = writer.meanwhile(ask_all(run, call, absent, || ())).await?;
        if answers.stopped {
            return Ok(None);
        }
        if let Some(error) = answers.error.take() {
            return Err(error);
        }
        for (key, error) in &answers.failed {
            writer.postpone(self.table, key, error);
        }
        let asked = answers.pages.iter().map(|(key, _)| key).chain(&answers.missing);
        asked.for_each(|key| writer.settle(self.table, key));
        Ok(Some(answers))
    }

    /// The rows that were asked for by their keys; one that nobody can read is pending alone, and stays as it
    /// is stored.
    async fn decode_absent(
        self,
        writer: &mut Writer,
        pages: Vec<(String, Page)>,
        rows: Rows,
        walk_us: i64,
    ) -> Result<Vec<RecordBatch>> {
        if pages.is_empty() {
            return Ok(Vec::new());
        }
        let table = self.table;
        let bytes = pages.iter().map(|(_, page)| page.bytes()).sum();
        let Keyed { pages, mut decoded, failed } =
            cpu::run_on(bytes, move || decode_each(table, rows, pages)).await?;
        decoded.batch = stamp(table, &decoded, walk_us)?;
        decoded.batch = erase::leave_out(table, decoded.batch, &writer.forgotten)?;
        writer.note(table, &pages, &decoded);
        for (key, error) in &failed {
            writer.postpone(table, key, error);
        }
        Ok(vec![decoded.batch])
    }

    /// The keys of stored rows that are live; of deleted ones too, if so asked.
    async fn stored(self, writer: &mut Writer, deleted_too: bool) -> Result<Vec<String>> {
        let table = self.table;
        let Some(object) = writer.lake.open_partition(table, None).await? else { return Ok(Vec::new()) };
        cpu::run_on(object.bytes(), move || {
            let mut live = Vec::new();
            for batch in object.columns(&[table.key[0], "_deleted_at"])? {
                let batch = batch?;
                let deleted = instants(&batch, "_deleted_at");
                let keys = keys(table, &batch);
                let wanted = |row: usize| deleted_too || deleted.is_null(row);
                live.extend(keys.into_iter().enumerate().filter(|(row, _)| wanted(*row)).map(|(_, key)| key));
            }
            Ok(live)
        })
        .await
    }
}

/// Folds a list that an earlier run has read.
pub(super) async fn fold_again(writer: &mut Writer, head: archive::List, bodies: Vec<Bytes>) -> Result<()> {
    let Some(list) = tables::by_name(&head.table).and_then(List::of) else { return Ok(()) };
    let mut bodies = bodies.into_iter();
    let page = |body: Bytes, parent: Option<i64>| Page { path: head.path.clone().into(), parent, body };
    let pages = bodies.by_ref().take(head.pages as usize).map(|body| page(body, None)).collect();
    let mut answers = Answers::default();
    for Absent { key, gone } in &head.absent {
        match if *gone { None } else { bodies.next() } {
            Some(body) => answers.pages.push((key.clone(), page(body, key.parse().ok()))),
            None => answers.missing.push(key.clone()),
        }
    }
    let upserts = list.decode(writer, pages, list.call.rows, head.walk_us).await?;
    list.fold(writer, upserts, answers, head.window.map(Into::into), head.walk_us).await
}

/// The values of the key column as text.
fn keys(table: &Table, batch: &RecordBatch) -> Vec<String> {
    let name = table.key[0];
    if is_text(table) {
        column(batch, name).as_string::<i32>().iter().flatten().map(ToOwned::to_owned).collect()
    } else {
        ints(batch, name).iter().flatten().map(|key| key.to_string()).collect()
    }
}

fn is_text(table: &Table) -> bool {
    table.column(table.key[0]).is_some_and(|column| matches!(column.kind, Kind::Text))
}

fn departed(table: &'static Table, keys: Vec<String>) -> Departed {
    let values = if is_text(table) {
        KeyValues::Texts(keys)
    } else {
        KeyValues::Ints(keys.iter().filter_map(|key| key.parse().ok()).collect())
    };
    Departed::Of(Keys { column: table.key[0], values })
}

/// Fills `_synced_at`, and `_deleted_at` of rows whose `deleted` is true.
fn stamp(table: &Table, decoded: &Decoded, walk_us: i64) -> Result<RecordBatch> {
    let rows = decoded.batch.num_rows();
    let mut columns: Vec<(&'static str, ArrayRef)> = vec![("_synced_at", time(walk_us, rows))];
    if let Some(deleted) =
        decoded.batch.column_by_name("deleted").and_then(|array| array.as_boolean_opt().cloned())
    {
        let gone = |row: usize| (deleted.is_valid(row) && deleted.value(row)).then_some(walk_us);
        columns.push(("_deleted_at", times((0..rows).map(gone))));
    }
    exchange(table, &decoded.batch, columns)
}

fn no_such_list(page: &Page) -> Error {
    Error::unavailable("Drift does not know this list (404)").at("call", &page.path)
}

fn endless(call: &Call) -> Error {
    Error::unavailable("the pages of this list turn in a circle").at("call", call.path)
}
