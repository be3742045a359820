//! Phase 3: one row for each contact that a conversation names, bucket by bucket.
//!
//! A contact is asked for when it is new and when one of its conversations changed or was erased since.
//! Two numbers a contact are held in memory ([`Latest`]).

mod latest;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use bytes::Bytes;

use self::latest::{Known, Latest};
use super::Run;
use super::columns::{assemble, broken, exchange, instants, int_at, ints, time, time_at, times};
use super::doubts;
use super::keyed::{Answers, Keyed, ask_all, decode_each};
use super::writer::Writer;
use crate::archive::{self, Head, Looked, Step};
use crate::cpu;
use crate::data_file::Reader;
use crate::decode::Decoded;
use crate::erase;
use crate::error::{Error, Result};
use crate::lake::{Change, needed_memory};
use crate::page::Page;
use crate::progress::Phase;
use crate::schema::{Call, Partition, Source, Table};
use crate::tables::{self, ALL, CONVERSATIONS};

/// Keys that are asked for before their rows are folded: a few minutes of calls at the slowest rate.
const KEYS_AT_ONCE: usize = 1_000;

/// What is asked for: contact, and the time its row will be as of (epoch microseconds).
type Wanted = (i64, Option<i64>);

/// Reads every selected table that has one row for each distinct value of a column of conversations.
pub(super) async fn read(run: &Arc<Run>, writer: &mut Writer) -> Result<()> {
    for table in ALL.iter().filter(|table| run.settings.tables.contains(table.name)) {
        let Source::Lookup { keys, call } = table.source else { continue };
        if run.stop.asked().is_none() {
            let lookup = Lookup { run, table, keys, call };
            lookup.read(writer).await.map_err(|error| error.at("table", table.name))?;
        }
    }
    Ok(())
}

fn asked(known: &[Known]) -> Vec<Wanted> {
    known.iter().map(|known| (known.key, known.listed.get())).collect()
}

/// One such table.
struct Lookup<'a> {
    run: &'a Arc<Run>,
    table: &'static Table,
    keys: &'static str,
    call: Call,
}

