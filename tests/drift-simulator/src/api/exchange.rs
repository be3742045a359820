//! One request and one answer, as plain values: no socket, no sleeping, no clock.
//!
//! What only a transport can do (wait, drip, cut the line) is written down in the answer for the transport to carry out.

use std::time::Duration;

use bytes::Bytes;

use crate::faults::WireFault;

/// A request as the API sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiRequest {
    /// `GET` or `POST`.
    pub method: String,
    /// The path, percent-encoded as sent, without the query.
    pub path: String,
    /// The query as sent, without the question mark.
    pub query: String,
    /// Header names in any case.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Bytes,
}

impl ApiRequest {
    /// A GET of a path that may carry a query.
    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// A POST of a JSON body.
    pub fn post(target: &str, body: impl Into<Bytes>) -> Self {
        let request = Self { body: body.into(), ..Self::new("POST", target) };
        request.header("content-type", "application/json")
    }

    /// A request without headers or body.
    pub fn new(method: &str, target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self { method: method.into(), path: path.into(), query: query.into(), ..Self::default() }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Adds the bearer token.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn header_value(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// An answer, and what the transport has to do with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiResponse {
    /// The status.
    pub status: u16,
    /// Header names in lower case; `content-length` is left to the transport.
    pub headers: Vec<(String, String)>,
    /// The body, compressed when `content-encoding` says so.
    pub body: Bytes,
    /// What goes wrong on the line.
    pub fault: Option<WireFault>,
    /// How long to wait before the first byte.
    pub delay: Duration,
}

impl ApiResponse {
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Self { status, headers, body: body.into(), fault: None, delay: Duration::ZERO }
    }

    pub(crate) fn json(body: String) -> Self {
        Self::new(200, "application/json;charset=utf-8", body)
    }

    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

/// The parameters of a query, decoded, in the order they were sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    pub(crate) fn parse(query: &str) -> Self {
        Self { pairs: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect() }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.pairs.iter().map(|(key, _)| key.as_str())
    }
}
