//! Any bytes as a data object of a table: rows under the declared schema, or a clear error.

use bytes::Bytes;
use drift2parquet::data_file::{Encoder, open};
use drift2parquet::decode::decode;

use super::forms::{forms, split};
use super::samples;

/// Runs the reader of objects on an input.
///
/// # Panics
/// When a promise is broken.
pub fn run(input: &[u8]) {
    let Some((form, object)) = split(input) else { return };
    let Ok(reader) = open(form.table, object.body) else { return };
    for batch in reader.batches() {
        let Ok(batch) = batch else { return };
        assert_eq!(batch.schema(), form.table.schema());
    }
}

/// Small objects of every table to begin with.
///
/// # Panics
/// When they cannot be made.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut random = fastrand::Rng::with_seed(1);
    let mut seeds = Vec::new();
    while seeds.len() < 4 * forms().len() {
        let input = samples::page(&mut random);
        let (form, page) = split(&input).expect("an input");
        let Ok(decoded) = decode(form.table, form.call.rows, &[page]) else { continue };
        let mut encoder = Encoder::new(form.table).expect("an encoder");
        encoder.write(&decoded.batch).expect("rows");
        let bytes = encoder.finish().expect("an object").bytes;
        seeds.push([&input[..1], Bytes::from(bytes).as_ref()].concat());
    }
    seeds
}
