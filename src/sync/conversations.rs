//! Conversations and messages: decide how to walk, walk, plan, fetch, and prove that nothing is missing.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::Run;
use super::build::Context;
use super::children::{Tally, fetch_all};
use super::completeness::{self, Proof};
use super::doubts;
use super::ledger::{self, Asked, Ledger};
use super::listed::{Arranged, Listed, Row};
use super::orphans::Orphans;
use super::plan::{Plan, Rules, plan};
use super::room::{self, MONTH_US};
use super::strays;
use super::walk::{Walk, begin};
use super::writer::Writer;
use crate::config::{BOOKMARK_MARGIN, CONVERSATIONS_A_MONTH_MAX, FIRST_FULL_AGAIN, LOOKBACK, Since};
use crate::cpu;
use crate::error::{Error, Result};
use crate::manifest::{FullWalk, Manifest, Subject, WalkState};
use crate::progress::Phase;
use crate::report::WalkReport;
use crate::schema::{PartitionBy, Span, Table};
use crate::tables::{CAMPAIGN_MEMBERS, CONVERSATIONS, MESSAGES};

/// Reads conversations and messages, if they are selected. What leaves a part of the account unread, but
/// not the rest, is answered rather than thrown.
pub(super) async fn read(run: &Arc<Run>, writer: &mut Writer) -> Result<Option<Error>> {
    if !run.settings.tables.contains(CONVERSATIONS.name) {
        return Ok(None);
    }
    let first = writer.lake.manifest.first_load_ended.is_none();
    doubts::take_home(writer).await?;
    let proof = read_once(run, writer, run.settings.full).await?;
    let miscounted = first && proof.differs_from_stats() && proof.trouble.is_none();
    if (miscounted || proof.is_cut_short) && run.stop.asked().is_none() {
        if miscounted {
            writer.warn("Drift counts another number of conversations than the first load has listed, so the whole list is walked once more.".into());
        } else {
            tracing::info!("the list of conversations may have been cut short, and is walked once more");
        }
        return Ok(read_once(run, writer, true).await?.trouble);
    }
    Ok(proof.trouble)
}

/// One walk, from its beginning or from where an earlier run left it, to its end.
async fn read_once(run: &Arc<Run>, writer: &mut Writer, full: bool) -> Result<Proof> {
    let since = bound(run, writer);
    let doubted = doubts::of_walk(run, writer);
    let mut walk = open_walk(run, writer, full || !doubted.is_empty(), since).await?;
    // When it fails, what the manifest keeps of it is what it saved last: rows that are not saved must be listed
    // again, so its cursor must not be ahead of them.
    walk.run(run, writer).await?;
    if !walk.state.listed {
        keep_walk(writer, walk.state);
        return Ok(Proof::default());
    }
    room::check_index(&walk.listed, run.settings.memory)?;
    let index = walk.listed.index().await?;
    let seen = walk.seen(index.len());
    let index = known_ones(index, &mut walk.state, writer);
    let span = writer.lake.manifest.span.unwrap_or_else(|| choose_span(run.settings.partition_by, &index));
    let mut rules = Rules {
        with_messages: run.settings.tables.contains(MESSAGES.name),
        full: walk.state.full,
        refetch: walk.state.refetch,
        accept_deletions: run.settings.accept_deletions,
        since_us: since,
        walk: walk.state.started_at,
        span,
    };
    let adopted = writer.lake.manifest.adopted.clone();
    let (index, ledger) = read_ledger(writer, index, rules, !adopted.is_empty(), &doubted).await?;
    if !walk.check_end(run, writer, &ledger, seen).await? {
        return Ok(Proof::default());
    }
    rules.full &= walk.trouble.is_none();
    warn_of_span(run, writer);
    room::check_partitions(run, writer, &index, since, span)?;
    if writer.lake.manifest.span.replace(span).is_none() {
        // Committed before the first object is put: a run that is killed must not leave one layout, and the
        // next begin another.
        writer.checkpoint().await?;
    }
    if writer.lake.table(&CONVERSATIONS).reset.is_some() {
        strays::drop(writer, &index, &ledger, rules).await?;
    } else if !doubted.is_empty() {
        strays::take_home(writer, &index, &ledger, rules).await?;
        if run.settings.tables.contains(CAMPAIGN_MEMBERS.name) {
            doubts::drop_lost_members(writer, &index).await?;
        }
    }
    let pending = pending_ids(writer);
    let orphans = Orphans::read(writer, adopted, &ledger).await?;
    let mut plan = plan(&index, &ledger, &pending, rules);
    plan.add_orphans(&orphans);
    note_walk(writer, &walk, &plan);
    let doubts = doubts_absence(&plan, writer);
    let room = room::beside(&walk.listed, &index, &ledger, &plan, run.settings.memory)?;
    let forgotten = writer.forgotten.clone();
    let walk_us = rules.walk.as_microsecond();
    let (index, listed) = arrange(walk.listed, index, &plan).await?;
    let context = Arc::new(Context { listed, index, ledger, forgotten, walk_us, span });
    writer.progress.begin(Phase::Fetching, plan.todos.len() as u64);
    let tally = fetch_all(run, writer, plan, context.clone(), room).await?;
    note_tally(writer, &tally);
    note_threads(run, writer);
    if let Some(error) = tally.error {
        keep_walk(writer, walk.state);
        return Err(error);
    }
    if run.stop.asked().is_some() {
        keep_walk(writer, walk.state);
        return Ok(Proof::default());
    }
    orphans.settle(writer);
    let left_out = walk.state.forgotten.len() as u64;
    let mut proof =
        completeness::prove(run, writer, &context, &rules, &tally, left_out, walk.counted).await?;
    proof.is_cut_short = walk.is_cut_short;
    proof.trouble = walk.trouble.or(doubts);
    if proof.trouble.is_none() {
        end_walk(run, writer, &walk.state);
        writer.lake.trust_again(&doubted);
    }
    writer.lake.manifest.walk = None;
    Ok(proof)
}

