//! The walk in progress: pieces that list somebody forgotten are written anew under another name, since a piece
//! that a commit names never changes.

use super::rows::{picks, values};
use super::{Erased, without};
use crate::cpu;
use crate::data_file::{Encoded, Encoder};
use crate::error::Result;
use crate::lake::{Lake, open_chunk};
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
        // A name that no walk gives, and that no commit has named yet.
        let name = format!("{}-{:06}-{number:06}", lake.run_id(), lake.manifest.number);
        let chunk = lake.put_chunk(&name, rows.bytes.into(), rows.rows).await?;
        erased.deleted.push(std::mem::replace(&mut walk.chunks[number], chunk).path);
    }
    lake.manifest.walk = Some(walk);
    Ok(())
}

/// The piece without those forgotten, and the ids that were left out; nothing when it holds none of them.
async fn rewritten(
    lake: &Lake,
    chunk: &TodoChunk,
    forgotten: &Forgotten,
) -> Result<Option<(Encoded, Vec<i64>)>> {
    let piece = open_chunk(lake.store(), chunk).await?;
    let forgotten = forgotten.clone();
    cpu::run_on(piece.bytes(), move || {
        let (mut encoder, mut left_out) = (Encoder::new(&CONVERSATION_LIST)?, Vec::new());
        for batch in piece.batches() {
            let batch = batch?;
            let picked = picks(&CONVERSATION_LIST, &batch, &forgotten);
            left_out.extend(values(&batch, "id").filter(|(row, _)| picked[*row]).map(|(_, id)| id));
            encoder.write(&without(batch, &picked)?)?;
        }
        let others = encoder.finish()?;
        Ok((!left_out.is_empty()).then_some((others, left_out)))
    })
    .await
}
