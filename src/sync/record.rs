//! Conversations on their way into the archive, and out of it again.

use std::vec::IntoIter;

use bytes::Bytes;

use super::build::Context;
use super::fetch::{Fetched, Thread};
use super::ledger::{Entry, Ledger};
use super::listed::{Arranged, Listed, Row};
use super::plan::Todo;
use crate::archive::{self, Conversation, Conversations, Head, Step};
use crate::columns::assemble;
use crate::data_file::{self, Encoder};
use crate::error::Result;
use crate::manifest::Forgotten;
use crate::page::Page;
use crate::tables::{CONVERSATION_LIST, DETAIL, THREAD};

/// What the archive keeps of these conversations, all of one partition.
pub(super) fn recorded(
    mut fetched: Vec<Fetched>,
    context: &Context,
    partition: String,
    members: bool,
) -> Result<Step> {
    fetched.sort_by_key(|fetched| fetched.todo.id);
    let (mut bodies, mut with, mut rows) = (Vec::new(), Vec::with_capacity(fetched.len()), Vec::new());
    for Fetched { todo, detail, thread } in fetched {
        rows.extend(todo.listed.get().map(|listed| Some(context.index[listed as usize])));
        let gone = detail.is_none();
        bodies.extend(detail.map(|page| page.body));
        let thread = match thread {
            Thread::Missing => archive::Thread::Missing,
            Thread::NotAsked => not_asked(context.ledger.get(todo.id)),
            Thread::Pages(pages) => {
                let count = pages.len() as u32;
                bodies.extend(pages.into_iter().map(|page| page.body));
                archive::Thread::Pages(count)
            }
        };
        let (id, known, listed) = (todo.id, todo.known, todo.listed.get().is_some());
        with.push(Conversation { id, known, listed, gone, thread });
    }
    let listed = !rows.is_empty();
    if listed {
        bodies.push(listed_rows(&rows, context)?);
    }
    let (walk_us, span) = (context.walk_us, context.span);
    let head = Conversations { walk_us, partition, span, members, with, listed };
    Ok(Step { head: Head::Conversations(head), bodies })
}

fn not_asked(entry: Option<&Entry>) -> archive::Thread {
    archive::Thread::NotAsked {
        messages_as_of: entry.and_then(|entry| entry.messages_as_of.get()),
        walked_at: entry.and_then(|entry| entry.walked_at.get()),
        missing: entry.is_some_and(|entry| entry.missing),
    }
}

/// What the list says of these rows, as one Parquet file.
fn listed_rows(rows: &[Option<Row>], context: &Context) -> Result<Bytes> {
    let mut columns = context.listed.take(rows)?;
    columns.retain(|(name, _)| !matches!(*name, "_synced_at" | "_deleted_at"));
    let mut encoder = Encoder::new(&CONVERSATION_LIST)?;
    encoder.write(&assemble(&CONVERSATION_LIST, rows.len(), columns)?)?;
    Ok(encoder.finish()?.bytes.into())
}

/// What a step held, as it was fetched, and what it is built with.
pub(super) fn fetched_again(
    head: Conversations,
    mut bodies: Vec<Bytes>,
    forgotten: Forgotten,
) -> Result<(Vec<Fetched>, Context)> {
    let mut context = Context { walk_us: head.walk_us, span: head.span, ..empty(forgotten) };
    if head.listed
        && let Some(rows) = bodies.pop()
    {
        let mut listed = Listed::default();
        for batch in data_file::open(&CONVERSATION_LIST, rows)?.batches() {
            listed.push(batch?);
        }
        context.index = listed.index_now()?;
        let all: Vec<u32> = (0..context.index.len() as u32).collect();
        context.listed = Arranged::from(&listed, &context.index, &all)?;
    }
    context.ledger = Ledger::of(head.with.iter().filter_map(entry).collect());
    let mut bodies = bodies.into_iter();
    let all = head.with.into_iter().map(|conversation| {
        let listed = conversation.listed;
        let mut fetched = fetched(conversation, &mut bodies);
        let place = context.index.binary_search_by_key(&fetched.todo.id, |row| row.id);
        fetched.todo.listed = place.ok().filter(|_| listed).map(|place| place as u32).into();
        fetched
    });
    Ok((all.collect(), context))
}

fn empty(forgotten: Forgotten) -> Context {
    Context {
        listed: Arranged::default(),
        index: Vec::new(),
        ledger: Ledger::default(),
        forgotten,
        walk_us: 0,
        span: crate::schema::Span::default(),
    }
}

fn entry(conversation: &Conversation) -> Option<Entry> {
    let archive::Thread::NotAsked { messages_as_of, walked_at, missing } = conversation.thread else {
        return None;
    };
    Some(Entry {
        id: conversation.id,
        listed_at: None.into(),
        messages_as_of: messages_as_of.into(),
        walked_at: walked_at.into(),
        partition: 0,
        deleted: false,
        missing,
        doubted: false,
    })
}

fn fetched(conversation: Conversation, bodies: &mut IntoIter<Bytes>) -> Fetched {
    let Conversation { id, known, gone, thread, .. } = conversation;
    let page = |path: &'static str, body: Bytes| Page { path: path.into(), parent: Some(id), body };
    let todo = Todo { id, partition: None.into(), listed: None.into(), known, absent: false };
    let detail = if gone { None } else { bodies.next().map(|body| page(DETAIL.path, body)) };
    let thread = match thread {
        archive::Thread::Missing => Thread::Missing,
        archive::Thread::NotAsked { .. } => Thread::NotAsked,
        archive::Thread::Pages(count) => {
            Thread::Pages(bodies.by_ref().take(count as usize).map(|body| page(THREAD.path, body)).collect())
        }
    };
    Fetched { todo, detail, thread }
}
