//! Dropping the objects of a table. An object that no manifest names would be adopted by the next run, so the
//! intention is committed first; whoever opens the lake next carries out what is left of it.

use super::Lake;
use super::adopt::table_of;
use super::objects::checksum;
use crate::cpu;
use crate::error::Result;
use crate::manifest::ObjectState;
use crate::schema::Table;
use crate::store::Entry;

impl Lake {
    /// Takes a table out of the manifest, objects and state. Whatever objects of it stand there now, whole or
    /// not, are deleted by [`Lake::finish_dropping`] after the commit, which is the caller's.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn drop_table(&mut self, table: &Table) -> Result<()> {
        let known = self.manifest.tables.remove(table.name).unwrap_or_default().objects;
        self.trust_again(&self.doubted(table));
        for entry in self.store.list(table.name).await? {
            if table_of(&entry.path).is_some_and(|of| of.name == table.name) {
                let dropped = self.standing(&entry, known.get(&entry.path)).await?;
                self.manifest.dropping.insert(entry.path, dropped);
            }
        }
        Ok(())
    }

    /// What stands there, by its version and its bytes; what is in it does not matter.
    async fn standing(&self, entry: &Entry, known: Option<&ObjectState>) -> Result<ObjectState> {
        if let Some(known) = known.filter(|known| known.etag == entry.etag) {
            return Ok(known.clone());
        }
        let sha256 = self.sha256(&entry.path).await?.unwrap_or_default();
        Ok(ObjectState { rows: 0, deleted: 0, bytes: entry.bytes, sha256, etag: entry.etag.clone() })
    }

    /// Deletes the objects that were dropped. One that somebody has put there since is none of them.
    ///
    /// # Errors
    /// Those of the store; what is left is deleted by the next run.
    pub async fn finish_dropping(&mut self) -> Result<()> {
        if self.manifest.dropping.is_empty() {
            return Ok(());
        }
        let entries = self.store.list("").await?;
        for entry in &entries {
            if self.is_dropped(entry).await? {
                self.store.delete(&entry.path).await?;
            }
        }
        self.manifest.dropping.clear();
        Ok(())
    }

    /// Whether an object is one that was dropped and not one that was put in its place since. A lake that was
    /// copied has other etags and the same bytes.
    pub(super) async fn is_dropped(&self, entry: &Entry) -> Result<bool> {
        let Some(dropped) = self.manifest.dropping.get(&entry.path) else { return Ok(false) };
        if entry.etag == dropped.etag {
            return Ok(true);
        }
        Ok(self.sha256(&entry.path).await?.is_some_and(|sha256| sha256 == dropped.sha256))
    }

    async fn sha256(&self, path: &str) -> Result<Option<String>> {
        let Some(stored) = self.store.get(path).await? else { return Ok(None) };
        cpu::run_on(stored.bytes.len() as u64, move || Ok(Some(checksum(&stored.bytes)))).await
    }
}
