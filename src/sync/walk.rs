//! Phase 1: the list alone, page by page, checkpointed so that a killed walk goes on where it stopped.
//!
//! A cursor is only a hint: one that is refused restarts this phase, one that repeats ends it with an
//! error that is told after everything listed so far was fetched.

use std::collections::HashSet;

use arrow::array::RecordBatch;
use bytes::Bytes;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::columns::{instants, int_at, ints, time_at};
use super::keyed::is_unreadable;
use super::ledger::Ledger;
use super::listed::{Listed, Row};
use super::order::Order;
use super::writer::Writer;
use super::{Run, pairs};
use crate::api::{Answer, Cursor, Envelope};
use crate::config::PAGES_BELOW;
use crate::cpu;
use crate::data_file::{self, Encoder};
use crate::decode::{Decoded, decode};
use crate::erase;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{Subject, TodoChunk, WalkState};
use crate::page::Page;
use crate::progress::Phase;
use crate::schema::{Call, Source};
use crate::tables::{CONVERSATION_LIST, CONVERSATIONS};

/// Rows that are listed but not yet saved as a chunk: some 200 pages.
const CHUNK_ROWS: u64 = 20_000;
/// Fewer rows are listed again rather than committed.
const CHUNK_ROWS_MIN: u64 = 1_000;
/// Sizes of a full page, by generation of the list.
const FULL_PAGES: [usize; 2] = [50, 100];
/// How many pages of the head are read again after a walk: more than 5,000 changes during it are left to
/// the next run, whose bookmark lies before them.
const HEAD_PAGES_MAX: usize = 50;
/// What to do about a page of the list that nobody can read.
const UNREADABLE: &str =
    "run again later with --full; if it stays, report it: what the other pages list has been fetched";
/// Empty pages in a row that still promise more, before the walk is given up.
const EMPTY_PAGES_MAX: u32 = 10;

/// A walk, as far as it came.
pub(super) struct Walk {
    pub state: WalkState,
    pub listed: Listed,
    pub pages: u64,
    /// What went wrong in a way that leaves the list incomplete.
    pub trouble: Option<Error>,
    /// Where an ordered walk may stop, in epoch microseconds.
    floor_us: Option<i64>,
    /// The generation of the list whose order was proved.
    proved: Option<String>,
    saved_batches: usize,
    unsaved_rows: u64,
    order: Order,
    pages_below: u32,
    empty_pages: u32,
    cursors: HashSet<String>,
    /// The page in hand, which has no next one, was asked for again.
    asked_end_again: bool,
    /// The list ended with a full page that said nothing of a next one, again when asked again.
    ended_in_doubt: bool,
}

impl Walk {
    /// A walk that begins at the head of the list.
    ///
    /// It may stop below `floor_us` (epoch microseconds) when the list answers in the `generation` whose
    /// order an earlier walk has proved.
    pub fn new(state: WalkState, floor_us: Option<i64>, proved: Option<String>) -> Self {
        Self {
            state,
            listed: Listed::default(),
            pages: 0,
            trouble: None,
            floor_us,
            proved,
            saved_batches: 0,
            unsaved_rows: 0,
            order: Order::default(),
            pages_below: 0,
            empty_pages: 0,
            cursors: HashSet::new(),
            asked_end_again: false,
            ended_in_doubt: false,
        }
    }

    /// A walk that an earlier run began: its chunks are read again, its cursor is tried.
    ///
    /// # Errors
    /// [`Error::store`] when a chunk is missing or not as it was written.
    pub async fn resume(
        state: WalkState,
        floor_us: Option<i64>,
        proved: Option<String>,
        writer: &Writer,
    ) -> Result<Self> {
        let mut walk = Self::new(state, floor_us, proved);
        for chunk in &walk.state.chunks {
            let stored =
                writer.lake.store().get(&chunk.path).await?.ok_or_else(|| broken_chunk(&chunk.path))?;
            if hex::encode(Sha256::digest(&stored.bytes)) != chunk.sha256 {
                return Err(broken_chunk(&chunk.path));
            }
            for batch in data_file::open(&CONVERSATION_LIST, stored.bytes)?.batches() {
                walk.listed.push(batch?);
            }
        }
        walk.saved_batches = walk.listed.batches();
        Ok(walk)
    }

