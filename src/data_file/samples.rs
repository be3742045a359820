//! Made-up rows of any table, for tests: every value follows from small seeds, and every kind shows its
//! odd values (null, empty, NaN, -0.0, lists of null).

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, ListArray, StringArray, StructArray,
    TimestampMicrosecondArray, make_comparator,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::SortOptions;
use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;

use crate::schema::{Column, Kind, Origin, Table, arrow_type};

/// What a made-up row is made from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Sample {
    /// The values of the table's `sort` columns; texts spell the number.
    pub(crate) sort: Vec<i64>,
    /// Seed of everything that mirrors the record.
    pub(crate) content: u64,
    /// Seed of the ledger.
    pub(crate) ledger: u64,
    pub(crate) synced_us: i64,
    pub(crate) deleted_us: Option<i64>,
}

impl Sample {
    pub(crate) fn new(sort: &[i64], content: u64) -> Self {
        Self { sort: sort.to_vec(), content, ledger: 1, synced_us: 1_000, deleted_us: None }
    }
}

/// How a number is spelled in a text column of an identity, in numeric order.
pub(crate) fn spelled(number: i64) -> String {
    format!("k{number:06}")
}

/// The samples as rows of `table`, in the order given.
pub(crate) fn batch(table: &Table, samples: &[Sample]) -> RecordBatch {
    let columns = table.all_columns().enumerate().map(|(position, column)| {
        let sort = table.sort.iter().position(|name| *name == column.name);
        match (sort, column.name) {
            (Some(part), _) => identity(column.kind, samples.iter().map(|s| s.sort[part])),
            (_, "_synced_at") => times(samples.iter().map(|s| Some(s.synced_us))),
            (_, "_deleted_at") => times(samples.iter().map(|s| s.deleted_us)),
            _ => seeded(column, position as u64, samples),
        }
    });
    RecordBatch::try_new(table.schema(), columns.collect()).expect("made to fit the table")
}

/// Samples `0..rows` of a table with one integer key.
pub(crate) fn rows(rows: usize) -> Vec<Sample> {
    (0..rows).map(|row| Sample::new(&[row as i64, 7], row as u64)).collect()
}

/// Whether the batches hold the same values; what a null slot hides is not looked at.
pub(crate) fn are_equal(one: &RecordBatch, other: &RecordBatch) -> bool {
    let columns = one.columns().iter().zip(other.columns());
    one.num_rows() == other.num_rows()
        && columns
            .map(|(one, other)| make_comparator(one, other, SortOptions::default()).expect("one schema"))
            .all(|compare| (0..one.num_rows()).all(|row| compare(row, row).is_eq()))
}

/// An object as another program, or another version, would have written it.
pub(crate) fn foreign(batch: &RecordBatch) -> Bytes {
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).expect("a schema");
    writer.write(batch).expect("rows");
    writer.into_inner().expect("an object").into()
}

fn seeded(column: &Column, position: u64, samples: &[Sample]) -> ArrayRef {
    let is_ledger =
        matches!(column.origin, Origin::Run) && column.name.starts_with('_') && column.name != "_extra";
    let seed = |s: &Sample| mix(if is_ledger { s.ledger } else { s.content }, position);
    values(column.kind, &samples.iter().map(seed).collect::<Vec<_>>())
}

fn identity(kind: Kind, numbers: impl Iterator<Item = i64>) -> ArrayRef {
    match kind {
        Kind::Text => Arc::new(StringArray::from_iter_values(numbers.map(spelled))),
        _ => Arc::new(Int64Array::from_iter_values(numbers)),
    }
}

fn times(times: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(times.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
}

fn mix(seed: u64, salt: u64) -> u64 {
    let mixed = (seed ^ salt.wrapping_mul(0x9E37_79B9_7F4A_7C15)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed ^ (mixed >> 29)
}

fn some<T>(seed: u64, value: T) -> Option<T> {
    (!seed.is_multiple_of(5)).then_some(value)
}

fn values(kind: Kind, seeds: &[u64]) -> ArrayRef {
    let each = seeds.iter().copied();
    match kind {
        Kind::Int => collected::<Int64Array, _>(each.map(|s| some(s, s as i64))),
        Kind::Text | Kind::Scalar => collected::<StringArray, _>(each.map(|s| some(s, text(s)))),
        Kind::Json => collected::<StringArray, _>(each.map(|s| some(s, format!("{{\"n\":{s}}}")))),
        Kind::Flag => collected::<BooleanArray, _>(each.map(|s| some(s, s & 8 == 0))),
        Kind::Number => collected::<Float64Array, _>(each.map(|s| some(s, number(s)))),
        Kind::Time => times(each.map(|s| some(s, (s % 1_000_000_000) as i64))),
        Kind::Ints => list(kind, seeds, |items| values(Kind::Int, items)),
        Kind::Texts => list(kind, seeds, |items| values(Kind::Text, items)),
        Kind::Records(fields) => list(kind, seeds, |items| structs(fields, items)),
        Kind::Record(fields) => structs(fields, seeds),
    }
}

fn collected<A: Array + FromIterator<T> + 'static, T>(values: impl Iterator<Item = T>) -> ArrayRef {
    Arc::new(values.collect::<A>())
}

fn text(seed: u64) -> String {
    match seed % 7 {
        0 => String::new(),
        1 => format!("שלום \0 🎈 {}", seed % 50),
        _ => format!("text {}", seed % 1_000),
    }
}

fn number(seed: u64) -> f64 {
    match seed % 4 {
        0 => f64::NAN,
        1 => -0.0,
        2 => 0.0,
        _ => seed as f64 / 3.0,
    }
}

fn list(kind: Kind, seeds: &[u64], items: impl Fn(&[u64]) -> ArrayRef) -> ArrayRef {
    let DataType::List(item) = arrow_type(kind) else { unreachable!("only lists come here") };
    // A null list hides items here, which must leave no trace.
    let lengths: Vec<usize> = seeds.iter().map(|s| (s / 5 % 4) as usize).collect();
    let within = seeds.iter().zip(&lengths).flat_map(|(s, n)| (0..*n).map(|i| mix(*s, i as u64)));
    let array = items(&within.collect::<Vec<_>>());
    Arc::new(ListArray::new(item, OffsetBuffer::from_lengths(lengths), array, Some(validity(seeds))))
}

fn structs(fields: &'static [Column], seeds: &[u64]) -> ArrayRef {
    let salted = |salt: usize| seeds.iter().map(|s| mix(*s, salt as u64 + 99)).collect::<Vec<_>>();
    let children = fields.iter().enumerate().map(|(salt, f)| values(f.kind, &salted(salt)));
    let DataType::Struct(types) = arrow_type(Kind::Record(fields)) else { unreachable!("a record") };
    Arc::new(StructArray::new(types, children.collect(), Some(validity(seeds))))
}

fn validity(seeds: &[u64]) -> NullBuffer {
    seeds.iter().map(|seed| !seed.is_multiple_of(5)).collect()
}
