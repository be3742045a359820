//! Contacts: by id, by email, by external id; there is no list of all.

use super::answer::{Answer, Refusal, View};
use super::exchange::ApiResponse;
use crate::json::JsonText;
use crate::table::Table;
use crate::world::CONTACT_ATTRIBUTES;

const SEARCH_LIMIT: i64 = 40;

/// Contacts refuse what they do not know.
fn only(view: &View<'_>, known: &[&str]) -> Result<(), Refusal> {
    match view.query.names().find(|name| !known.contains(name)) {
        Some(name) => Err(Refusal::contact("CONTACT-10", 400, &format!("unknown query parameter {name}"))),
        None => Ok(()),
    }
}

pub(super) fn by_id(view: &View<'_>) -> Answer {
    only(view, &[])?;
    let id = view.number().ok_or_else(|| Refusal::contact("CONTACT-4", 400, "malformed contact id"))?;
    let row = view.world.contact_row(id).filter(|row| view.world.contact_resolves(*row));
    let row = row.ok_or_else(|| Refusal::contact("CONTACT-1", 404, "contact not found"))?;
    let mut json = JsonText::new();
    json.open('{').key("data");
    view.records.write(Table::Contacts, row, 0, &mut json);
    json.close('}');
    Ok(ApiResponse::json(json.into_string()))
}

pub(super) fn search(view: &View<'_>) -> Answer {
    only(view, &["email", "idType", "id", "limit"])?;
    let limit = view.parameter("limit")?.unwrap_or(SEARCH_LIMIT).max(1) as usize;
    let rows = match (view.query.get("email"), view.query.get("idType")) {
        (Some(email), _) => view.world.contacts_with_email(email),
        (None, Some("external")) => {
            view.query.all("id").filter_map(|id| view.world.contact_with_external_id(id)).collect()
        }
        _ => return Err(Refusal::contact("CONTACT-7", 400, "email is missing")),
    };
    let answer = ApiResponse::json(found(view, &rows[..rows.len().min(limit)]));
    Ok(if rows.len() > limit { answer.with("link", next_link(view, &rows[limit..])) } else { answer })
}

fn found(view: &View<'_>, rows: &[u32]) -> String {
    let bare = view.behaviour.single_contact_as_object && rows.len() == 1;
    let mut json = JsonText::new();
    json.open('{').key("data");
    if !bare {
        json.open('[');
    }
    for row in rows {
        view.records.write(Table::Contacts, *row, 0, &mut json);
    }
    if !bare {
        json.close(']');
    }
    json.close('}');
    json.into_string()
}

/// The rest is asked for by their external ids, which resolve for every contact.
fn next_link(view: &View<'_>, rest: &[u32]) -> String {
    let ids: Vec<String> = rest.iter().map(|row| format!("id=u-{row}")).collect();
    format!("<{}/contacts?idType=external&{}>; rel='next'", view.behaviour.link_host, ids.join("&"))
}

pub(super) fn attributes() -> ApiResponse {
    let mut json = JsonText::new();
    json.open('{').key("data").open('{').key("properties").open('[');
    for (kind, display, name) in CONTACT_ATTRIBUTES {
        json.open('{')
            .text_field("type", kind)
            .text_field("displayName", display)
            .text_field("name", name)
            .close('}');
    }
    json.close(']').close('}').close('}');
    ApiResponse::json(json.into_string())
}
