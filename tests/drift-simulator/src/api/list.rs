//! `GET /conversations/list`, in both of its generations.
//!
//! Rows carry six fields. The order is by latest change, and it moves while a caller walks it; what that does to the
//! walk depends on what the cursor remembers.

use std::sync::Arc;

use super::answer::{Answer, Refusal, View};
use super::behaviour::{AboveMaximum, CursorKind, Generation, LinksEnd, ListOrder};
use super::exchange::ApiResponse;
use crate::faults::Fault;
use crate::json::JsonText;
use crate::table::Table;

const DEFAULT_LIMIT: i64 = 25;
const MAXIMUM_OLD: i64 = 50;
const MAXIMUM_NEW: i64 = 100;

/// Old cursors look like ids.
const CURSOR_BASE: u64 = 4_100_000_000;

/// The lists that snapshot cursors refer to.
pub(super) type Snapshots = Vec<Arc<[u32]>>;

/// Where a page begins. The position is a rank, or for keyset cursors the slot below which to go on.
#[derive(Clone, Copy, Debug)]
struct Cursor {
    position: u32,
    snapshot: u16,
    /// Tells two cursors of the same position apart.
    nonce: u16,
    issued_ms: i64,
}

impl Cursor {
    fn number(self) -> u64 {
        let high = u64::from(self.nonce) << 48 | u64::from(self.snapshot) << 32;
        CURSOR_BASE + (high | u64::from(self.position))
    }

    fn from_number(number: u64, issued_ms: i64) -> Option<Self> {
        let bits = number.checked_sub(CURSOR_BASE)?;
        Some(Self {
            position: bits as u32,
            snapshot: (bits >> 32) as u16,
            nonce: (bits >> 48) as u16,
            issued_ms,
        })
    }

    /// Opaque, and full of characters that must be escaped in a query.
    fn token(self) -> String {
        format!("pt+/{:x}.{:x}==", self.number(), self.issued_ms)
    }

    fn from_token(token: &str) -> Option<Self> {
        let (number, issued) = token.strip_prefix("pt+/")?.strip_suffix("==")?.split_once('.')?;
        Self::from_number(u64::from_str_radix(number, 16).ok()?, i64::from_str_radix(issued, 16).ok()?)
    }
}

/// The rows of a page and where the next begins, if there are more.
struct Page {
    rows: Vec<u32>,
    next: Option<Cursor>,
}

pub(super) fn conversations(view: &mut View<'_>) -> Answer {
    let new = match view.behaviour.generation {
        Generation::Auto => view.query.get("page_token").is_some(),
        generation => generation == Generation::New,
    };
    let limit = limit(view, if new { MAXIMUM_NEW } else { MAXIMUM_OLD })?;
    let statuses: Vec<u8> = view.query.all("statusId").filter_map(|status| status.parse().ok()).collect();
    let cursor = match cursor(view, new)? {
        Some(cursor) => cursor,
        None => first_cursor(view),
    };
    let page = twist(view, cursor, limit, read(view, cursor, limit, &statuses));
    let mut json = JsonText::new();
    json.open('{').key("data").open('[');
    page.rows.iter().for_each(|row| view.records.write(Table::ListRows, *row, 0, &mut json));
    json.close(']');
    if new {
        write_links(view, limit, &statuses, cursor, page.next, &mut json);
    } else {
        write_pagination(view, page.next, &mut json);
    }
    json.close('}');
    Ok(ApiResponse::json(json.into_string()))
}

fn limit(view: &View<'_>, maximum: i64) -> Result<usize, Refusal> {
    match view.parameter("limit")?.unwrap_or(DEFAULT_LIMIT) {
        limit if limit < 1 => Err(Refusal::invalid("limit must be positive")),
        limit if limit > maximum && view.behaviour.above_maximum == AboveMaximum::Refuse => {
            Err(Refusal::invalid(&format!("limit must not be above {maximum}")))
        }
        limit => Ok(limit.min(maximum) as usize),
    }
}

