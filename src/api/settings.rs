//! What a client is told: where Drift is, who asks, how fast, how long to wait. Plain data; each default
//! carries its reason.

use std::fmt;
use std::time::Duration;

use url::{Host, Url};

use crate::error::{Error, Result};

use super::auth::Token;

/// Everything a client needs to know beside its transport.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// Who asks.
    pub token: Token,
    /// Requests per second to begin with; the pace doubles every second until Drift objects.
    pub first_rate: f64,
    /// Never more requests per second than this.
    pub max_rate: Option<f64>,
    /// Requests in flight; 32 at 100 ms each are 320 a second, more than Drift is likely to allow.
    pub concurrency: usize,
    /// No decompressed body may be longer, in bytes. Fifty messages of a mebibyte fit into 64 MiB.
    pub body_bytes_max: usize,
    /// How long to wait for an answer, from the first byte sent to the last received.
    pub answer_timeout: Duration,
    /// When and how often to ask again.
    pub retry: RetryPolicy,
    /// Whether Drift has answered at this address before, so that what answers otherwise now is an obstacle rather than
    /// another address.
    pub drift_known: bool,
    /// Where jitter comes from.
    pub random: fastrand::Rng,
}

/// Where the pace begins, in requests per second: Drift publishes no limit, and bears this.
pub(super) const FIRST_RATE: f64 = 5.0;

impl ClientSettings {
    /// The defaults for `token`, with jitter from `random`.
    pub fn new(token: Token, random: fastrand::Rng) -> Self {
        Self {
            token,
            first_rate: FIRST_RATE,
            max_rate: None,
            concurrency: 32,
            body_bytes_max: 64 << 20,
            answer_timeout: Duration::from_secs(120),
            retry: RetryPolicy::default(),
            drift_known: false,
            random,
        }
    }
}

/// When and how often to ask again.
#[derive(Debug, Clone)]
pub struct RetryPolicy {
    /// Tries of one call that may fail; eight with this backoff outlast a restart of a gateway.
    pub attempts: u32,
    /// The first backoff is a random part of this.
    pub backoff: Duration,
    /// No backoff is longer: a service that comes back should be noticed within half a minute.
    pub backoff_max: Duration,
    /// No call is tried for longer, 429s aside: its place is better used by another.
    pub call_total: Duration,
    /// An address where nobody listens is more likely wrong than restarting.
    pub unreachable_total: Duration,
    /// A 429 is normal and waited for; nothing but 429 for so long is an outage.
    pub throttled_total: Duration,
    /// No `Retry-After` is obeyed for longer: a greater value is a mistake more often than a wish.
    pub retry_after_max: Duration,
    /// Tries until a refusal of a token that had been accepted is believed; gateways hiccup.
    pub denied_attempts: u32,
    /// Tries until the first answer, which is not Drift's, is believed.
    pub foreign_attempts: u32,
    /// Tries until a body that is not valid UTF-8 is taken as it is: then it is the data.
    pub encoding_attempts: u32,
    /// Retries that all calls share; each usable answer gives one back. A server that is down ends the run
    /// after this many, however many calls wait, yet every call in flight may use its tries once.
    pub budget: u32,
    /// After so long without one usable answer nothing is retried any more, until one comes.
    pub outage: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 8,
            backoff: Duration::from_millis(250),
            backoff_max: Duration::from_secs(30),
            call_total: Duration::from_secs(300),
            unreachable_total: Duration::from_secs(12),
            throttled_total: Duration::from_secs(15 * 60),
            retry_after_max: Duration::from_secs(300),
            denied_attempts: 3,
            foreign_attempts: 3,
            encoding_attempts: 3,
            budget: 500,
            outage: Duration::from_secs(180),
        }
    }
}

/// How long the parts of an exchange over the network may take.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// To connect, TLS included.
    pub connect: Duration,
    /// Between two pieces of an answer; Drift's slowest lists begin to answer within seconds.
    pub read: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), read: Duration::from_secs(60) }
    }
}

/// Where Drift is: the one host that ever sees the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiUrl(Url);

impl Default for ApiUrl {
    fn default() -> Self {
        Self(Url::parse("https://driftapi.com").expect("the constant is a URL"))
    }
}

impl ApiUrl {
    /// Reads a base URL. Plain HTTP is allowed to loopback only, for the token would be readable on the way.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |found: &str| {
            Error::usage(format!("--api-url is not an address of Drift: it {found}"))
                .hint("write https:// and a host, such as https://driftapi.com, which is the default")
        };
        let url = Url::parse(text.trim()).map_err(|cause| wrong("is no URL").caused_by(cause))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("holds a user name or password"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("holds a query string or fragment"));
        }
        match url.scheme() {
            "https" => Ok(Self(url)),
            "http" if is_loopback(&url) => Ok(Self(url)),
            "http" => Err(wrong("is plain http, which would show the token to the network; use https")),
            _ => Err(wrong("is neither https nor http")),
        }
    }

    /// Whether it is plain HTTP, and so this very machine.
    pub fn is_plain(&self) -> bool {
        self.0.scheme() == "http"
    }

    /// The full URL of a path (with query) that begins with a slash.
    pub fn join(&self, path_and_query: &str) -> String {
        format!("{}{path_and_query}", self.0.as_str().trim_end_matches('/'))
    }
}

impl fmt::Display for ApiUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_base_urls() {
        let join = |text: &str| ApiUrl::parse(text).unwrap().join("/a?b=c");
        assert_eq!(join("https://driftapi.com"), "https://driftapi.com/a?b=c");
        assert_eq!(join(" https://driftapi.com/v1/ "), "https://driftapi.com/v1/a?b=c");
        assert_eq!(join("http://localhost:8787"), "http://localhost:8787/a?b=c");
        assert_eq!(join("http://[::1]:1"), "http://[::1]:1/a?b=c");
        assert_eq!(ApiUrl::default().to_string(), "https://driftapi.com");
    }

    #[test]
    fn refuses_what_would_leak_or_cannot_work() {
        for text in [
            "driftapi.com",
            "http://driftapi.com",
            "http://127.0.0.1.evil.test",
            "ftp://localhost",
            "https://u:SECRET@driftapi.com",
            "https://driftapi.com?token=SECRET",
            "https://driftapi.com#x",
            "",
        ] {
            let error = ApiUrl::parse(text).expect_err(text);
            assert_eq!(error.kind().exit_code(), 2);
            assert!(!format!("{error} {error:?}").contains("SECRET"), "{error:?}");
        }
    }
}
