//! What the promises of data files mean in practice.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{Seek, Write};
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatchOptions, StringArray};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use parquet::arrow::{ArrowSchemaConverter, ArrowWriter};
use parquet::basic::{Compression, Encoding};
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::properties::{Layout, layouts, properties};
use super::samples::{are_equal, batch, foreign, rows};
use super::sizes::row_sizes;
use super::*;
use crate::error::ErrorKind;
use crate::schema::Table;
use crate::tables;

fn encoded(table: &Table, batches: impl IntoIterator<Item = RecordBatch>) -> Encoded {
    let mut encoder = Encoder::new(table).unwrap();
    batches.into_iter().for_each(|batch| encoder.write(&batch).unwrap());
    encoder.finish().unwrap()
}

fn read(table: &Table, bytes: Vec<u8>) -> RecordBatch {
    let reader = open(table, Bytes::from(bytes)).unwrap();
    assert_eq!(reader.differences(), []);
    let batches: Vec<_> = reader.batches().map(Result::unwrap).collect();
    concat_batches(&table.schema(), &batches).unwrap()
}

fn without(batch: &RecordBatch, name: &str) -> RecordBatch {
    let kept = (0..batch.num_columns()).filter(|at| batch.schema().field(*at).name() != name);
    batch.project(&kept.collect::<Vec<_>>()).unwrap()
}

/// Messages with bodies of `bytes` each.
fn long_messages(count: usize, bytes: usize) -> RecordBatch {
    let rows = batch(&tables::MESSAGES, &rows(count));
    let bodies = StringArray::from_iter_values((0..count).map(|row| format!("{row}{}", "x".repeat(bytes))));
    let at = rows.schema().index_of("body").unwrap();
    let mut columns = rows.columns().to_vec();
    columns[at] = Arc::new(bodies);
    RecordBatch::try_new(rows.schema(), columns).unwrap()
}

#[test]
fn every_table_comes_back_as_it_was() {
    for table in tables::ALL {
        for count in [0, 1, 300] {
            let rows = batch(table, &rows(count));
            let object = encoded(table, [rows.clone()]);
            assert_eq!((object.rows, object.row_groups), (count as u64, u32::from(count > 0)));
            let back = read(table, object.bytes);
            assert!(are_equal(&back, &rows), "{}", table.name);
        }
    }
}

#[test]
fn the_same_rows_give_the_same_bytes_however_they_were_cut() {
    let rows = batch(&tables::MESSAGES, &rows(70_000));
    let whole = encoded(&tables::MESSAGES, [rows.clone()]);
    assert_eq!(whole.row_groups, 3);
    for cut in [1_777, 32_768, 50_000] {
        let starts = (0..rows.num_rows()).step_by(cut);
        let parts = starts.map(|at| rows.slice(at, cut.min(rows.num_rows() - at)));
        assert!(encoded(&tables::MESSAGES, parts).bytes == whole.bytes, "cut every {cut} rows");
    }
    // Read back, nulls hide nothing any more: that must leave no trace either.
    let back = read(&tables::MESSAGES, whole.bytes.clone());
    assert!(encoded(&tables::MESSAGES, [back]).bytes == whole.bytes);
}

#[test]
fn the_order_of_metadata_leaves_no_trace() {
    // Every schema that is made has hash maps with seeds of their own.
    let rows = batch(&tables::CONVERSATIONS, &rows(5));
    let first = encoded(&tables::CONVERSATIONS, [rows.clone()]);
    assert!((0..50).all(|_| encoded(&tables::CONVERSATIONS, [rows.clone()]) == first));
}

#[test]
fn encoding_on_the_pool_gives_what_one_writer_gives() {
    let rows = batch(&tables::MESSAGES, &rows(70_000));
    let leaves = ArrowSchemaConverter::new().with_coerce_types(true).convert(&rows.schema()).unwrap();
    let limited = properties(&tables::MESSAGES, &leaves).unwrap().into_builder();
    let limited = limited.set_max_row_group_row_count(Some(32_768)).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), Some(limited)).unwrap();
    for start in (0..rows.num_rows()).step_by(1_024) {
        writer.write(&rows.slice(start, 1_024.min(rows.num_rows() - start))).unwrap();
    }
    assert!(encoded(&tables::MESSAGES, [rows]).bytes == writer.into_inner().unwrap());
}

