//! Adopting what a killed run has put but not committed. Every object is one complete version whatever
//! happened, so an object that differs from the manifest is read again and taken as it is. One that no run can have put
//! is taken, too, but in doubt: an earlier version that came back from a backup, or a copy of another object.

use std::collections::{BTreeSet, HashSet};

use super::objects::{checksum, describe, newest_instant, partition_of, reader};
use super::{Change, Lake};
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{Log, ObjectState};
use crate::schema::{Partition, Table, fingerprint};
use crate::store::{Entry, Etag};
use crate::{cpu, tables};

/// An object that is not the one that the manifest names.
struct Met {
    table: &'static Table,
    path: String,
    sha256: String,
    rows: u64,
    /// The newest instant of a walk in its rows, in epoch microseconds, where that was looked for.
    newest_us: Option<i64>,
}

impl Lake {
    /// From now on, an object that is missing or damaged is left for who reads it: it stays in the manifest as it
    /// is, so that the next `sync` says so.
    pub fn tolerate(&mut self) {
        self.tolerant = true;
    }

    /// Compares all data objects with the manifest, by etag, then by SHA-256.
    pub(super) async fn adopt(&mut self) -> Result<()> {
        let entries = self.store.list("").await?;
        let (mut seen, mut met, mut is_copy) = (BTreeSet::new(), Vec::new(), false);
        for entry in &entries {
            let Some(table) = table_of(&entry.path) else { continue };
            if !self.is_dropped(entry).await? {
                let named = self.named_version(table, entry);
                match self.adopt_object(table, entry).await {
                    Err(error) if self.tolerant && error.kind() == ErrorKind::Store => {
                        tracing::warn!(%error, "leaving an object alone that cannot be read");
                    }
                    adopted => {
                        let adopted = adopted?;
                        is_copy |= adopted.is_none() && named.is_some_and(|etag| etag != entry.etag);
                        met.extend(adopted);
                    }
                }
                seen.insert(entry.path.clone());
            }
        }
        let strange = self.strange(&met, is_copy).await?;
        for one in &met {
            self.note_adopted(one, strange.contains(&one.path));
        }
        if self.tolerant { Ok(()) } else { self.check_missing(&seen) }
    }

    /// The version of an object that the manifest names.
    fn named_version(&mut self, table: &Table, entry: &Entry) -> Option<Etag> {
        self.table(table).objects.get(&entry.path).map(|known| known.etag.clone())
    }

    /// Takes an object as it is, and answers which it is, if the manifest does not name these bytes.
    async fn adopt_object(&mut self, table: &'static Table, entry: &Entry) -> Result<Option<Met>> {
        let known = self.table(table).objects.get(&entry.path).cloned();
        if known.as_ref().is_some_and(|known| known.etag == entry.etag) {
            return Ok(None);
        }
        // From here on the run builds upon it, so it must outlast a power cut.
        self.store.settle(&entry.path).await?;
        let (found, newest_us) = self.examine(table, entry).await?;
        let (path, sha256, rows) = (entry.path.clone(), found.sha256.clone(), found.rows);
        self.table(table).objects.insert(path.clone(), found);
        self.recount(table);
        let is_named = known.is_some_and(|known| known.sha256 == sha256);
        Ok((!is_named).then_some(Met { table, path, sha256, rows, newest_us }))
    }

    /// The paths of those that no unfinished run can have put, or not alone: where the lake was copied while a run wrote,
    /// conversations may be newer than their messages. Where the last run ended cleanly, all are in doubt anyway.
    async fn strange(&self, met: &[Met], is_copy: bool) -> Result<BTreeSet<String>> {
        if met.is_empty() || self.manifest.run.status.ended_cleanly() {
            return Ok(BTreeSet::new());
        }
        let known = self.known_sums(met).await?;
        // Objects without rows are all alike.
        let has_returned = |one: &Met| one.rows > 0 && known.contains(&one.sha256);
        let is_torn = |one: &Met| is_copy && matches!(one.table.partition, Partition::Time(_));
        let found = met.iter().filter(|one| has_returned(one) || self.is_too_old(one) || is_torn(one));
        Ok(found.map(|one| one.path.clone()).collect())
    }

    /// Of their SHA-256 those that a commit names which is still there, for the same path or another: what a run puts
    /// anew has rows of its walk in it, so it is none that was there before.
    async fn known_sums(&self, met: &[Met]) -> Result<HashSet<String>> {
        let sums: HashSet<&str> = met.iter().map(|one| &*one.sha256).collect();
        let (log, mut known) = (Log::new(self.store.as_ref()), HashSet::new());
        for number in log.numbers().await? {
            // One that cannot be read is for `verify` to tell.
            let Ok(commit) = log.read(number).await else { continue };
            let named = commit.objects().filter(|(_, _, object)| sums.contains(&*object.sha256));
            known.extend(named.map(|(_, _, object)| object.sha256.clone()));
        }
        Ok(known)
    }

