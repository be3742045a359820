//! Who asks: a token that cannot be printed, and, for OAuth apps, how it is renewed.
//!
//! Drift may rotate the refresh token with each renewal. The newest is kept in memory for the run and
//! handed to [`OAuth::on_rotation`]; nothing here stores it, so a caller who needs it after the run must.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::error::{Error, Result};

use super::complaint::Secrets;
use super::request::Request;

/// Who asks.
#[derive(Debug, Clone)]
pub enum Token {
    /// A token that holds until it is revoked.
    Fixed(SecretString),
    /// An OAuth app's.
    OAuth(OAuth),
}

/// Told each new refresh token.
pub type OnRotation = Arc<dyn Fn(&SecretString) + Send + Sync>;

/// What renews a token.
#[derive(Clone)]
pub struct OAuth {
    /// The app.
    pub client_id: String,
    /// The app's secret.
    pub client_secret: SecretString,
    /// The refresh token to begin with.
    pub refresh_token: SecretString,
    /// Told each new refresh token.
    pub on_rotation: Option<OnRotation>,
}

impl fmt::Debug for OAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuth").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

impl Token {
    /// A fixed token as it was given; white space around it is dropped. Fails (usage) when it is empty or
    /// holds what no header can.
    pub fn fixed(text: &str) -> Result<Self> {
        let token = text.trim();
        if token.is_empty() {
            return Err(Error::usage("the token is empty").hint("set DRIFT_TOKEN or DRIFT_TOKEN_FILE"));
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::usage("the token holds characters that no token has")
                .hint("check DRIFT_TOKEN for a line break or a stray character"));
        }
        Ok(Self::Fixed(token.to_owned().into()))
    }
}

/// A token as it was used, told apart from the one that replaced it.
#[derive(Clone)]
pub(super) struct Used {
    pub(super) token: SecretString,
    pub(super) generation: u64,
}

/// The token in use.
#[derive(Debug)]
pub(super) struct Keeper {
    oauth: Option<OAuth>,
    /// One renewal at a time; whoever waited finds it done.
    pub(super) renewal: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    access: Option<SecretString>,
    refresh: Option<SecretString>,
    generation: u64,
    org_id: Option<i64>,
    secrets: Arc<Secrets>,
}

/// Both spellings of the answer that Drift's own code has known.
#[derive(Deserialize)]
struct Renewed {
    #[serde(alias = "accessToken")]
    access_token: String,
    #[serde(alias = "refreshToken")]
    refresh_token: Option<String>,
    #[serde(alias = "orgId", default)]
    org_id: serde_json::Value,
}

impl Keeper {
    pub(super) fn new(token: Token) -> Self {
        let (access, oauth) = match token {
            Token::Fixed(access) => (Some(access), None),
            Token::OAuth(oauth) => (None, Some(oauth)),
        };
        let mut secrets: Vec<SecretString> = access.iter().cloned().collect();
        if let Some(oauth) = &oauth {
            secrets.extend([oauth.client_secret.clone(), oauth.refresh_token.clone()]);
        }
        let state = State {
            access,
            refresh: oauth.as_ref().map(|oauth| oauth.refresh_token.clone()),
            generation: 0,
            org_id: None,
            secrets: Arc::new(Secrets(secrets)),
        };
        Self { oauth, renewal: tokio::sync::Mutex::new(()), state: Mutex::new(state) }
    }

    /// The token in use; none before the first renewal.
    pub(super) fn current(&self) -> Option<Used> {
        let state = self.state();
        state.access.clone().map(|token| Used { token, generation: state.generation })
    }

    pub(super) fn is_oauth(&self) -> bool {
        self.oauth.is_some()
    }

    pub(super) fn generation(&self) -> u64 {
        self.state().generation
    }

    pub(super) fn org_id(&self) -> Option<i64> {
        self.state().org_id
    }

    /// Everything that must not be shown.
    pub(super) fn secrets(&self) -> Arc<Secrets> {
        self.state().secrets.clone()
    }

    /// The request that renews the token.
    pub(super) fn renewal_request(&self) -> Option<Request> {
        let oauth = self.oauth.as_ref()?;
        let refresh = self.state().refresh.clone()?;
        Some(Request::refresh(&oauth.client_id, &oauth.client_secret, &refresh))
    }

    /// Takes over a renewed token.
    pub(super) fn renewed(&self, body: &[u8]) -> Result<()> {
        let renewed: Renewed = serde_json::from_slice(body).map_err(|_| {
            // The cause is left out: it could quote the answer, which holds tokens.
            Error::refused("the answer to the OAuth refresh holds no access token")
                .hint("check DRIFT_CLIENT_ID, DRIFT_CLIENT_SECRET and DRIFT_REFRESH_TOKEN")
        })?;
        // No header could hold another.
        let Token::Fixed(access) = Token::fixed(&renewed.access_token)? else {
            return Err(Error::internal("a fixed token is not fixed"));
        };
        let rotated = self.replace(access, renewed.refresh_token.map(Into::into), &renewed.org_id);
        let listener = self.oauth.as_ref().and_then(|oauth| oauth.on_rotation.clone());
        if let (Some(listener), Some(token)) = (listener, rotated) {
            listener(&token);
        }
        Ok(())
    }

