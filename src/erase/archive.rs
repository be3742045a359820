//! The archive of raw pages: the records of somebody forgotten are taken out of the pages, and segments that
//! held one are written anew; the old ones are deleted after the commit that no longer names them.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;

use super::rows::picks;
use super::{Erased, is_forgotten_person, without};
use crate::archive::{Conversations, Head, List, Lookup, Step, Thread};
use crate::columns::{int_at, ints};
use crate::cpu;
use crate::data_file::{self, Encoder};
use crate::decode::{decode, skim};
use crate::error::Result;
use crate::lake::{Lake, partition_of, read_segment};
use crate::manifest::{Erasing, Forgotten, Subject};
use crate::page::Page;
use crate::schema::{Rows, Source, Table};
use crate::tables::{self, CONVERSATION_LIST, CONVERSATIONS, DETAIL, LIST, MESSAGES, THREAD};

/// Ids of the messages that a partition still has.
pub type Staying = BTreeMap<String, Arc<HashSet<i64>>>;

/// Takes the forgotten out of every segment; answers the paths that are to be deleted after the next commit.
pub(super) async fn erase(
    lake: &mut Lake,
    forgotten: &Forgotten,
    erasing: Erasing,
    erased: &mut Erased,
) -> Result<Vec<String>> {
    let Some(archive) = lake.manifest.archive.clone() else { return Ok(Vec::new()) };
    let staying = if erasing.deleted_messages { Some(Arc::new(staying(lake).await?)) } else { None };
    let mut gone = Vec::new();
    for one in archive.segments {
        let (segment, _) = read_segment(lake.store(), &one.path).await?;
        let (forgotten, staying) = (forgotten.clone(), staying.clone());
        let steps = cpu::run_on(one.raw_bytes, move || {
            let (mut steps, mut changed) = (Vec::new(), false);
            for number in 0..segment.steps().len() {
                let (step, other) = scrub(segment.step(number)?, &forgotten, staying.as_deref())?;
                changed |= other;
                steps.push(step);
            }
            Ok(changed.then_some(steps))
        })
        .await?;
        if let Some(steps) = steps {
            lake.replace_segment(&one.path, steps).await?;
            erased.deleted.push(one.path.clone());
            gone.push(one.path);
        }
    }
    Ok(gone)
}

async fn staying(lake: &mut Lake) -> Result<Staying> {
    let mut all = Staying::new();
    for path in lake.paths(&MESSAGES) {
        let Some(partition) = partition_of(&path) else { continue };
        let Some(object) = lake.open_partition(&MESSAGES, Some(&partition)).await? else { continue };
        let ids = cpu::run_on(object.bytes(), move || {
            let mut ids = HashSet::new();
            for batch in object.columns(&["id"])? {
                let batch = batch?;
                ids.extend(ints(&batch, "id").iter().flatten());
            }
            Ok(ids)
        })
        .await?;
        all.insert(partition, Arc::new(ids));
    }
    Ok(all)
}

/// The step without what is forgotten, and without messages that do not stay, where that is known; and whether
/// it held any.
///
/// # Errors
/// Internal ones; a page that nobody can read goes as a whole when it names somebody forgotten.
pub fn scrub(step: Step, forgotten: &Forgotten, staying: Option<&Staying>) -> Result<(Step, bool)> {
    if forgotten.is_empty() && staying.is_none() {
        return Ok((step, false));
    }
    let Step { head, bodies } = step;
    match head {
        Head::Listed(pages) => {
            let (bodies, changed) = clean_all(&CONVERSATION_LIST, LIST.rows, bodies, forgotten);
            Ok((Step { head: Head::Listed(pages), bodies }, changed))
        }
        Head::Conversations(head) => conversations(head, bodies, forgotten, staying),
        Head::Lookup(head) => Ok(lookup(head, bodies, forgotten)),
        Head::List(head) => Ok(list(head, bodies, forgotten)),
        Head::Strays { mut homes, all_listed } => {
            let before = homes.len();
            homes.retain(|home| !forgotten.contains(Subject::Conversation(home.0)));
            let changed = homes.len() < before;
            Ok((Step { head: Head::Strays { homes, all_listed }, bodies }, changed))
        }
        head => Ok((Step { head, bodies }, false)),
    }
}

