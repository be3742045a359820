//! A checkpoint: the state of a table as one Parquet file, so that readers need no commit before it. The classic
//! form, which every reader of Delta tables knows.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema};
use arrow::error::ArrowError;
use arrow::json::ReaderBuilder;
use arrow::json::writer::{LineDelimited, WriterBuilder};
use bytes::Bytes;

use super::actions::Action;
use crate::data_file::{decode_plain, encode_plain};
use crate::error::{Error, Result};

/// The kinds of actions that a checkpoint holds, each a column.
const COLUMNS: [&str; 5] = ["protocol", "metaData", "txn", "remove", "add"];

/// The actions as a checkpoint.
pub fn encode(actions: &[Action]) -> Result<Bytes> {
    let rows = || -> std::result::Result<_, ArrowError> {
        let builder = ReaderBuilder::new(Arc::new(schema())).with_batch_size(actions.len().max(1));
        let mut decoder = builder.build_decoder()?;
        decoder.serialize(actions)?;
        decoder.flush()
    };
    let rows = rows().map_err(|cause| Error::internal("cannot write a checkpoint").caused_by(cause))?;
    encode_plain(&rows.ok_or_else(|| Error::internal("a checkpoint without any action"))?)
}

/// The actions of a checkpoint.
pub fn decode(bytes: Bytes) -> Result<Vec<Action>> {
    let rows = decode_plain(bytes, &COLUMNS)?;
    let mut text = Vec::new();
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(&mut text);
    let written = writer.write(&rows).and_then(|()| writer.finish());
    written.map_err(|cause| Error::store("a checkpoint holds what cannot be read").caused_by(cause))?;
    drop(writer);
    serde_json::Deserializer::from_slice(&text)
        .into_iter()
        .collect::<Result<_, _>>()
        .map_err(|cause| Error::store("a checkpoint holds what cannot be read").caused_by(cause))
}

fn schema() -> Schema {
    let (text, long, int, flag) = (DataType::Utf8, DataType::Int64, DataType::Int32, DataType::Boolean);
    let format = record(&[("provider", text.clone()), ("options", map())]);
    let columns = DataType::List(Arc::new(Field::new("element", text.clone(), true)));
    let kinds = [
        record(&[("minReaderVersion", int.clone()), ("minWriterVersion", int)]),
        record(&[
            ("id", text.clone()),
            ("name", text.clone()),
            ("description", text.clone()),
            ("format", format),
            ("schemaString", text.clone()),
            ("partitionColumns", columns),
            ("configuration", map()),
            ("createdTime", long.clone()),
        ]),
        record(&[("appId", text.clone()), ("version", long.clone()), ("lastUpdated", long.clone())]),
        record(&[
            ("path", text.clone()),
            ("deletionTimestamp", long.clone()),
            ("dataChange", flag.clone()),
            ("extendedFileMetadata", flag.clone()),
            ("partitionValues", map()),
            ("size", long.clone()),
        ]),
        record(&[
            ("path", text.clone()),
            ("partitionValues", map()),
            ("size", long.clone()),
            ("modificationTime", long),
            ("dataChange", flag),
            ("stats", text),
        ]),
    ];
    Schema::new(
        COLUMNS.iter().zip(kinds).map(|(name, kind)| Field::new(*name, kind, true)).collect::<Fields>(),
    )
}

fn record(fields: &[(&str, DataType)]) -> DataType {
    DataType::Struct(fields.iter().map(|(name, kind)| Field::new(*name, kind.clone(), true)).collect())
}

/// Texts by text.
fn map() -> DataType {
    let pair = [Field::new("key", DataType::Utf8, false), Field::new("value", DataType::Utf8, true)];
    let pairs = Field::new("key_value", DataType::Struct(pair.into_iter().collect()), false);
    DataType::Map(Arc::new(pairs), false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::actions::{Add, Format, MetaData, Protocol, Txn};

    #[test]
    fn what_was_written_is_read() {
        let add = |value: Option<&str>| Add {
            path: "month=2025-03/a.parquet".into(),
            partition_values: [("month".to_owned(), value.map(ToOwned::to_owned))].into(),
            size: 1 << 40,
            modification_time: 1_741_305_600_000,
            data_change: true,
            stats: value.map(|_| r#"{"numRecords":9007199254740993}"#.to_owned()),
        };
        let meta_data = MetaData {
            id: "x".into(),
            name: None,
            description: Some("é".into()),
            format: Format { provider: "parquet".into(), options: [].into() },
            schema_string: "{}".into(),
            partition_columns: vec!["month".into()],
            configuration: [("a".to_owned(), "b".to_owned())].into(),
            created_time: Some(1),
        };
        let actions: Vec<Action> = vec![
            Protocol { min_reader_version: 1, min_writer_version: 2 }.into(),
            meta_data.into(),
            Txn { app_id: "app".into(), version: 42, last_updated: None }.into(),
            add(Some("2025-03")).removed(5).into(),
            add(None).into(),
            add(Some("2025-03")).into(),
        ];
        let read = decode(encode(&actions).unwrap()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), serde_json::to_value(actions).unwrap());
    }

    #[test]
    fn what_is_no_checkpoint_is_an_error() {
        assert!(decode(Bytes::from_static(b"PAR1 nothing PAR1")).is_err());
    }
}