/// The cursor that the caller sent; none for the first page.
fn cursor(view: &View<'_>, new: bool) -> Result<Option<Cursor>, Refusal> {
    let name = if new { "page_token" } else { "next" };
    let Some(text) = view.query.get(name).filter(|text| !text.is_empty()) else { return Ok(None) };
    let now_ms = view.world.now_ms();
    let cursor = if new {
        Cursor::from_token(text)
    } else {
        text.parse().ok().and_then(|number| Cursor::from_number(number, now_ms))
    };
    let lifetime = view.behaviour.page_token_lifetime_ms.unwrap_or(i64::MAX);
    let known = |cursor: &Cursor| usize::from(cursor.snapshot) <= view.snapshots.len();
    cursor
        .filter(|cursor| known(cursor) && now_ms - cursor.issued_ms < lifetime)
        .map(Some)
        .ok_or_else(|| Refusal::invalid(&format!("{name} is invalid or has expired")))
}

fn first_cursor(view: &mut View<'_>) -> Cursor {
    let mut first = Cursor { position: 0, snapshot: 0, nonce: 0, issued_ms: view.world.now_ms() };
    match view.behaviour.cursor {
        CursorKind::Position => {}
        CursorKind::Keyset => first.position = u32::MAX,
        CursorKind::Snapshot => {
            let rows: Arc<[u32]> = rows_from(view, first).collect();
            view.snapshots.push(rows);
            first.snapshot = view.snapshots.len() as u16;
        }
    }
    first
}

/// Reads a page, and one listed row beyond it to know whether there is a next.
fn read(view: &View<'_>, cursor: Cursor, limit: usize, statuses: &[u8]) -> Page {
    let mut rows = Vec::with_capacity(limit);
    let mut consumed = 0;
    for row in rows_from(view, cursor) {
        let wanted = is_wanted(view, row, statuses);
        if wanted && rows.len() == limit {
            return Page { next: Some(next_cursor(view, cursor, consumed, &rows)), rows };
        }
        consumed += u32::from(rows.len() < limit);
        if wanted {
            rows.push(row);
        }
    }
    Page { rows, next: None }
}

fn is_wanted(view: &View<'_>, row: u32, statuses: &[u8]) -> bool {
    let code = view.world.conversation(row).status.code();
    match code {
        None => statuses.is_empty() && view.behaviour.list_bulk_sent,
        Some(code) => statuses.is_empty() || statuses.contains(&code),
    }
}

fn next_cursor(view: &View<'_>, cursor: Cursor, consumed: u32, rows: &[u32]) -> Cursor {
    let position = match (view.behaviour.cursor, rows.last()) {
        (CursorKind::Keyset, Some(last)) => slot_of(view, *last),
        _ => cursor.position + consumed,
    };
    Cursor { position, nonce: 0, issued_ms: view.world.now_ms(), ..cursor }
}

fn slot_of(view: &View<'_>, row: u32) -> u32 {
    let order = match view.behaviour.order {
        ListOrder::Created => view.world.by_creation(),
        ListOrder::Updated | ListOrder::UpdatedAtHeadOnly(_) => view.world.by_update(),
    };
    order.slot_of(row).unwrap_or(0)
}

/// The rows from a cursor downward.
fn rows_from<'a>(view: &'a View<'_>, cursor: Cursor) -> Box<dyn Iterator<Item = u32> + 'a> {
    if let Some(snapshot) = usize::from(cursor.snapshot).checked_sub(1) {
        let rows = &view.snapshots[snapshot];
        return Box::new(rows.iter().copied().skip(cursor.position as usize));
    }
    let order = match view.behaviour.order {
        ListOrder::Updated => view.world.by_update(),
        ListOrder::Created => view.world.by_creation(),
        ListOrder::UpdatedAtHeadOnly(head) => return mixed_rows(view, cursor.position, head),
    };
    match view.behaviour.cursor {
        CursorKind::Keyset => Box::new(order.rows_below_slot(cursor.position)),
        CursorKind::Position | CursorKind::Snapshot => Box::new(order.rows_from_rank(cursor.position)),
    }
}

