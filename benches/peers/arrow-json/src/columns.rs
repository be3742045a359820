//! The shape of the pages, and of the rows that are written.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StructArray};
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;

/// A table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// Conversations.
    Conversations,
    /// Messages.
    Messages,
}

/// A column of a table, and where it stands in a record.
type Column = (&'static str, &'static [&'static str]);

const CONVERSATIONS: &[Column] = &[
    ("id", &["id"]),
    ("org_id", &["orgId"]),
    ("status", &["status"]),
    ("participants", &["participants"]),
    ("contact_id", &["contactId"]),
    ("inbox_id", &["inboxId"]),
    ("created_at", &["createdAt"]),
    ("updated_at", &["updatedAt"]),
    ("related_playbook_id", &["relatedPlaybookId"]),
    ("conversation_tags", &["conversationTags"]),
];

const MESSAGES: &[Column] = &[
    ("id", &["id"]),
    ("org_id", &["orgId"]),
    ("conversation_id", &["conversationId"]),
    ("type", &["type"]),
    ("created_at", &["createdAt"]),
    ("body", &["body"]),
    ("author_id", &["author", "id"]),
    ("author_type", &["author", "type"]),
    ("author_bot", &["author", "bot"]),
    ("buttons", &["buttons"]),
    ("attachments", &["attachments"]),
    ("ip", &["context", "ip"]),
    ("user_agent", &["context", "userAgent"]),
    ("href", &["context", "href"]),
    ("title", &["context", "title"]),
    ("referrer", &["context", "referrer"]),
    ("locale", &["context", "locale"]),
    ("timezone", &["context", "timezone"]),
    ("city", &["context", "location", "city"]),
    ("region", &["context", "location", "region"]),
    ("country", &["context", "location", "country"]),
    ("country_name", &["context", "location", "countryName"]),
    ("postal_code", &["context", "location", "postalCode"]),
    ("latitude", &["context", "location", "latitude"]),
    ("longitude", &["context", "location", "longitude"]),
    ("developer_app_id", &["attributes", "developer_app_id"]),
];

impl Table {
    /// Its name, with which the files of its pages begin.
    pub fn name(self) -> &'static str {
        match self {
            Self::Conversations => "conversations",
            Self::Messages => "messages",
        }
    }

    /// A page, with many records where it is `full`.
    pub fn page(self, full: bool) -> SchemaRef {
        let record = DataType::Struct(self.record());
        let within = match self {
            Self::Conversations if full => list(record),
            Self::Conversations => record,
            Self::Messages => structure(vec![("messages", list(record))]),
        };
        Arc::new(Schema::new(vec![Field::new("data", within, true)]))
    }

    /// What is written.
    pub fn rows(self) -> SchemaRef {
        let field =
            |(name, path): &Column| Field::new(*name, leaf(&DataType::Struct(self.record()), path), true);
        Arc::new(Schema::new(self.columns().iter().map(field).collect::<Vec<_>>()))
    }

    /// The rows of some pages.
    pub fn flat(self, full: bool, pages: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let data = pages.column(0);
        let records = match self {
            Self::Conversations if full => data.as_list::<i32>().values().clone(),
            Self::Conversations => data.clone(),
            Self::Messages => data.as_struct().column(0).as_list::<i32>().values().clone(),
        };
        let arrays = self.columns().iter().map(|(_, path)| at(records.as_struct(), path)).collect();
        RecordBatch::try_new(self.rows(), arrays)
    }

    fn columns(self) -> &'static [Column] {
        match self {
            Self::Conversations => CONVERSATIONS,
            Self::Messages => MESSAGES,
        }
    }

    fn record(self) -> Fields {
        match self {
            Self::Conversations => fields(conversation()),
            Self::Messages => fields(message()),
        }
    }
}

fn conversation() -> Vec<(&'static str, DataType)> {
    vec![
        ("id", DataType::Int64),
        ("orgId", DataType::Int64),
        ("status", DataType::Utf8),
        ("participants", list(DataType::Int64)),
        ("contactId", DataType::Int64),
        ("inboxId", DataType::Int64),
        ("createdAt", time()),
        ("updatedAt", time()),
        ("relatedPlaybookId", DataType::Int64),
        ("conversationTags", list(structure(texts(&["color", "name"])))),
    ]
}

fn message() -> Vec<(&'static str, DataType)> {
    let author = vec![("id", DataType::Int64), ("type", DataType::Utf8), ("bot", DataType::Boolean)];
    let mut button = texts(&["label", "value", "type", "style"]);
    button.push(("reaction", structure(texts(&["type", "message"]))));
    let mut attachment = vec![("id", DataType::Int64)];
    attachment.extend(texts(&["fileName", "mimeType", "url"]));
    let mut location = texts(&["city", "region", "country", "countryName", "postalCode"]);
    location.extend([("latitude", DataType::Float64), ("longitude", DataType::Float64)]);
    let mut context = texts(&["ip", "userAgent", "href", "title", "referrer", "locale", "timezone"]);
    context.push(("location", structure(location)));
    vec![
        ("id", DataType::Int64),
        ("orgId", DataType::Int64),
        ("conversationId", DataType::Int64),
        ("type", DataType::Utf8),
        ("createdAt", time()),
        ("body", DataType::Utf8),
        ("author", structure(author)),
        ("buttons", list(structure(button))),
        ("attachments", list(structure(attachment))),
        ("context", structure(context)),
        ("attributes", structure(texts(&["developer_app_id"]))),
    ]
}

fn time() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, Some("+00:00".into()))
}

fn list(kind: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", kind, true)))
}

fn texts(names: &[&'static str]) -> Vec<(&'static str, DataType)> {
    names.iter().map(|name| (*name, DataType::Utf8)).collect()
}

fn structure(all: Vec<(&'static str, DataType)>) -> DataType {
    DataType::Struct(fields(all))
}

fn fields(all: Vec<(&'static str, DataType)>) -> Fields {
    all.into_iter().map(|(name, kind)| Field::new(name, kind, true)).collect()
}

/// The kind of what stands at a path.
fn leaf(kind: &DataType, path: &[&str]) -> DataType {
    match (kind, path.split_first()) {
        (DataType::Struct(within), Some((name, rest))) => {
            let found = within.iter().find(|field| field.name() == name);
            found.map_or(DataType::Null, |field| leaf(field.data_type(), rest))
        }
        _ => kind.clone(),
    }
}

fn at(record: &StructArray, path: &[&str]) -> ArrayRef {
    let (last, above) = path.split_last().expect("every column stands somewhere");
    let within = above.iter().fold(record, |record, name| column(record, name).as_struct());
    column(within, last).clone()
}

fn column<'a>(record: &'a StructArray, name: &str) -> &'a ArrayRef {
    record.column_by_name(name).expect("the columns are those of the schema")
}
