//! What a walk has listed. The rows of pages are encoded as soon as there are some thousands of them, since an
//! account may have millions: some twenty bytes a conversation, and 32 for each that the index names.

mod arranged;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;

use arrow::array::RecordBatch;
use bytes::Bytes;

pub(super) use self::arranged::Arranged;
use super::moment::Moment;
use crate::columns::{broken, instants, int_at, ints, time_at};
use crate::cpu;
use crate::data_file::{self, Encoder, Reader, bytes_of};
use crate::error::Result;
use crate::tables::CONVERSATION_LIST;

/// The latest row of one listed conversation: what decides about it, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    pub id: i64,
    /// Epoch microseconds; the smallest number stands for null, which is older than everything.
    pub updated_us: i64,
    pub created: Moment,
    /// Which of all rows that were listed it is.
    place: u32,
}

/// Rows that were encoded together, in the order they were listed.
#[derive(Clone)]
pub(super) struct Piece {
    reader: Reader,
    pub bytes: Bytes,
    pub rows: u64,
}

/// All rows that a walk has listed.
#[derive(Clone, Default)]
pub(super) struct Listed {
    pieces: Vec<Piece>,
    /// Rows behind those of the pieces.
    open: Vec<RecordBatch>,
    open_rows: u64,
    rows: u64,
}

impl Listed {
    /// Adds a page's rows.
    pub fn push(&mut self, batch: RecordBatch) {
        self.rows += batch.num_rows() as u64;
        self.open_rows += batch.num_rows() as u64;
        self.open.push(batch);
    }

    /// Adds rows that were encoded before.
    pub fn push_piece(&mut self, bytes: Bytes) -> Result<()> {
        let reader = data_file::open(&CONVERSATION_LIST, bytes.clone())?;
        let rows = reader.rows();
        self.rows += rows;
        self.pieces.push(Piece { reader, bytes, rows });
        Ok(())
    }

    /// How many rows there are, repeats included.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// How many of them are not encoded yet.
    pub fn open_rows(&self) -> u64 {
        self.open_rows
    }

    /// The rows that are encoded.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Encodes the rows that are not yet.
    pub async fn seal(&mut self) -> Result<()> {
        if self.open.is_empty() {
            return Ok(());
        }
        let open = std::mem::take(&mut self.open);
        self.rows -= std::mem::take(&mut self.open_rows);
        let bytes = open.iter().map(bytes_of).sum();
        let piece = cpu::run_on(bytes, move || encode(&open)).await?;
        self.push_piece(piece)
    }

    /// One row for each distinct id, sorted by id: the one with the greatest `updated_at`, the last listed
    /// among equals.
    pub async fn index(&self) -> Result<Vec<Row>> {
        // Cheap to copy, since what is large is shared.
        let all = self.clone();
        cpu::run_on(self.rows, move || all.index_now()).await
    }

    /// The same, at once.
    pub fn index_now(&self) -> Result<Vec<Row>> {
        let mut all = Vec::with_capacity(self.rows as usize);
        for batch in self.batches(&["id", "updated_at", "created_at"])? {
            let first = all.len() as u32;
            all.extend(rows(first, &batch?));
        }
        // In place, and the winner of each id first.
        all.sort_unstable_by_key(|row: &Row| (row.id, Reverse((row.updated_us, row.place))));
        all.dedup_by_key(|row| row.id);
        Ok(all)
    }

    /// All rows in the order they were listed, with at least these columns.
    fn batches(&self, names: &[&str]) -> Result<impl Iterator<Item = Result<RecordBatch>>> {
        let pieces: Result<Vec<_>> = self.pieces.iter().map(|piece| piece.reader.columns(names)).collect();
        Ok(pieces?.into_iter().flatten().chain(self.open.iter().cloned().map(Ok)))
    }
}

/// Rows as one data file; many small batches cost more than one large.
fn encode(batches: &[RecordBatch]) -> Result<Bytes> {
    let joined = arrow::compute::concat_batches(&CONVERSATION_LIST.schema(), batches).map_err(broken)?;
    let mut encoder = Encoder::new(&CONVERSATION_LIST)?;
    encoder.write(&joined)?;
    let mut bytes = encoder.finish()?.bytes;
    bytes.shrink_to_fit();
    Ok(bytes.into())
}

fn rows(first: u32, batch: &RecordBatch) -> impl Iterator<Item = Row> {
    let (ids, updated, created) =
        (ints(batch, "id"), instants(batch, "updated_at"), instants(batch, "created_at"));
    let row = move |row: usize| Row {
        id: int_at(ids, row).expect("a key is never null"),
        updated_us: time_at(updated, row).unwrap_or(i64::MIN),
        created: time_at(created, row).into(),
        place: first + row as u32,
    };
    (0..batch.num_rows()).map(row)
}
