//! The walk in progress: every chunk that the manifest names is there, with the bytes it was written with.

use crate::error::Result;
use crate::lake::open_chunk;
use crate::manifest::{Manifest, TodoChunk};
use crate::store::Store;

use super::verdict::{Finding, Verification};

const AGAIN: &str =
    "restore it from a backup; the walk cannot go on without it, though the data does not depend on it";

/// Chunks are put before the commit that names them and deleted after the one that does not, so one that
/// is missing or other is broken, however the last run ended.
pub(super) async fn check(store: &dyn Store, manifest: &Manifest, found: &mut Verification) {
    for chunk in manifest.walk.iter().flat_map(|walk| &walk.chunks) {
        let fault = fault(store, chunk).await.unwrap_or_else(|error| Some(error.found().to_owned()));
        found.findings.extend(fault.map(|fault| Finding::broken(&chunk.path, fault, AGAIN)));
    }
}

async fn fault(store: &dyn Store, chunk: &TodoChunk) -> Result<Option<String>> {
    let rows = open_chunk(store, chunk).await?.rows();
    Ok((rows != chunk.rows).then(|| format!("has {rows} rows, the manifest says {}", chunk.rows)))
}
