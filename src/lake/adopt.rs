//! Adopting what a killed run has put but not committed. Every object is one complete version whatever
//! happened, so an object that differs from the manifest is read again and taken as it is.

use std::collections::BTreeSet;

use super::objects::{checksum, describe, partition_of, reader};
use super::{Change, Lake};
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::ObjectState;
use crate::schema::{Partition, Table, fingerprint};
use crate::store::{Entry, Etag};
use crate::{cpu, tables};

impl Lake {
    /// From now on, an object that is missing or damaged is left for who reads it: it stays in the manifest as it
    /// is, so that the next `sync` says so.
    pub fn tolerate(&mut self) {
        self.tolerant = true;
    }

    /// Compares all data objects with the manifest, by etag, then by SHA-256.
    pub(super) async fn adopt(&mut self) -> Result<()> {
        let entries = self.store.list("").await?;
        let mut seen = BTreeSet::new();
        for entry in &entries {
            let Some(table) = table_of(&entry.path) else { continue };
            if !self.is_dropped(entry).await? {
                match self.adopt_object(table, entry).await {
                    Err(error) if self.tolerant && error.kind() == ErrorKind::Store => {
                        tracing::warn!(%error, "leaving an object alone that cannot be read");
                    }
                    adopted => adopted?,
                }
                seen.insert(entry.path.clone());
            }
        }
        if self.tolerant { Ok(()) } else { self.check_missing(&seen) }
    }

    async fn adopt_object(&mut self, table: &'static Table, entry: &Entry) -> Result<()> {
        let known = self.table(table).objects.get(&entry.path).cloned();
        if known.as_ref().is_some_and(|known| known.etag == entry.etag) {
            return Ok(());
        }
        // From here on the run builds upon it, so it must outlast a power cut.
        self.store.settle(&entry.path).await?;
        let found = self.examine(table, entry).await?;
        if known.as_ref().is_none_or(|known| known.sha256 != found.sha256) {
            self.note_adopted(table, &entry.path);
            self.look_for_orphans(table, &entry.path);
        }
        self.table(table).objects.insert(entry.path.clone(), found);
        self.recount(table);
        Ok(())
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
    fn note_adopted(&mut self, table: &Table, path: &str) {
        // Where no run ever took a lake over, none was overtaken.
        let alone = self.is_locked() || self.manifest.epoch == 0;
        if self.manifest.run.status.ended_cleanly() && alone {
            self.doubt(table, path);
        } else {
            tracing::info!(object = path, "adopting an object that the last commit does not know");
        }
        if !self.manifest.forgotten.is_empty() {
            self.manifest.erasing.get_or_insert_default();
        }
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
        Box::pin(self.adopt_object(table, &entry)).await
    }

    async fn examine(&self, table: &'static Table, entry: &Entry) -> Result<ObjectState> {
        let stored = self.store.get(&entry.path).await?.ok_or_else(|| missing(&entry.path))?;
        let path = entry.path.clone();
        cpu::run_on(stored.bytes.len() as u64, move || {
            let sha256 = checksum(&stored.bytes);
            let bytes = stored.bytes.len() as u64;
            let described = reader(table, stored.bytes).and_then(|reader| describe(&reader));
            let (rows, deleted) = described.map_err(|error| error.at("object", path).hint(BRING_BACK))?;
            Ok(ObjectState { rows, deleted, bytes, sha256, etag: stored.etag })
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
