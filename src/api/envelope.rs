//! What stands around the rows of an answer: how many there are, and how to ask for more. Read with a
//! scanner that skips the rows, so that the next page can be asked for before this one is decoded.
//!
//! Promises that an answer without the declared rows, or one that says that there is more but not where,
//! is a [`Misfit`] and never a short page.

use std::borrow::Cow;

use serde_json::Value;
use url::form_urlencoded;

use crate::schema::{Call, Paging, Rows};

use super::complaint::{Complaint, Secrets, excerpt};
use super::scan::{Flaw, Scanner};

/// What an answer says beside its rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Envelope {
    /// How to ask for the next page; `None` on the last.
    pub next: Option<Cursor>,
    /// How many rows the page holds; `None` where the call answers with one record.
    pub rows: Option<u64>,
    /// Whether the answer says in so many words that no page follows.
    pub ended: bool,
}

/// Where the next page is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Cursor {
    /// The newer generation of the conversation list: the token out of `links.next`.
    PageToken(String),
    /// `pagination.next`.
    Next(String),
    /// The accounts' `data.next`.
    Index {
        /// The first row of the page.
        index: u64,
        /// Rows a page.
        size: u64,
    },
}

impl Envelope {
    /// Reads what stands around the rows of `body`, the answer to `call`.
    ///
    /// # Errors
    /// What was found instead, in one clause, when the body is not the whole of such an answer.
    pub fn read(body: &[u8], call: &Call) -> Result<Self, String> {
        read(body, call, &Secrets::default()).map_err(|misfit| misfit.found)
    }
}

impl Cursor {
    /// The parameter that names a page of the older generation.
    pub(super) const NEXT: &str = "next";

    /// The same parameters, in the form a manifest keeps.
    pub fn pairs(&self) -> Vec<(String, String)> {
        self.query().into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The query parameters that ask for the page.
    pub fn query(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::PageToken(token) => vec![("page_token", token.clone())],
            Self::Next(next) => vec![(Self::NEXT, next.clone())],
            Self::Index { index, size } => vec![("index", index.to_string()), ("size", size.to_string())],
        }
    }
}

/// A 200 whose body is not what was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misfit {
    /// What was found.
    pub(super) found: String,
    /// Whether it is not JSON at all, so perhaps not Drift.
    pub(super) foreign: bool,
}

impl Misfit {
    fn of(found: impl Into<String>) -> Self {
        Self { found: found.into(), foreign: false }
    }
}

/// The parts of an answer that are not rows, as they were found.
#[derive(Default)]
struct Parts<'a> {
    rows: Option<u64>,
    found: bool,
    links: Option<&'a [u8]>,
    pagination: Option<&'a [u8]>,
    data_next: Option<&'a [u8]>,
    error: Option<(&'static str, &'a [u8])>,
}

/// Reads the envelope of `body` as the answer to `call`.
pub(super) fn read(body: &[u8], call: &Call, secrets: &Secrets) -> Result<Envelope, Misfit> {
    let parts = parts(body, call).map_err(|flaw| misfit(flaw, body, secrets))?;
    if let Some((name, error)) = parts.error {
        return Err(Misfit::of(format!(
            "an error inside a 200{}",
            inner_error(name, error, secrets).suffix()
        )));
    }
    if !parts.found {
        return Err(Misfit::of(format!("JSON without {}", wanted(call.rows))));
    }
    let ended = parts.pagination.is_some_and(says_end);
    Ok(Envelope { next: next(&parts, call)?, rows: parts.rows, ended })
}

/// Reads `body` as any one object.
pub(super) fn read_object(body: &[u8], secrets: &Secrets) -> Result<Envelope, Misfit> {
    const ANY: Call = Call { path: "", query: &[], paging: Paging::One, rows: Rows::One(&[]), scope: "" };
    read(body, &ANY, secrets)
}

