//! Any bytes as the answer to any call, for the scanner of envelopes.
#![no_main]

use drift2parquet_fuzz::{envelope, libfuzzer};

libfuzzer_sys::fuzz_target!(init: libfuzzer::begin(libfuzzer::pages), |input: &[u8]| envelope::run(input));
libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    libfuzzer::mutate_page(data, size, max_size, seed)
});
