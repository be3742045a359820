//! What `forget` can be told.

use clap::Args as Group;
use drift2parquet::erase::Wanted;

use super::Shape;

/// The options of `forget`.
#[derive(Debug, Clone, Group)]
pub struct ForgetOptions {
    #[command(flatten)]
    what: Forgettable,

    /// Only say what would be erased; nothing is changed.
    #[arg(long)]
    pub dry_run: bool,

    /// How it is told.
    #[command(flatten)]
    pub shape: Shape,
}

impl ForgetOptions {
    /// What is to be forgotten.
    pub fn wanted(&self) -> Wanted {
        let Forgettable { contact, conversation, deleted } = self.what.clone();
        match (deleted, conversation.is_empty()) {
            (true, _) => Wanted::Deleted,
            (false, false) => Wanted::Conversations(conversation),
            (false, true) => Wanted::Contacts(contact),
        }
    }
}

/// What can be forgotten: one kind at a time.
#[derive(Debug, Clone, Group)]
#[group(required = true, multiple = false)]
struct Forgettable {
    /// This contact, with all their conversations, messages and meetings, also those to come. May be given
    /// several times.
    #[arg(long, value_name = "ID", value_delimiter = ',', value_parser = clap::value_parser!(i64).range(1..))]
    contact: Vec<i64>,

    /// This conversation, with its messages and meetings; its contact stays. May be given several times.
    #[arg(long, value_name = "ID", value_delimiter = ',', value_parser = clap::value_parser!(i64).range(1..))]
    conversation: Vec<i64>,

    /// All that Drift itself deleted: conversations, with all that hangs on them, contacts and messages that
    /// bear `_deleted_at`. Conversations that Drift still has stay, also those of a contact it no longer shows.
    #[arg(long)]
    deleted: bool,
}
