//! Spoils a page the way that damaged and hostile answers are: knows JSON, so that what comes out still gets
//! deep into the program.

use fastrand::Rng;

use super::{pick, samples};

/// Values that are odd somewhere.
pub const ODD: &[&str] = &[
    "null",
    "true",
    "[]",
    "{}",
    "\"\"",
    "0",
    "-0",
    "-1",
    "1.0",
    "1e3",
    "1E400",
    "-1e-400",
    "01",
    "1.",
    "+1",
    ".5",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "123456789012345678901234567890",
    "0.1000000000000000055511151231257827",
    "1741305600000",
    "\"1741305600000\"",
    "\"12\"",
    "\"012\"",
    "NaN",
    "Infinity",
    "-Infinity",
    "undefined",
    "None",
    "'x'",
    "tru",
    "\"\\ud800\"",
    "\"\\ud83d\\ude00\"",
    "\"\\udc00\\ud800\"",
    "\"\\u0000\"",
    "\"\\q\"",
    "\"\\u12\"",
    "\"a\tb\"",
    "\"\u{feff}\"",
    "\"../../x\"",
    "\"$raw\"",
    "{\"$raw\":\"1\"}",
    "{\"_duplicates\":[1]}",
    "[[[[[[[[1]]]]]]]]",
    "[1,\"2\",null,{}]",
    "{\"\":{\"\":{}}}",
];

/// Bytes that are not UTF-8, or not what they look like.
const BYTES: &[&[u8]] =
    &[b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\0", b"\x0c", b"\xef\xbb\xbf", b"\\"];

/// Spoils `body` in one to four ways.
pub fn mutate(body: &[u8], names: &[String], random: &mut Rng) -> Vec<u8> {
    let mut spoiled = body.to_vec();
    for _ in 0..random.u8(1..=4) {
        spoiled = once(&spoiled, names, random).unwrap_or_else(|| bytes(&spoiled, random));
    }
    spoiled
}

fn once(body: &[u8], names: &[String], random: &mut Rng) -> Option<Vec<u8>> {
    match random.u8(..12) {
        0..=2 => {
            let at = pick::value(body, random)?;
            Some(replace(body, at, random.choice(ODD)?.as_bytes()))
        }
        3 => splice(body, random),
        4 => deepen(body, random),
        5 => repeat_key(body, names, random),
        6 => rename(body, names, random),
        7 => escape(body, random),
        8 => drop_member(body, random),
        9 => Some(body[..random.usize(..=body.len())].to_vec()),
        10 => grow(body, random),
        _ => None,
    }
}

/// A value stands where another was.
fn splice(body: &[u8], random: &mut Rng) -> Option<Vec<u8>> {
    let (from, to) = (pick::value(body, random)?, pick::value(body, random)?);
    Some(replace(body, to, &body[from]))
}

fn deepen(body: &[u8], random: &mut Rng) -> Option<Vec<u8>> {
    let at = pick::value(body, random)?;
    let depth = 1 << random.u8(..11);
    let (open, close) = if random.bool() { ("[", "]") } else { ("{\"a\":", "}") };
    let inner = body[at.clone()].to_vec();
    let deep = [open.repeat(depth).into_bytes(), inner, close.repeat(depth).into_bytes()].concat();
    Some(replace(body, at, &deep))
}

/// The same key once more, before or behind, with another value.
fn repeat_key(body: &[u8], names: &[String], random: &mut Rng) -> Option<Vec<u8>> {
    let (key, value) = pick::member(body, random)?;
    let other = samples::any_value(names, random);
    let member = |value: &[u8]| [&body[key.clone()], b":", value].concat();
    let mut both = [member(other.as_bytes()), member(&body[value.clone()])];
    random.shuffle(&mut both);
    Some(replace(body, key.start..value.end, &both.join(&b',')))
}

/// A key becomes another field's, or an odd one.
fn rename(body: &[u8], names: &[String], random: &mut Rng) -> Option<Vec<u8>> {
    let (key, _) = pick::member(body, random)?;
    let odd = ["", "$raw", "_duplicates", "_extra", "id\\ud800", "\\u0069d", "../x", "a\\u0000b", "0"];
    let name = if random.bool() { random.choice(names)?.as_str() } else { random.choice(odd)? };
    Some(replace(body, key, format!("\"{name}\"").as_bytes()))
}

/// A letter of a key or a value stands as an escape, which says the same.
fn escape(body: &[u8], random: &mut Rng) -> Option<Vec<u8>> {
    let (key, value) = pick::member(body, random)?;
    let within = if random.bool() { key } else { value };
    let letters: Vec<usize> = within.filter(|at| body[*at].is_ascii_alphabetic()).take(512).collect();
    let at = random.choice(letters)?;
    Some(replace(body, at..at + 1, format!("\\u{:04x}", body[at]).as_bytes()))
}

fn drop_member(body: &[u8], random: &mut Rng) -> Option<Vec<u8>> {
    let (key, value) = pick::member(body, random)?;
    let end = value.end + usize::from(body.get(value.end) == Some(&b','));
    Some(replace(body, key.start..end, b""))
}

/// A value becomes a list of itself, many times.
fn grow(body: &[u8], random: &mut Rng) -> Option<Vec<u8>> {
    let at = pick::value(body, random)?;
    let times = (1 << random.u8(..8)).min(1 + 65_536 / at.len().max(1));
    let list = [b"[".to_vec(), vec![&body[at.clone()]; times].join(&b','), b"]".to_vec()].concat();
    Some(replace(body, at, &list))
}

fn bytes(body: &[u8], random: &mut Rng) -> Vec<u8> {
    let at = random.usize(..=body.len());
    let end = (at + random.usize(..4)).min(body.len());
    let odd = random.choice(BYTES).unwrap_or(&BYTES[0]);
    if random.bool() { replace(body, at..end, odd) } else { replace(body, at..end, &[random.u8(..)]) }
}

fn replace(body: &[u8], at: std::ops::Range<usize>, with: &[u8]) -> Vec<u8> {
    [&body[..at.start], with, &body[at.end..]].concat()
}
