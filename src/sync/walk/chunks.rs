//! A walk that lasts: what was listed is saved piece by piece, each named by a commit together with the cursor
//! behind it, so that a walk that is taken up again goes on exactly behind what was saved.

use arrow::array::RecordBatch;

use super::Walk;
use crate::archive::{Head, Pages, Step};
use crate::cpu;
use crate::data_file::{Encoder, bytes_of};
use crate::error::Result;
use crate::lake::open_chunk;
use crate::manifest::{TodoChunk, WalkState};
use crate::page::Page;
use crate::sync::Run;
use crate::sync::writer::Writer;
use crate::tables::{CONVERSATION_LIST, LIST};

/// Rows that are listed but not yet saved as a chunk: some 200 pages.
const CHUNK_ROWS: u64 = 20_000;
/// Fewer rows are listed again rather than committed.
const CHUNK_ROWS_MIN: u64 = 1_000;
/// Pages of the list that are kept before they go to the archive.
const KEPT_BYTES: usize = 8 << 20;

impl Walk {
    /// A walk that an earlier run began: its chunks are read again, its cursor is tried.
    ///
    /// # Errors
    /// [`crate::error::Error::store`] when a chunk is missing or not as it was written.
    pub async fn resume(
        state: WalkState,
        floor_us: Option<i64>,
        proved: Option<String>,
        writer: &Writer,
    ) -> Result<Self> {
        let mut walk = Self::new(state, floor_us, proved);
        for chunk in &walk.state.chunks {
            for batch in open_chunk(writer.lake.store(), chunk).await?.batches() {
                walk.listed.push(batch?);
            }
        }
        walk.saved_batches = walk.listed.batches();
        Ok(walk)
    }

    /// Keeps a page for the archive, if the lake has one.
    pub(super) async fn keep(&mut self, writer: &mut Writer, page: &Page) -> Result<()> {
        if writer.lake.archives() {
            self.kept.push(page.body.clone());
        }
        let bytes: usize = self.kept.iter().map(bytes::Bytes::len).sum();
        if bytes >= KEPT_BYTES { self.archive(writer).await } else { Ok(()) }
    }

    /// Puts the pages that were kept into the archive.
    pub(super) async fn archive(&mut self, writer: &mut Writer) -> Result<()> {
        if self.kept.is_empty() {
            return Ok(());
        }
        let bodies = std::mem::take(&mut self.kept);
        let (walk_us, path) = (self.state.started_at.as_microsecond(), LIST.path.to_owned());
        writer.archive(Step { head: Head::Listed(Pages { walk_us, path }), bodies }).await
    }

    pub(super) async fn save_if_due(&mut self, run: &Run, writer: &mut Writer) -> Result<()> {
        let due = writer.lake.since_commit() >= run.settings.checkpoint_every;
        if due || self.unsaved_rows >= CHUNK_ROWS { self.save(run, writer).await } else { Ok(()) }
    }

    /// Saves the rows since the last chunk as one more, and commits the walk. Few rows are not worth a
    /// commit: listing them again costs no more than finding them. Nor is an end that stands in doubt: who takes
    /// the walk up would not doubt it.
    pub(super) async fn save(&mut self, run: &Run, writer: &mut Writer) -> Result<()> {
        if self.trouble.is_some() || self.ends_in_doubt() {
            return Ok(());
        }
        let first = self.saved_batches;
        let Some(rows) = self.listed.join_from(first)? else { return Ok(()) };
        self.saved_batches = self.listed.batches();
        // A walk of the whole list is kept however short it is: it may be the one that a bound or an absence
        // is decided by.
        let dispensable = !self.state.full && run.stop.asked().is_none();
        if self.unsaved_rows < CHUNK_ROWS_MIN && dispensable && self.state.chunks.is_empty() {
            self.saved_batches = first;
            return Ok(());
        }
        self.unsaved_rows = 0;
        self.archive(writer).await?;
        let chunk = self.put_chunk(run, writer, rows).await?;
        self.state.chunks.push(chunk);
        writer.lake.manifest.walk = Some(self.state.clone());
        writer.checkpoint().await
    }

    /// The chunk is named after this run, not after the one that began the walk: should that one wake up, it
    /// must not write over ours.
    async fn put_chunk(&self, run: &Run, writer: &Writer, rows: RecordBatch) -> Result<TodoChunk> {
        let piece = cpu::run_on(bytes_of(&rows), move || {
            let mut encoder = Encoder::new(&CONVERSATION_LIST)?;
            encoder.write(&rows)?;
            encoder.finish()
        })
        .await?;
        writer.lake.put_chunk(&format!("{}-{:06}", run.id, self.state.chunks.len()), piece).await
    }
}