    /// The new refresh token, if it differs from the one before.
    fn replace(
        &self,
        access: SecretString,
        refresh: Option<SecretString>,
        org: &serde_json::Value,
    ) -> Option<SecretString> {
        let mut state = self.state();
        let before = state.refresh.clone();
        let known = before.as_ref().map(|before| before.expose_secret().to_owned());
        let rotated = refresh.filter(|new| known.as_deref() != Some(new.expose_secret()));
        let mut secrets = state.secrets.0.clone();
        secrets.push(access.clone());
        secrets.extend(rotated.clone());
        state.secrets = Arc::new(Secrets(secrets));
        state.access = Some(access);
        state.refresh = rotated.clone().or(before);
        state.org_id = org_id(org).or(state.org_id);
        state.generation += 1;
        rotated
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The organization out of `"orgId:48213"`, `"48213"` or `48213`.
pub(super) fn org_id(value: &serde_json::Value) -> Option<i64> {
    let text = match value {
        serde_json::Value::Number(number) => return number.as_i64(),
        serde_json::Value::String(text) => text,
        _ => return None,
    };
    text.rsplit(':').next()?.trim().parse().ok()
}

/// What Drift says about the token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenInfo {
    /// The organization it belongs to, if Drift says so.
    pub org_id: Option<i64>,
    /// What it may do; empty when Drift does not say.
    pub scopes: Vec<String>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    #[serde(default)]
    authenticated_userid: serde_json::Value,
    #[serde(default)]
    scope: Option<String>,
}

impl TokenInfo {
    /// Reads the answer of `POST /app/token_info`.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let answer: TokenAnswer = serde_json::from_slice(body).ok()?;
        let scopes = answer.scope.unwrap_or_default();
        let split = scopes.split(|c: char| c.is_whitespace() || c == ',').filter(|scope| !scope.is_empty());
        Some(Self {
            org_id: org_id(&answer.authenticated_userid),
            scopes: split.map(str::to_owned).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oauth() -> (Keeper, Arc<Mutex<Vec<String>>>) {
        let told: Arc<Mutex<Vec<String>>> = Arc::default();
        let listener = told.clone();
        let oauth = OAuth {
            client_id: "app".to_owned(),
            client_secret: "client-SECRET".to_owned().into(),
            refresh_token: "refresh-SECRET-1".to_owned().into(),
            on_rotation: Some(Arc::new(move |token| {
                listener.lock().unwrap().push(token.expose_secret().to_owned());
            })),
        };
        (Keeper::new(Token::OAuth(oauth)), told)
    }

    #[test]
    fn takes_over_both_spellings_and_tells_of_rotation() {
        let (keeper, told) = oauth();
        keeper.renewed(br#"{"access_token":"a1","refresh_token":"refresh-SECRET-1","orgId":48213}"#).unwrap();
        keeper.renewed(br#"{"accessToken":"a2","refreshToken":"r2"}"#).unwrap();
        let used = keeper.current().unwrap();
        assert_eq!((used.token.expose_secret(), used.generation), ("a2", 2));
        assert_eq!(keeper.org_id(), Some(48213));
        assert_eq!(*told.lock().unwrap(), ["r2"]);
        let body = keeper.renewal_request().unwrap();
        assert!(body.body().unwrap().expose_secret().ends_with("grant_type=refresh_token&refresh_token=r2"));
        assert_eq!(
            keeper.secrets().hide("a1 a2 r2 client-SECRET refresh-SECRET-1").matches("[secret]").count(),
            5
        );
    }

    #[test]
    fn nothing_secret_is_printed() {
        let (keeper, _) = oauth();
        let error = keeper.renewed(br#"{"access_token":{"x":"new-SECRET"}}"#).unwrap_err();
        let token = Token::fixed("tok-SECRET").unwrap();
        let shown = format!("{keeper:?} {token:?} {error} {error:?} {:?}", Keeper::new(token.clone()));
        assert!(!shown.contains("-SECRET"), "{shown}");
    }

    #[test]
    fn reads_tokens_and_what_is_said_of_them() {
        assert!(Token::fixed(" \n").is_err() && Token::fixed("a\nb").is_err() && Token::fixed("é").is_err());
        assert!(Token::fixed("tok\n").is_ok());
        let info =
            TokenInfo::read(br#"{"authenticated_userid":"orgId:48213","scope":"a_read b_read"}"#).unwrap();
        assert_eq!(info, TokenInfo { org_id: Some(48213), scopes: vec!["a_read".into(), "b_read".into()] });
        assert_eq!(TokenInfo::read(br#"{"authenticated_userid":7}"#).unwrap().org_id, Some(7));
        assert_eq!(TokenInfo::read(b"{}").unwrap(), TokenInfo::default());
    }
}
