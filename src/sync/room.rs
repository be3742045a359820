//! The memory of a walk. What was listed, and what is to be done for it, is held while conversations are fetched; the
//! rest of what is allowed is for pages and objects. Where too little is left for those, the run is refused before it
//! asks for a single conversation, and says how much it needs.

use std::collections::HashMap;

use super::Run;
use super::ledger::Ledger;
use super::listed::{Listed, Row};
use super::plan::Plan;
use super::writer::Writer;
use crate::config::CONVERSATION_BYTES;
use crate::error::{Error, Result};
use crate::schema::Span;
use crate::tables::CONVERSATIONS;

/// What a listed row takes while it is encoded, in bytes; measured with room to spare.
const LISTED_BYTES: u64 = 26;
/// A row of the index.
const INDEXED_BYTES: u64 = 32;
/// A conversation that is to be fetched: the to-do, and what the list says of it.
const TODO_BYTES: u64 = 24 + LISTED_BYTES;
/// An entry of the ledger.
const KNOWN_BYTES: u64 = 40;
/// What a row takes while rows are arranged by id, an eighth of them at a time.
const ARRANGING_BYTES: u64 = LISTED_BYTES + 32;
/// Thirty days, which is near enough to estimate the fullest month.
pub(super) const MONTH_US: i64 = 30 * 24 * 3600 * 1_000_000;

/// Refuses to go on where what is listed so far could not even be held.
pub(super) fn check_listed(listed: &Listed, memory: u64) -> Result<()> {
    let rows = listed.rows();
    if fits(rows * LISTED_BYTES, memory) { Ok(()) } else { Err(too_many(rows, to_load(rows))) }
}

/// Refuses to go on where an index of what is listed could not be held beside it.
pub(super) fn check_index(listed: &Listed, memory: u64) -> Result<()> {
    let rows = listed.rows();
    if fits(rows * (LISTED_BYTES + INDEXED_BYTES), memory) {
        Ok(())
    } else {
        Err(too_many(rows, to_load(rows)))
    }
}

/// What a plan leaves of the memory to those who fetch and fold, in bytes.
///
/// # Errors
/// [`Error::usage`] when it is too little.
pub(super) fn beside(
    listed: &Listed,
    index: &[Row],
    ledger: &Ledger,
    plan: &Plan,
    memory: u64,
) -> Result<u64> {
    let (rows, todos) = (listed.rows(), plan.todos.len() as u64);
    let held = held(index.len() as u64, todos, ledger.iter().len() as u64);
    let arranging = if todos > 0 { rows * ARRANGING_BYTES } else { 0 };
    let most = held.max(index.len() as u64 * INDEXED_BYTES + arranging);
    if fits(most, memory) { Ok(memory - held) } else { Err(too_many(rows, most)) }
}

/// Half of the memory is left to pages and objects, and to the program itself.
fn fits(bytes: u64, memory: u64) -> bool {
    bytes <= memory / 2
}

fn held(indexed: u64, todos: u64, known: u64) -> u64 {
    indexed * INDEXED_BYTES + todos * TODO_BYTES + known * KNOWN_BYTES
}

/// What a first load of so many rows holds.
fn to_load(rows: u64) -> u64 {
    held(rows, rows, 0).max(rows * (INDEXED_BYTES + ARRANGING_BYTES))
}

fn too_many(rows: u64, bytes: u64) -> Error {
    let needed = (2 * bytes).div_ceil(1 << 20);
    Error::usage(format!("{rows} conversations are listed, more than can be held in the memory allowed"))
        .at("table", CONVERSATIONS.name)
        .hint(format!("run again with --memory {needed}MiB or more; what was listed is kept for that run"))
}

/// Refuses a load whose largest partition would not fit, before anything is fetched for it.
pub(super) fn check_partitions(
    run: &Run,
    writer: &Writer,
    index: &[Row],
    since_us: Option<i64>,
    span: Span,
) -> Result<()> {
    if !writer.lake.paths(&CONVERSATIONS).is_empty() {
        return Ok(());
    }
    let mut sizes = HashMap::new();
    for row in index.iter().filter(|row| since_us.is_none_or(|since| row.updated_us >= since)) {
        *sizes.entry(row.created.get().map(|us| us.div_euclid(days_us(span)))).or_insert(0u64) += 1;
    }
    let most = sizes.into_values().max().unwrap_or(0);
    if 2 * most * CONVERSATION_BYTES <= run.settings.memory {
        return Ok(());
    }
    let needed = (2 * most * CONVERSATION_BYTES).div_ceil(1 << 20);
    let column = span.column();
    let other = if span == Span::Month { ", or with --partition-by day" } else { "" };
    Err(Error::usage(format!(
        "one {column} has {most} conversations, too many to fold in the memory allowed"
    ))
    .at("table", CONVERSATIONS.name)
    .hint(format!("run again with --memory {needed}MiB{other}; nothing was fetched for them yet")))
}

/// The length of a partition, in microseconds; months are counted as thirty days.
fn days_us(span: Span) -> i64 {
    match span {
        Span::Month => MONTH_US,
        Span::Day => MONTH_US / 30,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_conversations_are_loaded_with_what_is_usual() {
        assert!(fits(to_load(1_000_000), crate::config::MEMORY));
    }

    #[test]
    fn who_follows_the_advice_is_not_refused_again() {
        for rows in [1_000_000, 5_000_000, 50_000_000] {
            let error = too_many(rows, to_load(rows));
            let advised = error.advice().unwrap().split(' ').find_map(|word| word.strip_suffix("MiB"));
            let memory = advised.unwrap().parse::<u64>().unwrap() << 20;
            assert!(fits(rows * (LISTED_BYTES + INDEXED_BYTES), memory) && fits(held(rows, rows, 0), memory));
        }
    }
}