/// The head by latest change, then all others by their beginning. Keyset cursors start over here.
fn mixed_rows<'a>(view: &'a View<'_>, position: u32, head: u32) -> Box<dyn Iterator<Item = u32> + 'a> {
    let position = if position == u32::MAX { 0 } else { position };
    let top: Vec<u32> = view.world.by_update().rows_from_rank(0).take(head as usize).collect();
    let mut taken = top.clone();
    taken.sort_unstable();
    let rest =
        view.world.by_creation().rows_from_rank(0).filter(move |row| taken.binary_search(row).is_err());
    Box::new(top.into_iter().chain(rest).skip(position as usize))
}

/// Does to a page what its fault says.
fn twist(view: &View<'_>, cursor: Cursor, limit: usize, page: Page) -> Page {
    let Page { mut rows, next } = page;
    let back = Cursor { position: cursor.position.saturating_sub(limit as u32), ..cursor };
    let at_start = cursor.position == 0 || cursor.position == u32::MAX;
    match view.fault {
        Some(Fault::NextIsSame) => Page { rows, next: next.map(|_| cursor) },
        Some(Fault::NextIsPrevious) if !at_start => Page { rows, next: next.map(|_| back) },
        Some(Fault::EmptyPage) => {
            let nonce = 1 + (view.request % 32_000) as u16;
            Page { rows: Vec::new(), next: Some(Cursor { nonce, ..cursor }) }
        }
        Some(Fault::NoPagination) => Page { rows, next: None },
        Some(Fault::ReversedRows) => {
            rows.reverse();
            Page { rows, next }
        }
        Some(Fault::RepeatedRows) if !at_start => {
            let again: Vec<u32> = rows_from(view, back).take(limit.min(5)).collect();
            Page { rows: again.into_iter().chain(rows).collect(), next }
        }
        _ => Page { rows, next },
    }
}

fn write_pagination(view: &View<'_>, next: Option<Cursor>, json: &mut JsonText) {
    let Some(next) = next else { return };
    json.key("pagination").open('{').bool_field("more", true);
    if view.behaviour.cursor_as_string {
        json.text_field("next", &next.number().to_string())
    } else {
        json.raw_field("next", &next.number().to_string())
    };
    json.close('}');
}

fn write_links(
    view: &View<'_>,
    limit: usize,
    statuses: &[u8],
    cursor: Cursor,
    next: Option<Cursor>,
    json: &mut JsonText,
) {
    let silent = view.behaviour.links_end == LinksEnd::NoLinks || view.struck_by(Fault::NoPagination);
    if next.is_none() && silent {
        return;
    }
    json.key("links").open('{').text_field("self", &link(view, limit, statuses, cursor));
    match (next, view.behaviour.links_end) {
        (Some(next), _) => json.text_field("next", &next_link(view, limit, statuses, next)),
        (None, LinksEnd::EmptyNext) => json.text_field("next", ""),
        (None, LinksEnd::NullNext) => json.raw_field("next", "null"),
        (None, LinksEnd::NoNext | LinksEnd::NoLinks) => json,
    };
    json.close('}');
}

fn next_link(view: &View<'_>, limit: usize, statuses: &[u8], next: Cursor) -> String {
    let keeps = view.behaviour.links_keep_filters && !view.struck_by(Fault::NextDropsFilter);
    let link = link(view, limit, if keeps { statuses } else { &[] }, next);
    if view.struck_by(Fault::NextOnOtherHost) {
        link.replacen(&view.behaviour.link_host, "https://elsewhere.example.test", 1)
    } else {
        link
    }
}

fn link(view: &View<'_>, limit: usize, statuses: &[u8], cursor: Cursor) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("limit", &limit.to_string());
    for status in statuses {
        query.append_pair("statusId", &status.to_string());
    }
    query.append_pair("page_token", &cursor.token());
    format!("{}/conversations/list?{}", view.behaviour.link_host, query.finish())
}
