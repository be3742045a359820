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
    let mut sizes = vec![0; batch.num_rows()];
    batch.columns().iter().for_each(|column| add(column, &mut sizes));
    sizes
}

/// The decoded size of all rows of a batch, in bytes.
pub fn bytes_of(batch: &RecordBatch) -> u64 {
    row_sizes(batch).into_iter().sum()
}

fn add(array: &ArrayRef, sizes: &mut [u64]) {
    match array.data_type() {
        DataType::Utf8 => add_texts(array.as_string(), sizes),
        DataType::List(_) => add_lists(array.as_list(), sizes),
        DataType::Struct(_) => add_structs(array.as_struct(), sizes),
        DataType::Boolean => sizes.iter_mut().for_each(|size| *size += 1),
        // Everything else that a kind becomes is 64 bits wide.
        _ => sizes.iter_mut().for_each(|size| *size += 8),
    }
}

fn add_texts(texts: &StringArray, sizes: &mut [u64]) {
    for (row, size) in sizes.iter_mut().enumerate() {
        let length = if texts.is_valid(row) { texts.value_length(row) } else { 0 };
        *size += OFFSET_BYTES + length as u64;
    }
}

fn add_lists(lists: &ListArray, sizes: &mut [u64]) {
    let mut items = vec![0; lists.values().len()];
    add(lists.values(), &mut items);
    for (row, size) in sizes.iter_mut().enumerate() {
        let range = lists.value_offsets()[row] as usize..lists.value_offsets()[row + 1] as usize;
        let within = if lists.is_valid(row) { items[range].iter().sum() } else { 0 };
        *size += OFFSET_BYTES + within;
    }
}

fn add_structs(structs: &StructArray, sizes: &mut [u64]) {
    let mut within = vec![0; structs.len()];
    structs.columns().iter().for_each(|child| add(child, &mut within));
    for (row, size) in sizes.iter_mut().enumerate() {
        *size += if structs.is_valid(row) { within[row] } else { 0 };
    }
}
