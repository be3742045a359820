//! The walk in progress: every chunk that the manifest names is there, with the bytes it was written with.

use sha2::{Digest, Sha256};

use crate::cpu;
use crate::data_file;
use crate::error::{Error, Result};
use crate::manifest::{Manifest, TodoChunk};
use crate::store::Store;
use crate::tables::CONVERSATION_LIST;

use super::verdict::{Finding, Verification};

const AGAIN: &str =
    "restore it from a backup; the walk cannot go on without it, though the data does not depend on it";

/// Chunks are put before the commit that names them and deleted after the one that does not, so one that
/// is missing or other is broken, however the last run ended.
pub(super) async fn check(store: &dyn Store, manifest: &Manifest, found: &mut Verification) {
    for chunk in manifest.walk.iter().flat_map(|walk| &walk.chunks) {
        let fault = match store.get(&chunk.path).await {
            Ok(Some(stored)) => examine(chunk, stored.bytes).await.err().map(|error| error.to_string()),
            Ok(None) => Some("is named in the manifest, but missing".to_owned()),
            Err(error) => Some(format!("cannot be read: {error}")),
        };
        found.findings.extend(fault.map(|fault| Finding::broken(&chunk.path, fault, AGAIN)));
    }
}

async fn examine(chunk: &TodoChunk, bytes: bytes::Bytes) -> Result<()> {
    let chunk = chunk.clone();
    cpu::run(move || {
        if hex::encode(Sha256::digest(&bytes)) != chunk.sha256 {
            return Err(Error::store("has other bytes than the manifest says (SHA-256 differs)"));
        }
        let rows = data_file::open(&CONVERSATION_LIST, bytes)?.rows();
        let fits = rows == chunk.rows;
        let differs = || Error::store(format!("has {rows} rows, the manifest says {}", chunk.rows));
        if fits { Ok(()) } else { Err(differs()) }
    })
    .await
}
