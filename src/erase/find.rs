//! What is to be forgotten, and how many rows that is. Reads only.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use arrow::array::{Array, RecordBatch};

use super::rows::values;
use crate::columns::column;
use crate::cpu;
use crate::data_file::Reader;
use crate::error::Result;
use crate::fold::Picker;
use crate::lake::open_object;
use crate::manifest::{Manifest, Subject};
use crate::schema::Table;
use crate::store::Store;
use crate::tables::{CAMPAIGN_MEMBERS, CONTACTS, CONVERSATION_LIST, CONVERSATIONS, MESSAGES};

/// What is asked to be forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// These contacts, with their conversations.
    Contacts(Vec<i64>),
    /// These conversations; their contacts stay.
    Conversations(Vec<i64>),
    /// All that Drift itself deleted.
    Deleted,
}

/// What that comes to in a lake.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// What is to be remembered and erased.
    pub subjects: BTreeSet<Subject>,
    /// Ids that were asked for and stand nowhere in the lake.
    pub unknown: Vec<i64>,
}

/// Finds what is to be forgotten: for a contact all conversations that the lake knows to be with them.
///
/// # Errors
/// Those of the store, and of objects that cannot be read.
pub async fn find(store: &dyn Store, manifest: &Manifest, wanted: &Wanted) -> Result<Found> {
    match wanted {
        Wanted::Contacts(ids) => contacts(store, manifest, ids).await,
        Wanted::Conversations(ids) => conversations(store, manifest, ids).await,
        Wanted::Deleted => {
            let mut subjects = deleted(store, manifest, &CONVERSATIONS, Subject::Conversation).await?;
            subjects.extend(deleted(store, manifest, &CONTACTS, Subject::ContactRow).await?);
            Ok(Found { subjects, unknown: Vec::new() })
        }
    }
}

async fn contacts(store: &dyn Store, manifest: &Manifest, ids: &[i64]) -> Result<Found> {
    const PAIRS: &[(&Table, &str)] =
        &[(&CONVERSATIONS, "id"), (&CONVERSATION_LIST, "id"), (&CAMPAIGN_MEMBERS, "conversation_id")];
    let mut found = Found::default();
    let mut known = holders(store, manifest, &CONTACTS, "id", "id", ids).await?;
    for (table, conversation) in PAIRS {
        for (contact, conversation) in
            holders(store, manifest, table, "contact_id", conversation, ids).await?
        {
            known.insert((contact, contact));
            found.subjects.insert(Subject::Conversation(conversation));
        }
    }
    found.add(ids, &known, Subject::Contact);
    Ok(found)
}

async fn conversations(store: &dyn Store, manifest: &Manifest, ids: &[i64]) -> Result<Found> {
    const NAMES: &[(&Table, &str)] =
        &[(&CONVERSATIONS, "id"), (&CONVERSATION_LIST, "id"), (&MESSAGES, "conversation_id")];
    let (mut found, mut known) = (Found::default(), HashSet::new());
    for (table, name) in NAMES {
        known.extend(holders(store, manifest, table, name, name, ids).await?);
    }
    found.add(ids, &known, Subject::Conversation);
    Ok(found)
}

impl Found {
    fn add(&mut self, ids: &[i64], known: &HashSet<(i64, i64)>, subject: impl Fn(i64) -> Subject) {
        self.subjects.extend(ids.iter().map(|id| subject(*id)));
        let unknown: BTreeSet<i64> =
            ids.iter().copied().filter(|id| !known.iter().any(|(one, _)| one == id)).collect();
        self.unknown.extend(unknown);
    }
}

/// The values of both columns in each row of a table whose first one is among `ids`.
async fn holders(
    store: &dyn Store,
    manifest: &Manifest,
    table: &'static Table,
    holder: &'static str,
    held: &'static str,
    ids: &[i64],
) -> Result<HashSet<(i64, i64)>> {
    let wanted: Arc<HashSet<i64>> = Arc::new(ids.iter().copied().collect());
    let mut found = HashSet::new();
    for path in paths(manifest, table) {
        let object = match open_object(store, table, &path).await {
            // A walk that cannot be read is given up when it comes to erasing.
            Err(_) if table.name == CONVERSATION_LIST.name => None,
            opened => opened?,
        };
        let (Some((object, _)), wanted) = (object, wanted.clone()) else { continue };
        let pairs = move |batch: &RecordBatch| {
            let held: std::collections::HashMap<usize, i64> = values(batch, held).collect();
            let rows = values(batch, holder).filter(|(_, id)| wanted.contains(id));
            rows.filter_map(|(row, id)| held.get(&row).map(|held| (id, *held))).collect::<Vec<_>>()
        };
        let columns = if holder == held { vec![holder] } else { vec![holder, held] };
        found.extend(scan(object, columns, pairs).await?);
    }
    Ok(found)
}

async fn deleted(
    store: &dyn Store,
    manifest: &Manifest,
    table: &'static Table,
    subject: fn(i64) -> Subject,
) -> Result<BTreeSet<Subject>> {
    let mut found = BTreeSet::new();
    for path in paths(manifest, table) {
        let Some((object, _)) = open_object(store, table, &path).await? else { continue };
        let marked = |batch: &RecordBatch| {
            let deleted = column(batch, "_deleted_at");
            values(batch, "id").filter(|(row, _)| deleted.is_valid(*row)).map(|(_, id)| id).collect()
        };
        let ids: Vec<i64> = scan(object, vec!["id", "_deleted_at"], marked).await?;
        found.extend(ids.into_iter().map(subject));
    }
    Ok(found)
}

/// How many rows of an object are picked.
///
/// # Errors
/// Those of the store, and of an object that cannot be read.
pub async fn count(store: &dyn Store, table: &'static Table, path: &str, picker: Picker) -> Result<u64> {
    let Some((object, _)) = open_object(store, table, path).await? else { return Ok(0) };
    let mut columns = picker.columns.clone();
    columns.push("_deleted_at");
    let pick = move |batch: &RecordBatch| {
        let rows = (picker.picks)(batch).into_iter().filter(|is| *is);
        vec![rows.count() as u64]
    };
    Ok(scan(object, columns, pick).await?.into_iter().sum())
}

async fn scan<T: Send + 'static>(
    object: Reader,
    columns: Vec<&'static str>,
    read: impl Fn(&RecordBatch) -> Vec<T> + Send + 'static,
) -> Result<Vec<T>> {
    cpu::run_on(object.bytes(), move || {
        let mut found = Vec::new();
        for batch in object.columns(&columns)? {
            found.extend(read(&batch?));
        }
        Ok(found)
    })
    .await
}

/// Where the rows of a table lie; those of the list, in the walk in progress.
fn paths(manifest: &Manifest, table: &Table) -> Vec<String> {
    if table.name == CONVERSATION_LIST.name {
        let chunks = manifest.walk.iter().flat_map(|walk| &walk.chunks);
        return chunks.map(|chunk| chunk.path.clone()).collect();
    }
    let state = manifest.tables.get(table.name);
    state.map(|state| state.objects.keys().cloned().collect()).unwrap_or_default()
}
