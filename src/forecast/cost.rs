//! From how many conversations would be fetched to how many calls that takes.

use super::probe::{Head, Sample};
use super::{Calls, Estimate, Kind};
use crate::config::{PAGES_BELOW, SyncSettings};
use crate::schema::Source;
use crate::tables::{CONVERSATIONS, MESSAGES};

/// Rows a page of the list, when nothing better is known.
const ROWS_A_PAGE: u64 = 100;

/// The calls by what they ask for, none that are not made.
pub(super) fn calls(
    settings: &SyncSettings,
    kind: Kind,
    counted: Option<u64>,
    fetch: Estimate,
    head: &Head,
    sample: &Sample,
) -> Vec<Calls> {
    let mut calls = vec![Calls { what: "the token", calls: 1 }];
    let mut add = |what: &'static str, number: u64| calls.push(Calls { what, calls: number });
    if settings.tables.contains(CONVERSATIONS.name) {
        add("the list of conversations", list_pages(kind, counted, fetch, head));
        add("conversations", fetch.number);
    }
    if settings.tables.contains(MESSAGES.name) {
        add("messages", sample.thread_calls_of(fetch.number));
    }
    for table in settings.tables.tables() {
        match table.source {
            Source::Lookup { .. } => add(table.name, fetch.number),
            Source::List { .. } => add(table.name, 1),
            _ => {}
        }
    }
    calls.retain(|calls| calls.calls > 0);
    calls
}

fn list_pages(kind: Kind, counted: Option<u64>, fetch: Estimate, head: &Head) -> u64 {
    let a_page = if head.rows_a_page == 0 { ROWS_A_PAGE } else { head.rows_a_page };
    let whole = counted.unwrap_or(fetch.number).div_ceil(a_page).max(1);
    match kind {
        Kind::Incremental => head.above.div_ceil(a_page) + u64::from(PAGES_BELOW),
        // Its head is read once more, and its end asked again.
        _ => whole + 2,
    }
}
