//! Batches in, one Parquet object out.
//!
//! Rows are cut into row groups by the rows alone, so the cuts between batches leave no trace. Row
//! groups that are complete wait until a wave of them is there; then every column of every row group in
//! the wave is encoded on the pool, each by its own writer, and appended in order. A column's bytes
//! depend on nothing but its values, so the object is the same on one thread or many.

use std::cmp::Reverse;
use std::io::sink;
use std::mem;
use std::ops::Range;
use std::sync::Arc;

use arrow::datatypes::{FieldRef, SchemaRef};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, ArrowWriter, ArrowWriterOptions,
    compute_leaves,
};
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::writer::SerializedFileWriter;

use super::picked::{self, Part, Picks};
use super::properties::{leaf_counts, properties};
use super::sizes::row_sizes;
use crate::cpu;
use crate::error::{Error, Result};
use crate::schema::Table;

/// Measured: 0.5 % larger than huge row groups, and small enough to spread a table over the cores.
const ROW_GROUP_ROWS: usize = 32_768;

/// Bounds the memory that reading and encoding one row group needs, whatever the length of bodies.
const ROW_GROUP_BYTES: u64 = 32 << 20;

/// Keeps many cores busy on small rows.
const WAVE_ROW_GROUPS: usize = 4;

/// Bounds the decoded values that wait for the pool, but for the last row group.
const WAVE_BYTES: u64 = 16 << 20;

/// So many rows of a column are gathered and written at a time: few enough that they are still in the cache when
/// they are encoded. Pages are cut by what a single write sees, so another number gives other bytes.
const CHUNK_ROWS: usize = 1_024;

/// A whole object of so few decoded bytes is left uncompressed: to set compression up costs more time, in each
/// column that is written or read, than it saves in bytes.
const SMALL_BYTES: u64 = 64 << 10;

/// A finished object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// The whole object.
    pub bytes: Vec<u8>,
    /// Its rows.
    pub rows: u64,
    /// Its row groups.
    pub row_groups: u32,
}

/// Encodes batches of one table, whose rows come sorted, into one object; the same rows give the same
/// bytes.
///
/// Holds the encoded bytes so far and at most 80 MiB of decoded values (or one row, if that is larger).
pub struct Encoder {
    schema: SchemaRef,
    file: SerializedFileWriter<Vec<u8>>,
    factory: ArrowRowGroupWriterFactory,
    leaf_counts: Vec<usize>,
    open: RowGroup,
    waiting: Vec<RowGroup>,
    rows: u64,
    row_groups: u32,
}

/// The rows of one row group, as they came: slices of batches, and rows picked out of batches.
#[derive(Default)]
struct RowGroup {
    parts: Vec<Part>,
    rows: usize,
    bytes: u64,
}

impl Encoder {
    /// An object of `table` without any row yet.
    pub fn new(table: &Table) -> Result<Self> {
        Self::with_room(table, 0)
    }

    /// The same, for an object that will have about so many encoded bytes: what is large would be in memory twice
    /// whenever it outgrows its place. What is never filled takes no memory.
    pub fn with_room(table: &Table, bytes: u64) -> Result<Self> {
        let schema = table.schema();
        let leaves =
            ArrowSchemaConverter::new().with_coerce_types(true).convert(&schema).map_err(cannot_encode)?;
        let options = ArrowWriterOptions::new().with_properties(properties(table, &leaves)?);
        let room = Vec::with_capacity(bytes as usize);
        let writer = ArrowWriter::try_new_with_options(room, schema.clone(), options);
        let (file, factory) = writer.and_then(ArrowWriter::into_serialized_writer).map_err(cannot_encode)?;
        Ok(Self {
            leaf_counts: leaf_counts(&schema, &leaves),
            schema,
            file,
            factory,
            open: RowGroup::default(),
            waiting: Vec::new(),
            rows: 0,
            row_groups: 0,
        })
    }

