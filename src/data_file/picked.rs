//! Rows picked out of batches: known by their places until they are encoded, then gathered one column and some
//! rows at a time, so that each value is copied once, by the worker that encodes it, and is encoded while it is
//! still near the processor.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, new_null_array};
use arrow::compute::{concat, interleave};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

/// Rows that follow each other in the batches they came in are copied as one stretch, where such stretches are at
/// least so long on average; else row by row, since each stretch costs a slice of its own.
const STRETCH_ROWS: usize = 8;

/// Some rows of a row group, as they came.
pub(super) enum Part {
    /// All rows of a batch.
    Rows(RecordBatch),
    /// Rows of several batches: each by the number of its batch, and its row there.
    Picked(Arc<[RecordBatch]>, Box<[(usize, usize)]>),
}

impl Part {
    /// How many rows these are.
    pub(super) fn rows(&self) -> usize {
        match self {
            Self::Rows(batch) => batch.num_rows(),
            Self::Picked(_, places) => places.len(),
        }
    }
}

/// Rows that follow each other in a batch, by its number.
type Stretch = (usize, Range<usize>);

/// The rows of a row group, cut into chunks of as many rows each; the last may have fewer. All columns are
/// gathered by the same chunks.
pub(super) struct Picks<'a> {
    sources: Vec<&'a RecordBatch>,
    chunks: Arc<[Chunk]>,
}

/// Some rows, and how they are best copied.
pub(super) enum Chunk {
    /// Stretches of rows.
    Stretches(Vec<Stretch>),
    /// One by one.
    Places(Vec<(usize, usize)>),
}

impl<'a> Picks<'a> {
    /// The rows of `parts`, in chunks of `rows`.
    pub(super) fn of(parts: &'a [Part], rows: usize) -> Self {
        let mut cutter = Cutter { rows, left: rows, open: Vec::new(), chunks: Vec::new() };
        let mut sources: Vec<&RecordBatch> = Vec::new();
        for part in parts {
            let first = sources.len();
            match part {
                Part::Rows(batch) => {
                    sources.push(batch);
                    cutter.add(first, 0..batch.num_rows());
                }
                Part::Picked(batches, places) => {
                    sources.extend(batches.iter());
                    places.iter().for_each(|(batch, row)| cutter.add(first + batch, *row..row + 1));
                }
            }
        }
        cutter.close();
        Self { sources, chunks: cutter.chunks.into() }
    }

    /// One column of them.
    pub(super) fn column(&self, position: usize) -> Column {
        let sources = self.sources.iter().map(|batch| batch.column(position).clone()).collect();
        Column { sources, chunks: self.chunks.clone() }
    }
}

/// Cuts rows into chunks.
struct Cutter {
    rows: usize,
    /// How many more rows the open chunk takes.
    left: usize,
    open: Vec<Stretch>,
    chunks: Vec<Chunk>,
}

impl Cutter {
    fn add(&mut self, source: usize, mut rows: Range<usize>) {
        while !rows.is_empty() {
            let end = rows.end.min(rows.start + self.left);
            self.left -= end - rows.start;
            match self.open.last_mut() {
                Some((last, open)) if *last == source && open.end == rows.start => open.end = end,
                _ => self.open.push((source, rows.start..end)),
            }
            rows.start = end;
            if self.left == 0 {
                self.close();
            }
        }
    }

    fn close(&mut self) {
        if !self.open.is_empty() {
            self.chunks.push(Chunk::of(std::mem::take(&mut self.open)));
        }
        self.left = self.rows;
    }
}

impl Chunk {
    fn of(stretches: Vec<Stretch>) -> Self {
        let rows: usize = stretches.iter().map(|(_, rows)| rows.len()).sum();
        if stretches.len() == 1 || stretches.len() * STRETCH_ROWS <= rows {
            return Self::Stretches(stretches);
        }
        let places = stretches.into_iter().flat_map(|(source, rows)| rows.map(move |row| (source, row)));
        Self::Places(places.collect())
    }

    fn rows(&self) -> usize {
        match self {
            Self::Stretches(stretches) => stretches.iter().map(|(_, rows)| rows.len()).sum(),
            Self::Places(places) => places.len(),
        }
    }
}

/// One column of a row group.
pub(super) struct Column {
    sources: Vec<ArrayRef>,
    chunks: Arc<[Chunk]>,
}

impl Column {
    /// About how much there is to encode, in bytes, for columns of the same rows.
    pub(super) fn bytes(&self) -> usize {
        self.sources.iter().map(Array::get_buffer_memory_size).sum()
    }

    /// Its values, chunk after chunk.
    pub(super) fn chunks(&self) -> impl Iterator<Item = Result<ArrayRef, ArrowError>> {
        let sources: Vec<&dyn Array> = self.sources.iter().map(AsRef::as_ref).collect();
        let has_none = sources.iter().all(|source| source.null_count() == source.len());
        self.chunks.iter().map(move |chunk| match chunk {
            _ if has_none => Ok(new_null_array(sources[0].data_type(), chunk.rows())),
            Chunk::Stretches(stretches) => joined(&sources, stretches),
            Chunk::Places(places) => interleave(&sources, places),
        })
    }
}

fn joined(sources: &[&dyn Array], stretches: &[Stretch]) -> Result<ArrayRef, ArrowError> {
    let slice = |(source, rows): &Stretch| sources[*source].slice(rows.start, rows.len());
    if let [stretch] = stretches {
        return Ok(slice(stretch));
    }
    let slices: Vec<ArrayRef> = stretches.iter().map(slice).collect();
    concat(&slices.iter().map(AsRef::as_ref).collect::<Vec<&dyn Array>>())
}
