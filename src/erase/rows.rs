//! Whose a row is: the columns that hold the id of a conversation or of a contact, table by table.

use std::collections::HashMap;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Int64Type;

use crate::columns::{broken, column, int_at, ints};
use crate::error::Result;
use crate::manifest::{Erasing, Forgotten, Subject};
use crate::schema::Table;
use crate::tables::{CAMPAIGN_MEMBERS, CONTACTS, CONVERSATION_LIST, CONVERSATIONS, MEETINGS, MESSAGES};

/// The tables of the lake whose rows belong to somebody, children before their parents.
pub static TABLES: &[&Table] = &[&MESSAGES, &CAMPAIGN_MEMBERS, &MEETINGS, &CONTACTS, &CONVERSATIONS];

/// How the value of a column tells whose a row is.
#[derive(Debug, Clone, Copy)]
enum Whose {
    /// The id of a conversation.
    Conversation,
    /// The id of the contact a conversation or meeting is with.
    Contact,
    /// The id of the contact that the row is about.
    Person,
    /// The id of an author, who is a contact when this other column says so.
    Author(&'static str),
}

/// What `author_type` says of contacts.
const CONTACT: &str = "contact";

fn names(table: &Table) -> &'static [(&'static str, Whose)] {
    const MAP: &[(&Table, &[(&str, Whose)])] = &[
        (&CONVERSATIONS, &[("id", Whose::Conversation), ("contact_id", Whose::Contact)]),
        (&CONVERSATION_LIST, &[("id", Whose::Conversation), ("contact_id", Whose::Contact)]),
        (&MESSAGES, &[("conversation_id", Whose::Conversation), ("author_id", Whose::Author("author_type"))]),
        (&CAMPAIGN_MEMBERS, &[("conversation_id", Whose::Conversation), ("contact_id", Whose::Contact)]),
        (&MEETINGS, &[("conversation_id", Whose::Conversation), ("scheduler_id", Whose::Contact)]),
        (&CONTACTS, &[("id", Whose::Person)]),
    ];
    MAP.iter().find(|(known, _)| known.name == table.name).map_or(&[], |(_, names)| names)
}

/// The columns that tell whose the rows of `table` are.
pub(super) fn columns(table: &Table) -> Vec<&'static str> {
    let of = |(name, whose): &(&'static str, Whose)| match whose {
        Whose::Author(kind) => vec![*name, *kind],
        _ => vec![*name],
    };
    names(table).iter().flat_map(of).collect()
}

/// For each row, whether it belongs to somebody forgotten.
pub fn picks(table: &Table, batch: &RecordBatch, forgotten: &Forgotten) -> Vec<bool> {
    let mut picked = vec![false; batch.num_rows()];
    if forgotten.is_empty() {
        return picked;
    }
    for (name, whose) in names(table) {
        let (ids, mut known) = (ints(batch, name), HashMap::new());
        for (row, picked) in picked.iter_mut().enumerate().filter(|(_, picked)| !**picked) {
            let Some(id) = int_at(ids, row).filter(|_| whose.applies(batch, row)) else { continue };
            *picked = *known.entry(id).or_insert_with(|| whose.is_forgotten(forgotten, id));
        }
    }
    picked
}

/// The same, with the messages that Drift itself deleted where they are to go too.
pub(super) fn picks_of(
    table: &Table,
    batch: &RecordBatch,
    forgotten: &Forgotten,
    erasing: Erasing,
) -> Vec<bool> {
    let mut picked = picks(table, batch, forgotten);
    if erasing.deleted_messages && table.name == MESSAGES.name {
        let deleted = column(batch, "_deleted_at");
        picked.iter_mut().enumerate().for_each(|(row, picked)| *picked |= deleted.is_valid(row));
    }
    picked
}

/// The rows of `batch` that belong to nobody forgotten.
///
/// # Errors
/// None that a batch with the table's columns brings about.
pub fn leave_out(table: &Table, batch: RecordBatch, forgotten: &Forgotten) -> Result<RecordBatch> {
    let picked = picks(table, &batch, forgotten);
    without(batch, &picked)
}

/// The rows of `batch` that are not picked.
///
/// # Errors
/// None when there is one word for each row.
pub fn without(batch: RecordBatch, picked: &[bool]) -> Result<RecordBatch> {
    if !picked.contains(&true) {
        return Ok(batch);
    }
    let stay: BooleanArray = picked.iter().map(|picked| Some(!picked)).collect();
    filter_record_batch(&batch, &stay).map_err(broken)
}

/// Whether a contact's row is to be nowhere.
pub fn is_forgotten_person(forgotten: &Forgotten, id: i64) -> bool {
    forgotten.contains(Subject::Contact(id)) || forgotten.contains(Subject::ContactRow(id))
}

impl Whose {
    /// Whether the row says that its id is one of this kind.
    fn applies(self, batch: &RecordBatch, row: usize) -> bool {
        let Self::Author(kind) = self else { return true };
        let kinds = column(batch, kind).as_string::<i32>();
        kinds.is_valid(row) && kinds.value(row) == CONTACT
    }

    fn is_forgotten(self, forgotten: &Forgotten, id: i64) -> bool {
        match self {
            Self::Conversation => forgotten.contains(Subject::Conversation(id)),
            Self::Contact | Self::Author(_) => forgotten.contains(Subject::Contact(id)),
            Self::Person => is_forgotten_person(forgotten, id),
        }
    }
}

/// The values of an integer column, with the row of each.
pub(super) fn values<'a>(batch: &'a RecordBatch, name: &str) -> impl Iterator<Item = (usize, i64)> + 'a {
    let ids = column(batch, name).as_primitive::<Int64Type>();
    (0..ids.len()).filter_map(|row| int_at(ids, row).map(|id| (row, id)))
}
