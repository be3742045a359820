//! Data objects: opening them, folding changes into them, putting them.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use arrow::array::AsArray as _;
use arrow::compute::max;
use arrow::datatypes::TimestampMicrosecondType;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::{Change, Lake};
use crate::cpu;
use crate::data_file::{self, Encoded, Encoder, Reader};
use crate::error::{Error, Result};
use crate::fold::{self, FoldCounts};
use crate::manifest::ObjectState;
use crate::schema::Table;
use crate::store::{Etag, Expect, Opened, Store};

/// A run that was taken over has at most one put on its way; more of them are somebody who does not keep to
/// the lease.
const LATE_PUTS_MAX: u32 = 3;

/// What was put for one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Put {
    /// Objects.
    pub objects: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Lake {
    /// Folds changes into the object of a partition (such as `month=2025-03`) and puts it, unless no row
    /// changed.
    ///
    /// # Errors
    /// [`Error::held`] when another run has taken the lake over.
    pub async fn fold(
        &mut self,
        table: &'static Table,
        partition: Option<&str>,
        change: Change,
    ) -> Result<FoldCounts> {
        let (path, change) = (table.object_path(partition), Arc::new(change));
        let mut late_puts = 0;
        loop {
            match self.fold_once(table, &path, &change).await {
                Err(error) if self.may_be_late_put(&error) && late_puts < LATE_PUTS_MAX => {
                    self.outrank(&error).await?;
                    late_puts += 1;
                }
                folded => return folded,
            }
        }
    }

    async fn fold_once(
        &mut self,
        table: &'static Table,
        path: &str,
        change: &Arc<Change>,
    ) -> Result<FoldCounts> {
        let old = self.open_whole(table, path).await?;
        let expect = old.as_ref().map_or(Expect::Absent, |old| Expect::Version(old.etag.clone()));
        let named = old.as_ref().and_then(|old| self.sum_of(table, path, &old.etag));
        let change = change.clone();
        let bytes = change.bytes() + old.as_ref().map_or(0, |old| old.reader.bytes());
        let folding = cpu::run_on(bytes, move || {
            if let (Some(old), Some(named)) = (&old, &named) {
                old.whole.check(named)?;
            }
            fold::fold(old.as_ref().map(|old| &old.reader), change.of(table))
        });
        let folded = self
            .meanwhile(folding)
            .await
            .map_err(|error| error.at("table", table.name).at("object", path))?;
        if let Some(encoded) = folded.object {
            self.put(table, path.to_owned(), encoded, expect, folded.counts).await?;
        }
        Ok(folded.counts)
    }

    /// Puts an object without rows where there is none.
    pub async fn put_empty(&mut self, table: &'static Table, partition: Option<&str>) -> Result<()> {
        let encoded = cpu::run_on(0, move || Encoder::new(table)?.finish()).await?;
        let path = table.object_path(partition);
        match self.put(table, path, encoded, Expect::Absent, FoldCounts::default()).await {
            Err(error) if self.may_be_late_put(&error) => {
                self.outrank(&error).await?;
                self.fold(table, partition, Change::default()).await.map(drop)
            }
            put => put,
        }
    }

    async fn put(
        &mut self,
        table: &'static Table,
        path: String,
        encoded: Encoded,
        expect: Expect,
        counts: FoldCounts,
    ) -> Result<()> {
        let bytes = encoded.bytes.len() as u64;
        if bytes > self.object_bytes_max {
            return Err(too_large(bytes).at("table", table.name).at("object", path));
        }
        self.check_right_to_put().await?;
        let putting = hash_and_put(self.store.clone(), path.clone(), encoded.bytes.into(), expect);
        let (sha256, etag) = self.put_or_send(table, &path, bytes, putting).await?;
        let state = ObjectState { rows: counts.rows, deleted: counts.deleted, bytes, sha256, etag };
        self.table(table).objects.insert(path, state);
        self.recount(table);
        let put = self.puts.entry(table.name).or_default();
        put.objects += 1;
        put.bytes += bytes;
        Ok(())
    }

    /// The SHA-256 and the etag of what was put; where puts may be on their way, they are known when this one has ended.
    async fn put_or_send(
        &mut self,
        table: &'static Table,
        path: &str,
        bytes: u64,
        put: impl Future<Output = Result<(String, Etag)>> + Send + 'static,
    ) -> Result<(String, Etag)> {
        if !self.puts_ahead {
            return self.meanwhile(put).await;
        }
        self.send(table, path.to_owned(), bytes, put).await?;
        Ok((String::new(), Etag(String::new())))
    }

    /// Adds up a table's objects.
    pub(super) fn recount(&mut self, table: &Table) {
        let state = self.table(table);
        state.rows = state.objects.values().map(|object| object.rows).sum();
        state.deleted = state.objects.values().map(|object| object.deleted).sum();
    }

    /// Opens an object of a table that the manifest names. Who reads all of a table opens one after the other: there
    /// may be thousands, each of which is a file, or all of its bytes.
    pub async fn open_named(&mut self, table: &'static Table, path: &str) -> Result<Reader> {
        self.renew_if_due().await?;
        let found = self.open_object(table, path).await?;
        found.map(|(reader, _)| reader).ok_or_else(|| vanished(path))
    }

    /// Opens the object of one partition, if there is one.
    pub async fn open_partition(
        &mut self,
        table: &'static Table,
        partition: Option<&str>,
    ) -> Result<Option<Reader>> {
        let found = self.open_object(table, &table.object_path(partition)).await?;
        Ok(found.map(|(reader, _)| reader))
    }

    /// The paths of a table's objects.
    pub fn paths(&self, table: &Table) -> Vec<String> {
        let state = self.manifest.tables.get(table.name);
        state.map(|state| state.objects.keys().cloned().collect()).unwrap_or_default()
    }

    /// What is read is what the manifest names, be it that a late put has to be adopted first: a run that goes
    /// by rows which it has read must not end with a manifest that does not know them.
    async fn open_object(&mut self, table: &'static Table, path: &str) -> Result<Option<(Reader, Etag)>> {
        Ok(self.open_whole(table, path).await?.map(|old| (old.reader, old.etag)))
    }

    async fn open_whole(&mut self, table: &'static Table, path: &str) -> Result<Option<Version>> {
        self.land_at(path).await?;
        let (store, target) = (self.store.clone(), path.to_owned());
        let opening = async move { open_version(store.as_ref(), table, &target).await };
        let Some(version) = self.meanwhile(opening).await? else { return Ok(None) };
        self.adopt_late_put(table, path, &version.etag).await?;
        Ok(Some(version))
    }

    /// The SHA-256 of the bytes that this version was put with, if the manifest names it.
    fn sum_of(&self, table: &Table, path: &str, etag: &Etag) -> Option<String> {
        let known = self.manifest.tables.get(table.name)?.objects.get(path)?;
        (known.etag == *etag).then(|| known.sha256.clone())
    }
}

