//! Messages: every message, private note and edit of every conversation.

use crate::schema::{Call, Column, Kind, Origin, Paging, Partition, Rows, Source, Table};

/// 50 messages a page, fixed; the first call carries no cursor.
pub const THREAD: Call = Call {
    path: "/conversations/{key}/messages",
    query: &[],
    paging: Paging::Next,
    rows: Rows::Array(&["data", "messages"]),
    scope: "conversation_read",
};

/// One row per message (API: message-model, versions 1.3 and 1.7).
pub static MESSAGES: Table = Table {
    name: "messages",
    about: "One row per message; the whole set of a conversation is read again when the conversation changed.",
    source: Source::Thread { call: THREAD },
    key: &["id"],
    sort: &["id", "conversation_id"],
    partition: Partition::OfConversation,
    brings: &["conversations"],
    columns: &[
        Column::field("id", &["id"], Kind::Int, "Id of the message."),
        Column::field("org_id", &["orgId"], Kind::Int, "Drift organization."),
        Column {
            name: "conversation_id",
            origin: Origin::Parent(&["conversationId"]),
            kind: Kind::Int,
            about: "The conversation it was asked under.",
        },
        Column::field(
            "type",
            &["type"],
            Kind::Text,
            "`chat`, `private_note`, and in older data `private_prompt`, `suggestion` or `edit`.",
        ),
        Column::field("created_at", &["createdAt"], Kind::Time, "When it was written."),
        Column::field("body", &["body"], Kind::Text, "The text, usually an HTML fragment, byte for byte."),
        Column::field(
            "author_id",
            &["author", "id"],
            Kind::Int,
            "Who wrote it, in the id space that `author_type` names.",
        ),
        Column::field("author_type", &["author", "type"], Kind::Text, "`contact` or `user`."),
        Column::field(
            "author_bot",
            &["author", "bot"],
            Kind::Flag,
            "Whether a bot wrote it; null means Drift did not say.",
        ),
        Column::field("buttons", &["buttons"], Kind::Records(BUTTON), "Buttons offered with it."),
        Column::field("attachments", &["attachments"], Kind::Records(ATTACHMENT), "Files attached to it."),
        Column::field(
            "edited_message_id",
            &["editedMessageId"],
            Kind::Int,
            "For `edit` messages of older data: the message that is edited.",
        ),
        Column::field(
            "edit_type",
            &["editType"],
            Kind::Text,
            "For `edit` messages of older data: `delete`, `replace`, `replace_body` or `replace_buttons`.",
        ),
        Column::field("context", &["context"], Kind::Json, "Where the author was: the whole map as sent."),
        Column::field("attributes", &["attributes"], Kind::Json, "Free attributes: the whole map as sent."),
        Column::lifted(
            "ip",
            &[&["context", "ip"]],
            Kind::Text,
            "IP address, or several separated by commas, from `context`.",
        ),
        Column::lifted("user_agent", &[&["context", "userAgent"]], Kind::Text, "Browser, from `context`."),
        Column::lifted("href", &[&["context", "href"]], Kind::Text, "Page address, from `context`."),
        Column::lifted("title", &[&["context", "title"]], Kind::Text, "Page title, from `context`."),
        Column::lifted(
            "referrer",
            &[&["context", "referrer"]],
            Kind::Text,
            "Referring page, from `context`.",
        ),
        Column::lifted("locale", &[&["context", "locale"]], Kind::Text, "Locale, from `context`."),
        Column::lifted("timezone", &[&["context", "timezone"]], Kind::Text, "Time zone, from `context`."),
        Column::lifted(
            "city",
            &[&["context", "city"], &["context", "location", "city"]],
            Kind::Text,
            "City, from `context` or its `location`.",
        ),
        Column::lifted(
            "region",
            &[&["context", "region"], &["context", "location", "region"]],
            Kind::Text,
            "Region, from `context` or its `location`.",
        ),
        Column::lifted(
            "country",
            &[&["context", "country"], &["context", "location", "country"]],
            Kind::Text,
            "Country code, from `context` or its `location`.",
        ),
        Column::lifted(
            "country_name",
            &[&["context", "countryName"], &["context", "location", "countryName"]],
            Kind::Text,
            "Country, from `context` or its `location`.",
        ),
        Column::lifted(
            "postal_code",
            &[&["context", "postalCode"], &["context", "location", "postalCode"]],
            Kind::Scalar,
            "Postal code, from `context` or its `location`.",
        ),
        Column::lifted(
            "latitude",
            &[&["context", "latitude"], &["context", "location", "latitude"]],
            Kind::Number,
            "Latitude in degrees, from `context` or its `location`.",
        ),
        Column::lifted(
            "longitude",
            &[&["context", "longitude"], &["context", "location", "longitude"]],
            Kind::Number,
            "Longitude in degrees, from `context` or its `location`.",
        ),
        Column::lifted(
            "pre_messages",
            &[&["attributes", "preMessages"]],
            Kind::Json,
            "Messages shown before the visitor's first one, from `attributes`, as sent.",
        ),
        Column::lifted(
            "developer_app_id",
            &[&["attributes", "developer_app_id"]],
            Kind::Scalar,
            "The app that wrote it, from `attributes`.",
        ),
    ],
};

const BUTTON: &[Column] = &[
    Column::field("label", &["label"], Kind::Text, "What the button says."),
    Column::field("value", &["value"], Kind::Text, "What it sends."),
    Column::field("type", &["type"], Kind::Text, "What it does, such as `reply`."),
    Column::field("style", &["style"], Kind::Text, "How it looks, such as `primary`."),
    Column::field("reaction", &["reaction"], Kind::Record(REACTION), "What happens when it is pressed."),
];

const REACTION: &[Column] = &[
    Column::field("type", &["type"], Kind::Text, "Kind of reaction."),
    Column::field("message", &["message"], Kind::Text, "What is said then."),
];

const ATTACHMENT: &[Column] = &[
    Column::field("id", &["id"], Kind::Int, "Id of the document."),
    Column::field("file_name", &["fileName"], Kind::Text, "File name."),
    Column::field("mime_type", &["mimeType"], Kind::Text, "Media type."),
    Column::field("url", &["url"], Kind::Text, "Where Drift serves it, with the token."),
];
