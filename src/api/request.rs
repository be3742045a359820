//! What is sent to Drift and what comes back, and the trait that carries it.
//!
//! Promises that only reading is possible: the verbs are GET and two POSTs that change nothing in the
//! account, each to its one path. A key fills exactly one segment of a path. Bodies and the token cannot
//! be printed.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};
use url::form_urlencoded;

use crate::error::{Error, Result};
use crate::schema::Call;

use super::obstacle::Obstacle;

/// How a request is sent. There is no way to say anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// A GET without a body.
    Get,
    /// A POST with JSON: asks what a token may do.
    PostJson,
    /// A POST with a form: exchanges a refresh token.
    PostForm,
}

/// One request. Its `Debug` shows neither token nor body.
#[derive(Debug, Clone)]
pub struct Request {
    method: Method,
    path_and_query: String,
    bearer: Option<SecretString>,
    body: Option<SecretString>,
}

impl Request {
    /// Reads what `path_and_query` names.
    pub(super) fn get(path_and_query: String, bearer: SecretString) -> Self {
        Self { method: Method::Get, path_and_query, bearer: Some(bearer), body: None }
    }

    /// Asks what `bearer` may do.
    pub(super) fn token_info(bearer: SecretString) -> Self {
        let body = serde_json::json!({ "access_token": bearer.expose_secret() }).to_string();
        Self {
            method: Method::PostJson,
            path_and_query: TOKEN_INFO.to_owned(),
            bearer: Some(bearer),
            body: Some(body.into()),
        }
    }

    /// Exchanges a refresh token for a token.
    pub(super) fn refresh(id: &str, secret: &SecretString, refresh_token: &SecretString) -> Self {
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("client_id", id)
            .append_pair("client_secret", secret.expose_secret())
            .append_pair("grant_type", "refresh_token")
            .append_pair("refresh_token", refresh_token.expose_secret())
            .finish();
        Self {
            method: Method::PostForm,
            path_and_query: REFRESH.to_owned(),
            bearer: None,
            body: Some(body.into()),
        }
    }

    /// The verb and the form of the body.
    pub fn method(&self) -> Method {
        self.method
    }

    /// The path and query string, beginning with a slash.
    pub fn path_and_query(&self) -> &str {
        &self.path_and_query
    }

    /// The token for the `Authorization` header.
    pub fn bearer(&self) -> Option<&SecretString> {
        self.bearer.as_ref()
    }

    /// The body of a POST; it holds secrets.
    pub fn body(&self) -> Option<&SecretString> {
        self.body.as_ref()
    }
}

/// What a token may do (API: get-token-information).
pub(super) const TOKEN_INFO: &str = "/app/token_info";
/// Where a refresh token is exchanged (API: authentication-and-scopes).
pub(super) const REFRESH: &str = "/oauth2/token";

/// One answer, its body as it came over the wire.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Headers by lower-case name; a transport needs to keep only those in [`HEADERS`].
    pub headers: Vec<(String, String)>,
    /// The body, perhaps still compressed.
    pub body: Bytes,
}

/// The headers of an answer that anyone reads.
pub const HEADERS: [&str; 4] = ["content-encoding", "date", "location", "retry-after"];

impl Response {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Carries requests to Drift: over HTTP, or, in tests, to a simulated account in the same process.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends one request once; an answer of any status is an answer.
    async fn send(&self, request: Request) -> Result<Response, TransportError>;

    /// The address that is asked, for messages; nothing where there is none.
    fn address(&self) -> Option<String> {
        None
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// Nobody listens there, or the name is not known.
    Unreachable,
    /// Somebody is there, but this is in the way.
    Barred(Obstacle),
    /// It took too long.
    Timeout,
    /// The connection ended before the answer did.
    Cut,
    /// The body is larger than the limit.
    TooLarge,
}

/// There is no answer; the text names neither address nor secret.
#[derive(Debug, Clone)]
pub struct TransportError {
    /// Why.
    pub broken: Broken,
    /// What was found, for people.
    pub found: String,
}

impl TransportError {
    /// An error with its words.
    pub fn new(broken: Broken, found: impl Into<String>) -> Self {
        Self { broken, found: found.into() }
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.found)
    }
}

impl std::error::Error for TransportError {}

/// The path of a call, the key filled in as exactly one segment.
pub(super) fn path(call: &Call, key: Option<&str>) -> Result<String> {
    match (call.path.contains("{key}"), key) {
        (false, None) => Ok(call.path.to_owned()),
        (true, Some("" | "." | "..")) => {
            Err(Error::unavailable("a key that no path can hold").at("call", call.path))
        }
        (true, Some(key)) => Ok(call.path.replace("{key}", &segment(key))),
        _ => Err(Error::internal(format!("the call {} and its key do not fit", call.path))),
    }
}

/// Everything but the unreserved characters of RFC 3986 is encoded.
fn segment(key: &str) -> String {
    key.bytes().map(encoded).collect()
}

fn encoded(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

/// The path with its query: what the call fixes, replaced and completed by `extra`.
pub(super) fn with_query(path: &str, call: &Call, extra: &[(&str, String)]) -> String {
    let given = |name: &str| extra.iter().any(|(known, _)| *known == name);
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in call.query.iter().filter(|(name, _)| !given(name)) {
        query.append_pair(name, value);
    }
    for (name, value) in extra {
        query.append_pair(name, value);
    }
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Paging, Rows};

    const LIST: Call = Call {
        path: "/list",
        query: &[("limit", "100")],
        paging: Paging::Conversations,
        rows: Rows::Array(&["data"]),
        scope: "x",
    };
    const ONE: Call = Call { path: "/x/{key}/y", query: &[], paging: Paging::One, ..LIST };

    #[test]
    fn a_key_fills_one_segment() {
        assert_eq!(path(&ONE, Some("9_acme.test")).unwrap(), "/x/9_acme.test/y");
        assert_eq!(path(&ONE, Some("../a?b#c%2F é")).unwrap(), "/x/..%2Fa%3Fb%23c%252F%20%C3%A9/y");
        for bad in ["", ".", ".."] {
            assert!(path(&ONE, Some(bad)).is_err());
        }
        assert!(path(&ONE, None).is_err());
        assert!(path(&LIST, Some("1")).is_err());
    }

    #[test]
    fn what_is_given_replaces_what_is_fixed() {
        let ask = |extra: &[(&str, String)]| with_query("/list", &LIST, extra);
        assert_eq!(ask(&[]), "/list?limit=100");
        assert_eq!(ask(&[("page_token", "a+b".to_owned())]), "/list?limit=100&page_token=a%2Bb");
        assert_eq!(ask(&[("next", "7".to_owned()), ("limit", "50".to_owned())]), "/list?next=7&limit=50");
        assert_eq!(with_query("/x", &ONE, &[]), "/x");
    }

    #[test]
    fn nothing_secret_is_printed() {
        let token: SecretString = "tok-SECRET".to_owned().into();
        let requests = [
            Request::get("/x".to_owned(), token.clone()),
            Request::token_info(token.clone()),
            Request::refresh("id", &token, &token),
        ];
        assert!(!format!("{requests:?}").contains("SECRET"));
    }
}