fn misfit(flaw: Flaw, body: &[u8], secrets: &Secrets) -> Misfit {
    let foreign = !matches!(body.trim_ascii_start().first(), Some(b'{' | b'[') | None);
    let found = match flaw {
        _ if foreign || body.trim_ascii().is_empty() => excerpt(body, secrets),
        Flaw::Truncated => format!("JSON that ends too early, after {} bytes", body.len()),
        Flaw::Malformed(at) => format!("damaged JSON, at byte {at} of {}", body.len()),
    };
    Misfit { found, foreign }
}

fn inner_error(name: &str, error: &[u8], secrets: &Secrets) -> Complaint {
    let value = serde_json::from_slice::<Value>(error).unwrap_or_default();
    let mut whole = serde_json::Map::new();
    whole.insert(name.to_owned(), value);
    Complaint::from_json(&Value::Object(whole), secrets)
}

fn wanted(rows: Rows) -> String {
    match rows {
        Rows::Array([]) => "an array".to_owned(),
        Rows::One([]) => "an object".to_owned(),
        Rows::Array(path) => format!("an array at `{}`", path.join(".")),
        Rows::One(path) => format!("an object at `{}`", path.join(".")),
    }
}

fn parts<'a>(body: &'a [u8], call: &Call) -> Result<Parts<'a>, Flaw> {
    let mut scanner = Scanner::new(body);
    let mut parts = Parts::default();
    match (call.rows, scanner.peek()?) {
        (Rows::Array([]), b'[') => records(&mut scanner, call.rows, &mut parts)?,
        (_, b'{') => top(&mut scanner, call, &mut parts)?,
        (_, b'[') => scanner.skip().map(|_| ())?,
        _ => return Err(Flaw::Malformed(0)),
    }
    scanner.end()?;
    Ok(parts)
}

fn top<'a>(scanner: &mut Scanner<'a>, call: &Call, parts: &mut Parts<'a>) -> Result<(), Flaw> {
    let path = call.rows.path();
    parts.found = matches!(call.rows, Rows::One([]));
    scanner.members(|key, scanner| {
        match plain(key).as_ref() {
            key if path.first().is_some_and(|first| key == first.as_bytes()) => {
                descend(scanner, call, &path[1..], parts)?;
            }
            b"links" => parts.links = Some(scanner.skip()?),
            b"pagination" => parts.pagination = Some(scanner.skip()?),
            b"error" => parts.error = says("error", scanner.skip()?).or(parts.error),
            b"errors" => parts.error = says("errors", scanner.skip()?).or(parts.error),
            _ => scanner.skip().map(|_| ())?,
        }
        Ok(())
    })
}

/// A key as it reads. One that is written with escapes is the same key: a next page must not be missed for it.
fn plain(key: &[u8]) -> Cow<'_, [u8]> {
    let read = || serde_json::from_slice::<String>(&[b"\"", key, b"\""].concat()).ok();
    let escaped = if key.contains(&b'\\') { read() } else { None };
    escaped.map_or(Cow::Borrowed(key), |key| Cow::Owned(key.into_bytes()))
}

/// Null, false and empty containers under `error` say that there is none.
fn says<'a>(name: &'static str, value: &'a [u8]) -> Option<(&'static str, &'a [u8])> {
    let inner: Vec<u8> = value.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).take(6).collect();
    let nothing = matches!(inner.as_slice(), b"null" | b"false" | b"[]" | b"{}" | b"\"\"");
    (!nothing).then_some((name, value))
}

/// One step down the path to the rows; the declared paths are at most two long.
fn descend<'a>(
    scanner: &mut Scanner<'a>,
    call: &Call,
    rest: &[&str],
    parts: &mut Parts<'a>,
) -> Result<(), Flaw> {
    if rest.is_empty() {
        return records(scanner, call.rows, parts);
    }
    if scanner.peek()? != b'{' {
        return scanner.skip().map(|_| ());
    }
    scanner.members(|key, scanner| {
        match plain(key).as_ref() {
            key if key == rest[0].as_bytes() => descend(scanner, call, &rest[1..], parts)?,
            b"next" if call.paging == Paging::Index => parts.data_next = Some(scanner.skip()?),
            _ => scanner.skip().map(|_| ())?,
        }
        Ok(())
    })
}

