//! The token, from the environment alone: never an argument (others would see it in the list of processes),
//! never printed.

use std::fs;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use drift2parquet::api::{OAuth, Token};
use drift2parquet::error::{Error, Result};
use drift2parquet::mask::KEY_VARIABLE;
use secrecy::{ExposeSecret, SecretString};

/// How the program proves who it is.
#[derive(Debug)]
pub enum Credentials {
    /// A token that does not expire by itself.
    Token(SecretString),
    /// An OAuth app, whose access tokens are fetched when needed.
    Refresh {
        /// The app.
        client_id: String,
        /// Its secret.
        client_secret: SecretString,
        /// What access tokens are fetched with.
        refresh_token: SecretString,
        /// What Drift gave in its place.
        newest: Newest,
    },
}

/// The refresh token that Drift gave last, which may end the one before it. It is kept for as long as the program
/// runs, and nowhere else.
type Newest = Arc<Mutex<Option<SecretString>>>;

/// Looks up a variable of the environment.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The fewest letters of a key of hashes.
const HASH_KEY_MIN: usize = 16;

const OAUTH: [&str; 3] = ["DRIFT_CLIENT_ID", "DRIFT_CLIENT_SECRET", "DRIFT_REFRESH_TOKEN"];

impl Credentials {
    /// Reads them.
    ///
    /// # Errors
    /// [`Error::usage`] when there are none, too many, or half of them.
    pub fn read(environment: Environment) -> Result<Self> {
        let oauth = OAUTH.map(environment);
        let ways = (environment("DRIFT_TOKEN"), environment("DRIFT_TOKEN_FILE"), oauth);
        match ways {
            (Some(token), None, [None, None, None]) => clean("DRIFT_TOKEN", &token).map(Self::Token),
            (None, Some(path), [None, None, None]) => from_file(&path).map(Self::Token),
            (None, None, [Some(id), Some(secret), Some(refresh)]) => Ok(Self::Refresh {
                client_id: clean(OAUTH[0], &id)?.expose_secret().to_owned(),
                client_secret: clean(OAUTH[1], &secret)?,
                refresh_token: clean(OAUTH[2], &refresh)?,
                newest: Newest::default(),
            }),
            (None, None, [None, None, None]) => Err(none()),
            (None, None, oauth) => Err(half(&oauth)),
            _ => Err(several()),
        }
    }
}

impl Credentials {
    /// The same for the client.
    pub fn token(&self) -> Token {
        match self {
            Self::Token(token) => Token::Fixed(token.clone()),
            Self::Refresh { client_id, client_secret, refresh_token, newest } => Token::OAuth(OAuth {
                client_id: client_id.clone(),
                client_secret: client_secret.clone(),
                refresh_token: held(newest).clone().unwrap_or_else(|| refresh_token.clone()),
                on_rotation: Some(Arc::new({
                    let newest = newest.clone();
                    move |token| *held(&newest) = Some(token.clone())
                })),
            }),
        }
    }

    /// Goes on where those of an earlier run ended: the environment still has the refresh token that this
    /// process was started with, which Drift may have replaced meanwhile.
    pub fn follow(&mut self, earlier: &Self) {
        if let (
            Self::Refresh { refresh_token, newest, .. },
            Self::Refresh { refresh_token: given, newest: known, .. },
        ) = (self, earlier)
            && refresh_token.expose_secret() == given.expose_secret()
        {
            *newest = known.clone();
        }
    }
}

/// The key of hashed columns, if there is one.
///
/// # Errors
/// [`Error::usage`] when it is given twice, is empty, or its file cannot be read.
pub fn hash_key(environment: Environment) -> Result<Option<SecretString>> {
    let file = format!("{KEY_VARIABLE}_FILE");
    match (environment(KEY_VARIABLE), environment(&file)) {
        (None, None) => Ok(None),
        (Some(key), None) => filled(KEY_VARIABLE, &key).map(Some),
        (None, Some(path)) => {
            let text = fs::read_to_string(&path).map_err(|cause| {
                Error::usage("cannot read the file that holds the key of the hashes")
                    .caused_by(cause)
                    .at("file", &path)
                    .hint(format!("make {file} name a readable file that holds nothing but the key"))
            })?;
            filled(&file, &text).map(Some)
        }
        _ => Err(Error::usage(format!("{KEY_VARIABLE} and {file} are both given")).hint("unset one of them")),
    }
}

/// Blanks and line ends around a key are an accident of copying. A short key can be guessed, and with it what was
/// hashed.
fn filled(name: &str, text: &str) -> Result<SecretString> {
    let text = text.trim();
    if text.len() >= HASH_KEY_MIN {
        return Ok(SecretString::from(text));
    }
    Err(Error::usage(format!("the key in {name} is shorter than {HASH_KEY_MIN} letters"))
        .hint("make one by `openssl rand -hex 32`, and keep it as safe as the token"))
}

fn held(newest: &Newest) -> MutexGuard<'_, Option<SecretString>> {
    newest.lock().unwrap_or_else(PoisonError::into_inner)
}