#[test]
fn a_small_object_is_left_uncompressed_and_a_larger_one_is_not() {
    let is_plain = |object: &Encoded| {
        let file = SerializedFileReader::new(Bytes::copy_from_slice(&object.bytes)).unwrap();
        let mut columns = file.metadata().row_groups().iter().flat_map(RowGroupMetaData::columns);
        let plain = |column: &ColumnChunkMetaData| column.compression() == Compression::UNCOMPRESSED;
        let first = plain(columns.next().unwrap());
        assert!(columns.all(|column| plain(column) == first));
        first
    };
    let few = batch(&tables::MESSAGES, &rows(40));
    let small = encoded(&tables::MESSAGES, [few.clone()]);
    assert!(is_plain(&small));
    assert!(small == encoded(&tables::MESSAGES, (0..40).map(|row| few.slice(row, 1))));
    assert!(are_equal(&read(&tables::MESSAGES, small.bytes), &few));
    assert!(!is_plain(&encoded(&tables::MESSAGES, [batch(&tables::MESSAGES, &rows(4_000))])));
    // The last row group may be small: what precedes it decides.
    let long = encoded(&tables::MESSAGES, [batch(&tables::MESSAGES, &rows(32_769))]);
    assert_eq!(long.row_groups, 2);
    assert!(!is_plain(&long));
}

#[test]
fn row_groups_end_at_32_mib_of_decoded_values() {
    let rows = long_messages(70, 1 << 20);
    let object = encoded(&tables::MESSAGES, [rows.clone()]);
    let one_by_one = encoded(&tables::MESSAGES, (0..70).map(|row| rows.slice(row, 1)));
    assert!(object == one_by_one);
    let reader = open(&tables::MESSAGES, Bytes::from(object.bytes)).unwrap();
    let counts: Vec<usize> = reader.batches().map(|batch| batch.unwrap().num_rows()).collect();
    assert_eq!(counts, [31, 31, 8]);
}

#[test]
fn a_row_larger_than_a_row_group_is_one() {
    let object = encoded(&tables::MESSAGES, [long_messages(3, 33 << 20)]);
    assert_eq!(object.row_groups, 3);
}

#[test]
fn sizes_do_not_see_what_nulls_hide() {
    for table in tables::ALL {
        let rows = batch(table, &rows(300));
        let back = read(table, encoded(table, [rows.clone()]).bytes);
        assert_eq!(row_sizes(&rows), row_sizes(&back));
        assert_eq!(row_sizes(&rows)[100..], row_sizes(&rows.slice(100, 200)));
    }
}

#[test]
fn each_leaf_is_laid_out_by_its_kind() {
    for table in tables::ALL {
        let bytes = Bytes::from(encoded(table, [batch(table, &rows(300))]).bytes);
        let file = SerializedFileReader::new(bytes).unwrap();
        let chunks = file.metadata().row_group(0).columns();
        let declared = layouts(table);
        assert_eq!(declared.len(), chunks.len());
        for ((path, layout), chunk) in declared.iter().zip(chunks) {
            assert_eq!(path, chunk.column_path());
            let has = |encoding| chunk.encodings_mask().is_set(encoding);
            assert_eq!(has(Encoding::DELTA_BINARY_PACKED), *layout == Layout::Deltas, "{path:?}");
            assert!(*layout == Layout::Dictionary || !has(Encoding::RLE_DICTIONARY), "{path:?}");
            assert_eq!(chunk.statistics().is_some(), *layout != Layout::Plain, "{path:?}");
            assert!(chunk.offset_index_offset().is_none() && chunk.column_index_offset().is_none());
        }
        let sorted = file.metadata().row_group(0).sorting_columns().unwrap();
        let names = sorted.iter().map(|s| chunks[s.column_idx as usize].column_path().string());
        assert_eq!(names.collect::<Vec<_>>(), table.sort);
    }
}

