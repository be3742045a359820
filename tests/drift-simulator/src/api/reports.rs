//! `POST /reports/conversations`: the only way to select conversations by time; metrics are positional.

use serde_json::Value;

use super::answer::{Answer, Refusal, View};
use super::exchange::ApiResponse;
use crate::json::JsonText;
use crate::world::{Author, DAY_MS, Status, World, day_number};

pub(super) fn conversations(view: &View<'_>) -> Answer {
    if view.behaviour.reports_retired {
        return Err(Refusal::not_found("report"));
    }
    let request: Value =
        serde_json::from_slice(view.body).map_err(|_| Refusal::invalid("the body is not JSON"))?;
    let filters = request["filters"].as_array().ok_or_else(|| Refusal::invalid("filters are required"))?;
    let metrics = request["metrics"].as_array().ok_or_else(|| Refusal::invalid("metrics are required"))?;
    let rows: Vec<u32> =
        view.world.by_update().rows_from_rank(0).filter(|row| passes(view.world, *row, filters)).collect();
    let mut json = JsonText::new();
    json.open('{').number_field("count", rows.len() as i64).key("data").open('[');
    for row in rows {
        json.open('{')
            .number_field("conversationId", view.world.conversation_id(row))
            .key("metrics")
            .open('[');
        for metric in metrics {
            write_metric(view, row, metric.as_str().unwrap_or(""), &mut json);
        }
        json.close(']').close('}');
    }
    json.close(']').close('}');
    Ok(ApiResponse::json(json.into_string()))
}

fn passes(world: &World, row: u32, filters: &[Value]) -> bool {
    filters.iter().all(|filter| {
        let property = filter["property"].as_str().unwrap_or("");
        let values = filter["values"].as_array().map_or(&[][..], Vec::as_slice);
        match filter["operation"].as_str() {
            Some("BETWEEN") => is_between(metric(world, row, property), values),
            Some("HAS_PROPERTY") => metric(world, row, property).is_some(),
            Some("IN") => is_in(world, row, property, values),
            _ => false,
        }
    })
}

/// Dates are days in UTC, the last included whole.
fn is_between(value: Option<i64>, bounds: &[Value]) -> bool {
    let (Some(value), [from, to]) = (value, bounds) else { return false };
    let bound = |bound: &Value, extra_day: i64| match bound.as_str().and_then(parse_day) {
        Some(day) => Some((day + extra_day) * DAY_MS - extra_day),
        None => bound.as_i64(),
    };
    bound(from, 0).is_some_and(|from| from <= value) && bound(to, 1).is_some_and(|to| value <= to)
}

fn parse_day(text: &str) -> Option<i64> {
    let mut parts = text.split('-').map(str::parse);
    let (year, month, day) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    Some(day_number(year, month, day))
}

fn is_in(world: &World, row: u32, property: &str, values: &[Value]) -> bool {
    if property == "status" {
        let status = world.conversation(row).status.as_str();
        return values
            .iter()
            .any(|value| value.as_str().is_some_and(|value| value.eq_ignore_ascii_case(status)));
    }
    metric(world, row, property).is_some_and(|found| values.iter().any(|value| value.as_i64() == Some(found)))
}

fn metric(world: &World, row: u32, name: &str) -> Option<i64> {
    let record = world.conversation(row);
    let written_by = |wanted: fn(Author) -> bool| {
        world
            .visible_messages(row)
            .into_iter()
            .filter(|index| wanted(world.outline(row, *index).author))
            .count() as i64
    };
    match name {
        "createdAt" => Some(record.created_ms),
        "updatedAt" => Some(record.updated_ms),
        "endUserId" => Some(world.contact_id(world.contact_of(row))),
        "relatedPlaybookId" => world.playbook_of(row).map(World::playbook_id),
        "firstCloseAt" => (record.status == Status::Closed).then_some(record.updated_ms),
        "timeToCloseMillis" => {
            (record.status == Status::Closed).then_some(record.updated_ms - record.created_ms)
        }
        "numAgentMessages" => Some(written_by(|author| matches!(author, Author::Agent(_)))),
        "numBotMessages" => Some(written_by(|author| matches!(author, Author::Bot(_)))),
        "numEndUserMessages" => Some(written_by(|author| author == Author::Contact)),
        _ => None,
    }
}

fn write_metric(view: &View<'_>, row: u32, name: &str, json: &mut JsonText) {
    match metric(view.world, row, name) {
        Some(value) => json.number(value),
        None => json.raw(if view.behaviour.quoted_nan { "\"NaN\"" } else { "NaN" }),
    };
}
