//! Phase 2's calls: for each conversation its detail first, then every page of its messages, in this order,
//! so that what is stored is at least as new as what was known before the detail was asked for.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use super::Run;
use super::plan::Todo;
use crate::api::{Answer, Envelope};
use crate::error::{Error, ErrorKind, Result};
use crate::page::Page;
use crate::tables::{DETAIL, MESSAGES, THREAD};

/// Pages of one conversation: two million messages, which no conversation has.
const THREAD_PAGES_MAX: usize = 40_000;

/// Messages a page, fixed by Drift.
const FULL_PAGE: u64 = 50;

/// What the threads of a run have told about how they end.
#[derive(Debug, Default)]
pub(super) struct Threads {
    /// Drift says where a thread ends, so a full page without a word about more has lost it.
    say_end: AtomicBool,
    /// Threads that ended with a full page and without a word, again when asked again.
    unsaid: AtomicU64,
}

impl Threads {
    /// How many threads ended with a full page, without a word about whether there is more.
    pub fn unsaid(&self) -> u64 {
        self.unsaid.load(Relaxed)
    }

    /// Whether this last page of a thread may have lost the word about the next.
    fn doubts(&self, envelope: &Envelope) -> bool {
        self.say_end.fetch_or(envelope.ended, Relaxed);
        !envelope.ended && envelope.rows.is_some_and(|rows| rows >= FULL_PAGE)
    }
}

/// The messages of one conversation.
#[derive(Debug, Clone)]
pub(super) enum Thread {
    /// Not asked for, since the table is not selected or the conversation is gone.
    NotAsked,
    /// The call answered 404.
    Missing,
    /// All pages.
    Pages(Vec<Page>),
}

/// What was fetched for one conversation.
#[derive(Debug, Clone)]
pub(super) struct Fetched {
    pub todo: Todo,
    /// The detail; none when it answered 404.
    pub detail: Option<Page>,
    pub thread: Thread,
}

impl Fetched {
    /// How many bytes of pages it holds.
    pub fn bytes(&self) -> u64 {
        let thread = match &self.thread {
            Thread::Pages(pages) => pages.iter().map(|page| page.body.len()).sum(),
            _ => 0,
        };
        (thread + self.detail.as_ref().map_or(0, |page| page.body.len())) as u64
    }
}

/// What became of one conversation.
pub(super) enum Fetch {
    /// It is here.
    Done(Fetched),
    /// It failed after all retries; others may succeed.
    Failed(Todo, Error),
    /// The run was asked to stop.
    Stopped,
}

/// Fetches one conversation.
///
/// # Errors
/// Only what concerns all conversations alike: Drift refuses the token or the right.
pub(super) async fn fetch(run: &Run, todo: Todo, with_messages: bool) -> Result<Fetch> {
    match fetch_both(run, todo, with_messages).await {
        Ok(Some(fetched)) => Ok(Fetch::Done(fetched)),
        Ok(None) => Ok(Fetch::Stopped),
        Err(error) if error.kind() == ErrorKind::Refused => Err(error),
        Err(error) => Ok(Fetch::Failed(todo, error)),
    }
}

async fn fetch_both(run: &Run, todo: Todo, with_messages: bool) -> Result<Option<Fetched>> {
    let key = todo.id.to_string();
    let detail = match run.get(&DETAIL, Some(&key), &[]).await? {
        Some(Answer::Page(page, _)) => page,
        Some(Answer::Missing(_)) => {
            return Ok(Some(Fetched { todo, detail: None, thread: Thread::NotAsked }));
        }
        None => return Ok(None),
    };
    let thread = if with_messages { fetch_thread(run, &key).await? } else { Some(Thread::NotAsked) };
    Ok(thread.map(|thread| Fetched { todo, detail: Some(detail), thread }))
}

async fn fetch_thread(run: &Run, key: &str) -> Result<Option<Thread>> {
    let (mut pages, mut cursors) = (Vec::new(), HashSet::new());
    let (mut query, mut asked_again) = (Vec::new(), false);
    loop {
        match run.get(&THREAD, Some(key), &query).await? {
            None => return Ok(None),
            Some(Answer::Missing(_)) if pages.is_empty() => return Ok(Some(Thread::Missing)),
            Some(Answer::Missing(page)) => return Err(broke_off(&page)),
            Some(Answer::Page(page, envelope)) => {
                let doubtful = envelope.next.is_none() && run.threads.doubts(&envelope);
                if doubtful && !std::mem::replace(&mut asked_again, true) {
                    continue;
                }
                if doubtful && run.threads.say_end.load(Relaxed) {
                    return Err(cut_short(&page));
                }
                run.threads.unsaid.fetch_add(u64::from(doubtful), Relaxed);
                pages.push(page);
                let Some(next) = envelope.next else { return Ok(Some(Thread::Pages(pages))) };
                query = next.pairs();
                if pages.len() >= THREAD_PAGES_MAX || !cursors.insert(format!("{query:?}")) {
                    return Err(endless(&pages));
                }
            }
        }
    }
}

fn broke_off(page: &Page) -> Error {
    Error::unavailable("a later page of messages is missing")
        .at("table", MESSAGES.name)
        .at("call", &page.path)
}

fn cut_short(page: &Page) -> Error {
    Error::unavailable("a full page of messages does not say whether more follow")
        .at("table", MESSAGES.name)
        .at("call", &page.path)
}

fn endless(pages: &[Page]) -> Error {
    let path = pages.last().map_or("", |page| &*page.path);
    Error::unavailable("the pages of messages turn in a circle").at("table", MESSAGES.name).at("call", path)
}
