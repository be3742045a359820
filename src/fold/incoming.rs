//! The rows that come in: stubs and upserts as one batch, sorted by identity, each identity once.

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
    batch: RecordBatch,
    identities: Identities,
    /// Rows of `batch` in order of identity.
    order: Vec<u32>,
    /// So many rows of `batch`, at its start, are stubs.
    stub_rows: usize,
    repeated: u64,
    contradicted: u64,
}

impl Incoming {
    /// Takes the rows of `changes`, so that none of them is in memory twice for longer than need be.
    pub(super) fn new(changes: Changes<'_>) -> Result<Self> {
        let table = changes.table;
        let stubs = fitting(changes.stubs, table)?;
        let upserts = fitting(changes.upserts, table)?;
        let stub_rows = stubs.num_rows();
        let batch = joined(stubs, upserts)?;
        let identity = Identity::of(table)?;
        let identities = identity.read(&batch)?;
        let (order, replaced) = last_of_each(&identities, batch.num_rows());
        let contradicted = contradicted(table, &batch, &replaced, stub_rows)?;
        let repeated = replaced.len() as u64;
        Ok(Self { identity, batch, identities, order, stub_rows, repeated, contradicted })
    }

    pub(super) fn rows(&self) -> usize {
        self.order.len()
    }

    /// The row of [`Self::batch`] at this place in identity order.
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

    pub(super) fn batch(&self) -> &RecordBatch {
        &self.batch
    }
}

/// Exactly the table's types: merging arrays asks for that, down to the metadata of nested fields.
fn fitting(batch: Option<RecordBatch>, table: &Table) -> Result<RecordBatch> {
    match batch {
        None => Ok(RecordBatch::new_empty(table.schema())),
        Some(batch) if batch.num_columns() == table.all_columns().count() => conform(&batch, table)
            .map_err(|error| Error::internal("incoming rows are not of the table's schema").caused_by(error)),
        Some(_) => Err(Error::internal("incoming rows lack columns of the table's schema")),
    }
}

/// Stubs, then upserts, which hold a record: the last row of an identity wins.
fn joined(stubs: RecordBatch, upserts: RecordBatch) -> Result<RecordBatch> {
    match (stubs.num_rows(), upserts.num_rows()) {
        (0, _) => Ok(upserts),
        (_, 0) => Ok(stubs),
        _ => concat_batches(&upserts.schema(), [&stubs, &upserts]).map_err(unexpected),
    }
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
