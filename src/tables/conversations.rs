//! Conversations: what visitors and the team said to each other, one row per conversation.

use crate::schema::{Call, Column, Kind, Paging, Partition, Rows, Source, Table};

use super::conversation_list::LISTED;

/// API: list-conversations. 100 is the greatest limit of the new generation; the old one takes 50.
pub const LIST: Call = Call {
    path: "/conversations/list",
    query: &[("limit", "100")],
    paging: Paging::Conversations,
    rows: LISTED,
    scope: "conversation_read",
};

/// API: retrieve-a-conversation.
pub const DETAIL: Call = Call {
    path: "/conversations/{key}",
    query: &[],
    paging: Paging::One,
    rows: Rows::One(&["data"]),
    scope: "conversation_read",
};

/// Counts by status, without an envelope.
pub const STATS: Call = Call {
    path: "/conversations/stats",
    query: &[],
    paging: Paging::One,
    rows: Rows::One(&["conversationCount"]),
    scope: "conversation_read",
};

/// One row per conversation (API: conversation-model).
pub static CONVERSATIONS: Table = Table {
    name: "conversations",
    about: "One row per conversation, with the ledger of what has been fetched for it.",
    source: Source::Walk { list: LIST, detail: DETAIL, stats: STATS },
    key: &["id"],
    sort: &["id"],
    partition: Partition::Time("created_at"),
    brings: &[],
    columns: &[
        Column::field("id", &["id"], Kind::Int, "Id of the conversation."),
        Column::field("org_id", &["orgId"], Kind::Int, "Drift organization."),
        Column::field(
            "status",
            &["status"],
            Kind::Text,
            "`open`, `closed`, `pending` or `bulk_sent`; Drift is phasing status out, so `closed` does not mean finished.",
        ),
        Column::field(
            "participants",
            &["participants"],
            Kind::Ints,
            "Ids of the Drift users (agents and bots) in it; an empty list and no list are told apart.",
        ),
        Column::field("contact_id", &["contactId"], Kind::Int, "The one contact it is with."),
        Column::field("inbox_id", &["inboxId"], Kind::Int, "The inbox it belongs to."),
        Column::field("created_at", &["createdAt"], Kind::Time, "When it began."),
        Column::field(
            "updated_at",
            &["updatedAt"],
            Kind::Time,
            "When a message or a status last changed it.",
        ),
        Column::field(
            "related_playbook_id",
            &["relatedPlaybookId"],
            Kind::Int,
            "The playbook that started it, if one did.",
        ),
        Column::field("conversation_tags", &["conversationTags"], Kind::Records(TAG), "Its tags."),
        Column::run("_listed_at", Kind::Time, "Ledger: the list's `updatedAt` when the detail was fetched."),
        Column::run(
            "_messages_as_of",
            Kind::Time,
            "Ledger: the `updatedAt` that its messages are at least as new as; null while they were never fetched.",
        ),
        Column::run(
            "_walked_at",
            Kind::Time,
            "Ledger: Drift's clock at the start of the walk that fetched its messages.",
        ),
        Column::run(
            "_missing",
            Kind::Texts,
            "Ledger: the child tables that answered 404 for it; null when none did.",
        ),
    ],
};

const TAG: &[Column] = &[
    Column::field("color", &["color"], Kind::Text, "Colour as hex digits without a hash sign."),
    Column::field("name", &["name"], Kind::Text, "The tag."),
];
