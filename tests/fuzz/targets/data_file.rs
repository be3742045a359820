//! Any bytes as a data object.
#![no_main]

use drift2parquet_fuzz::{data_file, libfuzzer};

libfuzzer_sys::fuzz_target!(init: libfuzzer::begin(data_file::seeds), |input: &[u8]| data_file::run(input));
