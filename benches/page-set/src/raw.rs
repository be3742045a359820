//! The archive of raw pages that `sync --raw` would have left, by the product's own writer: the pages of the list,
//! then for each partition, the newest first, steps as large as a checkpoint. The tables are left to `rebuild`.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};
use bytes::Bytes;
use drift2parquet::archive::{self, Conversations, Head, Pages, Step, Thread};
use drift2parquet::clock::Clock;
use drift2parquet::columns::{assemble, times};
use drift2parquet::config::MEMORY;
use drift2parquet::data_file::Encoder;
use drift2parquet::error::Result;
use drift2parquet::lake::{Lake, RunId};
use drift2parquet::manifest::RunStatus;
use drift2parquet::store::Directory;
use drift2parquet::tables::CONVERSATION_LIST;
use jiff::Timestamp;

use crate::pages;
use crate::plan::{Conversation, Plan};
use crate::record::Records;

/// As much as a checkpoint holds with the memory that is given by default.
const STEP_BYTES: usize = (MEMORY / 16) as usize;

/// Writes the archive into the lake at `place`, which must be new.
pub async fn write(plan: &Plan, place: &Path) -> Result<()> {
    let records = Records::new(plan);
    let clock = Clock::starting_at(Timestamp::from_microsecond(plan.walk_us()).unwrap_or_default());
    let run = RunId { id: "page-set".into(), version: env!("CARGO_PKG_VERSION").into(), seed: plan.seed };
    let store = Arc::new(Directory::new(place));
    let mut lake = Lake::open(store, run, Some("48213".into()), clock, false).await?;
    lake.begin_archive()?;
    lake.manifest.span = Some(plan.span());
    put_list(plan, &records, &mut lake).await?;
    for partition in partitions(plan).into_iter().rev() {
        put_partition(plan, &records, &mut lake, partition).await?;
    }
    let joined = lake.join_segments().await?;
    lake.end(RunStatus::Done).await?;
    for path in joined {
        lake.store().delete(&path).await?;
    }
    Ok(())
}

async fn put_list(plan: &Plan, records: &Records<'_>, lake: &mut Lake) -> Result<()> {
    let rows: Vec<u32> = (0..plan.conversations).rev().collect();
    let last = rows.len().div_ceil(pages::LISTED_A_PAGE) - 1;
    let (mut bodies, mut bytes) = (Vec::new(), 0);
    for (number, page) in rows.chunks(pages::LISTED_A_PAGE).enumerate() {
        let page: Vec<Conversation> = page.iter().map(|row| plan.conversation(*row)).collect();
        let body = Bytes::from(pages::list(records, &page, number, number == last));
        bytes += body.len();
        bodies.push(body);
        if bytes >= STEP_BYTES || number == last {
            let head = Head::Listed(Pages { walk_us: plan.walk_us(), path: "/conversations/list".into() });
            lake.archive(Step { head, bodies: std::mem::take(&mut bodies) }).await?;
            bytes = 0;
        }
    }
    Ok(())
}

/// The partitions, the oldest first, and the numbers of their conversations.
fn partitions(plan: &Plan) -> Vec<(String, Range<u32>)> {
    let mut all: Vec<(String, Range<u32>)> = Vec::new();
    for row in 0..plan.conversations {
        let name = plan.span().of(Some(plan.conversation(row).created_ms * 1_000));
        match all.last_mut() {
            Some((last, rows)) if *last == name => rows.end = row + 1,
            _ => all.push((name, row..row + 1)),
        }
    }
    all
}

async fn put_partition(
    plan: &Plan,
    records: &Records<'_>,
    lake: &mut Lake,
    (name, rows): (String, Range<u32>),
) -> Result<()> {
    let end = rows.end;
    let (mut some, mut bodies, mut bytes) = (Vec::new(), Vec::new(), 0);
    for row in rows {
        let one = plan.conversation(row);
        let first = bodies.len();
        bodies.push(Bytes::from(pages::detail(records, &one)));
        bodies.extend(pages::thread(records, &one).into_iter().map(Bytes::from));
        bytes += bodies[first..].iter().map(Bytes::len).sum::<usize>();
        some.push((one, (bodies.len() - first - 1) as u32));
        if bytes >= STEP_BYTES || row + 1 == end {
            lake.archive(step(plan, records, &name, &some, std::mem::take(&mut bodies))?).await?;
            some.clear();
            bytes = 0;
        }
    }
    Ok(())
}

fn step(
    plan: &Plan,
    records: &Records<'_>,
    partition: &str,
    some: &[(Conversation, u32)],
    mut bodies: Vec<Bytes>,
) -> Result<Step> {
    bodies.push(listed_rows(records, some)?);
    let with = some.iter().map(|(one, pages)| archive::Conversation {
        id: one.id,
        known: false,
        listed: true,
        gone: false,
        thread: Thread::Pages(*pages),
    });
    let head = Conversations {
        walk_us: plan.walk_us(),
        partition: partition.to_owned(),
        span: plan.span(),
        members: false,
        with: with.collect(),
        listed: true,
    };
    Ok(Step { head: Head::Conversations(head), bodies })
}

/// What the list says of them, as one Parquet file.
fn listed_rows(records: &Records<'_>, some: &[(Conversation, u32)]) -> Result<Bytes> {
    let listed: Vec<_> = some.iter().map(|(one, _)| records.listed(one)).collect();
    let ints = |values: Vec<i64>| -> ArrayRef { Arc::new(Int64Array::from(values)) };
    let statuses = StringArray::from_iter_values(listed.iter().map(|one| one.status));
    let columns = vec![
        ("id", ints(some.iter().map(|(one, _)| one.id).collect())),
        ("status", Arc::new(statuses) as ArrayRef),
        ("contact_id", ints(listed.iter().map(|one| one.contact).collect())),
        ("inbox_id", ints(listed.iter().map(|one| one.inbox).collect())),
        ("created_at", times(some.iter().map(|(one, _)| Some(one.created_ms * 1_000)))),
        ("updated_at", times(some.iter().map(|(one, _)| Some(one.updated_ms * 1_000)))),
    ];
    let mut encoder = Encoder::new(&CONVERSATION_LIST)?;
    encoder.write(&assemble(&CONVERSATION_LIST, some.len(), columns)?)?;
    Ok(encoder.finish()?.bytes.into())
}