impl Lookup<'_> {
    async fn read(&self, writer: &mut Writer) -> Result<()> {
        let inputs = writer.lake.fingerprint(&[&CONVERSATIONS]);
        let nothing_pending = writer.pending_keys(self.table).is_empty();
        let known = writer.lake.table(self.table).inputs.clone();
        let doubted = writer.lake.doubted(self.table);
        let nothing_asked = nothing_pending && doubted.is_empty() && !self.run.settings.refetch;
        if known.as_ref() == Some(&inputs) && nothing_asked {
            self.mark_read(writer, inputs);
            return Ok(());
        }
        doubts::take_into_buckets(writer, self.table).await?;
        // Also what has taken rows in just now.
        let doubted = writer.lake.doubted(self.table);
        let wanted = self.wanted(writer).await?;
        writer.progress.begin(Phase::Contacts, wanted.len() as u64);
        let is_of_one =
            |one: &Known, other: &Known| self.partition_of(one.key) == self.partition_of(other.key);
        for wanted in wanted.chunk_by(is_of_one) {
            for piece in wanted.chunks(KEYS_AT_ONCE) {
                self.read_piece(writer, &self.partition_of(piece[0].key), &asked(piece)).await?;
                writer.checkpoint_if_due(&self.run.settings).await?;
                if self.run.stop.asked().is_some() {
                    return Ok(());
                }
            }
        }
        self.mark_read(writer, inputs);
        writer.lake.trust_again(&doubted);
        Ok(())
    }

    /// Until a conversation changes again there is nothing to look for.
    fn mark_read(&self, writer: &mut Writer, inputs: String) {
        let conversations = writer.lake.table(&CONVERSATIONS);
        let (bookmark, synced_at) = (conversations.bookmark, conversations.synced_at);
        let state = writer.lake.table(self.table);
        (state.inputs, state.bookmark, state.synced_at) = (Some(inputs), bookmark, synced_at);
    }

    /// The contacts to ask for, sorted by bucket.
    async fn wanted(&self, writer: &mut Writer) -> Result<Vec<Known>> {
        let keys = self.keys;
        let mut latest = Latest::default();
        for path in writer.lake.paths(&CONVERSATIONS) {
            let object = writer.lake.open_named(&CONVERSATIONS, &path).await?;
            latest = cpu::run_on(object.bytes(), move || changes_of(latest, &object, keys)).await?;
        }
        for path in writer.lake.doubted(self.table) {
            // Also those that no conversation names: another hand may have put somebody else's there.
            let object = writer.lake.open_named(self.table, &path).await?;
            let keys = cpu::run_on(object.bytes(), move || stored(&object)).await?;
            for (key, _) in keys {
                latest.note(key, None, None);
            }
        }
        latest.settle();
        latest.retain(|key| !erase::is_forgotten_person(&writer.forgotten, key));
        for key in writer.pending_keys(self.table) {
            // No conversation names it any more, so there is nothing to look for.
            if !key.parse().is_ok_and(|key| latest.has(key)) {
                writer.settle(self.table, &key);
            }
        }
        if !self.run.settings.refetch {
            latest = self.leave_out_known(writer, latest).await?;
        }
        let mut wanted = latest.into_all();
        let count = self.buckets();
        wanted.sort_unstable_by_key(|known| (known.key.rem_euclid(count), known.key));
        Ok(wanted)
    }

    fn buckets(&self) -> i64 {
        match self.table.partition {
            Partition::Bucket(count) => i64::from(count),
            _ => unreachable!("looked up tables are cut into buckets"),
        }
    }

    fn partition_of(&self, key: i64) -> String {
        match self.table.partition {
            Partition::Bucket(count) => Partition::bucket(count, key),
            _ => unreachable!("looked up tables are cut into buckets"),
        }
    }

    /// What is stored and new enough need not be asked for: nothing was listed since, and no conversation was
    /// found to be erased since all were last looked at. Drift's clock shows whole seconds: an erasure that was
    /// found in the very second of the last look may be later than it.
    async fn leave_out_known(&self, writer: &mut Writer, mut latest: Latest) -> Result<Latest> {
        let pending = writer.pending_keys(self.table);
        let pending: HashSet<i64> = pending.iter().filter_map(|key| key.parse().ok()).collect();
        let pending = Arc::new(pending);
        let synced_at = writer.lake.table(self.table).synced_at;
        let looked_at = synced_at.map(jiff::Timestamp::as_microsecond);
        let doubted = writer.lake.doubted(self.table);
        for path in writer.lake.paths(self.table).into_iter().filter(|path| !doubted.contains(path)) {
            let (object, pending) = (writer.lake.open_named(self.table, &path).await?, pending.clone());
            let bytes = object.bytes();
            let leave_out = move || {
                for (key, as_of) in stored(&object)?.into_iter().filter(|(key, _)| !pending.contains(key)) {
                    latest.leave_out(key, as_of, looked_at);
                }
                Ok(latest)
            };
            latest = cpu::run_on(bytes, leave_out).await?;
        }
        Ok(latest)
    }

    async fn read_piece(&self, writer: &mut Writer, bucket: &str, piece: &[Wanted]) -> Result<()> {
        let progress = writer.progress.clone();
        let keys = piece.iter().map(|(key, _)| key.to_string()).collect();
        let asking = ask_all(self.run, self.call, keys, || progress.advance(1));
        let answers = writer.meanwhile(asking).await?;
        for (key, error) in &answers.failed {
            writer.postpone(self.table, key, error);
        }
        let walk_us = writer.walk_started(self.run.started).as_microsecond();
        let answered = Answered { table: self.table, call: self.call, walk_us };
        if writer.lake.archives() {
            writer.archive(answered.recorded(bucket, &answers, piece)).await?;
        }
        answered.fold(writer, bucket, piece, answers).await
    }
}

/// What was answered for some keys, to be folded.
struct Answered {
    table: &'static Table,
    call: Call,
    walk_us: i64,
}

