//! What a step was, without its pages: enough to fold them again just as they were folded. Times are epoch
//! microseconds.

use serde::{Deserialize, Serialize};

use crate::schema::Span;

/// What one step of a run got, or did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "step")]
pub enum Head {
    /// Pages of the list of conversations. Nothing is folded from them: what a conversation takes from the list
    /// stands in its own step.
    Listed(Pages),
    /// Conversations of one partition, with their messages.
    Conversations(Conversations),
    /// Records that were asked for by their keys.
    Lookup(Lookup),
    /// A list that was read whole.
    List(List),
    /// A derived table was computed.
    Derived {
        /// The table.
        table: String,
        /// Start of the walk.
        walk_us: i64,
    },
    /// An object without rows was put.
    Empty {
        /// The table.
        table: String,
        /// The partition.
        partition: Option<String>,
    },
    /// Rows whose conversation is not where they stand were dropped.
    Strays {
        /// Where each known conversation stands or will stand.
        homes: Vec<Home>,
        /// Conversations that are not among them are nowhere.
        all_listed: bool,
    },
    /// A table was reset: what came before this for it is not in the lake.
    Reset {
        /// The table.
        table: String,
    },
}

/// Pages of a list, one body each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pages {
    /// Start of the walk.
    pub walk_us: i64,
    /// The path that was asked.
    pub path: String,
}

/// The partition of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Home(pub i64, pub String);

/// Conversations of one partition. Bodies: for each conversation its detail, if there is one, and its pages of
/// messages; at last what the list says of those that it lists, as one Parquet file, if it lists any.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conversations {
    /// Start of the walk.
    pub walk_us: i64,
    /// The partition, such as `month=2025-03`.
    pub partition: String,
    /// What a partition spans.
    pub span: Span,
    /// Whether the members of campaigns follow at once, since they are read too.
    pub members: bool,
    /// The conversations, in the order of their bodies.
    pub with: Vec<Conversation>,
    /// Whether the last body is what the list says.
    pub listed: bool,
}

/// One conversation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Conversation {
    /// Its id.
    pub id: i64,
    /// The lake had it before.
    #[serde(default, skip_serializing_if = "is_false")]
    pub known: bool,
    /// The list shows it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub listed: bool,
    /// Its detail answered 404.
    #[serde(default, skip_serializing_if = "is_false")]
    pub gone: bool,
    /// Its messages.
    pub thread: Thread,
}

/// The messages of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Thread {
    /// So many pages.
    Pages(u32),
    /// The call answered 404.
    Missing,
    /// Not asked for; the ledger keeps what it said.
    NotAsked {
        /// Ledger.
        messages_as_of: Option<i64>,
        /// Ledger.
        walked_at: Option<i64>,
        /// Ledger.
        missing: bool,
    },
}

/// Records that were asked for by their keys; one body for each that was there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lookup {
    /// The table.
    pub table: String,
    /// The partition.
    pub partition: String,
    /// Start of the walk.
    pub walk_us: i64,
    /// The keys, in the order of their bodies.
    pub keys: Vec<Looked>,
}

/// One key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Looked {
    /// The key.
    pub key: i64,
    /// The time that the row is as of.
    pub as_of: Option<i64>,
    /// It answered 404, so there is no body.
    #[serde(default, skip_serializing_if = "is_false")]
    pub gone: bool,
}

/// A list that was read whole. Bodies: its pages, then one for each absent key that was there when it was asked
/// for by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct List {
    /// The table.
    pub table: String,
    /// Start of the run.
    pub walk_us: i64,
    /// The path that was asked.
    pub path: String,
    /// How many pages it has.
    pub pages: u32,
    /// Stored keys that were not listed.
    pub absent: Vec<Absent>,
    /// The window of time that was asked for.
    pub window: Option<Window>,
}

/// A stored key that was not listed, and was asked for by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Absent {
    /// The key.
    pub key: String,
    /// It answered 404, so there is no body.
    #[serde(default, skip_serializing_if = "is_false")]
    pub gone: bool,
}

/// A window of time, in epoch milliseconds, both ends inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Its first instant.
    pub from_ms: i64,
    /// Its last instant.
    pub to_ms: i64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_false(flag: &bool) -> bool {
    !flag
}
