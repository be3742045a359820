//! A lake opened by one run: the manifest as it will be committed next, the right to write, and the only
//! way to put a data object. Changes are folded into the one object of their partition.
//!
//! Knows nothing of Drift, of pages or of the order in which tables are read.

mod adopt;
mod ahead;
mod archive;
mod change;
mod chunk;
mod doubt;
mod dropping;
mod lease;
mod masking;
mod objects;
mod open;
mod seen;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::clock::Clock;
use crate::error::Result;
use crate::manifest::{Log, Manifest, RunStatus, TableState};
use crate::schema::{Table, fingerprint};
use crate::store::{Guard, Store};

pub use self::adopt::table_of;
pub use self::archive::{Name, RAW, open_segment, open_sound_segment, read_segment};
pub use self::change::{Change, Departed, KeyValues, Keys};
pub use self::chunk::{open_chunk, read_chunk};
pub use self::objects::{Put, needed_memory, open_object, partition_of};
pub use self::open::{BRING_BACK, LOST, RunId, check_account, existing, is_data, last_commit, newest};

/// A lake opened for writing.
#[derive(Debug)]
pub struct Lake {
    /// The manifest, as the next commit will write it.
    pub manifest: Manifest,
    store: Arc<dyn Store>,
    clock: Clock,
    run: RunId,
    ids: fastrand::Rng,
    committed: Instant,
    puts: BTreeMap<&'static str, Put>,
    /// No object may be larger, in bytes.
    object_bytes_max: u64,
    guard: Option<Arc<dyn Guard>>,
    /// Puts may be on their way while the next object is folded.
    puts_ahead: bool,
    on_their_way: ahead::Puts,
    /// Another hand has changed objects, of which no exit code of a `sync` has told yet: this run has found them, or one
    /// that died or failed, or another command.
    untold: bool,
    /// Objects that cannot be read are left alone.
    tolerant: bool,
    /// The turn of the last segment of the archive that was put.
    turn: u64,
}

impl Lake {
    /// Commits the manifest and renews the lease.
    pub async fn commit(&mut self) -> Result<()> {
        self.manifest.lease = Some(self.lease());
        self.commit_as_is().await
    }

    /// Commits the manifest for the last time in this run and gives the lease back.
    pub async fn close(&mut self, status: RunStatus) -> Result<()> {
        self.manifest.run.status = status;
        self.manifest.run.ended_at = Some(self.clock.now());
        if matches!(status, RunStatus::Done | RunStatus::Incomplete) {
            self.manifest.last_complete = Some(self.manifest.run.clone());
        }
        self.end(status).await
    }

    /// The same for a run that has read nothing from Drift, so that it says nothing about completeness.
    pub async fn end(&mut self, status: RunStatus) -> Result<()> {
        self.manifest.run.ended_at = Some(self.clock.now());
        self.manifest.run.status = status;
        self.manifest.lease = None;
        self.commit_as_is().await
    }

    async fn commit_as_is(&mut self) -> Result<()> {
        self.land().await?;
        let commit_id = format!("{:016x}{:016x}", self.ids.u64(..), self.ids.u64(..));
        Log::new(self.store.as_ref()).commit(&mut self.manifest, commit_id).await?;
        self.committed = Instant::now();
        tracing::debug!(number = self.manifest.number, "committed");
        Ok(())
    }

    /// Keeps memory under this many bytes: an object may take half of it, beside what is folded into it.
    pub fn limit_memory(&mut self, bytes: u64) {
        self.object_bytes_max = bytes / 2;
    }

    /// How long ago the last commit was.
    pub fn since_commit(&self) -> Duration {
        self.committed.elapsed()
    }

    /// The state of a table, made on first use.
    pub fn table(&mut self, table: &Table) -> &mut TableState {
        self.manifest.tables.entry(table.name.to_owned()).or_insert_with(|| TableState {
            schema: fingerprint(table),
            key: table.key.iter().map(ToString::to_string).collect(),
            ..TableState::default()
        })
    }

    /// What was put for a table by this run.
    pub fn put_for(&self, table: &Table) -> Put {
        self.puts.get(table.name).copied().unwrap_or_default()
    }

    /// A short name for what some tables hold now: it changes exactly when one of their objects does.
    pub fn fingerprint(&self, tables: &[&Table]) -> String {
        let mut hash = Sha256::new();
        for state in tables.iter().filter_map(|table| self.manifest.tables.get(table.name)) {
            state
                .objects
                .iter()
                .for_each(|(path, object)| hash.update(format!("{path} {}\n", object.sha256)));
        }
        hex::encode(hash.finalize())
    }

    /// What earlier walks have left in `_todo` and the manifest no longer names. Asked for before the last
    /// commit, so that what is deleted after it cannot be of a run that has begun since.
    pub async fn leftovers(&self) -> Result<Vec<String>> {
        let chunks = self.manifest.walk.iter().flat_map(|walk| &walk.chunks);
        let named: BTreeSet<&str> = chunks.map(|piece| piece.path.as_str()).collect();
        let mut found = self.store.list(chunk::TODO).await?;
        found.retain(|entry| !named.contains(entry.path.as_str()));
        Ok(found.into_iter().map(|entry| entry.path).collect())
    }

    /// Deletes what earlier walks have left, by a run that goes on holding the lake.
    pub async fn sweep_todo(&self) -> Result<()> {
        for path in self.leftovers().await? {
            self.store.delete(&path).await?;
        }
        Ok(())
    }

    /// The store, for notes beside the data: reports, to-dos, quarantine, views.
    pub fn store(&self) -> &dyn Store {
        self.store.as_ref()
    }

    /// The id of the run that has opened the lake.
    pub fn run_id(&self) -> &str {
        &self.run.id
    }

    /// The run's clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
