//! Rows picked out of batches: known by their places until they are encoded, then gathered one column at a time,
//! so that each value is copied once, by the worker that encodes it.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, new_null_array};
use arrow::compute::{concat, interleave};
use arrow::datatypes::DataType;
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

/// A part, and how its rows are best copied, which is the same for all its columns.
pub(super) enum Piece<'a> {
    /// They need not be.
    Rows(&'a RecordBatch),
    /// By these.
    Picked(&'a [RecordBatch], Arc<Copies>),
}

/// How rows are copied.
pub(super) enum Copies {
    /// Stretches of rows of a batch.
    Stretches(Vec<(usize, Range<usize>)>),
    /// One by one.
    Places(Box<[(usize, usize)]>),
}

impl<'a> Piece<'a> {
    pub(super) fn of(part: &'a Part) -> Self {
        match part {
            Part::Rows(batch) => Self::Rows(batch),
            Part::Picked(sources, places) => Self::Picked(sources, Arc::new(Copies::of(places))),
        }
    }

    /// One column of it.
    pub(super) fn column(&self, position: usize) -> Column {
        match self {
            Self::Rows(batch) => Column::Rows(batch.column(position).clone()),
            Self::Picked(sources, copies) => {
                let sources = sources.iter().map(|batch| batch.column(position).clone()).collect();
                Column::Picked(sources, copies.clone())
            }
        }
    }
}

impl Copies {
    fn of(places: &[(usize, usize)]) -> Self {
        let mut stretches: Vec<(usize, Range<usize>)> = Vec::new();
        for (batch, row) in places {
            match stretches.last_mut() {
                Some((last, rows)) if last == batch && rows.end == *row => rows.end += 1,
                _ => stretches.push((*batch, *row..row + 1)),
            }
        }
        if stretches.len() * STRETCH_ROWS <= places.len() {
            Self::Stretches(stretches)
        } else {
            Self::Places(places.into())
        }
    }

    fn rows(&self) -> usize {
        match self {
            Self::Stretches(stretches) => stretches.iter().map(|(_, rows)| rows.len()).sum(),
            Self::Places(places) => places.len(),
        }
    }
}

/// One column of a piece.
pub(super) enum Column {
    /// As it is.
    Rows(ArrayRef),
    /// Picked out of the columns of several batches.
    Picked(Vec<ArrayRef>, Arc<Copies>),
}

impl Column {
    fn gather(&self, data_type: &DataType, into: &mut Vec<ArrayRef>) -> Result<(), ArrowError> {
        match self {
            Self::Rows(array) => into.push(array.clone()),
            Self::Picked(sources, copies) if sources.iter().all(|one| one.null_count() == one.len()) => {
                into.push(new_null_array(data_type, copies.rows()));
            }
            Self::Picked(sources, copies) => match copies.as_ref() {
                Copies::Stretches(stretches) => {
                    let slice =
                        |(batch, rows): &(usize, Range<usize>)| sources[*batch].slice(rows.start, rows.len());
                    into.extend(stretches.iter().map(slice));
                }
                Copies::Places(places) => {
                    let sources: Vec<&dyn Array> = sources.iter().map(AsRef::as_ref).collect();
                    into.push(interleave(&sources, places)?);
                }
            },
        }
        Ok(())
    }
}

/// The column of a row group as one array.
pub(super) fn joined(data_type: &DataType, pieces: &[Column]) -> Result<ArrayRef, ArrowError> {
    let mut arrays = Vec::with_capacity(pieces.len());
    pieces.iter().try_for_each(|piece| piece.gather(data_type, &mut arrays))?;
    concat(&arrays.iter().map(AsRef::as_ref).collect::<Vec<&dyn Array>>())
}