    /// Walks the list to its end, to the floor, or until the run is asked to stop.
    pub async fn run(&mut self, run: &Run, writer: &mut Writer) -> Result<()> {
        let ended = self.walk(run, writer).await;
        if self.trouble.is_some() {
            // What it missed is known to this run alone, so the next one must not take it up.
            self.state.chunks.clear();
            writer.lake.manifest.walk = None;
        }
        ended
    }

    async fn walk(&mut self, run: &Run, writer: &mut Writer) -> Result<()> {
        let ended = self.walk_list(run, writer).await;
        if let Err(error) = &ended
            && !matches!(error.kind(), ErrorKind::Held | ErrorKind::Store | ErrorKind::Internal)
        {
            // What was listed so far need not be listed again.
            self.save(run, writer).await?;
        }
        ended
    }

    async fn walk_list(&mut self, run: &Run, writer: &mut Writer) -> Result<()> {
        writer.progress.begin(Phase::Walking, 0);
        writer.progress.advance(self.listed.rows());
        if self.state.listed {
            return Ok(());
        }
        match self.read_list(run, writer).await {
            Err(error) if error.place("status") == Some("400") && self.state.cursor.is_some() => {
                writer.warn(format!(
                    "Drift refused the cursor of an earlier walk; walking the list anew: {error}"
                ));
                self.restart();
                self.read_list(run, writer).await?;
            }
            ended => ended?,
        }
        if self.state.listed && self.state.full && self.state.ordered {
            self.read_head_again(run, writer).await?;
        }
        Ok(())
    }

    fn restart(&mut self) {
        self.state.cursor = None;
        self.cursors.clear();
        self.order = Order::default();
    }

    /// Asks for page after page; while one is decoded, the next is already on its way.
    async fn read_list(&mut self, run: &Run, writer: &mut Writer) -> Result<()> {
        let mut fetched = writer.meanwhile(self.ask(run, self.state.cursor.as_deref())).await?;
        while let Some((page, Envelope { next, ended, .. })) = fetched.take() {
            self.pages += 1;
            let next = self.follow(next);
            let ahead = async {
                if self.reads_ahead() { self.ask_next(run, next.as_deref()).await } else { Ok(None) }
            };
            let both = async { Ok(tokio::join!(decode_page(&page), ahead)) };
            let (decoded, ahead) = writer.meanwhile(both).await?;
            let rows = match self.readable(decoded)? {
                Some(decoded) => self.absorb(writer, &page, decoded)?,
                None => 0,
            };
            if next.is_none() && self.doubts_end(rows, ended) {
                fetched = writer.meanwhile(self.ask(run, self.state.cursor.as_deref())).await?;
                continue;
            }
            self.asked_end_again = false;
            self.ended_in_doubt &= next.is_none();
            self.state.cursor.clone_from(&next);
            if self.empty_pages > EMPTY_PAGES_MAX {
                self.trouble.get_or_insert_with(nothing_but_empty_pages);
            }
            if next.is_none() || self.is_below_floor() || self.empty_pages > EMPTY_PAGES_MAX {
                self.end_of_list();
                break;
            }
            self.save_if_due(run, writer).await?;
            fetched = match ahead? {
                Some(answer) => Some(answer),
                None => writer.meanwhile(self.ask_next(run, next.as_deref())).await?,
            };
        }
        self.save(run, writer).await
    }