#[test]
fn the_file_says_what_columns_mean_and_nothing_of_the_run() {
    let bytes = Bytes::from(encoded(&tables::CONVERSATIONS, [batch(&tables::CONVERSATIONS, &rows(1))]).bytes);
    let file = SerializedFileReader::new(bytes.clone()).unwrap();
    let about = file.metadata().file_metadata();
    assert_eq!(about.created_by(), Some("drift2parquet version 1.1.0"));
    let keys = about.key_value_metadata().unwrap().iter().map(|entry| entry.key.as_str());
    assert_eq!(keys.collect::<Vec<_>>(), ["ARROW:schema"]);
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
    assert_eq!(reader.schema().metadata(), tables::CONVERSATIONS.schema().metadata());
    // Arrow calls what a list holds `item`, and does not show that name.
    let shown = |schema: &Schema| format!("{:?}", schema.fields()).replace("name: \"element\", ", "");
    assert_eq!(shown(reader.schema()), shown(&tables::CONVERSATIONS.schema()));
}

#[test]
fn chosen_columns_are_read_in_the_order_asked_for() {
    let rows = batch(&tables::CONVERSATIONS, &rows(40_000));
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&encoded(&tables::CONVERSATIONS, [rows.clone()]).bytes).unwrap();
    file.rewind().unwrap();
    let reader = open(&tables::CONVERSATIONS, file).unwrap();
    assert_eq!((reader.rows(), reader.row_groups()), (40_000, 2));
    for _ in 0..2 {
        let batches: Vec<_> = reader.columns(&["_listed_at", "id"]).unwrap().map(Result::unwrap).collect();
        assert_eq!(batches.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [32_768, 7_232]);
        assert_eq!(batches[0].schema().field(0).name(), "_listed_at");
        assert_eq!(batches[1].column(1).as_primitive::<Int64Type>().value(0), 32_768);
    }
    assert!(reader.columns(&["nope"]).is_err());
}

#[test]
fn an_older_object_is_read_under_the_present_schema() {
    let rows = batch(&tables::CONVERSATIONS, &rows(10));
    let older = foreign(&without(&rows, "_missing"));
    let reader = open(&tables::CONVERSATIONS, older).unwrap();
    assert_eq!(reader.differences(), [Difference::Missing("_missing".into())]);
    let back = reader.batches().next().unwrap().unwrap();
    assert_eq!(back.schema(), tables::CONVERSATIONS.schema());
    assert_eq!(back.column_by_name("_missing").unwrap().null_count(), 10);
    assert_eq!(back.column_by_name("_extra"), rows.column_by_name("_extra"));
    let only = reader.columns(&["_missing"]).unwrap().next().unwrap().unwrap();
    assert_eq!(only.num_rows(), 10);
}

/// Readers of tables (pyiceberg among them) look for `list.element`, the names that Parquet prescribes.
#[test]
fn lists_hold_elements_by_the_name_that_parquet_prescribes() {
    let rows = batch(&tables::CONVERSATIONS, &rows(10));
    let object = encoded(&tables::CONVERSATIONS, [rows]);
    let reader = SerializedFileReader::new(Bytes::from(object.bytes)).unwrap();
    let leaves = reader.metadata().file_metadata().schema_descr().columns().to_vec();
    let paths: Vec<String> = leaves.iter().map(|leaf| leaf.path().string()).collect();
    assert!(paths.contains(&"participants.list.element".to_owned()), "{paths:?}");
    assert!(paths.contains(&"conversation_tags.list.element.name".to_owned()), "{paths:?}");
    assert!(!paths.iter().any(|path| path.contains("item")), "{paths:?}");
}

/// Lakes that an earlier version began have lists of `item`.
#[test]
fn lists_of_items_are_read_as_well() {
    let rows = batch(&tables::CONVERSATIONS, &rows(10));
    let older = foreign(&rows);
    let footer = SerializedFileReader::new(older.clone()).unwrap();
    let leaf = footer.metadata().file_metadata().schema_descr().column(3);
    assert_eq!(leaf.path().string(), "participants.list.item");
    let reader = open(&tables::CONVERSATIONS, older).unwrap();
    assert_eq!(reader.batches().next().unwrap().unwrap(), rows);
}

