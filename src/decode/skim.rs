//! Reads JSON text as spans of bytes, without building anything: where a value ends, what stands at a
//! path, whether a body is JSON at all. The API layer reads envelopes with it and never looks into rows.
//!
//! Nothing here recurses, so depth costs no stack, and no input makes it panic. Only [`check`] judges a
//! whole body; the walkers ([`find`], [`fields`], [`elements`]) merely never leave the text they were
//! given, and end early on text that is not JSON. Knows no tables and no Arrow.

use std::borrow::Cow;

use super::escape;
pub use super::token::Flaw;
use super::token::Tokens;

/// Says whether `body` is one JSON value, and where it stops being one.
///
/// Tolerant where Drift's answers may be odd and no value is lost by reading on: a byte order mark, `NaN`
/// and `Infinity`, bytes that are not UTF-8 and raw control characters inside strings.
pub fn check(body: &[u8]) -> Result<(), Flaw> {
    let mut tokens = Tokens::new(without_mark(body));
    while tokens.step()?.is_some() {}
    Ok(())
}

/// The value at `path` through objects, as sent; of a key that stands twice, the last one. The empty path
/// is the whole body.
pub fn find<'a>(body: &'a [u8], path: &[&str]) -> Option<&'a [u8]> {
    let whole = whole(body)?;
    path.iter().try_fold(whole, |value, name| {
        fields(value)
            .filter(|(key, _)| text(key).is_some_and(|key| key == *name))
            .last()
            .map(|(_, value)| value)
    })
}

/// The sum of the counts in the object at `path`; nothing when there is none, or one of them is no count.
pub fn sum(body: &[u8], path: &[&str]) -> Option<u64> {
    fields(find(body, path)?).map(|(_, count)| u64::try_from(integer(count)?).ok()).sum()
}

/// The fields of a JSON object in order: each key with its quotes, and its value, both as sent.
/// Nothing when `object` is no object.
pub fn fields(object: &[u8]) -> Fields<'_> {
    let start = content(object, b'{');
    Fields { text: object, at: start }
}

/// The elements of a JSON array in order, as sent. Nothing when `array` is no array.
pub fn elements(array: &[u8]) -> Elements<'_> {
    let start = content(array, b'[');
    Elements { text: array, at: start }
}

/// What a JSON string says. Whatever cannot be said in UTF-8 (a lone surrogate, a broken byte) is U+FFFD.
/// None when `raw` is no JSON string.
pub fn text(raw: &[u8]) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    Some(escape::unescape(inner))
}

/// The integer that `raw` is, if it is a JSON integer that an `i64` holds.
pub fn integer(raw: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(raw).ok()?;
    if text.starts_with('+') { None } else { text.parse().ok() }
}

/// The body without a byte order mark.
pub(super) fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

/// The body's one value, without blanks around it.
fn whole(body: &[u8]) -> Option<&[u8]> {
    let body = without_mark(body);
    let start = blank_end(body, 0);
    body.get(start..value_end(body, start)?)
}

/// Where the first key or element of a container may begin; the end of the text when it is none.
fn content(text: &[u8], opening: u8) -> usize {
    let start = blank_end(text, 0);
    if text.get(start) == Some(&opening) { start + 1 } else { text.len() }
}

/// The fields of an object, see [`fields`].
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let key = separator_end(self.text, self.at);
        if self.text.get(key) != Some(&b'"') {
            return None;
        }
        let key_end = string_end(self.text, key + 1)?;
        let start = member_start(self.text, key_end)?;
        self.at = value_end(self.text, start)?;
        Some((&self.text[key..key_end], &self.text[start..self.at]))
    }
}

/// The elements of an array, see [`elements`].
#[derive(Debug, Clone)]
pub struct Elements<'a> {
    text: &'a [u8],
    at: usize,
}

impl Elements<'_> {
    /// Where the element that was given last ends.
    pub(super) fn at(&self) -> usize {
        self.at
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<Self::Item> {
        let start = separator_end(self.text, self.at);
        self.at = value_end(self.text, start)?;
        Some(&self.text[start..self.at])
    }
}

/// Where the value of a member begins, given the end of its key.
pub(super) fn member_start(text: &[u8], key_end: usize) -> Option<usize> {
    let colon = blank_end(text, key_end);
    (text.get(colon) == Some(&b':')).then(|| blank_end(text, colon + 1))
}

/// The first byte at or after `at` that is no blank.
pub(super) fn blank_end(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count()
}

fn separator_end(text: &[u8], at: usize) -> usize {
    let at = blank_end(text, at);
    if text.get(at) == Some(&b',') { blank_end(text, at + 1) } else { at }
}

/// The end of the value that begins at `at`, if one does.
pub(super) fn value_end(text: &[u8], at: usize) -> Option<usize> {
    match text.get(at)? {
        b'"' => string_end(text, at + 1),
        b'{' | b'[' => container_end(text, at),
        b'}' | b']' | b',' | b':' => None,
        _ => Some(scalar_end(text, at)),
    }
}

/// The end of a number or a bare word.
pub(super) fn scalar_end(text: &[u8], at: usize) -> usize {
    let ends = |byte: &u8| {
        matches!(byte, b',' | b':' | b'{' | b'}' | b'[' | b']' | b'"' | b' ' | b'\t' | b'\n' | b'\r')
    };
    at + text[at..].iter().position(ends).unwrap_or(text.len() - at)
}

fn container_end(text: &[u8], at: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = at;
    loop {
        match text.get(at)? {
            b'"' => at = string_end(text, at + 1)?,
            b'{' | b'[' => (depth, at) = (depth + 1, at + 1),
            b'}' | b']' if depth == 1 => return Some(at + 1),
            b'}' | b']' => (depth, at) = (depth - 1, at + 1),
            _ => at += 1,
        }
    }
}

/// The end of a container from within: `depth` containers, it and others in it, are open at `at`, and no string follows
/// in it.
pub(super) fn closing_end(text: &[u8], at: usize, depth: usize) -> Option<usize> {
    let (mut at, mut depth) = (at, depth);
    while depth > 0 {
        match text.get(at)? {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    Some(at)
}

/// The end of a string, after its closing quote; `at` is its first byte after the opening one.
pub(super) fn string_end(text: &[u8], at: usize) -> Option<usize> {
    let mut at = at;
    loop {
        at += plain_length(text.get(at..)?);
        match text.get(at)? {
            b'"' => return Some(at + 1),
            _ => at += 2,
        }
    }
}

/// How many bytes come before the first quote or backslash. Eight at a time, since bodies are long.
fn plain_length(text: &[u8]) -> usize {
    let (words, rest) = text.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let found = zero_bytes(word ^ repeat(b'"')) | zero_bytes(word ^ repeat(b'\\'));
        if found != 0 {
            return index * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let in_rest = rest.iter().position(|byte| matches!(byte, b'"' | b'\\')).unwrap_or(rest.len());
    words.len() * 8 + in_rest
}

const fn repeat(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The high bit of the lowest byte that is zero is set; what stands above it may be set as well.
const fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(repeat(0x01)) & !word & repeat(0x80)
}
