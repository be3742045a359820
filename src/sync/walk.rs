//! Phase 1: the list alone, page by page, checkpointed so that a killed walk goes on where it stopped.
//!
//! A cursor is only a hint: one that is refused restarts this phase, one that repeats ends it with an
//! error that is told after everything listed so far was fetched.

mod chunks;
mod complaint;

use std::collections::HashSet;

use arrow::array::RecordBatch;
use bytes::Bytes;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::Run;
use super::columns::{instants, int_at, ints, time_at};
use super::completeness::counted;
use super::keyed::is_unreadable;
use super::ledger::Ledger;
use super::listed::Listed;
use super::order::Order;
use super::room;
use super::writer::Writer;
use crate::api::{Answer, Cursor, Envelope};
use crate::config::PAGES_BELOW;
use crate::cpu;
use crate::decode::{Decoded, decode};
use crate::erase;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{Subject, WalkState};
use crate::page::Page;
use crate::progress::Phase;
use crate::tables::{CONVERSATION_LIST, LIST};

/// How many rows a page of the list has at most, in the older generation and in the newer one.
const FULL_PAGES: [usize; 2] = [50, 100];
/// How many pages of the head are read again after a walk: more than 5,000 changes during it are left to
/// the next run, whose bookmark lies before them.
const HEAD_PAGES_MAX: usize = 50;
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
    saved_pieces: usize,
    unsaved_rows: u64,
    order: Order,
    pages_below: u32,
    empty_pages: u32,
    /// Those that were followed, in sixteen bytes each, however long they are.
    cursors: HashSet<[u8; 16]>,
    /// The page in hand, which has no next one, was asked for again.
    asked_end_again: bool,
    /// The page in hand, a full one that is the last, does not say so.
    ended_in_doubt: bool,
    /// Conversations that were listed and are forgotten.
    left_out: HashSet<i64>,
    /// The list has more than it showed.
    pub is_cut_short: bool,
    /// What Drift counts, if it was asked and said.
    pub counted: Option<u64>,
    /// Pages that are not in the archive yet.
    kept: Vec<Bytes>,
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
            saved_pieces: 0,
            unsaved_rows: 0,
            order: Order::default(),
            pages_below: 0,
            empty_pages: 0,
            cursors: HashSet::new(),
            asked_end_again: false,
            ended_in_doubt: false,
            left_out: HashSet::new(),
            is_cut_short: false,
            counted: None,
            kept: Vec::new(),
        }
    }

    /// Walks the list to its end, to the floor, or until the run is asked to stop.
    pub async fn run(&mut self, run: &Run, writer: &mut Writer) -> Result<()> {
        let ended = self.walk(run, writer).await;
        if ended.is_ok() {
            self.archive(writer).await?;
        }
        if self.trouble.is_some() {
            self.give_up(writer);
        }
        ended
    }

    /// What it missed is known to this run alone, so the next one must not take it up.
    fn give_up(&mut self, writer: &mut Writer) {
        self.state.chunks.clear();
        writer.lake.manifest.walk = None;
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
            self.keep(writer, &page).await?;
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
                self.trouble.get_or_insert_with(complaint::nothing_but_empty_pages);
            }
            if next.is_none() || self.is_below_floor() || self.empty_pages > EMPTY_PAGES_MAX {
                self.end_of_list();
                break;
            }
            self.save_if_due(run, writer).await?;
            room::check_listed(&self.listed, run.settings.memory)?;
            fetched = match ahead? {
                Some(answer) => Some(answer),
                None => writer.meanwhile(self.ask_next(run, next.as_deref())).await?,
            };
        }
        self.save(run, writer).await
    }

    /// One page of the list, or nothing when the run was asked to stop.
    async fn ask(&self, run: &Run, cursor: Option<&[(String, String)]>) -> Result<Option<Listing>> {
        // Boxed, since all that walks the list would carry the ways of asking otherwise.
        match run.unless_stopped(Box::pin(run.client.list_page(&LIST, cursor))).await? {
            Some(Answer::Page(page, envelope)) => Ok(Some((page, envelope))),
            Some(Answer::Missing(page)) if run.account_known => Err(complaint::list_is_gone(&page)),
            Some(Answer::Missing(page)) => Err(complaint::no_list(&page)),
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
        let pairs = cursor.pairs();
        if self.cursors.insert(shortened(&pairs)) {
            return Some(pairs);
        }
        self.trouble.get_or_insert_with(complaint::circle);
        None
    }

    /// A page without a next one is asked for once more, be it that it says that it is the last and is not full: an
    /// answer that lost its cursor would cut the list short in silence.
    fn doubts_end(&mut self, rows: usize, says_end: bool) -> bool {
        let [least, most] = FULL_PAGES;
        let full = rows == least || rows >= most;
        self.ended_in_doubt = self.trouble.is_none() && full && !says_end;
        let doubted = self.trouble.is_none() && (full || !says_end);
        doubted && !std::mem::replace(&mut self.asked_end_again, true)
    }

    /// The list ended with a full page that did not say that it is the last, again when asked again.
    fn ends_in_doubt(&self) -> bool {
        self.state.listed && self.ended_in_doubt
    }

    /// How many distinct conversations were listed, `indexed` ones and those that are forgotten.
    pub fn seen(&self, indexed: usize) -> u64 {
        (indexed + self.left_out.len().max(self.state.forgotten.len())) as u64
    }

    /// Decides whether a list whose end stands in doubt was cut short, and answers whether it could be decided
    /// before the run was to stop; if not, the walk stays as it was saved last, and the next run asks for its end.
    ///
    /// `seen` is how many conversations were listed.
    pub async fn check_end(
        &mut self,
        run: &Run,
        writer: &mut Writer,
        ledger: &Ledger,
        seen: u64,
    ) -> Result<bool> {
        if !self.ends_in_doubt() {
            return Ok(true);
        }
        // A walk that was to end at its floor has come to the true end only if it met all that the lake has.
        if self.state.full || ledger.unlisted == 0 {
            let counted = writer.meanwhile(async { Ok(counted(run).await) }).await?;
            if run.stop.asked().is_some() {
                return Ok(false);
            }
            self.compare(counted, seen, writer);
        } else {
            self.is_cut_short = true;
            self.trouble = Some(complaint::cut_short());
        }
        if self.trouble.is_some() {
            self.give_up(writer);
            return Ok(true);
        }
        self.ended_in_doubt = false;
        self.save(run, writer).await.map(|()| true)
    }

    /// Where Drift counts more than it listed, a walk that was to end at its floor is done anew from the head on. Of
    /// a whole one, less than a page more is no page that is lacking, but another way of counting, which is told
    /// like any difference.
    fn compare(&mut self, counted: Result<Option<u64>>, seen: u64, writer: &mut Writer) {
        let counted = match counted {
            Ok(counted) => counted,
            Err(error) if error.kind() == ErrorKind::Unavailable => {
                self.trouble = Some(complaint::not_counted(error));
                return;
            }
            Err(_) => None,
        };
        self.counted = counted;
        let Some(counted) = counted else { return writer.warn(complaint::NOBODY_KNOWS.to_owned()) };
        let tolerated = if self.state.full { FULL_PAGES[0] as u64 } else { 1 };
        if counted >= seen + tolerated {
            self.is_cut_short = true;
            self.trouble = Some(complaint::cut_short());
        } else if counted > seen && self.state.since.is_some() {
            writer.warn(complaint::counts_more(seen, counted));
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
                self.trouble.get_or_insert(error.hint(complaint::UNREADABLE));
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
            self.left_out.insert(id);
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
            self.keep(writer, &page).await?;
            let decoded = decode_page(&page).await;
            let Some(decoded) = self.readable(decoded)? else { break };
            let oldest = oldest(&decoded.batch);
            writer.note_oddities(&CONVERSATION_LIST, std::slice::from_ref(&page), &decoded);
            self.take_up(writer, decoded.batch)?;
            next = envelope.next.as_ref().map(Cursor::pairs);
            if next.is_none() || oldest.is_none_or(|oldest| oldest < began) {
                break;
            }
        }
        self.save(run, writer).await
    }
}

/// A page of the list and what it says of the next one.
type Listing = (Page, Envelope);

async fn decode_page(page: &Page) -> Result<Decoded> {
    let page = page.clone();
    cpu::run_on(page.bytes(), move || decode(&CONVERSATION_LIST, LIST.rows, &[page])).await
}

fn shortened(cursor: &[(String, String)]) -> [u8; 16] {
    let hash: [u8; 32] = Sha256::digest(format!("{cursor:?}")).into();
    let mut short = [0; 16];
    short.copy_from_slice(&hash[..16]);
    short
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
