//! What the rest of the program sees of Drift: one GET, what the token may do, and the figures.

use std::sync::Arc;

use bytes::Bytes;
use tracing::warn;

use crate::error::{ErrorKind, Result};
use crate::page::Page;
use crate::schema::Call;

use super::ask::{Ask, Inner};
use super::auth::TokenInfo;
use super::envelope::{Cursor, Envelope};
use super::request::{self, TOKEN_INFO, Transport};
use super::settings::ClientSettings;
use super::traffic::Traffic;

/// Rows of a page of the older generation of a walked list, at most.
const OLDER_ROWS: &str = "50";

/// The way to one Drift account; cheap to clone, and all clones share one limiter.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
    edit: Option<Edit>,
}

/// Changes the body of a page before anything else sees it.
pub type Edit = Arc<dyn Fn(&Call, Bytes) -> Bytes + Send + Sync>;

/// What Drift answered.
#[derive(Debug, Clone)]
pub enum Answer {
    /// What was asked for.
    Page(Page, Envelope),
    /// There is none: 404, from Drift itself.
    Missing(Page),
}

impl Client {
    /// A client that asks through `transport`.
    pub fn new(settings: ClientSettings, transport: Arc<dyn Transport>) -> Self {
        Self { inner: Arc::new(Inner::new(settings, transport)), edit: None }
    }

    /// The same client, whose pages go through `edit` first.
    #[must_use]
    pub fn edited(self, edit: Edit) -> Self {
        Self { edit: Some(edit), ..self }
    }

    /// Asks for what `call` names, `key` filled in as one segment of the path, `query` replacing and
    /// completing the call's own parameters. Retries inside.
    ///
    /// Fails with `Refused` when the token or a right is refused, `Usage` when the first answer ever is not
    /// Drift's, and `Unavailable` otherwise; then `place("call")`, `place("tries")` and, when an answer came
    /// that is not worth another try, `place("status")` are known.
    pub async fn get(&self, call: &Call, key: Option<&str>, query: &[(&str, String)]) -> Result<Answer> {
        let path = request::path(call, key)?;
        let path_and_query = request::with_query(&path, call, query);
        let ask = Ask::Get { call, path_and_query: &path_and_query };
        let (body, envelope) = self.inner.ask(ask, &path).await?;
        let body = match &self.edit {
            Some(edit) => edit(call, body),
            None => body,
        };
        let page = Page { path: path.into(), parent: key.and_then(|key| key.parse().ok()), body };
        Ok(match envelope {
            Some(envelope) => Answer::Page(page, envelope),
            None => Answer::Missing(page),
        })
    }

    /// Asks for the page of a walked list that `cursor` names (as [`Cursor::query`] says), or for its first one.
    ///
    /// Both generations are understood: a blank `page_token` asks for the newer one, whose pages have 100 rows;
    /// pages of the older one have 50, and more may be refused (API: list-conversations).
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn list_page(&self, list: &Call, cursor: Option<&[(String, String)]>) -> Result<Answer> {
        let Some(cursor) = cursor else { return self.first_page(list).await };
        let pairs = cursor.iter().map(|(name, value)| (name.as_str(), value.clone()));
        let is_older = cursor.iter().any(|(name, _)| name == Cursor::NEXT);
        let limit = is_older.then(older_limit);
        self.get(list, None, &limit.into_iter().chain(pairs).collect::<Vec<_>>()).await
    }

    async fn first_page(&self, list: &Call) -> Result<Answer> {
        match self.get(list, None, &[("page_token", String::new())]).await {
            Err(error) if error.place("status") == Some("400") => {
                tracing::info!("Drift refused a page of 100 rows; asking for {OLDER_ROWS}");
                self.get(list, None, &[older_limit()]).await
            }
            answered => answered,
        }
    }

    /// What Drift says about the token. A refused token fails; when only this answer cannot be had, the
    /// organization stays unknown, with a warning.
    pub async fn token_info(&self) -> Result<TokenInfo> {
        let inner = &self.inner;
        let answer = inner.ask(Ask::TokenInfo, TOKEN_INFO).await;
        let mut info = match answer {
            Ok((body, Some(_))) => TokenInfo::read(&body).unwrap_or_default(),
            Ok((_, None)) => TokenInfo::default(),
            Err(error) if error.kind() != ErrorKind::Unavailable || inner.is_unreachable(&error) => {
                return Err(error);
            }
            Err(error) => {
                warn!(%error, "Drift does not tell about the token");
                TokenInfo::default()
            }
        };
        info.org_id = info.org_id.or(inner.keeper.org_id());
        if info.org_id.is_none() {
            warn!("Drift does not say to which organization the token belongs");
        }
        Ok(info)
    }

    /// What went over the wire so far.
    pub fn stats(&self) -> Traffic {
        self.inner.traffic()
    }

    /// Whether anything has answered as Drift does.
    pub fn knows_drift(&self) -> bool {
        self.inner.knows_drift()
    }

    /// Drift's clock as of its latest usable answer, in ms since the epoch.
    pub fn server_time_ms(&self) -> Option<i64> {
        self.inner.counters.server_time_ms()
    }

    /// Drift's clock as of its first usable answer, in ms since the epoch.
    pub fn first_server_time_ms(&self) -> Option<i64> {
        self.inner.counters.first_server_time_ms()
    }
}

fn older_limit<'a>() -> (&'a str, String) {
    ("limit", OLDER_ROWS.to_owned())
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
