//! What is said when the list of conversations cannot be walked to its end.

use crate::error::{Error, ErrorKind};
use crate::page::Page;
use crate::tables::{CONVERSATIONS, LIST, STATS};

/// What to do about a page of the list that nobody can read.
pub(super) const UNREADABLE: &str =
    "run again later with --full; if it stays, report it: what the other pages list has been fetched";

/// What a person should know of an end that nobody vouches for.
pub(super) const NOBODY_KNOWS: &str = "The list of conversations ended with a full page that does not say that it is the last, and Drift gave no count to compare with.";

pub(super) fn circle() -> Error {
    Error::unavailable("the list of conversations turns in a circle: a cursor was answered twice")
        .at("table", CONVERSATIONS.name)
        .at("call", LIST.path)
        .hint("run again later with --full; what was listed so far has been fetched")
}

pub(super) fn cut_short() -> Error {
    Error::unavailable("the list of conversations was cut short: its last full page does not say that it is the last, and more are known")
        .at("table", CONVERSATIONS.name)
        .at("call", LIST.path)
        .hint("run again; what was listed so far has been fetched")
}

/// The end of the list stands in doubt, and what would settle it could not be had.
pub(super) fn not_counted(error: Error) -> Error {
    Error::unavailable("the list of conversations ended with a full page that does not say that it is the last, and Drift could not be asked how many there are")
        .at("table", CONVERSATIONS.name)
        .at("call", STATS.path)
        .caused_by(error)
        .hint("run again; what was listed has been fetched")
}

/// What is told where a bound keeps the two from being compared otherwise.
pub(super) fn counts_more(listed: u64, counted: u64) -> String {
    format!("Drift listed {listed} conversations but counts {counted}.")
}

pub(super) fn nothing_but_empty_pages() -> Error {
    Error::unavailable(
        "the list of conversations answers nothing but empty pages, each of which promises more",
    )
    .at("table", CONVERSATIONS.name)
    .at("call", LIST.path)
    .hint("run again later with --full; what was listed so far has been fetched")
}

/// The list is not there, although something that knows the account has answered before.
pub(super) fn list_is_gone(page: &Page) -> Error {
    Error::unavailable("Drift does not know its list of conversations (404)")
        .at("table", CONVERSATIONS.name)
        .at("call", &page.path)
        .hint("run again later; if it stays, Drift's API has changed: please report it")
}

pub(super) fn no_list(page: &Page) -> Error {
    Error::new(ErrorKind::Usage, "there is no list of conversations at this address")
        .at("call", &page.path)
        .hint("check --api-url; Drift's API is at https://driftapi.com")
}
