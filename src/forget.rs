//! Forgetting: contacts, conversations, or all that Drift itself deleted are erased from a lake for good. Asks
//! Drift nothing and needs no token.
//!
//! ```text
//!  find ─► remember, commit ─► erase ─► commit
//! ```
//!
//! Promises: what is to be forgotten is remembered before the first row goes, so that an erasure that was begun
//! is finished by whoever opens the lake next, and so that no later run brings anything back. A dry run changes
//! nothing and takes no lock.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::clock::Clock;
use crate::erase::{self, Erased, Found, Wanted};
use crate::error::Result;
use crate::lake::{self, Lake, RunId};
use crate::manifest::{Erasing, Forgotten, Manifest, Subject};
use crate::store::Store;

/// What was forgotten, or would be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Forgetting {
    /// Whether nothing was done.
    pub dry_run: bool,
    /// Contacts that are remembered as forgotten by this.
    pub contacts: u64,
    /// Conversations that are.
    pub conversations: u64,
    /// Ids that were asked for and were not in the lake; they are remembered all the same.
    pub not_in_lake: Vec<i64>,
    /// Rows erased, by table.
    pub rows: BTreeMap<&'static str, u64>,
    /// Records set aside that were erased.
    pub records: u64,
    /// Objects and notes that were written anew.
    pub rewritten: Vec<String>,
    /// Files that were deleted.
    pub deleted: Vec<String>,
    /// Where a bucket that keeps versions may still have older ones; they are beyond reach from here.
    pub older_versions: Vec<String>,
    /// The number of the manifest that this ended with.
    pub manifest: u64,
}

/// Forgets what is wanted; with `dry_run`, only says what that would be.
///
/// # Errors
/// [`Error::usage`](crate::error::Error::usage) when there is no lake; [`Error::held`](crate::error::Error::held) while a run holds it; those of
/// the store, after which the next run finishes what was begun.
pub async fn forget(
    store: Arc<dyn Store>,
    run: RunId,
    clock: Clock,
    wanted: &Wanted,
    dry_run: bool,
) -> Result<Forgetting> {
    let manifest = lake::existing(store.as_ref()).await?;
    if dry_run {
        return foresee(store.as_ref(), manifest, wanted).await;
    }
    let (mut lake, ended) = Lake::open_existing(store, run, clock).await?;
    let found = erase::find(lake.store(), &lake.manifest, wanted).await?;
    erase::remember(&mut lake.manifest, &found.subjects, erasing(wanted));
    lake.commit().await?;
    let erased = erase::finish(&mut lake).await?;
    lake.end(ended).await?;
    Ok(told(&lake, found, erased))
}

fn erasing(wanted: &Wanted) -> Erasing {
    Erasing { deleted_messages: *wanted == Wanted::Deleted }
}

/// What forgetting would come to, by the manifest as it is now.
async fn foresee(store: &dyn Store, mut manifest: Manifest, wanted: &Wanted) -> Result<Forgetting> {
    let found = erase::find(store, &manifest, wanted).await?;
    erase::remember(&mut manifest, &found.subjects, erasing(wanted));
    let forgotten = Arc::new(Forgotten::of(&manifest));
    let mut told = numbers(found);
    for table in erase::TABLES.iter().copied() {
        for path in manifest.tables.get(table.name).iter().flat_map(|state| state.objects.keys()) {
            let picker = erase::picker(table, &forgotten, erasing(wanted));
            let rows = erase::count(store, table, path, picker).await?;
            if rows > 0 {
                *told.rows.entry(table.name).or_default() += rows;
                told.rewritten.push(path.clone());
            }
        }
    }
    told.dry_run = true;
    told.manifest = manifest.number;
    Ok(told)
}

fn numbers(found: Found) -> Forgetting {
    let conversations =
        found.subjects.iter().filter(|subject| matches!(subject, Subject::Conversation(_))).count();
    Forgetting {
        contacts: (found.subjects.len() - conversations) as u64,
        conversations: conversations as u64,
        not_in_lake: found.unknown,
        ..Forgetting::default()
    }
}

fn told(lake: &Lake, found: Found, erased: Erased) -> Forgetting {
    let changed = erased.rewritten.iter().chain(&erased.deleted);
    let keeps = lake.store().keeps_versions();
    let older = changed.filter(|_| keeps).map(|path| lake.store().uri(path)).collect();
    Forgetting {
        rows: erased.rows,
        records: erased.records,
        rewritten: erased.rewritten,
        deleted: erased.deleted,
        older_versions: older,
        manifest: lake.manifest.number,
        ..numbers(found)
    }
}