    /// Whether an object of rows that are replaced with their conversation has none of the walk that was going on: any
    /// that this walk has put has some, unless it was just written under another schema.
    fn is_too_old(&self, met: &Met) -> bool {
        let Some(walk) = &self.manifest.walk else { return false };
        let state = self.manifest.tables.get(met.table.name);
        let is_of_this_schema = state.is_some_and(|state| state.schema == fingerprint(met.table));
        let is_older = met.newest_us.is_some_and(|newest| newest < walk.started_at.as_microsecond());
        is_of_this_schema && met.rows > 0 && is_older
    }

    /// Rows of this object may be without a conversation; or, if it is one of conversations and in doubt, those of the
    /// objects beside it.
    fn look_for_orphans(&mut self, table: &Table, path: &str) {
        let mut looked = match table.partition {
            Partition::OfConversation => vec![path.to_owned()],
            _ if table.name == tables::CONVERSATIONS.name && self.manifest.doubted.contains(path) => {
                objects_beside(path)
            }
            _ => Vec::new(),
        };
        looked.retain(|one| one == path || self.manifest.objects().any(|(_, stored, _)| stored == one));
        self.manifest.adopted.extend(looked);
    }

    /// An unfinished run, or one that was taken over, has put it. Where neither can be, it was another hand.
    fn note_adopted(&mut self, met: &Met, is_strange: bool) {
        // Where no run ever took a lake over, none was overtaken.
        let alone = self.is_locked() || self.manifest.epoch == 0;
        if is_strange || self.manifest.run.status.ended_cleanly() && alone {
            self.doubt(met.table, &met.path);
        } else {
            tracing::info!(object = met.path, "adopting an object that the last commit does not know");
        }
        if !self.manifest.forgotten.is_empty() {
            self.manifest.erasing.get_or_insert_default();
        }
        self.look_for_orphans(met.table, &met.path);
    }

    /// Adopts a version that was met during the run and is not the one the manifest names: a run that was
    /// taken over has put it late. A lock leaves no room for such.
    pub(super) async fn adopt_late_put(
        &mut self,
        table: &'static Table,
        path: &str,
        found: &Etag,
    ) -> Result<()> {
        if self.is_locked() {
            return Ok(());
        }
        let entry = Entry { path: path.to_owned(), bytes: 0, etag: found.clone() };
        if let Some(met) = Box::pin(self.adopt_object(table, &entry)).await? {
            self.note_adopted(&met, false);
        }
        Ok(())
    }

    /// What an object is, and the newest instant in its rows, where that is looked for.
    async fn examine(&self, table: &'static Table, entry: &Entry) -> Result<(ObjectState, Option<i64>)> {
        let stored = self.store.get(&entry.path).await?.ok_or_else(|| missing(&entry.path))?;
        let path = entry.path.clone();
        cpu::run_on(stored.bytes.len() as u64, move || {
            let sha256 = checksum(&stored.bytes);
            let bytes = stored.bytes.len() as u64;
            let looked_at = !table.is_derived() && table.partition == Partition::OfConversation;
            let described = reader(table, stored.bytes).and_then(|reader| {
                let newest = if looked_at { newest_instant(&reader)? } else { None };
                Ok((describe(&reader)?, newest))
            });
            let ((rows, deleted), newest_us) =
                described.map_err(|error| error.at("object", path).hint(BRING_BACK))?;
            Ok((ObjectState { rows, deleted, bytes, sha256, etag: stored.etag }, newest_us))
        })
        .await
    }

    fn check_missing(&self, seen: &BTreeSet<String>) -> Result<()> {
        match self.manifest.objects().find(|(_, path, _)| !seen.contains(*path)) {
            Some((_, path, _)) => Err(missing(path)),
            None => Ok(()),
        }
    }
}

/// The objects of the same partition whose rows belong to conversations.
fn objects_beside(path: &str) -> Vec<String> {
    let beside = tables::ALL.iter().filter(|table| table.partition == Partition::OfConversation);
    beside.map(|table| table.object_path(partition_of(path).as_deref())).collect()
}

/// The table whose object may stand at this path; other files are none of ours.
pub fn table_of(path: &str) -> Option<&'static Table> {
    let (name, rest) = path.split_once('/')?;
    let table = tables::by_name(name)?;
    let own_name = format!("{name}.parquet");
    let (partition, file) = match rest.split_once('/') {
        Some((partition, file)) => (Some(partition), file),
        None => (None, rest),
    };
    (file == own_name && table.partition.has(partition)).then_some(table)
}

impl Lake {
    /// Rewrites the objects of tables whose schema this version of the program declares otherwise, before
    /// anything is added to them.
    pub async fn upgrade(&mut self) -> Result<()> {
        for table in tables::ALL.iter().copied() {
            if self.table(table).schema == fingerprint(table) {
                continue;
            }
            for path in self.paths(table) {
                self.fold(table, partition_of(&path).as_deref(), Change::default()).await?;
            }
            self.table(table).schema = fingerprint(table);
        }
        Ok(())
    }
}

fn missing(path: &str) -> Error {
    Error::store("a data object of the lake is missing").at("object", path).hint(BRING_BACK)
}

const BRING_BACK: &str =
    "restore it from a backup; to fetch its table again from Drift, run `reset --table` for it, then `sync`";