/// Folds what an earlier run was answered.
pub(super) async fn fold_again(writer: &mut Writer, head: archive::Lookup, bodies: Vec<Bytes>) -> Result<()> {
    let table = tables::by_name(&head.table).filter(|table| matches!(table.source, Source::Lookup { .. }));
    let Some(table) = table else { return Ok(()) };
    let Source::Lookup { call, .. } = table.source else { return Ok(()) };
    let (mut answers, mut bodies) = (Answers::default(), bodies.into_iter());
    for looked in &head.keys {
        let key = looked.key.to_string();
        match bodies.next_if_there(looked.gone) {
            Some(body) => {
                let path = call.path.replace("{key}", &key);
                answers.pages.push((key, Page { path: path.into(), parent: Some(looked.key), body }));
            }
            None => answers.missing.push(key),
        }
    }
    let piece: Vec<Wanted> = head.keys.iter().map(|looked| (looked.key, looked.as_of)).collect();
    let answered = Answered { table, call, walk_us: head.walk_us };
    answered.fold(writer, &head.partition, &piece, answers).await
}

/// The bodies of those that were there.
trait NextIfThere {
    fn next_if_there(&mut self, gone: bool) -> Option<Bytes>;
}

impl NextIfThere for std::vec::IntoIter<Bytes> {
    fn next_if_there(&mut self, gone: bool) -> Option<Bytes> {
        if gone { None } else { self.next() }
    }
}

impl Answered {
    /// What the archive keeps of it.
    fn recorded(&self, bucket: &str, answers: &Answers, piece: &[Wanted]) -> Step {
        let wanted: HashMap<i64, Option<i64>> = piece.iter().copied().collect();
        let looked = |key: &str, gone: bool| {
            let key = key.parse().unwrap_or_default();
            Looked { key, as_of: wanted.get(&key).copied().flatten(), gone }
        };
        let there = answers.pages.iter().map(|(key, _)| looked(key, false));
        let keys = there.chain(answers.missing.iter().map(|key| looked(key, true))).collect();
        let (table, partition) = (self.table.name.to_owned(), bucket.to_owned());
        Step {
            head: Head::Lookup(archive::Lookup { table, partition, walk_us: self.walk_us, keys }),
            bodies: answers.pages.iter().map(|(_, page)| page.body.clone()).collect(),
        }
    }

    async fn fold(
        &self,
        writer: &mut Writer,
        bucket: &str,
        piece: &[Wanted],
        answers: Answers,
    ) -> Result<()> {
        let walk_us = self.walk_us;
        let stubs = self.stubs(&answers, piece, walk_us)?;
        let (Keyed { pages, decoded, failed }, strangers) = self.decoded(&answers, piece, walk_us).await?;
        writer.note(self.table, &pages, &decoded);
        let aside: Vec<Page> =
            decoded.set_aside.iter().map(|aside| pages[aside.page as usize].clone()).collect();
        let change =
            Change { upserts: vec![decoded.batch], stubs: Some(stubs), walk_us, ..Change::default() };
        match writer.fold(self.table, Some(bucket), change).await {
            Err(error) if needed_memory(&error).is_some() => {
                for (key, _) in piece {
                    writer.postpone(self.table, &key.to_string(), &error);
                }
                return Ok(());
            }
            folded => folded?,
        };
        for key in answers.pages.iter().map(|(key, _)| key).chain(&answers.missing) {
            writer.settle(self.table, key);
        }
        for (key, error) in &failed {
            writer.postpone(self.table, key, error);
        }
        for page in &aside {
            // Tried again by every run, so that none ends as if nothing were missing.
            let key = page.parent.unwrap_or_default().to_string();
            writer.postpone(self.table, &key, &unusable(page));
        }
        for page in &strangers {
            let key = page.parent.unwrap_or_default().to_string();
            writer.postpone(self.table, &key, &another(page));
        }
        if !answers.missing.is_empty() {
            writer.table(self.table).missing += answers.missing.len() as u64;
        }
        answers.error.map_or(Ok(()), Err)
    }
}

