//! Pages of a set, as the API answers them.

use std::io::Write as _;

use crate::plan::{Conversation, MESSAGES_A_PAGE};
use crate::record::Records;

/// Conversations of a page of the list.
pub const LISTED_A_PAGE: usize = 100;

/// A page of the list, by the new generation of the API.
pub fn list(records: &Records<'_>, page: &[Conversation], number: usize, last: bool) -> Vec<u8> {
    let mut text = b"{\"data\":[".to_vec();
    separated(page, &mut text, |one, text| records.list_row(one, text));
    text.extend_from_slice(
        br#"],"links":{"self":"https://api.drift.com/conversations/list?limit=100&page_token="#,
    );
    let _ = write!(text, "{number:08x}\"");
    if !last {
        let _ = write!(
            text,
            r#","next":"https://api.drift.com/conversations/list?limit=100&page_token={:08x}""#,
            number + 1
        );
    }
    text.extend_from_slice(b"}}");
    text
}

/// Whole conversations in one page, which the API does not have: a head start for those who read it.
pub fn gathered(records: &Records<'_>, page: &[Conversation]) -> Vec<u8> {
    let mut text = b"{\"data\":[".to_vec();
    separated(page, &mut text, |one, text| records.conversation(one, text));
    text.extend_from_slice(b"]}");
    text
}

/// A detail.
pub fn detail(records: &Records<'_>, one: &Conversation) -> Vec<u8> {
    let mut text = b"{\"data\":".to_vec();
    records.conversation(one, &mut text);
    text.push(b'}');
    text
}

/// The pages of the messages of a conversation; none when it has none, so that no set reads empty pages.
pub fn thread(records: &Records<'_>, one: &Conversation) -> Vec<Vec<u8>> {
    (0..one.messages)
        .step_by(MESSAGES_A_PAGE as usize)
        .map(|first| {
            let end = (first + MESSAGES_A_PAGE).min(one.messages);
            let mut text = b"{\"data\":{\"messages\":[".to_vec();
            let indexes: Vec<u32> = (first..end).collect();
            separated(&indexes, &mut text, |index, text| records.message(one, *index, text));
            let next = format!(r#"{{"more":true,"next":"{end:08x}"}}"#);
            let pagination = if end < one.messages { &next } else { r#"{"more":false}"# };
            let _ = write!(text, r#"]}},"pagination":{pagination}}}"#);
            text
        })
        .collect()
}

fn separated<T>(all: &[T], text: &mut Vec<u8>, mut each: impl FnMut(&T, &mut Vec<u8>)) {
    for (number, one) in all.iter().enumerate() {
        if number > 0 {
            text.push(b',');
        }
        each(one, text);
    }
}