fn records(scanner: &mut Scanner<'_>, rows: Rows, parts: &mut Parts<'_>) -> Result<(), Flaw> {
    match (rows, scanner.peek()?) {
        (Rows::Array(_), b'[') => {
            parts.rows = Some(scanner.count()?);
            parts.found = true;
        }
        (Rows::One(_), b'{') => {
            scanner.skip()?;
            parts.found = true;
        }
        _ => {
            scanner.skip()?;
        }
    }
    Ok(())
}

fn next(parts: &Parts<'_>, call: &Call) -> Result<Option<Cursor>, Misfit> {
    if call.paging == Paging::Index {
        return parts.data_next.map_or(Ok(None), |link| index(link, call));
    }
    if let Some(cursor) = parts.links.map_or(Ok(None), page_token)? {
        return Ok(Some(cursor));
    }
    parts.pagination.map_or(Ok(None), pagination)
}

/// What tells of the next page and cannot be read must not pass for the last page.
fn value(name: &str, text: &[u8]) -> Result<Value, Misfit> {
    serde_json::from_slice(text).map_err(|_| Misfit::of(format!("`{name}` that is damaged JSON")))
}

/// `links.next`: only its `page_token` is used, never its host, path or other parameters.
fn page_token(links: &[u8]) -> Result<Option<Cursor>, Misfit> {
    let links = value("links", links)?;
    let Some(link) = links.get("next").and_then(Value::as_str).filter(|link| !link.trim().is_empty()) else {
        return Ok(None);
    };
    let token = parameter(link, "page_token").filter(|token| !token.is_empty());
    token
        .map(|token| Some(Cursor::PageToken(token)))
        .ok_or_else(|| Misfit::of("a `links.next` without a `page_token`"))
}

/// `pagination{more,next}`: the end is `more: false`, or no `next` where `more` is not said.
fn pagination(pagination: &[u8]) -> Result<Option<Cursor>, Misfit> {
    let value = value("pagination", pagination)?;
    let more = value.get("more").and_then(Value::as_bool);
    let next = match value.get("next") {
        Some(Value::String(next)) => next.clone(),
        Some(Value::Number(next)) => next.to_string(),
        _ => String::new(),
    };
    match (more, next.is_empty()) {
        (Some(false), _) | (None, true) => Ok(None),
        (Some(true), true) => Err(Misfit::of("`pagination` that says more without `next`")),
        (_, false) => Ok(Some(Cursor::Next(next))),
    }
}

fn says_end(pagination: &[u8]) -> bool {
    let value: Value = serde_json::from_slice(pagination).unwrap_or_default();
    value.get("more").and_then(Value::as_bool) == Some(false)
}

/// The accounts' relative link; where it does not repeat the size, the size that was asked holds.
fn index(link: &[u8], call: &Call) -> Result<Option<Cursor>, Misfit> {
    let value = value("data.next", link)?;
    let Some(link) = value.as_str().filter(|link| !link.trim().is_empty()) else {
        return Ok(None);
    };
    let number = |name: &str| parameter(link, name).and_then(|text| text.parse().ok());
    let asked = call.query.iter().find(|(name, _)| *name == "size").and_then(|(_, size)| size.parse().ok());
    match (number("index"), number("size").or(asked)) {
        (Some(index), Some(size)) => Ok(Some(Cursor::Index { index, size })),
        _ => Err(Misfit::of("a `data.next` without `index`")),
    }
}

fn parameter(link: &str, name: &str) -> Option<String> {
    let (_, query) = link.split_once('?')?;
    let query = query.split_once('#').map_or(query, |(query, _)| query);
    form_urlencoded::parse(query.as_bytes())
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.into_owned())
}

#[cfg(test)]
#[path = "envelope_tests.rs"]
mod tests;
