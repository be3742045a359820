//! The six fields of a listed conversation: the spine of a walk. Not a table of the lake; its batches
//! live in the to-dos of the walk in progress.

use crate::schema::{Column, Kind, Partition, Rows, Source, Table};

use super::conversations::{DETAIL, LIST, STATS};

/// The rows of the conversation list (API: `GET /conversations/list`, both generations).
pub static CONVERSATION_LIST: Table = Table {
    name: "conversation_list",
    about: "One row per listed conversation, as the list shows it.",
    source: Source::Walk { list: LIST, detail: DETAIL, stats: STATS },
    key: &["id"],
    sort: &["id"],
    partition: Partition::Whole,
    brings: &[],
    columns: &[
        Column::field("id", &["id"], Kind::Int, "Id of the conversation."),
        Column::field("status", &["status"], Kind::Text, "Status as listed."),
        Column::field("contact_id", &["contactId"], Kind::Int, "Its contact."),
        Column::field("inbox_id", &["inboxId"], Kind::Int, "Its inbox."),
        Column::field("created_at", &["createdAt"], Kind::Time, "When it began."),
        Column::field("updated_at", &["updatedAt"], Kind::Time, "When it last changed."),
    ],
};

/// Where the records of a listed page stand.
pub const LISTED: Rows = Rows::Array(&["data"]);
