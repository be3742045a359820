//! The functions of the fuzz targets, in a seeded loop over sample pages and made-up pages, sound and spoiled.

use std::path::Path;

use drift2parquet::manifest::Manifest;
use fastrand::Rng;

#[path = "../../fuzz/src/mod.rs"]
mod promises;

use self::promises::{data_file, decoder, envelope, manifest, mutate, samples};
use crate::counts;

/// How many inputs each function gets.
fn executions(usual: u64) -> u64 {
    std::env::var("D2P_FUZZ").ok().map_or(usual, |text| text.parse().unwrap())
}

/// Runs `check` on sound inputs and on spoiled ones, and shows the input that breaks a promise.
fn run(name: &str, usual: u64, sound: &[Vec<u8>], start: usize, check: fn(&[u8])) {
    let (mut random, names) = (Rng::with_seed(11), samples::names());
    let total = executions(usual);
    for turn in 0..total {
        let input = match sound.get(turn as usize) {
            Some(input) => input.clone(),
            None => spoiled(sound, start, names, &mut random),
        };
        let checked = std::panic::catch_unwind(|| check(&input));
        if let Err(panic) = checked {
            let said = panic.downcast_ref::<String>().map_or("it panicked", String::as_str);
            panic!("{name}, turn {turn}: {said}: {}", String::from_utf8_lossy(&input));
        }
    }
    counts::record("fuzz functions", &[("executions", total)]);
}

fn spoiled(sound: &[Vec<u8>], start: usize, names: &[String], random: &mut Rng) -> Vec<u8> {
    let made = random.bool() && start > 0;
    let input = if made { samples::page(random) } else { random.choice(sound).unwrap().clone() };
    let (form, body) = input.split_at(start.min(input.len()));
    [form, &mutate::mutate(body, names, random)].concat()
}

fn pages() -> Vec<Vec<u8>> {
    samples::fixtures(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures"))
}

#[test]
fn envelopes_of_any_bytes() {
    run("envelope", 12_000, &pages(), 1, envelope::run);
}

#[test]
fn pages_of_any_bytes() {
    run("decoder", 12_000, &pages(), 1, decoder::run);
}

#[test]
fn manifests_of_any_bytes() {
    let read = |seed: &Vec<u8>| Manifest::parse("_manifest/1.json", 1, seed).is_ok();
    assert!(manifest::seeds().iter().all(read), "the seeds are manifests of this version");
    run("manifest", 12_000, &manifest::seeds(), 0, manifest::run);
}

#[test]
fn objects_of_any_bytes() {
    run("data file", 3_000, &data_file::seeds(), 1, data_file::run);
}

/// Bug: a footer that points outside of its object made the Parquet library panic. Found by the target.
#[test]
fn a_footer_that_points_outside_of_its_object_is_an_error() {
    let sound = data_file::seeds().swap_remove(0);
    let length = sound.len();
    let footer = u32::from_le_bytes(sound[length - 8..length - 4].try_into().unwrap()) as usize;
    assert!(footer > 1_000);
    for at in (length - 8 - footer..length - 8).rev().take(1_500) {
        let mut object = sound.clone();
        // The lowest bit of a number of the footer is its sign.
        object[at] ^= 1;
        data_file::run(&object);
    }
}

/// Bug of a target, which went by the words of an error: it took the text of a page that it quotes for its own.
#[test]
fn text_that_says_what_errors_say_breaks_no_promise() {
    for form in 0..=u8::MAX {
        envelope::run(&[&[form], br#""JSON that ends too early, damaged JSON""#.as_slice()].concat());
    }
}
