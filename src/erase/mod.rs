//! Erases, everywhere in a lake, what the manifest remembers as forgotten: rows and what was summed up from
//! them, the walk in progress, records set aside, reports, and earlier commits that name an id.
//!
//! Promises: it goes by the remembered hashes alone, so whoever opens the lake next can finish what was begun;
//! doing it twice does nothing; at every moment each object is one complete version. Rows are removed, not
//! marked, and the objects encoded anew. What lies outside the lake it cannot reach: backups, snapshots, and
//! older versions that a bucket keeps.

mod archive;
mod find;
mod notes;
mod rows;
mod sums;
mod walk;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::CHECKPOINT_EVERY;
use crate::error::Result;
use crate::fold::Picker;
use crate::lake::{Change, Lake, partition_of};
use crate::manifest::{Erasing, Forgotten, Log, Manifest, Pending, Subject};
use crate::schema::Table;
use crate::store::Store;
use crate::tables::{CONTACTS, CONVERSATIONS};

pub use self::archive::{Staying, scrub};
pub use self::find::{Found, Wanted, count, find};
pub use self::rows::{TABLES, is_forgotten_person, leave_out, picks, without};

/// What was erased.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Erased {
    /// Rows removed, by table.
    pub rows: BTreeMap<&'static str, u64>,
    /// Records set aside that were removed.
    pub records: u64,
    /// Paths of what was written anew.
    pub rewritten: Vec<String>,
    /// Paths of what was deleted.
    pub deleted: Vec<String>,
}

/// Finishes the erasure that the manifest says was begun, if one was. The next commit, which is the caller's,
/// says that it is done.
///
/// # Errors
/// Those of the store; whatever was not finished is finished by the next call.
pub async fn finish(lake: &mut Lake) -> Result<Erased> {
    let mut erased = Erased::default();
    let Some(erasing) = lake.manifest.erasing else { return Ok(erased) };
    let forgotten = Arc::new(Forgotten::of(&lake.manifest));
    for table in TABLES.iter().copied() {
        erase_rows(lake, table, &forgotten, erasing, &mut erased).await?;
    }
    sums::adjust(lake, &mut erased).await?;
    walk::erase(lake, &forgotten, &mut erased).await?;
    clean(&mut lake.manifest, &forgotten);
    notes::erase(lake.store(), &forgotten, &mut erased).await?;
    let segments = archive::erase(lake, &forgotten, erasing, &mut erased).await?;
    drop_commits(lake, &forgotten, &mut erased).await?;
    for path in segments {
        lake.store().delete(&path).await?;
    }
    lake.manifest.erasing = None;
    Ok(erased)
}

/// Takes these up among the forgotten, and begins their erasure.
pub fn remember<'a>(
    manifest: &mut Manifest,
    subjects: impl IntoIterator<Item = &'a Subject>,
    erasing: Erasing,
) {
    let mut forgotten = Forgotten::of(manifest);
    for subject in subjects {
        if forgotten.insert(*subject) {
            manifest.forgotten.push(forgotten.marker(*subject));
        }
    }
    manifest.forgotten.sort_unstable();
    let begun = manifest.erasing.unwrap_or_default();
    manifest.erasing = Some(Erasing { deleted_messages: begun.deleted_messages || erasing.deleted_messages });
    clean(manifest, &forgotten);
}

/// Takes out of the manifest itself what names somebody forgotten.
fn clean(manifest: &mut Manifest, forgotten: &Forgotten) {
    manifest.pending.retain(|pending| !is_forgotten(pending, forgotten));
    if let Some(walk) = &mut manifest.walk {
        // A cursor may be the id of a conversation; it is only a hint.
        walk.cursor.take_if(|pairs| pairs.iter().any(|(_, value)| forgotten.names_in(value)));
    }
}

/// Whether a pending key is that of somebody forgotten.
pub fn is_forgotten(pending: &Pending, forgotten: &Forgotten) -> bool {
    let Ok(id) = pending.key.parse() else { return false };
    (pending.table == CONVERSATIONS.name && forgotten.contains(Subject::Conversation(id)))
        || (pending.table == CONTACTS.name && is_forgotten_person(forgotten, id))
}

/// What picks the rows of `table` that are to be erased.
pub fn picker(table: &'static Table, forgotten: &Arc<Forgotten>, erasing: Erasing) -> Picker {
    let forgotten = forgotten.clone();
    let columns = rows::columns(table);
    Picker { columns, picks: Arc::new(move |batch| rows::picks_of(table, batch, &forgotten, erasing)) }
}

async fn erase_rows(
    lake: &mut Lake,
    table: &'static Table,
    forgotten: &Arc<Forgotten>,
    erasing: Erasing,
    erased: &mut Erased,
) -> Result<()> {
    for path in lake.paths(table) {
        let change = Change { dropped: Some(picker(table, forgotten, erasing)), ..Change::default() };
        let counts = lake.fold(table, partition_of(&path).as_deref(), change).await?;
        if counts.dropped > 0 {
            *erased.rows.entry(table.name).or_default() += counts.dropped;
            erased.rewritten.push(path);
        }
        if lake.since_commit() >= CHECKPOINT_EVERY {
            // Renews the lease.
            lake.commit().await?;
        }
    }
    Ok(())
}

/// Deletes earlier commits that name an id. That they are gone is committed first, so that a gap in the chain
/// is never without its reason.
async fn drop_commits(lake: &mut Lake, forgotten: &Forgotten, erased: &mut Erased) -> Result<()> {
    let named = naming(lake.store(), &lake.manifest, forgotten).await?;
    lake.manifest.erased_commits.extend(&named);
    lake.commit().await?;
    let log = Log::new(lake.store());
    for number in named {
        erased.deleted.push(log.delete(number).await?);
    }
    lake.sweep_todo().await
}

/// The commits that stand in the chain before this one and name an id.
async fn naming(store: &dyn Store, manifest: &Manifest, forgotten: &Forgotten) -> Result<Vec<u64>> {
    let log = Log::new(store);
    let mut named = Vec::new();
    for number in log.numbers().await?.into_iter().filter(|number| *number <= manifest.number) {
        let text = log.text(number).await?;
        // One that an earlier try was to delete goes too, whatever it holds.
        if manifest.erased_commits.contains(&number) || forgotten.names_in(&text) {
            named.push(number);
        }
    }
    Ok(named)
}