/// The ledger, as far as a plan for what is listed needs it, or all of it.
async fn read_ledger(
    writer: &mut Writer,
    index: Vec<Row>,
    rules: Rules,
    everything: bool,
    doubted: &[String],
) -> Result<(Vec<Row>, Ledger)> {
    let reset = writer.lake.table(&CONVERSATIONS).reset.is_some();
    let everything = everything || reset || !doubted.is_empty();
    let (pending, forgotten) = (pending_ids(writer), writer.forgotten.clone());
    let resumed = writer.report.walk.as_ref().is_some_and(|walk| walk.resumed);
    let doubted = doubts::partitions(doubted);
    let asked = Asked { index, pending, rules, everything, doubted, resumed, forgotten };
    let (ledger, asked) = ledger::read(&mut writer.lake, asked).await?;
    Ok((asked.index, ledger))
}

/// What the list says of those that are to be fetched; of the others it is not needed any more.
async fn arrange(listed: Listed, index: Vec<Row>, plan: &Plan) -> Result<(Vec<Row>, Arranged)> {
    let mut wanted: Vec<u32> = plan.todos.iter().filter_map(|todo| todo.listed.get()).collect();
    wanted.sort_unstable();
    cpu::run_on(listed.rows(), move || {
        let arranged = Arranged::from(&listed, &index, &wanted)?;
        Ok((index, arranged))
    })
    .await
}

/// Takes up the walk of an earlier run when it is young enough and of the same kind, else begins one.
async fn open_walk(run: &Run, writer: &mut Writer, full: bool, since: Option<i64>) -> Result<Walk> {
    let generation = writer.lake.manifest.last_full_walk.as_ref().map(|walk| walk.generation.clone());
    let since = since.and_then(|us| Timestamp::from_microsecond(us).ok());
    let floor = floor(run, &writer.lake.manifest);
    let earlier = writer.lake.manifest.walk.take().filter(|state| resumable(run, state, full, since));
    if let Some(state) = earlier {
        tracing::info!(started_at = %state.started_at, "taking up the walk of an earlier run");
        let started_at = state.started_at;
        let floor = if state.full { None } else { floor };
        match Walk::resume(state, floor, generation.clone(), writer).await {
            Ok(walk) => {
                // It stays named by every commit until it is done, so that the run after a killed one finds it.
                writer.lake.manifest.walk = Some(walk.state.clone());
                writer.report.walk = Some(WalkReport { resumed: true, started_at, ..WalkReport::default() });
                return Ok(walk);
            }
            Err(error) => writer.warn(format!("{error}; the list is walked anew")),
        }
    }
    let manifest = &writer.lake.manifest;
    let full = full || lowers_bound(manifest, since) || run.settings.refetch || full_is_due(run, manifest);
    let floor = if full { None } else { floor };
    let now = if writer.report.walk.is_none() { run.started } else { run.server_time() };
    let started_at = if doubts::of_walk(run, writer).is_empty() { now } else { own_instant(now, manifest) };
    writer.report.walk = Some(WalkReport { started_at, ..WalkReport::default() });
    Ok(Walk::new(begin(run, started_at, full, since), floor, generation))
}

