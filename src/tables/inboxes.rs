//! Inboxes: derived, since Drift offers no list of them; ids only, no names.

use crate::schema::{Column, Kind, Partition, Source, Table};

/// One row per inbox that a conversation names.
pub static INBOXES: Table = Table {
    name: "inboxes",
    about: "Derived, not Drift's own records: one row per inbox id that conversations name. Never marked as deleted.",
    source: Source::Derived { from: &["conversations"] },
    key: &["id"],
    sort: &["id"],
    partition: Partition::Whole,
    brings: &["conversations"],
    columns: &[
        Column::run("id", Kind::Int, "Id of the inbox."),
        Column::run("first_seen", Kind::Time, "`created_at` of its first conversation."),
        Column::run("last_seen", Kind::Time, "Greatest `updated_at` of its conversations."),
        Column::run("conversations", Kind::Int, "How many conversations it has in the lake."),
    ],
};
