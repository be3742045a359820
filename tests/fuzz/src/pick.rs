//! Picks places of a JSON text at random: a value anywhere in it, a member of an object.

use std::ops::Range;

use drift2parquet::decode::skim;
use fastrand::Rng;

/// Bodies longer than this are picked from their beginning only, so that a pick stays quick.
const PICKED_BYTES: usize = 1 << 16;

/// A value at any depth; nothing where the text is no JSON at all.
pub fn value(body: &[u8], random: &mut Rng) -> Option<Range<usize>> {
    let mut found = skim::find(&body[..body.len().min(PICKED_BYTES)], &[])?;
    while random.u8(..5) > 0 {
        let inner: Vec<&[u8]> =
            skim::elements(found).chain(skim::fields(found).map(|(_, value)| value)).take(512).collect();
        match random.choice(inner) {
            Some(next) => found = next,
            None => break,
        }
    }
    Some(span(body, found))
}

/// A member of some object: its key with the quotes, and its value.
pub fn member(body: &[u8], random: &mut Rng) -> Option<(Range<usize>, Range<usize>)> {
    for _ in 0..4 {
        let object = value(body, random)?;
        let members: Vec<_> = skim::fields(&body[object]).take(512).collect();
        if let Some((key, value)) = random.choice(members) {
            return Some((span(body, key), span(body, value)));
        }
    }
    None
}

/// Where a part stands in the body that it is a part of.
fn span(body: &[u8], part: &[u8]) -> Range<usize> {
    let start = part.as_ptr().addr() - body.as_ptr().addr();
    start..start + part.len()
}
