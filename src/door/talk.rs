//! stderr is talk: errors, logs, progress and the closing lines all go through one door, so that they never
//! tear each other. Text for people, or one JSON object a line.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

use drift2parquet::error::Error;
use indicatif::ProgressBar;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::args::LogFormat;
use super::exit::Exit;
use super::settings::Voice;

/// The one way to stderr.
#[derive(Debug, Clone)]
pub struct Talk {
    /// How it sounds.
    pub voice: Voice,
    bar: Arc<Mutex<Option<ProgressBar>>>,
}

impl Talk {
    /// Begins to talk, and takes over what the library logs.
    pub fn start(voice: Voice) -> Self {
        let talk = Self { voice, bar: Arc::default() };
        talk.take_logs();
        talk
    }

    /// Whether one line that changes may be shown: people watch, and nothing else wants plain lines.
    pub fn is_watched(&self) -> bool {
        let text = self.voice.format == LogFormat::Text && !self.voice.quiet;
        text && io::stderr().is_terminal() && !is_set("CI") && std::env::var("TERM").as_deref() != Ok("dumb")
    }

    /// From now on, lines are written above this bar; or no bar is left.
    pub fn share_with(&self, bar: Option<ProgressBar>) {
        *self.bar.lock().unwrap_or_else(PoisonError::into_inner) = bar;
    }

    /// Writes text that ends with a line end. Nobody is left to tell when stderr is closed.
    pub fn write(&self, text: &str) {
        let write = || drop(io::stderr().lock().write_all(text.as_bytes()));
        match &*self.bar.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Tells what went wrong, where, and what to do.
    pub fn error(&self, error: &Error) {
        match self.voice.format {
            LogFormat::Text => self.write(&error_text(error, has_colour())),
            LogFormat::Json => self.object("ERROR", &chain(error), error_fields(error)),
        }
    }

    /// Tells something that a person should know, unless only errors are wanted.
    pub fn note(&self, note: &str) {
        match self.voice.format {
            _ if self.voice.quiet => {}
            LogFormat::Text => self.write(&format!("note: {}\n", tame(note))),
            LogFormat::Json => self.object("INFO", note, Map::new()),
        }
    }

    /// Writes one JSON object.
    pub fn object(&self, level: &str, message: &str, mut fields: Map<String, Value>) {
        fields.insert("timestamp".into(), json!(Timestamp::now()));
        fields.insert("level".into(), json!(level));
        fields.insert("message".into(), json!(message));
        self.write(&format!("{}\n", Value::Object(fields)));
    }

    fn take_logs(&self) {
        let (own, others) = match self.voice {
            Voice { quiet: true, .. } => (LevelFilter::ERROR, LevelFilter::ERROR),
            Voice { verbose: true, .. } => (LevelFilter::DEBUG, LevelFilter::WARN),
            _ => (LevelFilter::INFO, LevelFilter::WARN),
        };
        // What its libraries warn of on their way to keys comes to light in our own words when no way is left.
        let quiet = if self.voice.verbose { others } else { LevelFilter::ERROR };
        let levels =
            Targets::new().with_target("drift2parquet", own).with_target("aws", quiet).with_default(others);
        let base = tracing_subscriber::registry().with(levels);
        let layer = tracing_subscriber::fmt::layer().with_writer(self.clone()).with_target(false);
        // It fails only when logs have been taken already, which one process does once.
        let _ = match self.voice.format {
            LogFormat::Json => base.with(layer.json().flatten_event(true)).try_init(),
            LogFormat::Text if self.is_watched() => {
                base.with(layer.compact().without_time().with_ansi(has_colour())).try_init()
            }
            LogFormat::Text => base.with(layer.compact().with_ansi(false)).try_init(),
        };
    }
}

/// What was found and why, without the places.
fn chain(error: &Error) -> String {
    let mut text = error.found().to_owned();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

/// `error: …`, one indented line for each place, then `hint: …`.
pub fn error_text(error: &Error, colour: bool) -> String {
    let (red, cyan, plain) = if colour { ("\x1b[1;31m", "\x1b[1;36m", "\x1b[0m") } else { ("", "", "") };
    let mut text = format!("{red}error{plain}: {}\n", tame(&chain(error)));
    for (place, value) in error.places() {
        let _ = writeln!(text, "  {place}: {}", tame(value));
    }
    if let Some(hint) = error.advice() {
        let _ = writeln!(text, "{cyan}hint{plain}: {}", tame(hint));
    }
    text
}

/// Names come from outside; what would steer a terminal is shown, not obeyed.
fn tame(text: &str) -> String {
    let letter =
        |letter: char| if letter.is_control() { letter.escape_default().to_string() } else { letter.into() };
    text.chars().map(letter).collect()
}

fn error_fields(error: &Error) -> Map<String, Value> {
    let places: Map<String, Value> =
        error.places().map(|(place, value)| (place.to_owned(), json!(value))).collect();
    let mut fields = Map::new();
    fields.insert("exit_code".into(), json!(Exit::of(error).code()));
    fields.insert("places".into(), Value::Object(places));
    fields.insert("hint".into(), json!(error.advice()));
    fields
}

fn has_colour() -> bool {
    io::stderr().is_terminal() && !is_set("NO_COLOR") && std::env::var("TERM").as_deref() != Ok("dumb")
}

fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// One event of the log, written whole when it is complete.
#[derive(Debug)]
pub struct Event(Talk, Vec<u8>);

impl<'a> MakeWriter<'a> for Talk {
    type Writer = Event;

    fn make_writer(&'a self) -> Event {
        Event(self.clone(), Vec::new())
    }
}

impl Write for Event {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.1.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        self.0.write(&String::from_utf8_lossy(&self.1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_where_and_what_to_do() {
        let error = Error::store("cannot write")
            .caused_by(io::Error::other("disk full"))
            .at("object", "users/\x1b[2Jusers.parquet")
            .hint("make room");
        let text = error_text(&error, false);
        assert_eq!(
            text,
            "error: cannot write: disk full\n  object: users/\\u{1b}[2Jusers.parquet\nhint: make room\n"
        );
        assert_eq!(error_fields(&error)["exit_code"], 5);
    }
}
