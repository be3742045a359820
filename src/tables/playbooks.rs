//! Playbooks: the enabled and active ones, which are all that Drift lists.

use crate::schema::{Absence, Call, Column, Kind, Paging, Partition, Rows, Source, Table};

/// API: get-playbooks. A bare array; it may come from a cache some minutes old.
const LIST: Call = Call {
    path: "/playbooks/list",
    query: &[],
    paging: Paging::One,
    rows: Rows::Array(&[]),
    scope: "playbook_read",
};

/// One row per playbook (API: playbook-model-1).
pub static PLAYBOOKS: Table = Table {
    name: "playbooks",
    about: "One row per playbook; `_deleted_at` means that it is no longer listed, which also happens when it is switched off.",
    source: Source::List { call: LIST, absence: Absence::Deletes },
    key: &["id"],
    sort: &["id"],
    partition: Partition::Whole,
    brings: &[],
    columns: &[
        Column::field("id", &["id"], Kind::Int, "Id of the playbook."),
        Column::field("name", &["name"], Kind::Text, "Name."),
        Column::field("org_id", &["orgId"], Kind::Int, "Drift organization."),
        Column::field("meta", &["meta"], Kind::Json, "Free settings: the whole map as sent."),
        Column::field("created_at", &["createdAt"], Kind::Time, "When it was created."),
        Column::field("updated_at", &["updatedAt"], Kind::Time, "When it last changed."),
        Column::field("created_author_id", &["createdAuthorId"], Kind::Int, "The user who created it."),
        Column::field("updated_author_id", &["updatedAuthorId"], Kind::Int, "The user who last changed it."),
        Column::field("interaction_id", &["interactionId"], Kind::Int, "Its interaction."),
        Column::field(
            "report_type",
            &["reportType"],
            Kind::Text,
            "What it is for, such as `BOOK_MORE_MEETINGS`.",
        ),
        Column::field("goals", &["goals"], Kind::Records(GOAL), "Its goals."),
    ],
};

const GOAL: &[Column] = &[
    Column::field("id", &["id"], Kind::Text, "Id of the goal (a UUID)."),
    Column::field("message", &["message"], Kind::Text, "What is reached."),
];
