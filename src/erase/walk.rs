//! The walk in progress: pieces that list somebody forgotten are written anew under another name, since a piece
//! that a commit names never changes.

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::rows::{picks, values};
use super::{Erased, without};
use crate::cpu;
use crate::data_file::{self, Encoder};
use crate::error::{Error, Result};
use crate::lake::Lake;
use crate::manifest::{Forgotten, Subject, TodoChunk};
use crate::tables::CONVERSATION_LIST;

/// Leaves forgotten conversations out of the walk; it goes on counting them as listed. A walk that cannot be
/// read is given up as a whole, since nobody knows whom it names; the list is then walked anew.
pub(super) async fn erase(lake: &mut Lake, forgotten: &Forgotten, erased: &mut Erased) -> Result<()> {
    let Some(mut walk) = lake.manifest.walk.take() else { return Ok(()) };
    for number in 0..walk.chunks.len() {
        let chunk = &walk.chunks[number];
        let (rows, listed) = match rewritten(lake, chunk, forgotten).await {
            Ok(Some(piece)) => piece,
            Ok(None) => continue,
            Err(error) => {
                tracing::warn!(%error, "giving up the walk in progress");
                erased.deleted.extend(walk.chunks.into_iter().map(|chunk| chunk.path));
                return Ok(());
            }
        };
        walk.forgotten.extend(listed.into_iter().map(|id| forgotten.marker(Subject::Conversation(id))));
        let chunk = put(lake, number, rows).await?;
        erased.deleted.push(std::mem::replace(&mut walk.chunks[number], chunk).path);
    }
    lake.manifest.walk = Some(walk);
    Ok(())
}

/// Under a name that no walk gives, and that no commit has named yet.
async fn put(lake: &Lake, number: usize, (bytes, rows): Piece) -> Result<TodoChunk> {
    let path = format!("_todo/{}-{:06}-{number:06}.parquet", lake.run_id(), lake.manifest.number);
    let sha256 = hex::encode(Sha256::digest(&bytes));
    lake.store().overwrite(&path, bytes).await?;
    Ok(TodoChunk { path, rows, sha256 })
}

/// An encoded piece and its rows.
type Piece = (Bytes, u64);

/// The piece without those forgotten, and the ids that were left out; nothing when it holds none of them.
async fn rewritten(
    lake: &Lake,
    chunk: &TodoChunk,
    forgotten: &Forgotten,
) -> Result<Option<(Piece, Vec<i64>)>> {
    let missing = || Error::store("a piece of the walk in progress is missing").at("object", &chunk.path);
    let stored = lake.store().get(&chunk.path).await?.ok_or_else(missing)?;
    let forgotten = forgotten.clone();
    cpu::run(move || {
        let (mut encoder, mut left_out) = (Encoder::new(&CONVERSATION_LIST)?, Vec::new());
        for batch in data_file::open(&CONVERSATION_LIST, stored.bytes)?.batches() {
            let batch = batch?;
            let picked = picks(&CONVERSATION_LIST, &batch, &forgotten);
            left_out.extend(values(&batch, "id").filter(|(row, _)| picked[*row]).map(|(_, id)| id));
            encoder.write(&without(batch, &picked)?)?;
        }
        let piece = encoder.finish()?;
        Ok((!left_out.is_empty()).then(|| ((Bytes::from(piece.bytes), piece.rows), left_out)))
    })
    .await
}