/// What a walk has asked again is known by the instant at which the walk began. Drift's clock shows seconds, so that an
/// earlier walk may have begun at the same: one that makes rows right again begins some microseconds later, by the
/// number of the commit, which no other has.
fn own_instant(now: Timestamp, manifest: &Manifest) -> Timestamp {
    now + SignedDuration::from_micros((manifest.number % 1_000_000) as i64)
}

fn resumable(run: &Run, state: &WalkState, full: bool, since: Option<Timestamp>) -> bool {
    let age = run.started.duration_since(state.started_at);
    let young = age.unsigned_abs() < run.settings.full_every;
    young && (state.full || !full) && state.refetch == run.settings.refetch && state.since == since
}

/// A full walk is due when none has proved the order of the list, when the last is too old, and once a day
/// after the first load.
fn full_is_due(run: &Run, manifest: &Manifest) -> bool {
    let Some(last) = &manifest.last_full_walk else { return true };
    let age = run.started.duration_since(last.started_at).unsigned_abs();
    let first_ended = manifest.first_load_ended;
    let never_again = first_ended.is_some_and(|ended| last.started_at <= ended);
    let a_day_later = first_ended.is_some_and(|ended| {
        run.started.duration_since(ended).unsigned_abs() >= FIRST_FULL_AGAIN && run.started > ended
    });
    !last.ordered || age >= run.settings.full_every || (never_again && a_day_later)
}

/// Where an ordered walk may stop: the earliest bookmark of the selected tables less the lookback, in epoch
/// microseconds. A table that was left out for a while lags behind.
fn floor(run: &Run, manifest: &Manifest) -> Option<i64> {
    let bookmarks: Option<Vec<Timestamp>> =
        walked(run).map(|table| manifest.tables.get(table.name)?.bookmark).collect();
    let earliest = bookmarks?.into_iter().min()?;
    Some((earliest - LOOKBACK).as_microsecond())
}

/// The selected tables that a walk brings.
pub(super) fn walked(run: &Run) -> impl Iterator<Item = &'static Table> {
    [&CONVERSATIONS, &MESSAGES].into_iter().filter(|table| run.settings.tables.contains(table.name))
}

/// The lower bound of this run, in epoch microseconds: the stored one holds, an earlier one goes back.
fn bound(run: &Run, writer: &mut Writer) -> Option<i64> {
    let manifest = &writer.lake.manifest;
    // The bound of a walk in progress holds, although it is the lake's only when that walk is done.
    let stored = manifest.walk.as_ref().map_or(manifest.since, |walk| walk.since);
    let stored = stored.map(Timestamp::as_microsecond);
    let is_first = manifest.tables.get(CONVERSATIONS.name).is_none_or(|table| table.bookmark.is_none())
        && manifest.walk.is_none();
    match run.settings.since {
        None => stored,
        Some(Since::All) => None,
        Some(Since::From(asked) | Since::Ago(asked)) if is_first => Some(asked),
        Some(asked @ (Since::From(us) | Since::Ago(us))) => {
            let holds = stored.is_none_or(|stored| us > stored);
            if holds && stored != Some(us) && matches!(asked, Since::From(_)) {
                writer.warn(
                    "The lake reaches further back than --since asks for; the earlier bound stays.".into(),
                );
            }
            if holds { stored } else { Some(us) }
        }
    }
}

fn lowers_bound(manifest: &Manifest, since: Option<Timestamp>) -> bool {
    let begun = manifest.tables.get(CONVERSATIONS.name).is_some_and(|table| table.bookmark.is_some());
    begun && manifest.since != since
}

/// Months, unless one month alone has so many conversations that its objects would be too large to fold.
fn choose_span(asked: PartitionBy, index: &[Row]) -> Span {
    match asked {
        PartitionBy::Month => Span::Month,
        PartitionBy::Day => Span::Day,
        PartitionBy::Auto => {
            let mut months = HashMap::new();
            for row in index {
                let month = row.created.get().map(|us| us.div_euclid(MONTH_US));
                *months.entry(month).or_insert(0u64) += 1;
            }
            let most = months.values().copied().max().unwrap_or(0);
            if most > CONVERSATIONS_A_MONTH_MAX { Span::Day } else { Span::Month }
        }
    }
}

