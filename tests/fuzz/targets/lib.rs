//! The package of the fuzz targets: what they check (`../src`, which the test suite includes as well), and
//! what only libFuzzer needs.

pub mod libfuzzer;

#[path = "../src/mod.rs"]
mod promises;

pub use self::promises::{data_file, decoder, envelope, manifest, mutate, samples};