    /// One page and its cursor, or nothing when the run was asked to stop.
    async fn ask(&self, run: &Run, cursor: Option<&[(String, String)]>) -> Result<Option<Listing>> {
        let blank = [("page_token".to_owned(), String::new())];
        let cursor = cursor.unwrap_or(&blank);
        let answered = match run.get(&list(), None, cursor).await {
            Err(error) if error.place("status") == Some("400") && cursor == blank => {
                tracing::info!("Drift refused a page of 100 conversations; asking for 50");
                run.get(&Call { query: &[("limit", "50")], ..list() }, None, &[]).await
            }
            answered => answered,
        };
        match answered? {
            Some(Answer::Page(page, envelope)) => Ok(Some((page, envelope))),
            Some(Answer::Missing(page)) if run.account_known => Err(list_is_gone(&page)),
            Some(Answer::Missing(page)) => Err(no_list(&page)),
            None => Ok(None),
        }
    }

    async fn ask_next(&self, run: &Run, next: Option<&[(String, String)]>) -> Result<Option<Listing>> {
        match next {
            Some(cursor) => self.ask(run, Some(cursor)).await,
            None => Ok(None),
        }
    }

    /// The page in hand may be the last that an early stop wants; then the next is not asked for yet.
    fn reads_ahead(&self) -> bool {
        self.floor_us.is_none() || self.pages_below + 1 < PAGES_BELOW
    }

    /// The cursor of the next page; one that was followed before means that the list turns in a circle.
    fn follow(&mut self, next: Option<Cursor>) -> Option<Vec<(String, String)>> {
        let cursor = next?;
        self.state.generation.get_or_insert_with(|| generation(&cursor).to_owned());
        let pairs = pairs(&cursor);
        if self.cursors.insert(format!("{pairs:?}")) {
            return Some(pairs);
        }
        self.trouble.get_or_insert_with(circle);
        None
    }

    /// A full page without a next one is asked for once more: an answer that lost its cursor would cut the
    /// list short in silence.
    fn doubts_end(&mut self, rows: usize, says_end: bool) -> bool {
        let full = self.trouble.is_none() && FULL_PAGES.contains(&rows);
        self.ended_in_doubt = full && !says_end;
        full && !std::mem::replace(&mut self.asked_end_again, true)
    }

    /// A walk that was to end at its floor but found the end of the list before it has been cut short, unless
    /// it listed all that the lake has.
    pub fn check_end(&mut self, index: &[Row], ledger: &Ledger) {
        let cut_short = self.floor_us.is_some() && self.ended_in_doubt && self.state.cursor.is_none();
        let is_listed = |id: i64| index.binary_search_by_key(&id, |row| row.id).is_ok();
        if cut_short && ledger.iter().any(|entry| !entry.deleted && !is_listed(entry.id)) {
            self.trouble.get_or_insert_with(cut_short_list);
        }
    }

    fn is_below_floor(&self) -> bool {
        self.state.ordered && self.state.generation == self.proved && self.pages_below >= PAGES_BELOW
    }

    fn end_of_list(&mut self) {
        self.state.listed = true;
        self.state.full |= !self.state.ordered;
    }

    /// A page that nobody can read leaves the list incomplete; what the others list is fetched all the same.
    fn readable(&mut self, decoded: Result<Decoded>) -> Result<Option<Decoded>> {
        match decoded {
            Err(error) if is_unreadable(&error) => {
                self.trouble.get_or_insert(error.hint(UNREADABLE));
                Ok(None)
            }
            decoded => decoded.map(Some),
        }
    }

    /// Takes in the rows of a page; answers how many there were.
    fn absorb(&mut self, writer: &mut Writer, page: &Page, decoded: Decoded) -> Result<usize> {
        writer.note_oddities(&CONVERSATION_LIST, std::slice::from_ref(page), &decoded);
        let rows = decoded.batch.num_rows();
        writer.progress.advance(rows as u64);
        self.empty_pages = if rows == 0 { self.empty_pages + 1 } else { 0 };
        self.observe(&decoded.batch);
        self.take_up(writer, decoded.batch)?;
        Ok(rows + decoded.set_aside.len())
    }

