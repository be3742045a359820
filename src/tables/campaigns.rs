//! Campaigns: derived from playbooks, landing pages and the playbook ids that conversations name.

use crate::schema::{Column, Kind, Partition, Source, Table};

/// One row per campaign id.
pub static CAMPAIGNS: Table = Table {
    name: "campaigns",
    about: "Derived, not Drift's own records: playbooks, playbooks known only from landing pages, and stubs for playbook ids that only conversations name. Never marked as deleted.",
    source: Source::Derived { from: &["playbooks", "landing_pages", "conversations"] },
    key: &["id"],
    sort: &["id"],
    partition: Partition::Whole,
    brings: &["conversations", "playbooks", "landing_pages"],
    columns: &[
        Column::run("id", Kind::Int, "Id of the playbook."),
        Column::run("name", Kind::Text, "Name of the playbook, if it is known."),
        Column::run(
            "source",
            Kind::Text,
            "Where the row comes from: `playbook`, else `landing_page`, else `conversation`.",
        ),
        Column::run("report_type", Kind::Text, "`report_type` of the playbook."),
        Column::run("landing_page_urls", Kind::Texts, "Its landing pages, sorted; null when there are none."),
        Column::run("created_at", Kind::Time, "`created_at` of the playbook."),
        Column::run("updated_at", Kind::Time, "`updated_at` of the playbook."),
        Column::run("first_seen", Kind::Time, "`created_at` of its first conversation."),
        Column::run("last_seen", Kind::Time, "Greatest `updated_at` of its conversations."),
        Column::run("conversations", Kind::Int, "How many conversations it has in the lake."),
    ],
};
