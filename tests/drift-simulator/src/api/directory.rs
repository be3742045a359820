//! The plain lists: users, teams, accounts, playbooks, landing pages, meetings. Each has an envelope of its own.

use super::answer::{Answer, Refusal, View};
use super::exchange::ApiResponse;
use crate::faults::Fault;
use crate::json::JsonText;
use crate::table::Table;
use crate::world::World;

const ACCOUNTS_DEFAULT: i64 = 10;
const ACCOUNTS_MAXIMUM: i64 = 65;
const MEETINGS_DEFAULT: i64 = 100;
const MEETINGS_MAXIMUM: i64 = 1000;
const USERS_BY_ID_MAXIMUM: usize = 20;

/// A list of records, bare.
fn list(view: &View<'_>, table: Table, rows: impl IntoIterator<Item = u32>, json: &mut JsonText) {
    let mut rows: Vec<u32> = rows.into_iter().collect();
    if view.struck_by(Fault::ReversedRows) {
        rows.reverse();
    }
    json.open('[');
    for row in rows {
        view.records.write(table, row, 0, json);
    }
    json.close(']');
}

fn in_data(view: &View<'_>, table: Table, rows: impl IntoIterator<Item = u32>) -> ApiResponse {
    let mut json = JsonText::new();
    json.open('{').key("data");
    list(view, table, rows, &mut json);
    json.close('}');
    ApiResponse::json(json.into_string())
}

fn bare(view: &View<'_>, table: Table, rows: impl IntoIterator<Item = u32>) -> ApiResponse {
    let mut json = JsonText::new();
    list(view, table, rows, &mut json);
    ApiResponse::json(json.into_string())
}

fn single(view: &View<'_>, table: Table, row: u32) -> ApiResponse {
    let mut json = JsonText::new();
    json.open('{').key("data");
    view.records.write(table, row, 0, &mut json);
    json.close('}');
    ApiResponse::json(json.into_string())
}

pub(super) fn users(view: &View<'_>) -> ApiResponse {
    in_data(view, Table::Users, (0..view.world.user_rows()).filter(|row| view.world.user_is_listed(*row)))
}

pub(super) fn user(view: &View<'_>) -> Answer {
    let row =
        view.number().and_then(|id| view.world.user_row(id)).filter(|row| view.world.user_resolves(*row));
    row.map(|row| single(view, Table::Users, row)).ok_or_else(|| Refusal::not_found("user"))
}

/// A map from id to user; unknown ids are left out.
pub(super) fn users_by_id(view: &View<'_>) -> Answer {
    let ids: Vec<i64> = view.query.all("userId").filter_map(|id| id.parse().ok()).collect();
    if ids.is_empty() || ids.len() > USERS_BY_ID_MAXIMUM {
        return Err(Refusal::invalid("between 1 and 20 userId are needed"));
    }
    let rows =
        ids.iter().filter_map(|id| view.world.user_row(*id)).filter(|row| view.world.user_resolves(*row));
    let mut json = JsonText::new();
    json.open('{').key("data").open('{');
    for row in rows {
        json.key(&World::user_id(row).to_string());
        view.records.write(Table::Users, row, 0, &mut json);
    }
    json.close('}').close('}');
    Ok(ApiResponse::json(json.into_string()))
}

pub(super) fn teams(view: &View<'_>) -> ApiResponse {
    in_data(view, Table::Teams, 0..view.world.team_rows())
}

pub(super) fn teams_of_user(view: &View<'_>) -> Answer {
    let user =
        view.number().and_then(|id| view.world.user_row(id)).ok_or_else(|| Refusal::not_found("user"))?;
    Ok(in_data(
        view,
        Table::Teams,
        (0..view.world.team_rows()).filter(|team| view.world.is_member(*team, user)),
    ))
}

pub(super) fn playbooks(view: &View<'_>) -> ApiResponse {
    let listed = (0..view.world.playbook_rows()).filter(|row| view.world.playbook_is_listed(*row));
    bare(view, Table::Playbooks, listed)
}

pub(super) fn landing_pages(view: &View<'_>) -> ApiResponse {
    bare(view, Table::LandingPages, 0..view.world.landing_page_rows())
}

/// Both bounds are required and included; what starts more than 30 days ago is not shown.
pub(super) fn meetings(view: &View<'_>) -> Answer {
    let bound =
        |name: &str| view.parameter(name)?.ok_or_else(|| Refusal::invalid(&format!("{name} is required")));
    let (min_ms, max_ms) = (bound("min_start_time")?, bound("max_start_time")?);
    let limit = view.parameter("limit")?.unwrap_or(MEETINGS_DEFAULT);
    if !(0..=MEETINGS_MAXIMUM).contains(&limit) {
        return Err(Refusal::invalid("limit must be between 0 and 1000"));
    }
    let rows = view.world.meetings_between(min_ms, max_ms);
    Ok(in_data(view, Table::Meetings, rows.into_iter().take(limit as usize)))
}

pub(super) fn account(view: &View<'_>) -> Answer {
    let row = view.world.account_row(view.id).ok_or_else(|| Refusal::not_found("account"))?;
    Ok(single(view, Table::Accounts, row))
}

/// Nested one deeper than the others; the next link is relative and absent at the end.
pub(super) fn accounts(view: &View<'_>) -> Answer {
    let size = view.parameter("size")?.unwrap_or(ACCOUNTS_DEFAULT).clamp(1, ACCOUNTS_MAXIMUM) as usize;
    let index = view.parameter("index")?.unwrap_or(0).max(0) as usize;
    let all: Vec<u32> = view.world.listed_accounts().collect();
    let mut page: Vec<u32> = all.iter().copied().skip(index).take(size).collect();
    match view.fault {
        Some(Fault::EmptyPage) => page.clear(),
        Some(Fault::RepeatedRows) if index > 0 => {
            page.splice(0..0, all.iter().copied().skip(index.saturating_sub(size)).take(5));
        }
        _ => {}
    }
    let mut json = JsonText::new();
    json.open('{').key("data").open('{').key("accounts");
    list(view, Table::Accounts, page, &mut json);
    json.number_field("total", all.len() as i64);
    if let Some(next) = next_accounts(view, index, size, index + size < all.len()) {
        json.text_field("next", &next);
    }
    json.close('}').close('}');
    Ok(ApiResponse::json(json.into_string()))
}

fn next_accounts(view: &View<'_>, index: usize, size: usize, more: bool) -> Option<String> {
    let (index, size) = match view.fault {
        Some(Fault::NoPagination) => return None,
        // A smaller page from the same place, so that no row is lost to a caller that goes on.
        Some(Fault::EmptyPage) => (index, (size - 1).max(1)),
        _ if !more => return None,
        Some(Fault::NextIsSame) => (index, size),
        Some(Fault::NextIsPrevious) if index > 0 => (index.saturating_sub(size), size),
        _ => (index + size, size),
    };
    let host = if view.struck_by(Fault::NextOnOtherHost) { "https://elsewhere.example.test" } else { "" };
    Some(format!("{host}/accounts?index={index}&size={size}"))
}
