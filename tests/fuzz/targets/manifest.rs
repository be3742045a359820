//! Any bytes as a manifest.
#![no_main]

use drift2parquet_fuzz::{libfuzzer, manifest};

libfuzzer_sys::fuzz_target!(init: libfuzzer::begin(manifest::seeds), |input: &[u8]| manifest::run(input));
libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    libfuzzer::mutate_json(data, size, max_size, seed)
});
