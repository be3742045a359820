//! HTTP as it really is. The only place with reqwest.
//!
//! Promises that requests go to the configured host and nowhere else (no redirect is followed), that
//! nothing is tried twice behind our back, and that a body beyond the limit is not read to its end.

use std::error::Error as StdError;
use std::io;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use crate::error::{Error, Result};

use super::obstacle;
use super::request::{Broken, HEADERS, Method, Request, Response, Transport, TransportError};
use super::settings::{ApiUrl, Timeouts};

/// What we call ourselves.
const USER_AGENT: &str = concat!("drift2parquet/", env!("CARGO_PKG_VERSION"));

/// Requests over HTTP, to one host.
#[derive(Debug)]
pub struct HttpTransport {
    client: reqwest::Client,
    api_url: ApiUrl,
    bytes_max: usize,
}

impl HttpTransport {
    /// A transport to `api_url` that reads at most `bytes_max` bytes of a body, as they come over the wire.
    pub fn new(api_url: ApiUrl, timeouts: Timeouts, bytes_max: usize) -> Result<Self> {
        // Whoever came first has installed one; either will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(timeouts.connect)
            .read_timeout(timeouts.read)
            .tcp_nodelay(true)
            // All requests share one connection of HTTP/2: when it dies without a word, every one of them waits for
            // its timeout, and so do those after them. A ping that is not answered ends it.
            .http2_keep_alive_interval(timeouts.read / 4)
            .http2_keep_alive_timeout(timeouts.read / 4);
        // Plain HTTP is this very machine; a proxy would be another, and would see the token. Nor are there
        // certificates to be checked, so that none need be on the machine.
        let builder = if api_url.is_plain() { builder.no_proxy().tls_certs_only([]) } else { builder };
        let client = builder.build().map_err(|cause| unbuilt(cause.without_url()))?;
        Ok(Self { client, api_url, bytes_max })
    }

    fn build(&self, request: &Request) -> reqwest::RequestBuilder {
        let url = self.api_url.join(request.path_and_query());
        let builder = match request.method() {
            Method::Get => self.client.get(url),
            Method::PostJson => self.client.post(url).header(CONTENT_TYPE, "application/json"),
            Method::PostForm => {
                self.client.post(url).header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            }
        };
        let builder = builder.header(ACCEPT, "application/json").header(ACCEPT_ENCODING, "gzip");
        let builder = match request.bearer().and_then(authorization) {
            Some(value) => builder.header(AUTHORIZATION, value),
            None => builder,
        };
        match request.body() {
            Some(body) => builder.body(body.expose_secret().to_owned()),
            None => builder,
        }
    }

    async fn read(&self, mut response: reqwest::Response) -> Result<Bytes, TransportError> {
        let too_large = || TransportError::new(Broken::TooLarge, "a body beyond the limit");
        let announced = response.content_length().unwrap_or_default();
        if announced > self.bytes_max as u64 {
            return Err(too_large());
        }
        let mut first = Bytes::new();
        let mut more = BytesMut::new();
        while let Some(piece) = response.chunk().await.map_err(broken)? {
            if first.len() + more.len() + piece.len() > self.bytes_max {
                return Err(too_large());
            }
            if first.is_empty() {
                first = piece;
            } else {
                more.extend_from_slice(&piece);
            }
        }
        Ok(joined(&first, more))
    }
}

/// The body in memory of its own: a piece as it comes is a slice of the connection's buffer, and a short
/// body that waits to be folded would keep all of that buffer alive.
fn joined(first: &[u8], more: BytesMut) -> Bytes {
    let mut whole = BytesMut::with_capacity(first.len() + more.len());
    whole.extend_from_slice(first);
    whole.unsplit(more);
    whole.freeze()
}

#[async_trait]
impl Transport for HttpTransport {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let response = self.build(&request).send().await.map_err(broken)?;
        let status = response.status().as_u16();
        let header = |name: &str| {
            let value = response.headers().get(name)?.to_str().ok()?;
            Some((name.to_owned(), value.to_owned()))
        };
        let headers = HEADERS.into_iter().filter_map(header).collect();
        let body = self.read(response).await?;
        Ok(Response { status, headers, body })
    }

    fn address(&self) -> Option<String> {
        Some(self.api_url.to_string())
    }
}

fn authorization(token: &SecretString) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret())).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The client cannot be made.
fn unbuilt(cause: reqwest::Error) -> Error {
    if obstacle::is_without_roots(&cause) {
        return Error::usage("this machine has no root certificates, so that Drift's cannot be checked")
            .hint("install them (the package ca-certificates), or name a file of them in SSL_CERT_FILE");
    }
    Error::internal("cannot set up HTTP").caused_by(cause)
}

/// Why there is no answer; the address is left out, since it is in the context already.
fn broken(error: reqwest::Error) -> TransportError {
    let error = error.without_url();
    if let Some((obstacle, found)) = obstacle::behind(&error).filter(|_| !error.is_timeout()) {
        return TransportError::new(Broken::Barred(obstacle), found);
    }
    let broken = match &error {
        error if error.is_timeout() => Broken::Timeout,
        error if error.is_connect() => Broken::Unreachable,
        _ => Broken::Cut,
    };
    let words = match broken {
        Broken::Timeout if error.is_connect() => "no connection in time".to_owned(),
        Broken::Timeout => "no answer in time".to_owned(),
        Broken::Unreachable if obstacle::is_of_proxy(&error) => {
            format!("no connection to the proxy: {}", root(&error))
        }
        Broken::Unreachable => format!("no connection: {}", root(&error)),
        _ => format!("the connection broke: {}", root(&error)),
    };
    TransportError::new(broken, words)
}

/// The innermost cause: the only one that says something.
fn root(error: &(dyn StdError + 'static)) -> String {
    let inner = obstacle::causes(error).last().unwrap_or(error);
    match inner.downcast_ref::<io::Error>() {
        Some(io) if io.kind() == io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        _ => inner.to_string(),
    }
}

#[cfg(test)]
#[path = "transport_tests.rs"]
mod tests;
