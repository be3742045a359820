//! Columns that hold JSON text: every value parses, and `_extra` is an object.

use arrow::array::{Array, ArrayRef, AsArray, ListArray, StructArray};
use serde::de::IgnoredAny;

use crate::schema::{Column, Kind};

/// The rows whose value is not the JSON it must be.
pub(super) fn faults(column: &Column, array: &ArrayRef) -> Vec<usize> {
    match column.kind {
        Kind::Json => texts(array, column.name == "_extra"),
        Kind::Records(fields) => lists(fields, array.as_list()),
        Kind::Record(fields) => structs(fields, array.as_struct()),
        _ => Vec::new(),
    }
}

fn texts(array: &ArrayRef, is_object: bool) -> Vec<usize> {
    let texts = array.as_string::<i32>();
    let is_fault = |row: &usize| texts.is_valid(*row) && !fits(texts.value(*row), is_object);
    (0..texts.len()).filter(is_fault).collect()
}

/// Nothing is built, and nesting costs no stack: a value may be as deep as Drift has sent it.
fn fits(text: &str, is_object: bool) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok() && (!is_object || text.trim_start().starts_with('{'))
}

fn lists(fields: &[Column], lists: &ListArray) -> Vec<usize> {
    let items = faults_in(fields, lists.values().as_struct());
    let row = |item: usize| lists.value_offsets().partition_point(|start| *start as usize <= item) - 1;
    let mut rows: Vec<usize> = items.into_iter().map(row).collect();
    rows.dedup();
    rows
}

fn structs(fields: &[Column], array: &StructArray) -> Vec<usize> {
    faults_in(fields, array)
}

fn faults_in(fields: &[Column], array: &StructArray) -> Vec<usize> {
    let mut rows: Vec<usize> =
        fields.iter().zip(array.columns()).flat_map(|(field, column)| faults(field, column)).collect();
    rows.sort_unstable();
    rows.dedup();
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_is_no_fault_and_extra_is_an_object() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(fits(&deep, false));
        assert!(fits(r#"{"a":"\ud800"}"#, true));
        assert!(!fits("[]", true));
        assert!(!fits(r#"{"a":NaN}"#, false));
        assert!(!fits("{} {}", false));
    }
}
