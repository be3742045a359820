//! Pieces of a walk in progress: what was listed, below `_todo`. A piece is put before the commit that names it,
//! and never changes after it.

use bytes::Bytes;

use super::Lake;
use super::objects::checksum;
use crate::cpu;
use crate::data_file::{self, Reader};
use crate::error::{Error, Result};
use crate::manifest::TodoChunk;
use crate::store::Store;
use crate::tables::CONVERSATION_LIST;

/// Where the pieces lie.
pub(super) const TODO: &str = "_todo";

/// The bytes of a piece, which must be those that it was put with.
///
/// # Errors
/// [`Error::store`] when it is missing, or not as it was put.
pub async fn read_chunk(store: &dyn Store, chunk: &TodoChunk) -> Result<Bytes> {
    let stored = store.get(&chunk.path).await?.ok_or_else(|| missing(&chunk.path))?;
    let chunk = chunk.clone();
    cpu::run_on(stored.bytes.len() as u64, move || {
        if checksum(&stored.bytes) == chunk.sha256 { Ok(stored.bytes) } else { Err(changed(&chunk.path)) }
    })
    .await
}

/// Opens a piece, whose bytes must be those that it was put with.
///
/// # Errors
/// [`Error::store`] when it is missing, not as it was put, or cannot be read.
pub async fn open_chunk(store: &dyn Store, chunk: &TodoChunk) -> Result<Reader> {
    let bytes = read_chunk(store, chunk).await?;
    data_file::open(&CONVERSATION_LIST, bytes).map_err(|error| error.at("object", &chunk.path))
}

impl Lake {
    /// Puts a piece under a `name` that no commit has named yet.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn put_chunk(&self, name: &str, bytes: Bytes, rows: u64) -> Result<TodoChunk> {
        let path = format!("{TODO}/{name}.parquet");
        let sha256 = checksum(&bytes);
        self.store.overwrite(&path, bytes).await?;
        Ok(TodoChunk { path, rows, sha256 })
    }
}

fn missing(path: &str) -> Error {
    Error::store("a piece of the walk in progress is missing").at("object", path).hint(HARMLESS)
}

fn changed(path: &str) -> Error {
    let found = "a piece of the walk in progress has other bytes than the manifest says (SHA-256 differs)";
    Error::store(found).at("object", path).hint(HARMLESS)
}

const HARMLESS: &str = "nothing that was fetched is lost";