/// One version of an object.
struct Version {
    reader: Reader,
    whole: Whole,
    etag: Etag,
}

/// All bytes of a version.
enum Whole {
    File(File),
    Bytes(Bytes),
}

/// So many bytes of a file are hashed at a time.
const PIECE_BYTES: usize = 256 << 10;

impl Whole {
    /// Fails unless the bytes have this SHA-256: what is folded anew gets a sum of its own, which would hide for ever
    /// that the disk has altered what was there.
    fn check(&self, named: &str) -> Result<()> {
        if self.sum()? == named {
            return Ok(());
        }
        Err(Error::store(ALTERED).hint(MADE_AGAIN))
    }

    fn sum(&self) -> Result<String> {
        let file = match self {
            Self::Bytes(bytes) => return Ok(checksum(bytes)),
            Self::File(file) => file,
        };
        let (mut sum, mut piece, mut at) = (Sha256::new(), vec![0; PIECE_BYTES], 0);
        loop {
            // The reader of the object has its own place in the file.
            let count = file.read_at(&mut piece, at).map_err(unreadable)?;
            if count == 0 {
                return Ok(hex::encode(sum.finalize()));
            }
            sum.update(&piece[..count]);
            at += count as u64;
        }
    }
}

fn unreadable(cause: std::io::Error) -> Error {
    Error::store("a data object cannot be read").caused_by(cause).hint(MADE_AGAIN)
}

