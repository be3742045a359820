//! Campaign members: derived, one row per conversation that a playbook started.

use crate::schema::{Column, Kind, Partition, Source, Table};

/// One row per conversation with a playbook.
pub static CAMPAIGN_MEMBERS: Table = Table {
    name: "campaign_members",
    about: "Derived, not Drift's own records: one row per conversation with a playbook; `resultid` is synthesized and equals the conversation's id.",
    source: Source::Derived { from: &["conversations"] },
    key: &["resultid"],
    sort: &["resultid"],
    partition: Partition::OfConversation,
    brings: &["conversations"],
    columns: &[
        Column::run("resultid", Kind::Int, "Synthesized key: the conversation's id."),
        Column::run("campaign_id", Kind::Int, "The playbook that started the conversation."),
        Column::run("conversation_id", Kind::Int, "The conversation."),
        Column::run("contact_id", Kind::Int, "Its contact."),
        Column::run("status", Kind::Text, "Its status."),
        Column::run("created_at", Kind::Time, "When it began."),
        Column::run("updated_at", Kind::Time, "When it last changed."),
    ],
};
