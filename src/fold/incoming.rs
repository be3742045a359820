//! The rows that come in: stubs, then upserts, sorted by identity, each identity once. They stay in the batches they
//! came in, numbered on from one to the next, unless they are to be compared with stored rows.

use std::sync::Arc;

use arrow::compute::concat_batches;
use arrow::record_batch::RecordBatch;

use super::changes::Changes;
use super::identity::{Identities, Identity};
use super::pairs::Pairs;
use super::roles::Roles;
use super::unexpected;
use crate::data_file::conform;
use crate::error::{Error, Result};
use crate::schema::Table;

/// The incoming rows, addressed by their place in identity order.
pub(super) struct Incoming {
    identity: Identity,
    /// At least one.
    batches: Arc<[RecordBatch]>,
    /// The number of the first row of each batch.
    starts: Vec<usize>,
    identities: Identities,
    /// Numbers of rows in order of identity.
    order: Vec<u32>,
    /// So many rows, the first ones, are stubs.
    stub_rows: usize,
    repeated: u64,
    contradicted: u64,
}

impl Incoming {
    /// Takes the rows of `changes`, so that none of them is in memory twice for longer than need be; as one batch,
    /// if they are to be `compared` with stored rows.
    pub(super) fn new(changes: Changes<'_>, compared: bool) -> Result<Self> {
        let table = changes.table;
        let stubs = changes.stubs.into_iter().filter(|stubs| stubs.num_rows() > 0);
        let mut batches = stubs.map(|stubs| fitting(&stubs, table)).collect::<Result<Vec<_>>>()?;
        let stub_rows = batches.iter().map(RecordBatch::num_rows).sum();
        for upserts in changes.upserts {
            batches.push(fitting(&upserts, table)?);
        }
        if compared {
            batches = joined(batches, table)?;
        }
        let identity = Identity::of(table)?;
        let identities = identity.read(&batches)?;
        let (order, replaced) = last_of_each(&identities, batches.iter().map(RecordBatch::num_rows).sum());
        if !replaced.is_empty() || batches.is_empty() {
            batches = joined(batches, table)?;
        }
        let contradicted = contradicted(table, &batches[0], &replaced, stub_rows)?;
        let repeated = replaced.len() as u64;
        let starts = batches.iter().scan(0, |next, batch| {
            let start = *next;
            *next += batch.num_rows();
            Some(start)
        });
        let (starts, batches) = (starts.collect(), batches.into());
        Ok(Self { identity, batches, starts, identities, order, stub_rows, repeated, contradicted })
    }

    pub(super) fn rows(&self) -> usize {
        self.order.len()
    }

    /// About how much memory the rows take, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.batches.iter().map(|rows| rows.get_array_memory_size() as u64).sum()
    }

    /// The number of the row at this place in identity order.
    pub(super) fn at(&self, place: usize) -> Option<usize> {
        self.order.get(place).map(|row| *row as usize)
    }

    pub(super) fn is_stub(&self, row: usize) -> bool {
        row < self.stub_rows
    }

    pub(super) fn repeated(&self) -> u64 {
        self.repeated
    }

    pub(super) fn contradicted(&self) -> u64 {
        self.contradicted
    }

    pub(super) fn sort(&self) -> &'static [&'static str] {
        self.identity.sort()
    }

    pub(super) fn identity(&self) -> &Identity {
        &self.identity
    }

    pub(super) fn identities(&self) -> &Identities {
        &self.identities
    }

    /// All rows, where they are compared.
    pub(super) fn batch(&self) -> &RecordBatch {
        debug_assert_eq!(self.batches.len(), 1);
        &self.batches[0]
    }

    pub(super) fn batches(&self) -> &Arc<[RecordBatch]> {
        &self.batches
    }

    /// Where the row of this number stands: the number of its batch, and its row there.
    pub(super) fn place(&self, row: usize) -> (usize, usize) {
        let batch = self.starts.partition_point(|start| *start <= row) - 1;
        (batch, row - self.starts[batch])
    }
}

/// Exactly the table's types: merging arrays asks for that, down to the metadata of nested fields.
fn fitting(batch: &RecordBatch, table: &Table) -> Result<RecordBatch> {
    if batch.num_columns() != table.all_columns().count() {
        return Err(Error::internal("incoming rows lack columns of the table's schema"));
    }
    conform(batch, table)
        .map_err(|error| Error::internal("incoming rows are not of the table's schema").caused_by(error))
}

/// One batch; without rows, if there are none.
fn joined(mut batches: Vec<RecordBatch>, table: &Table) -> Result<Vec<RecordBatch>> {
    if batches.len() != 1 {
        batches = vec![concat_batches(&table.schema(), &batches).map_err(unexpected)?];
    }
    Ok(batches)
}

/// The last row of each identity, in order of identity; and each row that another replaced, with that one.
fn last_of_each(identities: &Identities, rows: usize) -> (Vec<u32>, Vec<(u32, u32)>) {
    let mut order: Vec<u32> = (0..rows as u32).collect();
    // A stable sort: rows of one identity stay in the order they came in.
    order.sort_by(|a, b| identities.row(*a as usize).cmp(&identities.row(*b as usize)));
    let (mut last, mut replaced) = (Vec::<u32>::with_capacity(rows), Vec::new());
    for row in order {
        match last.last_mut() {
            Some(before) if identities.row(*before as usize) == identities.row(row as usize) => {
                replaced.push((*before, row));
                *before = row;
            }
            _ => last.push(row),
        }
    }
    (last, replaced)
}

/// How many replaced records, stubs aside, said something else than the one after them.
fn contradicted(
    table: &Table,
    batch: &RecordBatch,
    replaced: &[(u32, u32)],
    stub_rows: usize,
) -> Result<u64> {
    if replaced.is_empty() {
        return Ok(0);
    }
    let pairs = Pairs::new(&Roles::of(table), batch, batch)?;
    let records = replaced.iter().filter(|(before, _)| *before as usize >= stub_rows);
    let differ = records.filter(|(before, row)| pairs.content_differs(*before as usize, *row as usize));
    Ok(differ.count() as u64)
}
