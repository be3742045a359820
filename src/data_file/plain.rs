//! Parquet that is no data object: rows of any schema, written and read at once. For what others must be able
//! to read beside the data.

use arrow::compute::concat_batches;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::guard::guarded;
use crate::error::{Error, Result};

/// All rows as one Parquet file.
pub fn encode_plain(rows: &RecordBatch) -> Result<Bytes> {
    let encode = || {
        let properties = WriterProperties::builder()
            .set_coerce_types(true)
            .set_compression(Compression::ZSTD(parquet::basic::ZstdLevel::try_new(1)?));
        let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), Some(properties.build()))?;
        writer.write(rows)?;
        writer.into_inner()
    };
    encode()
        .map(Bytes::from)
        .map_err(|cause: ParquetError| Error::internal("cannot encode Parquet").caused_by(cause))
}

/// All rows of a Parquet file, with those of its columns that are named here.
///
/// # Errors
/// [`Error::store`] when it is no Parquet that can be read.
pub fn decode_plain(bytes: Bytes, columns: &[&str]) -> Result<RecordBatch> {
    let decode = || -> std::result::Result<RecordBatch, ArrowError> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(bytes)?;
        let named = builder.schema().fields().iter().enumerate();
        let named = named.filter(|(_, field)| columns.contains(&field.name().as_str()));
        let wanted = ProjectionMask::roots(builder.parquet_schema(), named.map(|(root, _)| root));
        let reader = builder.with_projection(wanted).build()?;
        let schema = arrow::record_batch::RecordBatchReader::schema(&reader);
        let batches = reader.collect::<std::result::Result<Vec<_>, _>>()?;
        concat_batches(&schema, &batches)
    };
    guarded(|| decode().map_err(|cause| Error::store("it is no Parquet that can be read").caused_by(cause)))
}