    /// Adds rows, which follow all earlier ones in key order.
    ///
    /// Fails with an internal error when the batch is not of the table's schema.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.check(batch)?;
        let slice = |rows: Range<usize>| Part::Rows(batch.slice(rows.start, rows.len()));
        self.cut(row_sizes(batch).into_iter(), slice)
    }

    /// Adds rows picked out of `sources`, each by the number of its batch and its row there. They are gathered
    /// only where they are encoded, column by column on the pool.
    ///
    /// Fails with an internal error when a batch is not of the table's schema.
    pub fn pick(&mut self, sources: &Arc<[RecordBatch]>, places: &[(usize, usize)]) -> Result<()> {
        sources.iter().try_for_each(|batch| self.check(batch))?;
        let sizes: Vec<Vec<u64>> = sources.iter().map(row_sizes).collect();
        let pick = |rows: Range<usize>| Part::Picked(sources.clone(), places[rows].into());
        self.cut(places.iter().map(|(batch, row)| sizes[*batch][*row]), pick)
    }

    /// Spreads rows of these sizes over row groups; `part` takes a range of them.
    fn cut(&mut self, sizes: impl Iterator<Item = u64>, part: impl Fn(Range<usize>) -> Part) -> Result<()> {
        let (mut start, mut end) = (0, 0);
        for size in sizes {
            if self.open.is_full_for(size) {
                self.open.add(part(start..end));
                self.close_row_group()?;
                start = end;
            }
            self.open.count(size);
            end += 1;
        }
        self.open.add(part(start..end));
        Ok(())
    }

    /// Bytes encoded so far; rows that still wait are not among them.
    pub fn encoded_bytes(&self) -> usize {
        self.file.bytes_written()
    }

    /// Encodes what waits, closes the object and hands it over.
    pub fn finish(mut self) -> Result<Encoded> {
        if self.open.rows > 0 {
            if self.row_groups == 0 && self.open.bytes <= SMALL_BYTES {
                self.factory = uncompressed(&self.file, &self.schema)?;
            }
            self.close_row_group()?;
        }
        self.encode_waiting()?;
        let bytes = self.file.into_inner().map_err(cannot_encode)?;
        Ok(Encoded { bytes, rows: self.rows, row_groups: self.row_groups })
    }

    fn check(&self, batch: &RecordBatch) -> Result<()> {
        let (have, want) = (batch.schema_ref().fields(), self.schema.fields());
        let alike = |(have, want): (&FieldRef, &FieldRef)| {
            have.name() == want.name() && have.data_type() == want.data_type()
        };
        if have.len() == want.len() && have.iter().zip(want).all(alike) {
            return Ok(());
        }
        Err(Error::internal("a batch is not of the schema of the table it is to be written to"))
    }

    fn close_row_group(&mut self) -> Result<()> {
        self.rows += self.open.rows as u64;
        self.row_groups += 1;
        self.waiting.push(mem::take(&mut self.open));
        let bytes: u64 = self.waiting.iter().map(|group| group.bytes).sum();
        if self.waiting.len() >= WAVE_ROW_GROUPS || bytes >= WAVE_BYTES {
            self.encode_waiting()?;
        }
        Ok(())
    }

    fn encode_waiting(&mut self) -> Result<()> {
        let mut columns = Vec::new();
        let bytes = self.waiting.iter().map(|group| group.bytes).sum();
        let first = self.row_groups as usize - self.waiting.len();
        for (index, group) in mem::take(&mut self.waiting).into_iter().enumerate() {
            columns.extend(self.columns(first + index, &group)?);
        }
        let mut chunks = encode_longest_first(bytes, columns)?.into_iter();
        let width = self.schema.fields().len();
        while chunks.len() > 0 {
            self.append(chunks.by_ref().take(width).flatten()).map_err(cannot_encode)?;
        }
        Ok(())
    }

    fn columns(&self, index: usize, group: &RowGroup) -> Result<Vec<Column>> {
        let mut writers = self.factory.create_column_writers(index).map_err(cannot_encode)?.into_iter();
        let picks = Picks::of(&group.parts, CHUNK_ROWS);
        let column = |(position, field): (usize, &FieldRef)| Column {
            field: field.clone(),
            values: picks.column(position),
            writers: writers.by_ref().take(self.leaf_counts[position]).collect(),
        };
        Ok(self.schema.fields().iter().enumerate().map(column).collect())
    }

    fn append(&mut self, chunks: impl Iterator<Item = ArrowColumnChunk>) -> Result<(), ParquetError> {
        let mut group = self.file.next_row_group()?;
        for chunk in chunks {
            chunk.append_to_row_group(&mut group)?;
        }
        group.close()?;
        Ok(())
    }
}

impl RowGroup {
    fn is_full_for(&self, size: u64) -> bool {
        self.rows >= ROW_GROUP_ROWS || (self.rows > 0 && self.bytes + size > ROW_GROUP_BYTES)
    }

    fn add(&mut self, part: Part) {
        if part.rows() > 0 {
            self.parts.push(part);
        }
    }

    fn count(&mut self, size: u64) {
        self.rows += 1;
        self.bytes += size;
    }
}

/// The columns encoded, in their order. Bodies take longer than all other columns together, so that they must not be
/// what is left for one thread at the end.
fn encode_longest_first(bytes: u64, columns: Vec<Column>) -> Result<Vec<Vec<ArrowColumnChunk>>> {
    let mut columns: Vec<_> = columns.into_iter().enumerate().collect();
    columns.sort_by_key(|(_, column)| Reverse(column.values.bytes()));
    let mut encoded = cpu::map(bytes, columns, |(place, column)| Ok((place, column.encode()?)))?;
    encoded.sort_by_key(|(place, _)| *place);
    Ok(encoded.into_iter().map(|(_, chunks)| chunks).collect())
}

/// Makes writers of columns like those of `file`, but for compression.
fn uncompressed(
    file: &SerializedFileWriter<Vec<u8>>,
    schema: &SchemaRef,
) -> Result<ArrowRowGroupWriterFactory> {
    let properties = file.properties().as_ref().clone().into_builder();
    let properties = Arc::new(properties.set_compression(Compression::UNCOMPRESSED).build());
    let leaves = file.schema_descr().root_schema_ptr();
    let like = SerializedFileWriter::new(sink(), leaves, properties).map_err(cannot_encode)?;
    Ok(ArrowRowGroupWriterFactory::new(&like, schema.clone()))
}

/// One column of one row group, and the writers of its leaves: what one worker encodes at a time.
struct Column {
    field: FieldRef,
    values: picked::Column,
    writers: Vec<ArrowColumnWriter>,
}

impl Column {
    fn encode(mut self) -> Result<Vec<ArrowColumnChunk>> {
        let encoded =
            self.write().and_then(|()| self.writers.into_iter().map(ArrowColumnWriter::close).collect());
        encoded.map_err(|error| cannot_encode(error).at("column", self.field.name()))
    }

    fn write(&mut self) -> Result<(), ParquetError> {
        for values in self.values.chunks() {
            let leaves = compute_leaves(&self.field, &values?)?;
            self.writers.iter_mut().zip(&leaves).try_for_each(|(writer, leaf)| writer.write(leaf))?;
        }
        Ok(())
    }
}

fn cannot_encode(error: ParquetError) -> Error {
    Error::internal("the rows cannot be encoded as Parquet").caused_by(error)
}
