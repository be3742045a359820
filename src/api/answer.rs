//! What an answer amounts to: a page, a refusal, a reason to wait or to ask again. Pure: no clock, no I/O.
//!
//! Promises that a page is the whole JSON that was asked for, and that an answer counts as "there is no
//! such thing" only when Drift itself, and not something before it, says so.

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;

use crate::schema::Call;

use super::complaint::{Complaint, Secrets, excerpt};
use super::envelope::{self, Envelope};
use super::gzip::{self, Unopened};
use super::request::Response;

/// What an answer is judged by.
pub(super) struct Question<'a> {
    /// The call it answers; `None` where any JSON object will do.
    pub(super) call: Option<&'a Call>,
    /// No opened body may be longer, in bytes.
    pub(super) bytes_max: usize,
    pub(super) secrets: &'a Secrets,
    /// Whether anything has ever answered as Drift does; before, an empty 404 may be anyone's.
    pub(super) drift_known: bool,
}

/// What an answer amounts to.
#[derive(Debug)]
pub(super) enum Verdict {
    /// What was asked for.
    Page(Bytes, Envelope),
    /// What was asked for, but not in valid UTF-8.
    Garbled(Bytes, Envelope),
    /// Drift says that there is none.
    Missing(Bytes),
    /// Too fast.
    Throttled,
    /// Not usable; worth another try.
    Unusable(String),
    /// Not usable, and not like Drift at all.
    Foreign(String),
    /// Beyond the limit; another try would bring the same.
    TooLarge,
    /// The token was refused, or lacks a right.
    Denied { token_is_bad: bool, found: String },
    /// Points elsewhere, in words; of the address that it points to only scheme, host and port are kept.
    Redirect(String),
    /// Drift does not like the request.
    Rejected(String),
}

/// Judges an answer.
pub(super) fn judge(response: &Response, question: &Question<'_>) -> Verdict {
    let body = match open(response, question.bytes_max) {
        Ok(body) => body,
        Err(Unopened::TooLarge) => return Verdict::TooLarge,
        Err(Unopened::Damaged) => {
            return Verdict::Unusable(format!("status {} with a damaged gzip body", response.status));
        }
    };
    match response.status {
        200 => page(body, question),
        429 => Verdict::Throttled,
        300..=399 => Verdict::Redirect(question.secrets.hide(&target(response))),
        404 => missing(body, question),
        status => failed(status, &body, question.secrets),
    }
}

/// The body in the clear, without a byte order mark.
fn open(response: &Response, max: usize) -> Result<Bytes, Unopened> {
    let encoding = response.header("content-encoding").map(|value| value.trim().to_ascii_lowercase());
    let body = match encoding.as_deref() {
        _ if gzip::is_gzip(&response.body) => gzip::open(&response.body, max)?,
        None | Some("" | "identity") => response.body.clone(),
        // An empty body has nothing to open, whatever the header says.
        Some(_) if response.body.is_empty() => Bytes::new(),
        Some(_) => return Err(Unopened::Damaged),
    };
    match body.len() {
        length if length > max => Err(Unopened::TooLarge),
        _ if body.starts_with(b"\xef\xbb\xbf") => Ok(body.slice(3..)),
        _ => Ok(body),
    }
}

fn page(body: Bytes, question: &Question<'_>) -> Verdict {
    let envelope = match question.call {
        Some(call) => envelope::read(&body, call, question.secrets),
        None => envelope::read_object(&body, question.secrets),
    };
    match envelope {
        Ok(envelope) if std::str::from_utf8(&body).is_ok() => Verdict::Page(body, envelope),
        Ok(envelope) => Verdict::Garbled(body, envelope),
        Err(misfit) if misfit.foreign => Verdict::Foreign(misfit.found),
        Err(misfit) => Verdict::Unusable(misfit.found),
    }
}

/// Gateways answer 404 in HTML while a service restarts; believing that would bury live rows.
fn missing(body: Bytes, question: &Question<'_>) -> Verdict {
    let empty = body.trim_ascii().is_empty();
    if Complaint::read(&body, question.secrets).json || (empty && question.drift_known) {
        return Verdict::Missing(body);
    }
    Verdict::Foreign(format!("status 404 with {}", excerpt(&body, question.secrets)))
}

fn failed(status: u16, body: &Bytes, secrets: &Secrets) -> Verdict {
    let complaint = Complaint::read(body, secrets);
    let found = format!("status {status}{}", complaint.suffix());
    let about_token = complaint.kind.as_deref() == Some("authentication_error");
    match status {
        401 => Verdict::Denied { token_is_bad: true, found },
        403 => Verdict::Denied { token_is_bad: about_token, found },
        // 409 on a read can only be a passing conflict (CONTACT-6); 408 and 425 ask to try again.
        // What a server says that it cannot do at all (501, 505) does not get better by asking again.
        501 | 505 => Verdict::Rejected(found),
        408 | 409 | 425 | 500..=599 | 200..=299 => Verdict::Unusable(found),
        _ => Verdict::Rejected(found),
    }
}

/// Where a redirect points. What follows the host may hold a token, and so may what stands before it.
fn target(response: &Response) -> String {
    let location = response.header("location").unwrap_or_default().trim();
    if location.is_empty() {
        return format!("redirects (status {}) without saying where to", response.status);
    }
    let whole = if location.starts_with("//") { format!("https:{location}") } else { location.to_owned() };
    let found = url::Url::parse(&whole).ok().and_then(|url| {
        let (scheme, host) = (url.scheme().to_owned(), url.host_str()?.to_owned());
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        Some(if whole == location { format!("{scheme}://{host}{port}") } else { format!("{host}{port}") })
    });
    let place = found.unwrap_or_else(|| "another path of the same host".to_owned());
    format!("redirects (status {}) to {place}", response.status)
}

/// The time of the `Date` header, in ms since the epoch.
pub(super) fn date_ms(response: &Response) -> Option<i64> {
    let time = httpdate::parse_http_date(response.header("date")?).ok()?;
    i64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok()
}

/// How long `Retry-After` asks to wait: seconds, or a date relative to the server's own clock.
pub(super) fn retry_after(response: &Response, server_time_ms: Option<i64>) -> Option<Duration> {
    let value = response.header("retry-after")?.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    // More digits than any number holds is still a number: the longest wait, which the caller cuts.
    if value.bytes().all(|byte| byte.is_ascii_digit()) && !value.is_empty() {
        return Some(Duration::MAX);
    }
    let until = httpdate::parse_http_date(value).ok()?.duration_since(UNIX_EPOCH).ok()?;
    let now = date_ms(response).or(server_time_ms)?;
    Some(until.saturating_sub(Duration::from_millis(u64::try_from(now).ok()?)))
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
