//! What the targets share and only they need: the seed corpus, the dictionary, and libFuzzer's mutator
//! together with ours.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use fastrand::Rng;

use super::{mutate, samples};

/// Where a target is asked to write its seeds before it begins.
const SEEDS: &str = "FUZZ_SEEDS";

/// Writes the seed corpus into the folder that `FUZZ_SEEDS` names, and the dictionary beside it.
///
/// # Panics
/// When they cannot be written.
pub fn begin(seeds: fn() -> Vec<Vec<u8>>) {
    let Ok(folder) = std::env::var(SEEDS) else { return };
    fs::create_dir_all(&folder).expect("the folder of seeds");
    for (at, seed) in seeds().iter().enumerate() {
        fs::write(Path::new(&folder).join(format!("seed-{at:04}")), seed).expect("a seed");
    }
    fs::write(format!("{folder}.dict"), dictionary()).expect("the dictionary");
}

/// The seed corpus of pages: the sample pages, and some that are made up.
pub fn pages() -> Vec<Vec<u8>> {
    let mut random = Rng::with_seed(1);
    let made = (0..200).map(|_| samples::page(&mut random));
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    samples::fixtures(&fixtures).into_iter().chain(made).collect()
}

/// Every name and every odd value, in libFuzzer's form.
fn dictionary() -> String {
    let names = samples::names().iter().map(|name| format!("\"{name}\""));
    let words = names.chain(mutate::ODD.iter().map(|odd| (*odd).to_owned()));
    words.fold(String::new(), |mut text, word| {
        text.push('"');
        for byte in word.bytes() {
            match byte {
                b'"' | b'\\' => write!(text, "\\{}", char::from(byte)),
                b' '..=b'~' => write!(text, "{}", char::from(byte)),
                _ => write!(text, "\\x{byte:02X}"),
            }
            .expect("writing to memory");
        }
        text.push_str("\"\n");
        text
    })
}

/// Mutates an input whose first byte says its form.
pub fn mutate_page(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    mutated(data, size, max_size, seed, usize::from(size > 0))
}

/// Mutates an input that is JSON as a whole.
pub fn mutate_json(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    mutated(data, size, max_size, seed, 0)
}

/// libFuzzer's own way half of the time, since it knows what brought it further.
fn mutated(data: &mut [u8], size: usize, max_size: usize, seed: u32, start: usize) -> usize {
    let mut random = Rng::with_seed(u64::from(seed));
    if random.bool() {
        return libfuzzer_sys::fuzzer_mutate(data, size, max_size);
    }
    let spoiled = mutate::mutate(&data[start..size], samples::names(), &mut random);
    let end = max_size.min(start + spoiled.len());
    data[start..end].copy_from_slice(&spoiled[..end - start]);
    end
}
