//! What faults do to a finished answer.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use libdeflater::{CompressionLvl, Compressor};

use super::answer::Refusal;
use super::behaviour::Behaviour;
use super::exchange::ApiResponse;
use crate::faults::{ErrorBody, Fault, RetryAfter};

const HTML: &str = "<!DOCTYPE html><html><head><title>Bad Gateway</title></head>\
    <body><h1>Bad Gateway</h1><p>cloud edge 203.0.113.1</p></body></html>";
const ERRORS: &str = r#"{"errors":[{"type":"internal_error","message":"something broke","param":"limit"}]}"#;
const MEGABYTE: usize = 1 << 20;

/// The answer that stands in place of the endpoint's, if the fault needs none of it.
pub(super) fn instead(fault: Fault, behaviour: &Behaviour, now_ms: i64) -> Option<ApiResponse> {
    match fault {
        Fault::Status { status, body, retry_after } => {
            Some(failure(status, body, retry_after, behaviour, now_ms))
        }
        Fault::HtmlPage => Some(ApiResponse::new(200, "text/html; charset=utf-8", HTML)),
        Fault::ErrorsList => Some(ApiResponse::json(ERRORS.into())),
        Fault::EmptyBody => Some(ApiResponse::json(String::new())),
        Fault::Redirect => {
            let target = "https://elsewhere.example.test/steal";
            Some(ApiResponse::new(302, "text/plain", "").with("location", target))
        }
        _ => None,
    }
}

fn failure(
    status: u16,
    body: ErrorBody,
    retry_after: RetryAfter,
    behaviour: &Behaviour,
    now_ms: i64,
) -> ApiResponse {
    let answer = match body {
        ErrorBody::Json => Refusal::new(status, "This did not work").into_response(behaviour),
        ErrorBody::Html => ApiResponse::new(status, "text/html; charset=utf-8", HTML),
        ErrorBody::Empty => ApiResponse::new(status, "text/plain", ""),
    };
    match retry_after {
        RetryAfter::None => answer,
        RetryAfter::Seconds(seconds) => answer.with("retry-after", seconds.to_string()),
        RetryAfter::Date(seconds) => {
            answer.with("retry-after", http_date(now_ms + i64::from(seconds) * 1000))
        }
        RetryAfter::Absurd => answer.with("retry-after", "31536000"),
    }
}

pub(super) fn http_date(ms: i64) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(ms.max(0) as u64))
}

/// Alters the endpoint's answer.
pub(super) fn alter(fault: Fault, mut answer: ApiResponse) -> ApiResponse {
    match fault {
        Fault::Wire(wire) => answer.fault = Some(wire),
        Fault::ShortBody => answer.body.truncate(answer.body.len() / 2),
        Fault::InvalidUtf8 => answer.body = with_invalid_utf8(&answer.body),
        Fault::SwappedEnvelope => answer.body = swapped(&answer.body),
        Fault::Gzip => answer = compressed(answer),
        Fault::BrokenGzip => {
            answer = compressed(answer);
            answer.body.truncate(answer.body.len() * 2 / 3);
        }
        Fault::DeflateBomb(megabytes) => {
            answer.body = bomb(megabytes);
            answer = answer.with("content-encoding", "gzip");
        }
        Fault::Oversize(megabytes) => answer.body = padded(&answer.body, megabytes),
        _ => {}
    }
    answer
}

fn with_invalid_utf8(body: &[u8]) -> Bytes {
    let place = body.iter().rposition(|byte| *byte == b'"').unwrap_or(body.len());
    [&body[..place], b"\xff\xfe\xc3", &body[place..]].concat().into()
}

fn swapped(body: &[u8]) -> Bytes {
    let (open, close): (&[u8], &[u8]) =
        if body.starts_with(b"[") { (b"{\"0\":", b"}") } else { (b"[", b"]") };
    [open, body, close].concat().into()
}

/// Blanks behind a value are valid JSON.
fn padded(body: &[u8], megabytes: u32) -> Bytes {
    let mut body = body.to_vec();
    body.resize(body.len() + megabytes as usize * MEGABYTE, b' ');
    body.into()
}

/// The same body compressed; an answer that is compressed already stays as it is.
pub(super) fn compressed(mut answer: ApiResponse) -> ApiResponse {
    if answer.header("content-encoding").is_none() {
        answer.body = gzip(&answer.body, CompressionLvl::fastest());
        answer = answer.with("content-encoding", "gzip");
    }
    answer
}

fn gzip(body: &[u8], level: CompressionLvl) -> Bytes {
    let mut compressor = Compressor::new(level);
    let mut packed = vec![0; compressor.gzip_compress_bound(body.len())];
    let length = compressor.gzip_compress(body, &mut packed).expect("the bound is large enough");
    packed.truncate(length);
    packed.into()
}

/// Bombs are packed once, for they are slow to make.
fn bomb(megabytes: u32) -> Bytes {
    static PACKED: Mutex<BTreeMap<u32, Bytes>> = Mutex::new(BTreeMap::new());
    let mut packed = PACKED.lock().expect("packing does not panic");
    packed
        .entry(megabytes)
        .or_insert_with(|| gzip(&vec![b' '; megabytes as usize * MEGABYTE], CompressionLvl::default()))
        .clone()
}
