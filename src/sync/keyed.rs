//! One call for each key, many side by side: contacts, and listed rows that vanished.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::Run;
use crate::api::Answer;
use crate::decode::{Decoded, decode};
use crate::error::{Error, ErrorKind, Result};
use crate::page::Page;
use crate::schema::{Call, Rows, Table};

/// Keys that fail one after the other before the run takes Drift for down.
const FAILURES_IN_A_ROW_MAX: u32 = 25;

/// What came of some keys.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// Keys that were answered, with their pages.
    pub pages: Vec<(String, Page)>,
    /// Keys that answered 404.
    pub missing: Vec<String>,
    /// Keys that failed after all retries.
    pub failed: Vec<(String, Error)>,
    /// Whether the run was asked to stop before all keys were asked.
    pub stopped: bool,
    /// What concerns all keys alike, so that no more were asked: a refused right, or many failures in a row.
    pub error: Option<Error>,
}

/// Asks for every key; `done` hears of each answer.
pub(super) async fn ask_all(
    run: &Arc<Run>,
    call: Call,
    keys: Vec<String>,
    done: impl Fn(),
) -> Result<Answers> {
    let (mut answers, mut flying, mut failures) = (Answers::default(), JoinSet::new(), 0);
    let mut keys = keys.into_iter();
    loop {
        while flying.len() < run.settings.concurrency {
            let Some(key) = keys.next() else { break };
            let run = run.clone();
            flying.spawn(async move {
                let answer = run.get(&call, Some(&key), &[]).await;
                (key, answer)
            });
        }
        let Some(landed) = flying.join_next().await else { break };
        let (key, answer) = landed.map_err(|cause| Error::internal("a fetcher died").caused_by(cause))?;
        failures = if answer.is_err() { failures + 1 } else { 0 };
        answers.take_in(key, answer, failures);
        if answers.stopped || answers.error.is_some() {
            break;
        }
        done();
    }
    Ok(answers)
}

impl Answers {
    fn take_in(&mut self, key: String, answer: Result<Option<Answer>>, failures: u32) {
        match answer {
            Ok(Some(Answer::Page(page, _))) => self.pages.push((key, page)),
            Ok(Some(Answer::Missing(_))) => self.missing.push(key),
            Ok(None) => self.stopped = true,
            Err(error) if is_general(&error, failures) => self.error = Some(error),
            Err(error) => self.failed.push((key, error)),
        }
    }
}

/// Whether decoding failed for what a page holds: its call answered JSON by its envelope, but nobody can read
/// what is inside.
pub(super) fn is_unreadable(error: &Error) -> bool {
    error.kind() == ErrorKind::Unavailable
}

/// Those of `all` that can be read, and the others, each with its own error.
pub(super) fn sift<T>(all: Vec<T>, read: impl Fn(&T) -> Result<()>) -> (Vec<T>, Vec<(T, Error)>) {
    let (mut readable, mut unreadable) = (Vec::new(), Vec::new());
    for one in all {
        match read(&one) {
            Ok(()) => readable.push(one),
            Err(error) => unreadable.push((one, error)),
        }
    }
    (readable, unreadable)
}

/// The records of one page for each key. A key whose page nobody can read fails alone.
pub(super) fn decode_each(table: &Table, rows: Rows, pages: Vec<(String, Page)>) -> Result<Keyed> {
    let all = |pages: &[(String, Page)]| pages.iter().map(|(_, page)| page.clone()).collect::<Vec<_>>();
    let bodies = all(&pages);
    match decode(table, rows, &bodies) {
        Err(error) if is_unreadable(&error) => {
            let read =
                |(_, page): &(String, Page)| decode(table, rows, std::slice::from_ref(page)).map(|_| ());
            let (readable, unreadable) = sift(pages, read);
            let bodies = all(&readable);
            let decoded = decode(table, rows, &bodies)?;
            let failed = unreadable.into_iter().map(|((key, _), error)| (key, error)).collect();
            Ok(Keyed { pages: bodies, decoded, failed })
        }
        decoded => Ok(Keyed { pages: bodies, decoded: decoded?, failed: Vec::new() }),
    }
}

/// What the pages of some keys hold.
pub(super) struct Keyed {
    /// Those that could be read.
    pub pages: Vec<Page>,
    /// Their records.
    pub decoded: Decoded,
    /// The keys of the others.
    pub failed: Vec<(String, Error)>,
}

fn is_general(error: &Error, failures: u32) -> bool {
    error.kind() == ErrorKind::Refused || failures >= FAILURES_IN_A_ROW_MAX
}
