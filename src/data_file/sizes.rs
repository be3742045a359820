//! How large a row is when decoded. Row groups are cut by this, so it depends on the values alone: not
//! on what a null slot hides, and not on how arrays were built or sliced.

use arrow::array::{Array, ArrayRef, AsArray, ListArray, StringArray, StructArray};
use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;

/// What a list or a text costs besides its values, in bytes.
const OFFSET_BYTES: u64 = 4;

/// The decoded size of each row, in bytes: fixed widths, whether null or not, and the bytes of lists and
/// texts.
pub(super) fn row_sizes(batch: &RecordBatch) -> Vec<u64> {
    sizes(batch.columns(), batch.num_rows())
}

/// The decoded size of all rows of a batch, in bytes.
pub fn bytes_of(batch: &RecordBatch) -> u64 {
    row_sizes(batch).into_iter().sum()
}

/// What all rows have alike is added up once.
fn sizes(columns: &[ArrayRef], rows: usize) -> Vec<u64> {
    let alike: u64 = columns.iter().filter_map(alike).sum();
    let mut sizes = vec![alike; rows];
    columns.iter().filter(|column| self::alike(column).is_none()).for_each(|column| add(column, &mut sizes));
    sizes
}

/// The size of each row of a column whose rows are all of one size.
fn alike(array: &ArrayRef) -> Option<u64> {
    let is_null = array.null_count() == array.len();
    match array.data_type() {
        DataType::Utf8 | DataType::List(_) => is_null.then_some(OFFSET_BYTES),
        DataType::Struct(_) => is_null.then_some(0),
        DataType::Boolean => Some(1),
        // Everything else that a kind becomes is 64 bits wide.
        _ => Some(8),
    }
}

fn add(array: &ArrayRef, sizes: &mut [u64]) {
    match array.data_type() {
        DataType::Utf8 => add_texts(array.as_string(), sizes),
        DataType::List(_) => add_lists(array.as_list(), sizes),
        _ => add_structs(array.as_struct(), sizes),
    }
}

fn sizes_of(array: &ArrayRef) -> Vec<u64> {
    sizes(std::slice::from_ref(array), array.len())
}

fn add_texts(texts: &StringArray, sizes: &mut [u64]) {
    let lengths = texts.value_offsets().windows(2).map(|ends| (ends[1] - ends[0]) as u64);
    match texts.nulls() {
        None => sizes.iter_mut().zip(lengths).for_each(|(size, length)| *size += OFFSET_BYTES + length),
        Some(nulls) => {
            for ((size, length), is_valid) in sizes.iter_mut().zip(lengths).zip(nulls) {
                *size += OFFSET_BYTES + if is_valid { length } else { 0 };
            }
        }
    }
}

fn add_lists(lists: &ListArray, sizes: &mut [u64]) {
    let items = sizes_of(lists.values());
    for (row, size) in sizes.iter_mut().enumerate() {
        let range = lists.value_offsets()[row] as usize..lists.value_offsets()[row + 1] as usize;
        let within = if lists.is_valid(row) { items[range].iter().sum() } else { 0 };
        *size += OFFSET_BYTES + within;
    }
}

fn add_structs(structs: &StructArray, sizes: &mut [u64]) {
    let within = self::sizes(structs.columns(), structs.len());
    for (row, size) in sizes.iter_mut().enumerate() {
        *size += if structs.is_valid(row) { within[row] } else { 0 };
    }
}
