//! A walk that lasts: what was listed is saved piece by piece, each named by a commit together with the cursor
//! behind it, so that a walk that is taken up again goes on exactly behind what was saved.

use super::Walk;
use crate::archive::{Head, Pages, Step};
use crate::error::Result;
use crate::lake::read_chunk;
use crate::manifest::WalkState;
use crate::page::Page;
use crate::sync::Run;
use crate::sync::writer::Writer;
use crate::tables::LIST;

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
            let bytes = read_chunk(writer.lake.store(), chunk).await?;
            walk.listed.push_piece(bytes).map_err(|error| error.at("object", &chunk.path))?;
        }
        walk.saved_pieces = walk.listed.pieces().len();
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
            return self.seal_if_long().await;
        }
        if !self.has_unsaved() {
            return Ok(());
        }
        // A walk of the whole list is kept however short it is: it may be the one that a bound or an absence
        // is decided by.
        let dispensable = !self.state.full && run.stop.asked().is_none();
        if self.unsaved_rows < CHUNK_ROWS_MIN && dispensable && self.state.chunks.is_empty() {
            return Ok(());
        }
        self.unsaved_rows = 0;
        self.archive(writer).await?;
        self.listed.seal().await?;
        self.put_chunks(run, writer).await?;
        writer.lake.manifest.walk = Some(self.state.clone());
        writer.checkpoint().await
    }

    fn has_unsaved(&self) -> bool {
        self.listed.open_rows() > 0 || self.listed.pieces().len() > self.saved_pieces
    }

    /// What cannot be saved takes up as little room all the same.
    async fn seal_if_long(&mut self) -> Result<()> {
        if self.listed.open_rows() >= CHUNK_ROWS { self.listed.seal().await } else { Ok(()) }
    }

    /// A chunk is named after this run, not after the one that began the walk: should that one wake up, it
    /// must not write over ours.
    async fn put_chunks(&mut self, run: &Run, writer: &Writer) -> Result<()> {
        for piece in &self.listed.pieces()[self.saved_pieces..] {
            let name = format!("{}-{:06}", run.id, self.state.chunks.len());
            self.state.chunks.push(writer.lake.put_chunk(&name, piece.bytes.clone(), piece.rows).await?);
        }
        self.saved_pieces = self.listed.pieces().len();
        Ok(())
    }
}