fn conversations(
    mut head: Conversations,
    mut bodies: Vec<Bytes>,
    forgotten: &Forgotten,
    staying: Option<&Staying>,
) -> Result<(Step, bool)> {
    let rows = if head.listed { bodies.pop() } else { None };
    let mut gone: HashSet<i64> = HashSet::new();
    let (rows, mut changed) = match rows {
        Some(rows) => without_forgotten(rows, forgotten, &mut gone)?,
        None => (None, false),
    };
    let here = staying.and_then(|staying| staying.get(&head.partition));
    let (mut bodies, mut kept, mut with) = (bodies.into_iter(), Vec::new(), Vec::new());
    for conversation in std::mem::take(&mut head.with) {
        let detail = if conversation.gone { None } else { bodies.next() };
        let count = if let Thread::Pages(count) = conversation.thread { count } else { 0 };
        let thread: Vec<Bytes> = bodies.by_ref().take(count as usize).collect();
        let of_forgotten = detail
            .as_ref()
            .is_some_and(|body| cleaned(&CONVERSATIONS, DETAIL.rows, body, forgotten, None).is_some());
        if of_forgotten
            || gone.contains(&conversation.id)
            || forgotten.contains(Subject::Conversation(conversation.id))
        {
            gone.insert(conversation.id);
            changed = true;
            continue;
        }
        kept.extend(detail);
        for body in thread {
            let stay = here.map(AsRef::as_ref);
            let body = cleaned(&MESSAGES, THREAD.rows, &body, forgotten, stay).map_or(body, |other| {
                changed = true;
                other
            });
            kept.push(body);
        }
        with.push(conversation);
    }
    let rows = rows.map(|rows| leave_out_rows(rows, &gone)).transpose()?;
    head.listed = rows.is_some();
    kept.extend(rows);
    head.with = with;
    Ok((Step { head: Head::Conversations(head), bodies: kept }, changed))
}

/// What the list says, without the forgotten; their ids are added to `gone`.
fn without_forgotten(
    rows: Bytes,
    forgotten: &Forgotten,
    gone: &mut HashSet<i64>,
) -> Result<(Option<Bytes>, bool)> {
    let object = data_file::open(&CONVERSATION_LIST, rows.clone())?;
    for batch in object.batches() {
        let batch = batch?;
        let picked = picks(&CONVERSATION_LIST, &batch, forgotten);
        let ids = ints(&batch, "id");
        gone.extend((0..batch.num_rows()).filter(|row| picked[*row]).filter_map(|row| int_at(ids, row)));
    }
    let changed = !gone.is_empty();
    Ok((Some(rows), changed))
}

fn leave_out_rows(rows: Bytes, gone: &HashSet<i64>) -> Result<Bytes> {
    if gone.is_empty() {
        return Ok(rows);
    }
    let mut encoder = Encoder::new(&CONVERSATION_LIST)?;
    for batch in data_file::open(&CONVERSATION_LIST, rows)?.batches() {
        let batch = batch?;
        let ids = ints(&batch, "id");
        let picked: Vec<bool> =
            (0..batch.num_rows()).map(|row| int_at(ids, row).is_some_and(|id| gone.contains(&id))).collect();
        encoder.write(&without(batch, &picked)?)?;
    }
    Ok(encoder.finish()?.bytes.into())
}

fn lookup(mut head: Lookup, bodies: Vec<Bytes>, forgotten: &Forgotten) -> (Step, bool) {
    let (mut bodies, mut kept, before) = (bodies.into_iter(), Vec::new(), head.keys.len());
    head.keys.retain(|looked| {
        let body = if looked.gone { None } else { bodies.next() };
        let stays = !is_forgotten_person(forgotten, looked.key);
        kept.extend(body.filter(|_| stays));
        stays
    });
    let changed = head.keys.len() < before;
    (Step { head: Head::Lookup(head), bodies: kept }, changed)
}

fn list(head: List, mut bodies: Vec<Bytes>, forgotten: &Forgotten) -> (Step, bool) {
    let Some(table) = tables::by_name(&head.table) else {
        return (Step { head: Head::List(head), bodies }, false);
    };
    let Source::List { call, .. } = table.source else {
        return (Step { head: Head::List(head), bodies }, false);
    };
    let asked = bodies.split_off((head.pages as usize).min(bodies.len()));
    let (mut bodies, changed) = clean_all(table, call.rows, bodies, forgotten);
    bodies.extend(asked);
    (Step { head: Head::List(head), bodies }, changed)
}

