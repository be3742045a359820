//! stub
#![allow(missing_docs)]
use crate::{
    decode::skim,
    error::{Error, Result},
    page::Page,
    schema::{Call, Paging},
};
use async_trait::async_trait;
use bytes::Bytes;
use secrecy::SecretString;
use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering},
};
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    PostJson,
    PostForm,
}
#[derive(Debug)]
pub struct Request {
    pub method: Method,
    pub path_and_query: String,
    pub bearer: Option<SecretString>,
    pub accept_gzip: bool,
    pub body: Bytes,
}
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}
#[derive(Debug)]
pub enum TransportError {
    Connect(String),
    Timeout(String),
    Broken(String),
    TooLarge(String),
}
#[async_trait]
pub trait Transport: Send + Sync + std::fmt::Debug {
    async fn send(&self, request: Request) -> std::result::Result<Response, TransportError>;
}
#[derive(Clone, Debug)]
pub struct Client(Arc<Inner>);
#[derive(Debug)]
struct Inner {
    transport: Arc<dyn Transport>,
    requests: AtomicU64,
    date: AtomicI64,
    token: String,
}
#[derive(Debug)]
pub enum Answer {
    Page(Page, Envelope),
    Missing(Page),
}
#[derive(Debug)]
pub struct Envelope {
    pub next: Option<Cursor>,
}
#[derive(Debug)]
pub enum Cursor {
    PageToken(String),
    Next(String),
    Index { index: u64, size: u64 },
}
impl Cursor {
    pub fn pairs(&self) -> Vec<(String, String)> {
        match self {
            Cursor::PageToken(t) => vec![("page_token".into(), t.clone())],
            Cursor::Next(t) => vec![("next".into(), t.clone())],
            Cursor::Index { index, size } => {
                vec![("index".into(), index.to_string()), ("size".into(), size.to_string())]
            }
        }
    }
}
pub struct TokenInfo {
    pub org: Option<String>,
    pub scopes: Option<Vec<String>>,
}
impl Client {
    pub fn stub(transport: Arc<dyn Transport>, token: &str) -> Self {
        Client(Arc::new(Inner { transport, requests: 0.into(), date: 0.into(), token: token.into() }))
    }
    async fn send(&self, method: Method, pq: String, body: Bytes) -> Result<Response> {
        self.0.requests.fetch_add(1, Ordering::Relaxed);
        let r = self
            .0
            .transport
            .send(Request {
                method,
                path_and_query: pq.clone(),
                bearer: Some(self.0.token.clone().into()),
                accept_gzip: false,
                body,
            })
            .await
            .map_err(|e| Error::unavailable(format!("{e:?}")))?;
        for (k, v) in &r.headers {
            if k == "date"
                && let Ok(t) = httpdate::parse_http_date(v)
            {
                let ms = t.duration_since(std::time::UNIX_EPOCH).expect("after").as_millis() as i64;
                self.0.date.store(ms, Ordering::Relaxed);
            }
        }
        if r.status == 401 || r.status == 403 {
            return Err(Error::refused("refused").at("status", r.status));
        }
        if r.status >= 400 && r.status != 404 {
            return Err(Error::unavailable("status").at("status", r.status).at("call", pq));
        }
        Ok(r)
    }
    pub async fn get(&self, c: &Call, k: Option<&str>, q: &[(String, String)]) -> Result<Answer> {
        let path = c.path.replace("{key}", k.unwrap_or(""));
        let mut pairs: Vec<(String, String)> = c
            .query
            .iter()
            .filter(|(n, _)| !q.iter().any(|(m, _)| m == n))
            .map(|(a, b)| (a.to_string(), b.to_string()))
            .collect();
        pairs.extend(q.iter().cloned());
        let qs = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let r = self
            .send(
                Method::Get,
                if qs.is_empty() { path.clone() } else { format!("{path}?{qs}") },
                Bytes::new(),
            )
            .await?;
        let page = Page { path, parent: k.and_then(|k| k.parse().ok()), body: r.body };
        if r.status == 404 {
            return Ok(Answer::Missing(page));
        }
        let b = &page.body;
        let text = |p: &[&str]| {
            skim::find(b, p)
                .and_then(|v| {
                    skim::text(v).map(|t| t.into_owned()).or_else(|| skim::integer(v).map(|n| n.to_string()))
                })
                .filter(|t| !t.is_empty())
        };
        let param = |link: String, name: &str| {
            url::Url::parse("http://x")
                .expect("x")
                .join(&link)
                .ok()
                .and_then(|u| u.query_pairs().find(|(n, _)| n == name).map(|(_, v)| v.into_owned()))
        };
        let next = match c.paging {
            Paging::Conversations => text(&["links", "next"])
                .and_then(|l| param(l, "page_token"))
                .map(Cursor::PageToken)
                .or_else(|| text(&["pagination", "next"]).map(Cursor::Next)),
            Paging::Next => text(&["pagination", "next"]).map(Cursor::Next),
            Paging::Index => text(&["data", "next"]).and_then(|l| {
                Some(Cursor::Index {
                    index: param(l.clone(), "index")?.parse().ok()?,
                    size: param(l, "size")?.parse().ok()?,
                })
            }),
            _ => None,
        };
        Ok(Answer::Page(page, Envelope { next }))
    }
    pub async fn token_info(&self) -> Result<TokenInfo> {
        let r = self
            .send(
                Method::PostJson,
                "/app/token_info".into(),
                Bytes::from(format!("{{\"access_token\":\"{}\"}}", self.0.token)),
            )
            .await?;
        let org = skim::find(&r.body, &["authenticated_userid"])
            .and_then(|v| skim::text(v))
            .map(|t| t.trim_start_matches("orgId:").to_owned());
        Ok(TokenInfo { org, scopes: None })
    }
    pub fn stats(&self) -> crate::report::Traffic {
        crate::report::Traffic { requests: self.0.requests.load(Ordering::Relaxed), ..Default::default() }
    }
    pub fn server_time_ms(&self) -> Option<i64> {
        Some(self.0.date.load(Ordering::Relaxed)).filter(|m| *m > 0)
    }
}
pub struct ClientSettings {
    pub max_rate: Option<f64>,
    pub concurrency: usize,
    pub seed: u64,
    token: String,
}
pub enum Token {
    Fixed(SecretString),
    Refreshed { client_id: String, client_secret: SecretString, refresh_token: SecretString },
}
impl ClientSettings {
    pub fn api_url(u: &str) -> Result<url::Url> {
        Ok(url::Url::parse(u).expect("x"))
    }
    pub fn new(_u: url::Url, t: Token) -> Self {
        let Token::Fixed(t) = t else { panic!() };
        use secrecy::ExposeSecret;
        Self { max_rate: None, concurrency: 1, seed: 1, token: t.expose_secret().to_owned() }
    }
}
impl Client {
    pub fn new(s: ClientSettings, t: Arc<dyn Transport>) -> Self {
        Self::stub(t, &s.token)
    }
}

#[derive(Debug)]
pub struct HttpTransport;
impl HttpTransport {
    pub fn new(_s: &ClientSettings) -> Result<Self> {
        Ok(Self)
    }
}
#[async_trait]
impl Transport for HttpTransport {
    async fn send(&self, _r: Request) -> std::result::Result<Response, TransportError> {
        Err(TransportError::Broken("stub".into()))
    }
}
