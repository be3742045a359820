//! Reads an object back, one row group at a time, under the table's declared schema.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::{ChunkReader, Length};

use super::conform::{Difference, conform_to, differences};
use super::guard::guarded;
use super::input::Input;
use crate::error::{Error, Result};
use crate::schema::Table;

/// Larger row groups are never ours; they are handed out in pieces of this many rows.
const BATCH_ROWS: usize = 32_768;

/// An object whose footer was read and fits the table.
#[derive(Clone)]
pub struct Reader {
    input: Input,
    footer: ArrowReaderMetadata,
    schema: SchemaRef,
    differences: Vec<Difference>,
}

/// Reads the footer of an object of `table` and compares its schema with the declared one.
///
/// An object that an older version wrote (columns missing, or in another order) opens, and
/// [`Reader::differences`] says so. Fails when it is no Parquet, or has a column that is unknown or of
/// another type.
pub fn open<R: ChunkReader + 'static>(table: &Table, reader: R) -> Result<Reader> {
    let input = Input::new(reader);
    let footer =
        guarded(|| ArrowReaderMetadata::load(&input, ArrowReaderOptions::new()).map_err(cannot_read))
            .map_err(|error| error.at("table", table.name))?;
    if !is_within(footer.metadata(), input.len()) {
        let error = Error::store("the object is no readable Parquet: its footer points outside of it");
        return Err(error.at("table", table.name));
    }
    let schema = table.schema();
    let differences = differences(footer.schema(), &schema);
    if let Some(found) = differences.iter().find(|difference| !difference.is_mendable()) {
        return Err(foreign(found).at("table", table.name));
    }
    Ok(Reader { input, footer, schema, differences })
}

/// Whether all that the footer points at lies within an object of so many bytes. The library takes a footer's
/// word for it, and panics where that is absurd.
fn is_within(footer: &ParquetMetaData, bytes: u64) -> bool {
    let fits = |column: &ColumnChunkMetaData| {
        let first = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
        let end = first.checked_add(column.compressed_size());
        let is_sound = first >= 0 && column.compressed_size() >= 0 && column.num_values() >= 0;
        is_sound && end.is_some_and(|end| end.cast_unsigned() <= bytes)
    };
    let groups = footer.row_groups();
    let counts = footer.file_metadata().num_rows() >= 0 && groups.iter().all(|group| group.num_rows() >= 0);
    counts && groups.iter().flat_map(RowGroupMetaData::columns).all(fits)
}

impl Reader {
    /// How many rows the footer promises.
    pub fn rows(&self) -> u64 {
        self.parquet().file_metadata().num_rows() as u64
    }

    /// How large the object is, in bytes.
    pub fn bytes(&self) -> u64 {
        self.input.len()
    }

    /// How many row groups there are.
    pub fn row_groups(&self) -> usize {
        self.parquet().num_row_groups()
    }

    /// What sets the object's schema apart from the declared one; none if this version wrote it.
    pub fn differences(&self) -> &[Difference] {
        &self.differences
    }

    /// All columns, one batch per row group, under the declared schema.
    pub fn batches(&self) -> Batches {
        Batches::new(self, self.schema.clone())
    }

    /// These columns only, in this order, one batch per row group; what is not needed is not decoded.
    ///
    /// Fails with an internal error when the table declares no such column.
    pub fn columns(&self, names: &[&str]) -> Result<Batches> {
        let field = |name: &&str| self.schema.field_with_name(name).cloned();
        let fields: Result<Vec<_>, ArrowError> = names.iter().map(field).collect();
        let fields = fields.map_err(|error| Error::internal("no such column").caused_by(error))?;
        Ok(Batches::new(self, Arc::new(Schema::new(fields))))
    }

    pub(super) fn parquet(&self) -> &ParquetMetaData {
        self.footer.metadata()
    }
}

/// The batches of an object, in order; ends after the first error.
pub struct Batches {
    input: Input,
    footer: ArrowReaderMetadata,
    wanted: ProjectionMask,
    schema: SchemaRef,
    next: usize,
    row_group: Option<ParquetRecordBatchReader>,
}

impl Batches {
    fn new(reader: &Reader, schema: SchemaRef) -> Self {
        let leaves = reader.footer.parquet_schema();
        let stored = reader.footer.schema().fields().iter().enumerate();
        let wanted = stored.filter(|(_, field)| schema.field_with_name(field.name()).is_ok());
        Self {
            input: reader.input.clone(),
            footer: reader.footer.clone(),
            wanted: ProjectionMask::roots(leaves, wanted.map(|(root, _)| root)),
            schema,
            next: 0,
            row_group: None,
        }
    }

    fn step(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(batch) = self.row_group.as_mut().and_then(Iterator::next) {
                return conform_to(&batch.map_err(cannot_decode)?, &self.schema).map(Some);
            }
            if self.next >= self.footer.metadata().num_row_groups() {
                return Ok(None);
            }
            self.row_group = Some(self.open_row_group(self.next)?);
            self.next += 1;
        }
    }

    fn open_row_group(&self, index: usize) -> Result<ParquetRecordBatchReader> {
        ParquetRecordBatchReaderBuilder::new_with_metadata(self.input.clone(), self.footer.clone())
            .with_projection(self.wanted.clone())
            .with_row_groups(vec![index])
            .with_batch_size(BATCH_ROWS)
            .build()
            .map_err(cannot_read)
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = guarded(|| self.step());
        if step.is_err() {
            self.row_group = None;
            self.next = usize::MAX;
        }
        step.transpose()
    }
}

fn cannot_read(error: ParquetError) -> Error {
    Error::store("the object is no readable Parquet").caused_by(error)
}

fn cannot_decode(error: ArrowError) -> Error {
    Error::store("the object's rows cannot be decoded").caused_by(error)
}

fn foreign(found: &Difference) -> Error {
    Error::store(format!("the object is not of this table: {found}"))
        .hint("if a newer drift2parquet wrote this lake, use that version; else restore or `reset` the table")
}
