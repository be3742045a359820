//! How each column is encoded, decided by its kind and name alone, never by the values or the table.

use arrow::datatypes::SchemaRef;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::{ColumnPath, SchemaDescriptor};

use crate::error::{Error, Result};
use crate::schema::{Column, Kind, Table};

/// Names the layout of the file, in the form that readers parse; it stays when the program's version
/// changes, or else equal rows would give other bytes.
const CREATED_BY: &str = "drift2parquet version 1.1.0";

/// Text columns whose values hardly ever repeat, where a dictionary costs time and saves no space.
const DISTINCT_TEXT: &[&str] = &[
    "body",
    "conference_details_join_url",
    "email",
    "event_id",
    "external_id",
    "meeting_notes",
    "pre_messages",
    "url",
];

/// How a leaf is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// Ids and times: differences in few bits, no dictionary.
    Deltas,
    /// Text that repeats, and all the rest: a dictionary, which the writer leaves when it grows too large.
    Dictionary,
    /// Text that does not repeat: as it is, without statistics, which could not prune.
    Plain,
}

/// The writer's settings for a table whose Parquet schema is `leaves`.
pub(super) fn properties(table: &Table, leaves: &SchemaDescriptor) -> Result<WriterProperties> {
    let zstd = ZstdLevel::try_new(1).map_err(|error| Error::internal("zstd level").caused_by(error))?;
    let mut builder = WriterProperties::builder()
        .set_created_by(CREATED_BY.to_owned())
        // What a list holds is called `element`, as Parquet prescribes and some readers insist on.
        .set_coerce_types(true)
        .set_compression(Compression::ZSTD(zstd))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_sorting_columns(Some(sorting(table, leaves)));
    for (path, layout) in layouts(table) {
        builder = lay_out(builder, path, layout);
    }
    Ok(builder.build())
}

fn lay_out(builder: WriterPropertiesBuilder, path: ColumnPath, layout: Layout) -> WriterPropertiesBuilder {
    match layout {
        Layout::Deltas => builder
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED),
        Layout::Dictionary => builder,
        Layout::Plain => builder
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_statistics_enabled(path, EnabledStatistics::None),
    }
}

/// Tells readers what the rows are sorted by.
fn sorting(table: &Table, leaves: &SchemaDescriptor) -> Vec<SortingColumn> {
    let leaf = |name: &&str| leaves.columns().iter().position(|leaf| leaf.path().parts() == [*name]);
    let sorted =
        |leaf: usize| SortingColumn { column_idx: leaf as i32, descending: false, nulls_first: true };
    table.sort.iter().filter_map(leaf).map(sorted).collect()
}

/// Every leaf of the table with its layout.
pub(super) fn layouts(table: &Table) -> Vec<(ColumnPath, Layout)> {
    let mut found = Vec::new();
    for column in table.all_columns() {
        let distinct = table.key == [column.name];
        add_leaves(column, Vec::new(), distinct, &mut found);
    }
    found
}

fn add_leaves(column: &Column, mut path: Vec<String>, distinct: bool, found: &mut Vec<(ColumnPath, Layout)>) {
    path.push(column.name.to_owned());
    if is_list(column.kind) {
        path.extend(["list".to_owned(), "element".to_owned()]);
    }
    match column.kind {
        Kind::Records(fields) | Kind::Record(fields) => {
            for field in fields {
                add_leaves(field, path.clone(), false, found);
            }
        }
        kind => found.push((ColumnPath::new(path), layout(kind, distinct, column.name))),
    }
}

fn is_list(kind: Kind) -> bool {
    matches!(kind, Kind::Ints | Kind::Texts | Kind::Records(_))
}

fn layout(kind: Kind, distinct: bool, name: &str) -> Layout {
    match kind {
        Kind::Int | Kind::Time | Kind::Ints => Layout::Deltas,
        Kind::Json => Layout::Plain,
        Kind::Text | Kind::Scalar if distinct || DISTINCT_TEXT.contains(&name) => Layout::Plain,
        _ => Layout::Dictionary,
    }
}

/// How many Parquet leaves a column of this schema has.
pub(super) fn leaf_counts(schema: &SchemaRef, leaves: &SchemaDescriptor) -> Vec<usize> {
    let mut counts = vec![0; schema.fields().len()];
    (0..leaves.num_columns()).for_each(|leaf| counts[leaves.get_column_root_idx(leaf)] += 1);
    counts
}