fn from_file(path: &str) -> Result<SecretString> {
    let text = fs::read_to_string(path).map_err(|cause| {
        Error::usage("cannot read the file that holds the token")
            .caused_by(cause)
            .at("file", path)
            .hint("make DRIFT_TOKEN_FILE name a readable file that holds nothing but the token")
    })?;
    clean("DRIFT_TOKEN_FILE", &text)
}

/// Blanks and line ends around a secret are an accident of copying; inside it, they are a mistake.
fn clean(name: &str, text: &str) -> Result<SecretString> {
    let text = text.trim();
    if !text.is_empty() && text.chars().all(|letter| letter.is_ascii_graphic()) {
        return Ok(SecretString::from(text));
    }
    let problem = if text.is_empty() { "is empty" } else { "holds a blank, a line end or a strange letter" };
    Err(Error::usage(format!("the secret in {name} {problem}"))
        .hint("copy the token again, as one line, from dev.drift.com"))
}

fn none() -> Error {
    Error::usage("there is no token").hint(
        "set DRIFT_TOKEN to the token of your Drift app (dev.drift.com, \"install to Drift\"), \
         or DRIFT_TOKEN_FILE to a file that holds it",
    )
}

fn half(given: &[Option<String>; 3]) -> Error {
    let missing: Vec<_> =
        OAUTH.iter().zip(given).filter(|(_, value)| value.is_none()).map(|(name, _)| *name).collect();
    Error::usage(format!("for an OAuth app {} is missing", missing.join(" and ")))
        .hint(format!("set all of {}, or DRIFT_TOKEN alone", OAUTH.join(", ")))
}

fn several() -> Error {
    Error::usage("more than one token is given")
        .hint("keep one of DRIFT_TOKEN, DRIFT_TOKEN_FILE and DRIFT_CLIENT_ID/…, and unset the others")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(given: &[(&str, &str)]) -> Result<Credentials> {
        let find =
            |name: &str| given.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Credentials::read(&find)
    }

    fn refused(given: &[(&str, &str)]) -> String {
        let error = read(given).unwrap_err();
        assert_eq!(error.kind().exit_code(), 2);
        format!("{error}; {}", error.advice().unwrap())
    }

    #[test]
    fn a_token_is_trimmed_and_cannot_be_shown() {
        let Credentials::Token(token) = read(&[("DRIFT_TOKEN", " canary\n")]).unwrap() else { panic!() };
        assert_eq!(token.expose_secret(), "canary");
        assert!(!format!("{token:?}").contains("canary"));
    }

    #[test]
    fn a_file_may_hold_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "canary\n").unwrap();
        let path = file.path().to_str().unwrap();
        assert!(matches!(read(&[("DRIFT_TOKEN_FILE", path)]), Ok(Credentials::Token(_))));
        assert!(refused(&[("DRIFT_TOKEN_FILE", "no/such")]).contains("no/such"));
    }

    #[test]
    fn a_refresh_token_that_was_replaced_is_remembered_for_the_next_run() {
        let given =
            [("DRIFT_CLIENT_ID", "a"), ("DRIFT_CLIENT_SECRET", "b"), ("DRIFT_REFRESH_TOKEN", "first")];
        let refresh = |credentials: &Credentials| {
            let Token::OAuth(oauth) = credentials.token() else { panic!() };
            oauth
        };
        let earlier = read(&given).unwrap();
        let listener = refresh(&earlier).on_rotation.unwrap();
        listener(&SecretString::from("second"));
        let mut next = read(&given).unwrap();
        next.follow(&earlier);
        assert_eq!(refresh(&next).refresh_token.expose_secret(), "second");
        let mut other = read(&[given[0], given[1], ("DRIFT_REFRESH_TOKEN", "third")]).unwrap();
        other.follow(&earlier);
        assert_eq!(refresh(&other).refresh_token.expose_secret(), "third");
    }

    #[test]
    fn the_key_of_hashes_is_no_short_word() {
        let key = |name: &'static str, value: &'static str| {
            hash_key(&move |known: &str| (known == name).then(|| value.to_owned()))
        };
        assert!(key("OTHER", "x").unwrap().is_none());
        assert_eq!(
            key(KEY_VARIABLE, " 0123456789abcdef\n").unwrap().unwrap().expose_secret(),
            "0123456789abcdef"
        );
        assert!(key(KEY_VARIABLE, "canary").unwrap_err().to_string().contains("shorter than 16"));
        assert!(!key(KEY_VARIABLE, "canary").unwrap_err().to_string().contains("canary"));
        assert_eq!(key("DRIFT2PARQUET_HASH_KEY_FILE", "no/such").unwrap_err().kind().exit_code(), 2);
    }

    #[test]
    fn none_half_and_several_are_told_apart() {
        assert!(refused(&[]).contains("DRIFT_TOKEN_FILE"));
        assert!(refused(&[("DRIFT_CLIENT_ID", "a")]).contains("DRIFT_CLIENT_SECRET"));
        assert!(refused(&[("DRIFT_TOKEN", "a"), ("DRIFT_TOKEN_FILE", "b")]).contains("more than one"));
        assert!(!refused(&[("DRIFT_TOKEN", "can ary")]).contains("can ary"));
    }
}
