//! The one error type: a kind, what was found, where, the cause, and what the user can do.
//!
//! Rules. A kind exists only where someone acts differently on it: another exit code, or another try.
//! Context (table, call, object, number of tries) is added once, where it is known. The last line a user
//! reads says what to do. Nothing secret is ever put into an error: calls are named by path, without
//! query strings or headers.

use std::error::Error as StdError;
use std::fmt;

/// The result of everything here that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, as far as anyone acts differently on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// A bug in this program.
    Internal,
    /// Arguments, configuration, or a lake that does not belong to this account or version.
    Usage,
    /// Drift refused the token, or the token lacks a right.
    Refused,
    /// Drift did not answer usably after all retries.
    Unavailable,
    /// The lake's store failed, or the lake is broken.
    Store,
    /// Another run holds the lake, or has overtaken this one.
    Held,
}

impl ErrorKind {
    /// The exit code that stands for this kind (see `docs/exit-codes.md`).
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Internal => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::Unavailable => 4,
            Self::Store => 5,
            Self::Held => 6,
        }
    }
}

/// An error with everything a person needs to act on it.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    found: String,
    context: Vec<(&'static str, String)>,
    hint: Option<String>,
    cause: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of `kind`; `found` says in one clause what was found.
    pub fn new(kind: ErrorKind, found: impl Into<String>) -> Self {
        Self { kind, found: found.into(), context: Vec::new(), hint: None, cause: None }
    }

    /// A bug in this program.
    pub fn internal(found: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, found).hint("this is a bug in drift2parquet; please report it")
    }

    /// Arguments, configuration, or a lake that does not fit.
    pub fn usage(found: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, found)
    }

    /// Drift refused the token or a right.
    pub fn refused(found: impl Into<String>) -> Self {
        Self::new(ErrorKind::Refused, found)
    }

    /// Drift did not answer usably after all retries.
    pub fn unavailable(found: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unavailable, found)
    }

    /// The store failed, or the lake is broken.
    pub fn store(found: impl Into<String>) -> Self {
        Self::new(ErrorKind::Store, found)
    }

    /// Another run holds the lake.
    pub fn held(found: impl Into<String>) -> Self {
        Self::new(ErrorKind::Held, found)
    }

    /// Adds where it happened, such as `("table", "messages")`; an outer place never hides an inner one.
    #[must_use]
    pub fn at(mut self, place: &'static str, value: impl fmt::Display) -> Self {
        if !self.context.iter().any(|(known, _)| *known == place) {
            self.context.push((place, value.to_string()));
        }
        self
    }

    /// Says what the user can do; the first hint given is the most specific and stays.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint.get_or_insert(hint.into());
        self
    }

    /// Says something else in the hint, where it says what is not true here.
    #[must_use]
    pub fn hint_instead(mut self, said: &str, instead: &str) -> Self {
        self.hint = self.hint.map(|hint| hint.replace(said, instead));
        self
    }

    /// Keeps the cause as cause.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The kind, which alone decides the exit code.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What was found, without context.
    pub fn found(&self) -> &str {
        &self.found
    }

    /// The named place, if it is known.
    pub fn place(&self, place: &str) -> Option<&str> {
        self.context.iter().find(|(known, _)| *known == place).map(|(_, value)| value.as_str())
    }

    /// Every named place, innermost first.
    pub fn places(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.context.iter().map(|(place, value)| (*place, value.as_str()))
    }

    /// The hint, if there is one.
    pub fn advice(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for Error {
    /// One line: what was found, the causes, and where.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.found)?;
        let mut cause = self.source();
        while let Some(inner) = cause {
            write!(f, ": {inner}")?;
            cause = inner.source();
        }
        write_context(f, &self.context)
    }
}

fn write_context(f: &mut fmt::Formatter<'_>, context: &[(&'static str, String)]) -> fmt::Result {
    for (index, (place, value)) in context.iter().enumerate() {
        let before = if index == 0 { " (" } else { ", " };
        write!(f, "{before}{place} {value}")?;
    }
    if context.is_empty() { Ok(()) } else { write!(f, ")") }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_one_line_with_cause_and_place() {
        let error = Error::store("cannot write the object")
            .caused_by(std::io::Error::other("disk full"))
            .at("object", "users/users.parquet");
        assert_eq!(error.to_string(), "cannot write the object: disk full (object users/users.parquet)");
        assert_eq!(error.kind().exit_code(), 5);
    }

    #[test]
    fn the_innermost_place_and_the_first_hint_stay() {
        let error = Error::usage("x").at("table", "users").at("table", "teams").hint("a").hint("b");
        assert_eq!(error.place("table"), Some("users"));
        assert_eq!(error.advice(), Some("a"));
    }
}