    /// Takes up listed conversations, but those that are forgotten, by their own id or by that of their contact.
    fn take_up(&mut self, writer: &mut Writer, batch: RecordBatch) -> Result<()> {
        self.unsaved_rows += batch.num_rows() as u64;
        let picked = erase::picks(&CONVERSATION_LIST, &batch, &writer.forgotten);
        let (ids, updated) = (ints(&batch, "id"), instants(&batch, "updated_at"));
        for row in (0..batch.num_rows()).filter(|row| picked[*row]) {
            let id = int_at(ids, row).expect("a key is never null");
            writer.forget(id);
            let since = self.state.since.map(Timestamp::as_microsecond);
            if time_at(updated, row).is_none_or(|updated| since.is_none_or(|since| updated >= since)) {
                self.state.forgotten.insert(writer.forgotten.marker(Subject::Conversation(id)));
            }
        }
        self.listed.push(erase::without(batch, &picked)?);
        Ok(())
    }

    /// Learns from a page whether the list is in order, and whether the floor is reached.
    fn observe(&mut self, batch: &RecordBatch) {
        let (ids, updated) = (ints(batch, "id"), instants(batch, "updated_at"));
        let mut newest = None;
        for row in 0..batch.num_rows() {
            let Some(time) = time_at(updated, row) else { continue };
            self.state.ordered &= self.order.fits(ids.value(row), time);
            newest = newest.max(Some(time));
        }
        let below = self.floor_us.zip(newest).is_some_and(|(floor, newest)| newest < floor);
        self.pages_below = if below { self.pages_below + 1 } else { 0 };
    }

    /// A conversation that changed while the list was walked has jumped to its head, perhaps over the
    /// cursor; so the head is read again down to what was there when the walk began.
    async fn read_head_again(&mut self, run: &Run, writer: &mut Writer) -> Result<()> {
        let began = self.state.started_at.as_microsecond();
        let mut next = None;
        for _ in 0..HEAD_PAGES_MAX {
            let asking = self.ask(run, next.as_deref());
            let Some((page, envelope)) = writer.meanwhile(asking).await? else { return Ok(()) };
            self.pages += 1;
            let decoded = decode_page(&page).await;
            let Some(decoded) = self.readable(decoded)? else { break };
            let oldest = oldest(&decoded.batch);
            writer.note_oddities(&CONVERSATION_LIST, std::slice::from_ref(&page), &decoded);
            self.take_up(writer, decoded.batch)?;
            next = envelope.next.as_ref().map(pairs);
            if next.is_none() || oldest.is_none_or(|oldest| oldest < began) {
                break;
            }
        }
        self.save(run, writer).await
    }

    async fn save_if_due(&mut self, run: &Run, writer: &mut Writer) -> Result<()> {
        let due = writer.lake.since_commit() >= run.settings.checkpoint_every;
        if due || self.unsaved_rows >= CHUNK_ROWS { self.save(run, writer).await } else { Ok(()) }
    }

    /// Saves the rows since the last chunk as one more, and commits the walk. Few rows are not worth a
    /// commit: listing them again costs no more than finding them.
    async fn save(&mut self, run: &Run, writer: &mut Writer) -> Result<()> {
        if self.trouble.is_some() {
            return Ok(());
        }
        let first = self.saved_batches;
        let Some(rows) = self.listed.join_from(first)? else { return Ok(()) };
        self.saved_batches = self.listed.batches();
        // A walk of the whole list is kept however short it is: it may be the one that a bound or an absence
        // is decided by.
        let dispensable = !self.state.full && run.stop.asked().is_none();
        if self.unsaved_rows < CHUNK_ROWS_MIN && dispensable && self.state.chunks.is_empty() {
            self.saved_batches = first;
            return Ok(());
        }
        self.unsaved_rows = 0;
        let chunk = self.put_chunk(run, writer, rows).await?;
        self.state.chunks.push(chunk);
        writer.lake.manifest.walk = Some(self.state.clone());
        writer.checkpoint().await
    }