#[test]
fn nested_fields_that_were_added_become_null() {
    let rows = batch(&tables::CONVERSATIONS, &rows(50));
    let at = rows.schema().index_of("conversation_tags").unwrap();
    let lists = rows.column(at).as_list::<i32>();
    let tags = lists.values().as_struct();
    let (fields, columns, nulls) = tags.clone().into_parts();
    let name_only = arrow::array::StructArray::new(fields[1..].to_vec().into(), columns[1..].to_vec(), nulls);
    let item = Arc::new(Field::new("item", name_only.data_type().clone(), true));
    let older = arrow::array::ListArray::new(
        item.clone(),
        lists.offsets().clone(),
        Arc::new(name_only),
        lists.nulls().cloned(),
    );
    let mut fields = rows.schema().fields().to_vec();
    fields[at] = Arc::new(Field::new("conversation_tags", DataType::List(item), true));
    let mut columns = rows.columns().to_vec();
    columns[at] = Arc::new(older);
    let older = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap();
    let reader = open(&tables::CONVERSATIONS, foreign(&older)).unwrap();
    assert_eq!(reader.differences(), [Difference::Missing("conversation_tags.color".into())]);
    let back = reader.batches().next().unwrap().unwrap();
    let back = back.column(at).as_list::<i32>().values().as_struct().clone();
    assert_eq!(back.column_by_name("color").unwrap().null_count(), back.len());
    assert!(back.column_by_name("name").unwrap().null_count() < back.len());
}

#[test]
fn columns_in_another_order_are_put_right() {
    let rows = batch(tables::by_name("users").unwrap(), &rows(3));
    let turned: Vec<usize> = (0..rows.num_columns()).rev().collect();
    let table = tables::by_name("users").unwrap();
    let reader = open(table, foreign(&rows.project(&turned).unwrap())).unwrap();
    assert_eq!(reader.differences(), [Difference::Order(String::new())]);
    assert_eq!(reader.batches().next().unwrap().unwrap(), rows);
}

#[test]
fn what_this_version_does_not_know_is_refused() {
    let users = tables::by_name("users").unwrap();
    let renamed = |name: &str, to: Field| {
        let rows = batch(users, &rows(3));
        let fields = rows
            .schema()
            .fields()
            .iter()
            .map(|f| if f.name() == name { Arc::new(to.clone()) } else { f.clone() })
            .collect::<Vec<_>>();
        RecordBatch::try_new_with_options(
            Arc::new(Schema::new(fields)),
            rows.columns().to_vec(),
            &RecordBatchOptions::new(),
        )
        .unwrap()
    };
    let unknown = renamed("alias", Field::new("nickname", DataType::Utf8, true));
    let error = open(users, foreign(&unknown)).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Store);
    assert!(error.found().contains("nickname is not known"), "{error}");
    assert!(conform(&unknown, users).is_err());

    let error = open(users, foreign(&batch(tables::by_name("teams").unwrap(), &rows(1)))).err().unwrap();
    assert!(error.place("table") == Some("users"), "{error}");
}

#[test]
fn what_is_no_parquet_is_the_lakes_fault() {
    for bytes in [&b""[..], b"PAR1", b"PAR1aaaaaaaaaaaaaaaaaaaaPAR1"] {
        let error = open(&tables::MESSAGES, Bytes::from_static(bytes)).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Store);
    }
    let mut bytes = encoded(&tables::MESSAGES, [batch(&tables::MESSAGES, &rows(300))]).bytes;
    bytes[40..400].fill(0xFF);
    let reader = open(&tables::MESSAGES, Bytes::from(bytes)).unwrap();
    let results: Vec<_> = reader.batches().collect();
    assert_eq!(results.len(), 1);
    assert_eq!(results[0].as_ref().err().unwrap().kind(), ErrorKind::Store);
}

#[test]
fn batches_of_another_table_are_a_bug() {
    let mut encoder = Encoder::new(&tables::MESSAGES).unwrap();
    let error = encoder.write(&batch(&tables::CONVERSATIONS, &rows(1))).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Internal);
}