const ALTERED: &str = "a data object has other bytes than were written, though nothing has replaced it: the disk has altered it";

const MADE_AGAIN: &str = "look after the disk; restore the object from a backup, or make the lake again by `rebuild` if it keeps its \
     raw pages; to fetch its table again from Drift, run `reset --table` for it, then `sync`";

/// Opens an object of a table, if it is there, and answers which version it is. Nothing is taken from what a
/// manifest says of it.
///
/// # Errors
/// Those of the store, and of an object that is not of the table.
pub async fn open_object(store: &dyn Store, table: &Table, path: &str) -> Result<Option<(Reader, Etag)>> {
    Ok(open_version(store, table, path).await?.map(|version| (version.reader, version.etag)))
}

async fn open_version(store: &dyn Store, table: &Table, path: &str) -> Result<Option<Version>> {
    let (reader, whole, etag) = match store.open(path).await? {
        Some(Opened::File(file, etag)) => {
            let whole = file.try_clone().map_err(|cause| unreadable(cause).at("object", path))?;
            (data_file::open(table, file), Whole::File(whole), etag)
        }
        Some(Opened::Bytes(bytes, etag)) => {
            (data_file::open(table, bytes.clone()), Whole::Bytes(bytes), etag)
        }
        None => return Ok(None),
    };
    Ok(Some(Version { reader: reader.map_err(|error| error.at("object", path))?, whole, etag }))
}

async fn hash_and_put(
    store: Arc<dyn Store>,
    path: String,
    bytes: Bytes,
    expect: Expect,
) -> Result<(String, Etag)> {
    let hashed = bytes.clone();
    let sha256 = cpu::run_on(hashed.len() as u64, move || Ok(checksum(&hashed))).await?;
    Ok((sha256, store.replace(&path, bytes, expect).await?))
}

/// The partition in an object's path, such as `month=2025-03`.
pub fn partition_of(path: &str) -> Option<String> {
    let mut parts = path.split('/');
    let partition = parts.nth(1)?;
    parts.next().map(|_| partition.to_owned())
}

/// SHA-256 in hex.
pub(super) fn checksum(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// An object of `table` in memory.
pub(super) fn reader(table: &Table, bytes: Bytes) -> Result<Reader> {
    data_file::open(table, bytes)
}

/// How many rows an object has, and how many of them are deleted.
pub(super) fn describe(reader: &Reader) -> Result<(u64, u64)> {
    let (mut rows, mut deleted) = (0, 0);
    for batch in reader.columns(&["_deleted_at"])? {
        let batch = batch?;
        rows += batch.num_rows() as u64;
        deleted += (batch.num_rows() - batch.column(0).null_count()) as u64;
    }
    Ok((rows, deleted))
}

/// The newest instant at which a walk stored or buried a row, in epoch microseconds.
pub(super) fn newest_instant(reader: &Reader) -> Result<Option<i64>> {
    let mut newest = None;
    for batch in reader.columns(&["_synced_at", "_deleted_at"])? {
        for column in batch?.columns() {
            newest = newest.max(max(column.as_primitive::<TimestampMicrosecondType>()));
        }
    }
    Ok(newest)
}

/// The memory that a run needs to fold an object of so many bytes, in whole MiB; nothing for other errors.
pub fn needed_memory(error: &Error) -> Option<&str> {
    error.place(NEEDS)
}

/// Names the memory that is needed.
const NEEDS: &str = "needs --memory";

fn too_large(bytes: u64) -> Error {
    // A quarter more, so that the next run does not stop at the same place.
    let needed = (bytes * 5 / 2).div_ceil(1 << 20);
    Error::usage("an object has become larger than half of the memory allows")
        .at(NEEDS, format!("{needed}MiB"))
        .hint(format!("run again with --memory {needed}MiB"))
}

fn vanished(path: &str) -> Error {
    Error::store("a data object vanished during the run")
        .at("object", path)
        .hint("make sure that nothing else deletes files in the lake, then run again")
}
