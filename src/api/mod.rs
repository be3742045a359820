//! stub
#![allow(missing_docs)]
use crate::{error::Result, page::Page, schema::Call};
#[derive(Clone, Debug)]
pub struct Client;
pub enum Answer {
    Page(Page, Envelope),
    Missing(Page),
}
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
        Vec::new()
    }
}
pub struct TokenInfo {
    pub org: Option<String>,
    pub scopes: Option<Vec<String>>,
}
impl Client {
    pub async fn get(&self, _c: &Call, _k: Option<&str>, _q: &[(String, String)]) -> Result<Answer> {
        std::future::pending().await
    }
    pub async fn token_info(&self) -> Result<TokenInfo> {
        std::future::pending().await
    }
    pub fn stats(&self) -> crate::report::Traffic {
        Default::default()
    }
    pub fn server_time_ms(&self) -> Option<i64> {
        None
    }
}
