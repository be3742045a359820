//! What the list says of the conversations that are to be fetched, sorted by id and cut into blocks, most of them
//! encoded: who wants the rows of some conversations, whose ids are mostly near to each other, decodes few blocks.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, RecordBatch, new_null_array};
use arrow::compute::{concat_batches, interleave, interleave_record_batch, take_record_batch};
use arrow::datatypes::Field;

use super::{Listed, Row, encode};
use crate::columns::{Columns, broken, column, ints};
use crate::data_file::{self, Reader};
use crate::error::{Error, Result};
use crate::tables::CONVERSATION_LIST;

/// Few enough to be decoded in less than a millisecond.
const BLOCK_ROWS: usize = 4_096;
/// So many rows are arranged at once, and all that was listed is decoded for each such share.
const SHARE_ROWS: usize = 16 * BLOCK_ROWS;
/// No more shares than these, however many rows there are.
const SHARES_MAX: usize = 8;

/// Rows of the list, one for each conversation, sorted by id.
#[derive(Default)]
pub(in crate::sync) struct Arranged {
    /// Each with its least id.
    blocks: Vec<(i64, Block)>,
}

enum Block {
    Encoded(Reader),
    /// Too few rows to be worth it.
    Open(RecordBatch),
}

impl Block {
    fn rows(&self) -> Result<RecordBatch> {
        match self {
            Self::Open(batch) => Ok(batch.clone()),
            Self::Encoded(reader) => {
                let batches = reader.batches().collect::<Result<Vec<_>>>()?;
                concat_batches(&CONVERSATION_LIST.schema(), &batches).map_err(broken)
            }
        }
    }
}

impl Arranged {
    /// The `wanted` rows of what was listed, by their numbers in the index, which grow.
    pub fn from(listed: &Listed, index: &[Row], wanted: &[u32]) -> Result<Self> {
        if let Some(block) = listed.arranged_already(index) {
            return Ok(Self { blocks: vec![block] });
        }
        let mut arranged = Self::default();
        let share = (wanted.len() / SHARES_MAX).max(SHARE_ROWS).next_multiple_of(BLOCK_ROWS);
        for rows in wanted.chunks(share) {
            arranged.push(&pick(listed, index, rows)?)?;
        }
        Ok(arranged)
    }

    fn push(&mut self, sorted: &RecordBatch) -> Result<()> {
        for first in (0..sorted.num_rows()).step_by(BLOCK_ROWS) {
            let rows = sorted.slice(first, BLOCK_ROWS.min(sorted.num_rows() - first));
            let least = ints(&rows, "id").value(0);
            let block = if rows.num_rows() < BLOCK_ROWS {
                // A copy, since a slice would hold all that it is cut from.
                Block::Open(concat_batches(&rows.schema(), [&rows]).map_err(broken)?)
            } else {
                Block::Encoded(data_file::open(&CONVERSATION_LIST, encode(&[rows])?)?)
            };
            self.blocks.push((least, block));
        }
        Ok(())
    }

    /// The columns of these rows, in this order; `None` is a row of nulls.
    pub fn take(&self, wanted: &[Option<Row>]) -> Result<Columns> {
        let mut blocks: BTreeMap<usize, (usize, RecordBatch)> = BTreeMap::new();
        let mut places = Vec::with_capacity(wanted.len());
        for row in wanted {
            let Some(Row { id, .. }) = row else {
                places.push((0, 0));
                continue;
            };
            let number = self.blocks.partition_point(|(least, _)| least <= id);
            let (_, block) = number.checked_sub(1).and_then(|at| self.blocks.get(at)).ok_or_else(lost)?;
            if !blocks.contains_key(&number) {
                blocks.insert(number, (blocks.len() + 1, block.rows()?));
            }
            let (source, rows) = &blocks[&number];
            places.push((*source, ints(rows, "id").values().binary_search(id).map_err(|_| lost())?));
        }
        let mut sources: Vec<(usize, RecordBatch)> = blocks.into_values().collect();
        sources.sort_unstable_by_key(|(source, _)| *source);
        let schema = CONVERSATION_LIST.schema();
        let columns = CONVERSATION_LIST.all_columns().zip(schema.fields());
        columns
            .map(|(column, field)| Ok((column.name, taken(column.name, field, &sources, &places)?)))
            .collect()
    }
}

fn taken(
    name: &str,
    field: &Field,
    sources: &[(usize, RecordBatch)],
    places: &[(usize, usize)],
) -> Result<ArrayRef> {
    let nothing = new_null_array(field.data_type(), 1);
    let columns = sources.iter().map(|(_, batch)| column(batch, name).as_ref());
    let arrays: Vec<&dyn Array> = std::iter::once(nothing.as_ref()).chain(columns).collect();
    interleave(&arrays, places).map_err(broken)
}

impl Listed {
    /// Few rows that were listed sorted by id, if the index has all of them.
    fn arranged_already(&self, index: &[Row]) -> Option<(i64, Block)> {
        let ([], [batch]) = (self.pieces.as_slice(), self.open.as_slice()) else { return None };
        let is_sorted = index.iter().zip(0..).all(|(row, place)| row.place == place);
        let is_all = is_sorted && index.len() == batch.num_rows();
        let least = index.first().filter(|_| is_all)?.id;
        Some((least, Block::Open(batch.clone())))
    }
}

/// These rows as one batch, in their order.
fn pick(listed: &Listed, index: &[Row], rows: &[u32]) -> Result<RecordBatch> {
    let place = |row: &u32| index[*row as usize].place;
    let mut places: Vec<(u32, u32)> = (0..).zip(rows).map(|(number, row)| (place(row), number)).collect();
    places.sort_unstable();
    let schema = CONVERSATION_LIST.schema();
    let names: Vec<&str> = CONVERSATION_LIST.all_columns().map(|column| column.name).collect();
    let (mut picked, mut found) = (Vec::new(), vec![(0, 0); rows.len()]);
    let (mut first, mut left) = (0, places.as_slice());
    for batch in listed.batches(&names)? {
        let batch = batch?;
        let end = first + batch.num_rows() as u32;
        let (here, rest) = left.split_at(left.partition_point(|(place, _)| *place < end));
        for (row, (_, number)) in here.iter().enumerate() {
            found[*number as usize] = (picked.len(), row);
        }
        if !here.is_empty() {
            let rows = here.iter().map(|(place, _)| u64::from(place - first));
            picked.push(
                take_record_batch(&batch, &rows.collect::<arrow::array::UInt64Array>()).map_err(broken)?,
            );
        }
        (first, left) = (end, rest);
    }
    if picked.is_empty() {
        return Ok(RecordBatch::new_empty(schema));
    }
    let picked: Vec<&RecordBatch> = picked.iter().collect();
    interleave_record_batch(&picked, &found).map_err(broken)
}

fn lost() -> Error {
    Error::internal("a listed conversation is not among those that are to be fetched")
}