    /// The chunk is named after this run, not after the one that began the walk: should that one wake up, it
    /// must not write over ours.
    async fn put_chunk(&self, run: &Run, writer: &Writer, rows: RecordBatch) -> Result<TodoChunk> {
        let path = format!("_todo/{}-{:06}.parquet", run.id, self.state.chunks.len());
        let encoded = cpu::run(move || {
            let mut encoder = Encoder::new(&CONVERSATION_LIST)?;
            encoder.write(&rows)?;
            encoder.finish()
        })
        .await?;
        let sha256 = hex::encode(Sha256::digest(&encoded.bytes));
        writer.lake.store().overwrite(&path, Bytes::from(encoded.bytes)).await?;
        Ok(TodoChunk { path, rows: encoded.rows, sha256 })
    }
}

/// A page of the list and what it says of the next one.
type Listing = (Page, Envelope);

/// The list call of the walked table.
fn list() -> Call {
    match CONVERSATIONS.source {
        Source::Walk { list, .. } => list,
        _ => unreachable!("conversations are walked"),
    }
}

async fn decode_page(page: &Page) -> Result<Decoded> {
    let page = page.clone();
    cpu::run(move || decode(&CONVERSATION_LIST, list().rows, &[page])).await
}

fn oldest(batch: &RecordBatch) -> Option<i64> {
    let updated = instants(batch, "updated_at");
    (0..batch.num_rows()).filter_map(|row| time_at(updated, row)).min()
}

fn generation(cursor: &Cursor) -> &'static str {
    match cursor {
        Cursor::PageToken(_) => "page_token",
        _ => "next",
    }
}

/// A walk that is about to begin.
pub(super) fn begin(run: &Run, started_at: Timestamp, full: bool, since: Option<Timestamp>) -> WalkState {
    WalkState {
        run: run.id.clone(),
        started_at,
        since,
        full,
        refetch: run.settings.refetch,
        listed: false,
        ordered: true,
        generation: None,
        cursor: None,
        chunks: Vec::new(),
        forgotten: std::collections::BTreeSet::new(),
    }
}

fn circle() -> Error {
    Error::unavailable("the list of conversations turns in a circle: a cursor was answered twice")
        .at("table", CONVERSATIONS.name)
        .at("call", list().path)
        .hint("run again later with --full; what was listed so far has been fetched")
}

fn cut_short_list() -> Error {
    Error::unavailable("the list of conversations ended with a full page, above conversations that are known")
        .at("table", CONVERSATIONS.name)
        .at("call", list().path)
        .hint("run again; what was listed so far has been fetched")
}

fn nothing_but_empty_pages() -> Error {
    Error::unavailable(
        "the list of conversations answers nothing but empty pages, each of which promises more",
    )
    .at("table", CONVERSATIONS.name)
    .at("call", list().path)
    .hint("run again later with --full; what was listed so far has been fetched")
}

/// The list is not there, although something that knows the account has answered before.
fn list_is_gone(page: &Page) -> Error {
    Error::unavailable("Drift does not know its list of conversations (404)")
        .at("table", CONVERSATIONS.name)
        .at("call", &page.path)
        .hint("run again later; if it stays, Drift's API has changed: please report it")
}

fn no_list(page: &Page) -> Error {
    Error::new(ErrorKind::Usage, "there is no list of conversations at this address")
        .at("call", &page.path)
        .hint("check --api-url; Drift's API is at https://driftapi.com")
}

fn broken_chunk(path: &str) -> Error {
    Error::store("the walk in progress cannot be taken up: a piece of it is missing or damaged")
        .at("object", path)
        .hint("nothing that was fetched is lost")
}
