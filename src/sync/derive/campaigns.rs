//! Campaigns: playbooks, landing pages, and the playbook ids that conversations name, one row an id.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder,
};

use super::Inputs;
use crate::columns::{assemble, column, instants, int_at, ints, time_at, times};
use crate::data_file::Reader;
use crate::error::Result;
use crate::schema::Table;
use crate::seen::{AllSeen, Seen};

/// What is known of one campaign.
#[derive(Debug, Default)]
struct Campaign {
    name: Option<String>,
    source: Option<&'static str>,
    report_type: Option<String>,
    urls: Vec<String>,
    created_at: Option<i64>,
    updated_at: Option<i64>,
    seen: Seen,
}

/// One row per campaign id.
pub(super) fn rows(table: &Table, seen: &AllSeen, inputs: &Inputs) -> Result<RecordBatch> {
    let mut campaigns = BTreeMap::<i64, Campaign>::new();
    for (id, seen) in seen {
        let campaign = campaigns.entry(*id).or_default();
        (campaign.seen, campaign.source) = (*seen, Some("conversation"));
    }
    inputs[1].iter().try_for_each(|object| add_landing_pages(&mut campaigns, object))?;
    inputs[0].iter().try_for_each(|object| add_playbooks(&mut campaigns, object))?;
    for campaign in campaigns.values_mut() {
        campaign.urls.sort();
    }
    assemble(table, campaigns.len(), columns(&campaigns))
}

fn add_landing_pages(campaigns: &mut BTreeMap<i64, Campaign>, object: &Reader) -> Result<()> {
    for batch in object.columns(&["playbook_id", "playbook_name", "landing_page_url", "_deleted_at"])? {
        let batch = batch?;
        let ids = ints(&batch, "playbook_id");
        for row in 0..batch.num_rows() {
            let campaign = campaigns.entry(ids.value(row)).or_default();
            campaign.source = Some("landing_page");
            campaign.name = text(&batch, "playbook_name", row);
            if instants(&batch, "_deleted_at").is_null(row) {
                campaign.urls.extend(text(&batch, "landing_page_url", row));
            }
        }
    }
    Ok(())
}

fn add_playbooks(campaigns: &mut BTreeMap<i64, Campaign>, object: &Reader) -> Result<()> {
    for batch in object.columns(&["id", "name", "report_type", "created_at", "updated_at"])? {
        let batch = batch?;
        for row in 0..batch.num_rows() {
            let Some(id) = int_at(ints(&batch, "id"), row) else { continue };
            let campaign = campaigns.entry(id).or_default();
            campaign.source = Some("playbook");
            campaign.name = text(&batch, "name", row);
            campaign.report_type = text(&batch, "report_type", row);
            campaign.created_at = time_at(instants(&batch, "created_at"), row);
            campaign.updated_at = time_at(instants(&batch, "updated_at"), row);
        }
    }
    Ok(())
}

fn text(batch: &RecordBatch, name: &str, row: usize) -> Option<String> {
    let texts = column(batch, name).as_string::<i32>();
    texts.is_valid(row).then(|| texts.value(row).to_owned())
}

fn columns(campaigns: &BTreeMap<i64, Campaign>) -> Vec<(&'static str, ArrayRef)> {
    let all = || campaigns.values();
    vec![
        ("id", Arc::new(campaigns.keys().copied().collect::<Int64Array>())),
        ("name", Arc::new(all().map(|campaign| campaign.name.as_deref()).collect::<StringArray>())),
        ("source", Arc::new(all().map(|campaign| campaign.source).collect::<StringArray>())),
        (
            "report_type",
            Arc::new(all().map(|campaign| campaign.report_type.as_deref()).collect::<StringArray>()),
        ),
        ("landing_page_urls", urls(campaigns)),
        ("created_at", times(all().map(|campaign| campaign.created_at))),
        ("updated_at", times(all().map(|campaign| campaign.updated_at))),
        ("first_seen", times(all().map(|campaign| campaign.seen.first))),
        ("last_seen", times(all().map(|campaign| campaign.seen.last))),
        (
            "conversations",
            Arc::new(all().map(|campaign| campaign.seen.conversations).collect::<Int64Array>()),
        ),
    ]
}

fn urls(campaigns: &BTreeMap<i64, Campaign>) -> ArrayRef {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for campaign in campaigns.values() {
        campaign.urls.iter().for_each(|url| lists.values().append_value(url));
        lists.append(!campaign.urls.is_empty());
    }
    Arc::new(lists.finish())
}
