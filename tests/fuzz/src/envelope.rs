//! Any bytes as the answer to any call, looked at by the scanner that does not look into rows. It never takes
//! damaged or truncated text for a page, never refuses JSON as damaged, and never misses a next page.

use drift2parquet::api::{Cursor, Envelope};
use drift2parquet::decode::skim;
use drift2parquet::schema::{Paging, Rows};
use serde_json::Value;
use serde_json::value::RawValue;

use super::forms::{Form, split};

/// Runs the scanner on an input.
///
/// # Panics
/// When a promise is broken.
pub fn run(input: &[u8]) {
    let Some((form, page)) = split(input) else { return };
    let body = page.body.as_ref();
    skim_survives(body);
    match Envelope::read(body, &form.call) {
        Ok(envelope) => {
            no_prefix_is_a_page(&form, body);
            if let Ok(value) = serde_json::from_slice::<Value>(body)
                && !repeats(body)
            {
                reads_like_serde(&form, &envelope, &value);
            }
        }
        Err(found) => {
            let damaged =
                ["damaged JSON", "JSON that ends too early"].iter().any(|said| found.starts_with(said));
            let sound = serde_json::from_slice::<&RawValue>(body).is_ok() || skim::check(body).is_ok();
            assert!(!(damaged && sound && !body.starts_with(b"\xef\xbb\xbf")), "it is JSON, but {found}");
        }
    }
}

/// The walkers never leave the text, and never panic.
fn skim_survives(body: &[u8]) {
    let _ = (skim::find(body, &["data", "messages"]), skim::text(body), skim::integer(body));
    let _ = (skim::elements(body).count(), skim::fields(body).count());
}

/// An answer that was cut off is never a page.
fn no_prefix_is_a_page(form: &Form, body: &[u8]) {
    let length = body.trim_ascii_end().len();
    let seed = body.iter().fold(7_u64, |hash, byte| hash.wrapping_mul(31).wrapping_add(u64::from(*byte)));
    for end in [length - 1, (seed % length as u64) as usize] {
        let cut = Envelope::read(&body[..end], &form.call);
        assert!(cut.is_err(), "{end} of {length} bytes are taken for a page: {cut:?}");
    }
}

/// Whether a key stands twice in the envelope; then there is no one meaning.
fn repeats(body: &[u8]) -> bool {
    let twice = |object: &[u8]| {
        let mut keys: Vec<_> = skim::fields(object).filter_map(|(key, _)| skim::text(key)).collect();
        keys.sort();
        keys.windows(2).any(|pair| pair[0] == pair[1])
    };
    twice(body) || skim::fields(body).any(|(_, value)| twice(value))
}

fn reads_like_serde(form: &Form, envelope: &Envelope, value: &Value) {
    let (Rows::Array(path) | Rows::One(path)) = form.call.rows;
    let records = path.iter().fold(value, |value, name| &value[name]);
    let counted = records.as_array().map(|rows| rows.len() as u64);
    assert_eq!(envelope.rows, counted, "rows");
    let (pagination, link) = (&value["pagination"], &value["links"]["next"]);
    match &envelope.next {
        Some(Cursor::PageToken(_)) => {
            let link = link.as_str().expect("a cursor out of a link");
            assert!(link.contains("page_token") || link.contains('%') || link.contains('+'), "{link}");
        }
        Some(Cursor::Next(next)) => {
            let said = &pagination["next"];
            assert!(
                said.as_str().map_or_else(|| said.to_string(), str::to_owned) == *next,
                "{next} for {said}"
            );
            assert_ne!(pagination["more"], false);
        }
        Some(Cursor::Index { .. }) => assert!(value["data"]["next"].is_string()),
        None if form.call.paging == Paging::Index => {
            assert!(value["data"]["next"].as_str().is_none_or(|link| link.trim().is_empty()));
        }
        None => {
            assert_ne!(pagination["more"], true, "there is more");
            assert!(link.as_str().is_none_or(|link| link.trim().is_empty()), "there is a link");
        }
    }
}
