//! Dropping the objects of a table. An object that no manifest names would be adopted by the next run, so the
//! intention is committed first; whoever opens the lake next carries out what is left of it.

use super::Lake;
use super::objects::checksum;
use crate::cpu;
use crate::error::Result;
use crate::manifest::{ObjectState, TableState};
use crate::schema::Table;
use crate::store::Entry;

impl Lake {
    /// Takes a table out of the manifest, objects and state. Its objects are deleted by
    /// [`Lake::finish_dropping`] after the commit, which is the caller's.
    pub fn drop_table(&mut self, table: &Table) {
        let TableState { objects, .. } = self.manifest.tables.remove(table.name).unwrap_or_default();
        self.manifest.dropping.extend(objects);
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
            let dropped = self.manifest.dropping.get(&entry.path);
            if let Some(dropped) = dropped
                && self.is_same(entry, dropped).await?
            {
                self.store.delete(&entry.path).await?;
            }
        }
        self.manifest.dropping.clear();
        Ok(())
    }

    /// A lake that was copied has other etags and the same bytes.
    async fn is_same(&self, entry: &Entry, dropped: &ObjectState) -> Result<bool> {
        if entry.etag == dropped.etag {
            return Ok(true);
        }
        let Some(stored) = self.store.get(&entry.path).await? else { return Ok(false) };
        let sha256 = cpu::run(move || Ok(checksum(&stored.bytes))).await?;
        Ok(sha256 == dropped.sha256)
    }
}
