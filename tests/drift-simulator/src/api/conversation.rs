//! One conversation: detail, messages, transcripts, attachments; and the counts of all.

use super::answer::{Answer, Refusal, View};
use super::exchange::ApiResponse;
use crate::faults::Fault;
use crate::json::JsonText;
use crate::table::Table;
use crate::world::{MESSAGES_PER_PAGE, Status, TRANSCRIPT_TYPE};

/// The row of the conversation in the path, if it still answers.
fn living_row(view: &View<'_>) -> Result<u32, Refusal> {
    let row = view.number().and_then(|id| view.world.conversation_row(id));
    row.filter(|row| view.world.conversation_resolves(*row)).ok_or_else(|| Refusal::not_found("conversation"))
}

pub(super) fn detail(view: &View<'_>) -> Answer {
    let row = living_row(view)?;
    let mut json = JsonText::new();
    json.open('{').key("data");
    view.records.write(Table::Conversations, row, 0, &mut json);
    json.close('}');
    Ok(ApiResponse::json(json.into_string()))
}

/// Fifty a page; `next` is the number of a page, counted from one.
pub(super) fn messages(view: &View<'_>) -> Answer {
    let row = living_row(view)?;
    let number = view.parameter("next")?.unwrap_or(1).max(1) as usize;
    let mut all = view.world.visible_messages(row);
    if view.behaviour.messages_newest_first {
        all.reverse();
    }
    let mut page: Vec<u16> =
        all.iter().copied().skip((number - 1) * MESSAGES_PER_PAGE).take(MESSAGES_PER_PAGE).collect();
    match view.fault {
        Some(Fault::EmptyPage) => page.clear(),
        Some(Fault::ReversedRows) => page.reverse(),
        Some(Fault::RepeatedRows) if number > 1 => {
            page.splice(0..0, all.iter().copied().skip((number - 2) * MESSAGES_PER_PAGE).take(5));
        }
        _ => {}
    }
    let mut json = JsonText::new();
    json.open('{').key("data").open('{').key("messages").open('[');
    for index in page {
        view.records.write(Table::Messages, row, index, &mut json);
    }
    json.close(']').close('}');
    write_pagination(view, number, all.len() > number * MESSAGES_PER_PAGE, &mut json);
    json.close('}');
    Ok(ApiResponse::json(json.into_string()))
}

fn write_pagination(view: &View<'_>, number: usize, more: bool, json: &mut JsonText) {
    let next = match view.fault {
        Some(Fault::NoPagination) => return,
        // The same page under another spelling, so that no row is lost to a caller that goes on.
        Some(Fault::EmptyPage) => Some(format!("0{number}")),
        Some(Fault::NextIsSame) if more => Some(number.to_string()),
        Some(Fault::NextIsPrevious) if more && number > 1 => Some((number - 1).to_string()),
        _ if more => Some((number + 1).to_string()),
        _ => None,
    };
    let Some(next) = next else {
        if view.behaviour.messages_end_pagination {
            json.key("pagination").open('{').bool_field("more", false).close('}');
        }
        return;
    };
    json.key("pagination").open('{').bool_field("more", true);
    if view.behaviour.cursor_as_string || next.starts_with('0') {
        json.text_field("next", &next)
    } else {
        json.raw_field("next", &next)
    };
    json.close('}');
}

pub(super) fn transcript(view: &View<'_>) -> Answer {
    let row = living_row(view)?;
    let text = view.world.transcript(row);
    if view.behaviour.transcript_in_envelope {
        let mut json = JsonText::new();
        json.open('{').text_field("data", &text).close('}');
        return Ok(ApiResponse::json(json.into_string()));
    }
    Ok(ApiResponse::new(200, TRANSCRIPT_TYPE, text))
}

pub(super) fn json_transcript(view: &View<'_>) -> Answer {
    let row = living_row(view)?;
    let mut json = JsonText::new();
    json.open('{').key("data").open('{').key("messages").open('[');
    for index in view.world.visible_messages(row) {
        view.records.write(Table::Messages, row, index, &mut json);
    }
    json.close(']').close('}').close('}');
    Ok(ApiResponse::json(json.into_string()))
}

pub(super) fn attachment(view: &View<'_>) -> Answer {
    let found = view.number().and_then(|id| view.world.attachment(id));
    let (media_type, bytes) = found.ok_or_else(|| Refusal::not_found("attachment"))?;
    Ok(ApiResponse::new(200, media_type, bytes))
}

/// A status without conversations is left out.
pub(super) fn stats(view: &View<'_>) -> ApiResponse {
    let mut json = JsonText::new();
    json.open('{').key("conversationCount").open('{');
    for (status, count) in Status::ALL.iter().zip(view.world.status_counts()) {
        let shown =
            *status != Status::BulkSent || (view.behaviour.stats_bulk_sent && view.behaviour.list_bulk_sent);
        if *count > 0 && shown {
            json.number_field(&status.as_str().to_uppercase(), *count as i64);
        }
    }
    json.close('}').close('}');
    ApiResponse::json(json.into_string())
}
