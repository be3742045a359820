//! Any bytes as a page of any table. What is not read is refused as an answer of Drift; what is read loses
//! nothing, and reads the same whichever of the two parsers takes it.

use arrow::array::{Array, AsArray};
use drift2parquet::api::Envelope;
use drift2parquet::decode::{Decoded, decode, skim};
use drift2parquet::error::ErrorKind;
use drift2parquet::page::Page;
use drift2parquet::schema::{Kind, Rows};
use serde_json::value::RawValue;

use super::forms::{Form, split};
use super::held;

/// Runs the decoder on an input.
///
/// # Panics
/// When a promise is broken.
pub fn run(input: &[u8]) {
    let Some((form, page)) = split(input) else { return };
    match decode(form.table, form.call.rows, std::slice::from_ref(&page)) {
        Ok(decoded) => judge(&form, &page, &decoded),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
            let about_form = error.found().contains("expected ") || error.found().contains("too deep");
            assert!(skim::check(&page.body).is_err() || about_form, "sound, but {error}");
        }
    }
}

fn judge(form: &Form, page: &Page, decoded: &Decoded) {
    assert_eq!(skim::check(&page.body), Ok(()), "decoded although it is no JSON");
    counts(form, page, decoded);
    texts_are_json(form, decoded);
    let body = String::from_utf8_lossy(&page.body);
    held::all(form, page.parent, body.trim_start_matches('\u{feff}').as_bytes(), decoded);
    tolerant(form, page, decoded);
}

/// The scanner, which sees only the envelope, counts the rows that the decoder finds.
fn counts(form: &Form, page: &Page, decoded: &Decoded) {
    let rows = (decoded.batch.num_rows() + decoded.set_aside.len()) as u64;
    assert_eq!(decoded.page_of_row.len(), decoded.batch.num_rows());
    let body = page.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&page.body);
    match Envelope::read(body, &form.call) {
        Ok(envelope) => assert_eq!(envelope.rows.unwrap_or(1), rows, "rows of scanner and decoder"),
        Err(found) => {
            let damaged = found.starts_with("damaged JSON") || found.contains("too early");
            assert!(!damaged, "decoded, but the scanner says: {found}");
        }
    }
}

/// `_extra` and free maps are JSON, whatever came; and `_extra` is not empty where something was counted.
fn texts_are_json(form: &Form, decoded: &Decoded) {
    let columns = form.table.all_columns().filter(|column| matches!(column.kind, Kind::Json));
    for column in columns {
        let array = decoded.batch.column_by_name(column.name).expect("a declared column");
        for text in array.as_string::<i32>().iter().flatten() {
            let read = serde_json::from_str::<&RawValue>(text);
            assert!(read.is_ok(), "{}: {read:?}: {text}", column.name);
        }
    }
    let extra = decoded.batch.column_by_name("_extra").expect("every table has it");
    let noted: u64 = decoded.misfits.values().chain(decoded.unknown.values()).sum();
    assert_eq!(noted > 0, extra.null_count() < extra.len(), "noted and kept differ");
}

/// An odd value beside the records sends the page to the second parser, which must read the same.
fn tolerant(form: &Form, page: &Page, decoded: &Decoded) {
    let Some((body, aside)) = spoiled(form.call.rows, &page.body) else { return };
    let page = Page { body: body.into(), ..page.clone() };
    let second = decode(form.table, form.call.rows, std::slice::from_ref(&page));
    let second = second.unwrap_or_else(|error| panic!("the second parser refuses it: {error}"));
    assert_eq!(decoded.batch, second.batch, "the parsers differ");
    assert_eq!(decoded.set_aside, second.set_aside[aside..]);
    assert_eq!((&decoded.misfits, &decoded.unknown), (&second.misfits, &second.unknown));
}

/// The body with `NaN` in a place where it is no part of any record, and how many records that adds.
fn spoiled(rows: Rows, body: &[u8]) -> Option<(Vec<u8>, usize)> {
    let start = body.iter().position(|byte| matches!(byte, b'{' | b'['))? + 1;
    let (insert, aside): (&[u8], _) = match rows {
        Rows::Array([]) if skim::elements(&body[start - 1..]).next().is_some() => (b"NaN,", 1),
        Rows::Array([]) | Rows::One([]) => return None,
        _ => (b"\"~odd\":NaN,", 0),
    };
    Some(([&body[..start], insert, &body[start..]].concat(), aside))
}