impl Answered {
    /// Rows for keys that answered 404: what is stored keeps its columns and gets its tombstone.
    fn stubs(&self, answers: &Answers, piece: &[Wanted], walk_us: i64) -> Result<RecordBatch> {
        let wanted: HashMap<String, Option<i64>> =
            piece.iter().map(|(key, at)| (key.to_string(), *at)).collect();
        let ids = answers.missing.iter().map(|key| key.parse::<i64>().ok());
        let ids: ArrayRef = Arc::new(ids.collect::<arrow::array::Int64Array>());
        let as_of = answers.missing.iter().map(|key| wanted.get(key).copied().flatten());
        let rows = answers.missing.len();
        let columns = vec![
            (self.table.key[0], ids),
            ("_as_of", times(as_of)),
            ("_synced_at", time(walk_us, rows)),
            ("_deleted_at", time(walk_us, rows)),
        ];
        assemble(self.table, rows, columns)
    }

    async fn decoded(&self, answers: &Answers, piece: &[Wanted], walk_us: i64) -> Result<(Keyed, Vec<Page>)> {
        let (table, rows) = (self.table, self.call.rows);
        let pages = answers.pages.clone();
        let wanted: HashMap<i64, Option<i64>> = piece.iter().copied().collect();
        let bytes = pages.iter().map(|(_, page)| page.bytes()).sum();
        cpu::run_on(bytes, move || {
            let mut keyed = decode_each(table, rows, pages)?;
            let decoded = &mut keyed.decoded;
            let strangers = keep_asked(table, decoded, &keyed.pages)?;
            let ids = ints(&decoded.batch, table.key[0]);
            let as_of = (0..ids.len()).map(|row| wanted.get(&ids.value(row)).copied().flatten());
            let columns = vec![("_as_of", times(as_of)), ("_synced_at", time(walk_us, ids.len()))];
            decoded.batch = exchange(table, &decoded.batch, columns)?;
            Ok((keyed, strangers))
        })
        .await
    }
}

/// Keeps the rows that answer the key they were asked under, since any other would overwrite somebody else;
/// the pages of the others are returned.
fn keep_asked(table: &Table, decoded: &mut Decoded, pages: &[Page]) -> Result<Vec<Page>> {
    let ids = ints(&decoded.batch, table.key[0]);
    let page = |row: usize| &pages[decoded.page_of_row[row] as usize];
    let (asked, others): (Vec<usize>, Vec<usize>) =
        (0..ids.len()).partition(|row| int_at(ids, *row) == page(*row).parent);
    let strangers = others.into_iter().map(|row| page(row).clone()).collect();
    let mask: BooleanArray = (0..ids.len()).map(|row| Some(asked.binary_search(&row).is_ok())).collect();
    decoded.batch = filter_record_batch(&decoded.batch, &mask).map_err(broken)?;
    Ok(strangers)
}

fn unusable(page: &Page) -> Error {
    Error::unavailable("the record was set aside, since its key cannot be used").at("call", &page.path)
}

fn another(page: &Page) -> Error {
    Error::unavailable("Drift answered another record than the one that was asked for").at("call", &page.path)
}

/// Notes when each key's conversations last changed, or were found to be erased.
fn changes_of(mut latest: Latest, object: &Reader, keys: &str) -> Result<Latest> {
    for batch in object.columns(&[keys, "_listed_at", "_deleted_at"])? {
        let batch = batch?;
        let (listed, deleted) = (instants(&batch, "_listed_at"), instants(&batch, "_deleted_at"));
        let ids = ints(&batch, keys);
        for row in 0..batch.num_rows() {
            if let Some(key) = int_at(ids, row) {
                latest.note(key, time_at(listed, row), time_at(deleted, row));
            }
        }
    }
    Ok(latest)
}

/// What is stored: key, and the time it is as of; a tombstone is as of when it was set.
fn stored(object: &Reader) -> Result<Vec<Wanted>> {
    let mut found = Vec::new();
    for batch in object.columns(&["id", "_as_of", "_deleted_at"])? {
        let batch = batch?;
        let (as_of, deleted) = (instants(&batch, "_as_of"), instants(&batch, "_deleted_at"));
        let ids = ints(&batch, "id");
        found.extend(
            (0..batch.num_rows()).map(|row| (ids.value(row), time_at(as_of, row).max(time_at(deleted, row)))),
        );
    }
    Ok(found)
}