fn clean_all(table: &Table, rows: Rows, bodies: Vec<Bytes>, forgotten: &Forgotten) -> (Vec<Bytes>, bool) {
    let mut changed = false;
    let clean = |body: Bytes| match cleaned(table, rows, &body, forgotten, None) {
        Some(other) => {
            changed = true;
            other
        }
        None => body,
    };
    let bodies = bodies.into_iter().map(clean).collect();
    (bodies, changed)
}

/// The page without records of somebody forgotten, or nothing when it holds none. Only the records stay of a
/// page that held one: a cursor beside them may name somebody.
fn cleaned(
    table: &Table,
    rows: Rows,
    body: &Bytes,
    forgotten: &Forgotten,
    staying: Option<&HashSet<i64>>,
) -> Option<Bytes> {
    let page = Page { path: "".into(), parent: None, body: body.clone() };
    let records: Vec<&[u8]> = match rows {
        Rows::Array(path) => {
            skim::find(body, path).map(|array| skim::elements(array).collect()).unwrap_or_default()
        }
        Rows::One(path) => skim::find(body, path).into_iter().collect(),
    };
    let whole = decode(table, rows, std::slice::from_ref(&page)).ok();
    let picked: Vec<bool> = match whole {
        Some(decoded) if decoded.set_aside.is_empty() && decoded.batch.num_rows() == records.len() => {
            picked(table, &decoded.batch, forgotten, staying)
        }
        _ => records.iter().map(|record| is_of(table, record, forgotten, staying)).collect(),
    };
    let names_by_cursor = matches!(rows, Rows::Array(_)) && next_names(body, forgotten);
    if !picked.contains(&true) && !names_by_cursor {
        return None;
    }
    let stay = records.iter().zip(&picked).filter(|(_, picked)| !**picked).map(|(record, _)| *record);
    Some(enveloped(rows, &stay.collect::<Vec<_>>()))
}

/// Whether what tells of the next page names somebody forgotten.
fn next_names(body: &[u8], forgotten: &Forgotten) -> bool {
    ["links", "pagination"].iter().any(|name| {
        skim::find(body, &[name]).is_some_and(|value| forgotten.names_in(&String::from_utf8_lossy(value)))
    })
}

fn picked(
    table: &Table,
    batch: &arrow::array::RecordBatch,
    forgotten: &Forgotten,
    staying: Option<&HashSet<i64>>,
) -> Vec<bool> {
    let mut picked = picks(table, batch, forgotten);
    if let Some(staying) = staying {
        let ids = ints(batch, "id");
        let stays = |row: usize| int_at(ids, row).is_none_or(|id| staying.contains(&id));
        picked.iter_mut().enumerate().for_each(|(row, picked)| *picked |= !stays(row));
    }
    picked
}

/// The same for one record; one that no row can stand for goes when it names somebody.
fn is_of(table: &Table, record: &[u8], forgotten: &Forgotten, staying: Option<&HashSet<i64>>) -> bool {
    let page = Page { path: "".into(), parent: None, body: Bytes::copy_from_slice(record) };
    match decode(table, Rows::One(&[]), std::slice::from_ref(&page)) {
        Ok(decoded) if decoded.batch.num_rows() == 1 => picked(table, &decoded.batch, forgotten, staying)[0],
        _ => forgotten.names_in(&String::from_utf8_lossy(record)),
    }
}

fn enveloped(rows: Rows, records: &[&[u8]]) -> Bytes {
    let mut text = Vec::new();
    for name in rows.path() {
        text.extend_from_slice(format!("{{\"{name}\":").as_bytes());
    }
    let joined = records.join(&b','.to_owned());
    match rows {
        Rows::Array(_) => {
            text.push(b'[');
            text.extend_from_slice(&joined);
            text.push(b']');
        }
        Rows::One(_) => text.extend_from_slice(if joined.is_empty() { b"null" } else { &joined }),
    }
    text.extend(std::iter::repeat_n(b'}', rows.path().len()));
    text.into()
}