/// What a partition spans is chosen once; another wish later on is told rather than passed over.
fn warn_of_span(run: &Run, writer: &mut Writer) {
    let asked = match run.settings.partition_by {
        PartitionBy::Auto => return,
        PartitionBy::Month => Span::Month,
        PartitionBy::Day => Span::Day,
    };
    if let Some(span) = writer.lake.manifest.span.filter(|span| *span != asked) {
        let kept = span.column();
        writer.warn(format!("The lake is partitioned by {kept} since its first run, and stays so."));
    }
}

/// The listed conversations but those that turned out to be forgotten after they were first listed.
fn known_ones(mut index: Vec<Row>, state: &mut WalkState, writer: &Writer) -> Vec<Row> {
    let forgotten = &writer.forgotten;
    if !forgotten.is_empty() {
        index.retain(|row| {
            let subject = Subject::Conversation(row.id);
            let stays = !forgotten.contains(subject);
            if !stays {
                state.forgotten.insert(forgotten.marker(subject));
            }
            stays
        });
    }
    index
}

fn pending_ids(writer: &Writer) -> Vec<i64> {
    let mut ids: Vec<i64> =
        writer.pending_keys(&CONVERSATIONS).iter().filter_map(|key| key.parse().ok()).collect();
    ids.sort_unstable();
    ids
}

fn note_walk(writer: &mut Writer, walk: &Walk, plan: &Plan) {
    let rows = walk.listed.rows();
    let report = writer.report.walk.get_or_insert_default();
    report.full = walk.state.full;
    report.started_at = walk.state.started_at;
    report.pages = walk.pages;
    report.rows = rows;
    report.listed = plan.counted + walk.state.forgotten.len() as u64;
    report.ordered = walk.state.ordered;
    report.absent = plan.absent;
}

fn note_tally(writer: &mut Writer, tally: &Tally) {
    writer.report.walk.get_or_insert_default().paging_misses = tally.paging_misses;
    if tally.paging_misses > 0 {
        writer.warn(format!(
            "{} conversations were not listed by Drift, yet answered by their id; they are stored.",
            tally.paging_misses
        ));
    }
}

fn note_threads(run: &Run, writer: &mut Writer) {
    let unsaid = run.threads.unsaid();
    if unsaid > 0 {
        writer.warn(format!(
            "Messages of {unsaid} conversations end with a full page, without a word on whether more follow; what was answered is stored."
        ));
    }
}

fn doubts_absence(plan: &Plan, writer: &Writer) -> Option<Error> {
    let stored = writer.lake.manifest.tables.get(CONVERSATIONS.name).map_or(0, |table| table.rows);
    plan.doubts_absence.then(|| {
        Error::unavailable(format!(
            "{} of {stored} stored conversations are no longer listed by Drift; none of these was marked as deleted",
            plan.absent
        ))
        .at("table", CONVERSATIONS.name)
        .hint("if they really were deleted, run again with --accept-deletions; everything else is committed")
    })
}

/// The next commit remembers the walk, so that the next run takes it up; a walk too short to have been
/// saved is begun anew.
fn keep_walk(writer: &mut Writer, state: WalkState) {
    writer.lake.manifest.walk = (!state.chunks.is_empty()).then_some(state);
}

/// The walk is done: bookmarks move, and what it proved about the list is kept.
fn end_walk(run: &Run, writer: &mut Writer, state: &WalkState) {
    let now = run.server_time();
    let bookmark = state.started_at - BOOKMARK_MARGIN;
    writer.lake.manifest.since = state.since;
    writer.lake.table(&CONVERSATIONS).reset = None;
    for table in walked(run) {
        let table = writer.lake.table(table);
        table.bookmark = Some(bookmark);
        table.synced_at = Some(state.started_at);
    }
    let manifest = &mut writer.lake.manifest;
    manifest.first_load_ended.get_or_insert(now);
    if state.full {
        manifest.last_full_walk = Some(FullWalk {
            started_at: state.started_at,
            ordered: state.ordered,
            generation: state.generation.clone().unwrap_or_default(),
        });
    } else if let Some(last) = &mut manifest.last_full_walk {
        last.ordered &= state.ordered;
    }
}
