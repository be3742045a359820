//! `drift2parquet.toml`: every option under the name it has on the command line. Never a token: a file of
//! options is copied and committed, and a secret does not belong into it.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use drift2parquet::error::{Error, Result};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use toml::{Spanned, Table, Value};

use super::args::{Common, S3Options, SyncOptions, names};
use super::settings;

/// Where options are looked for when `--config` is not given.
const DEFAULT: &str = "drift2parquet.toml";

/// What the names of options for buckets begin with.
const S3: &str = "s3-";

/// The other options that every command takes; all that are left belong to `sync`.
const COMMON: &[&str] = &["lake", "quiet", "verbose", "log-format", "format"];

/// What is never taken from a file.
const SECRETS: &[&str] = &["token", "drift-token", "client-secret", "refresh-token"];

/// What the file says.
#[derive(Debug, Default)]
pub struct File {
    /// For every command.
    pub common: Common,
    /// For `sync`.
    pub sync: SyncOptions,
    /// Values that cannot be meant, should nothing typed overrule them.
    pub flaws: Flaws,
}

/// What is wrong with values of the file, and where each stands: whether one matters is only known to who uses it.
#[derive(Debug, Default)]
pub struct Flaws(Vec<Flaw>);

#[derive(Debug)]
struct Flaw {
    found: String,
    option: String,
    line: usize,
    file: String,
}

impl Flaws {
    /// The error with its place in the file, if it is one of these.
    pub fn locate(&self, error: Error) -> Error {
        match self.0.iter().find(|flaw| flaw.found == error.found()) {
            Some(flaw) => error.at("option", &flaw.option).at("line", flaw.line).at("file", &flaw.file),
            None => error,
        }
    }
}

impl File {
    /// Reads the file, or the one of the default name if there is one.
    ///
    /// # Errors
    /// [`Error::usage`] when it cannot be read or holds what is no option.
    pub fn load(path: Option<&Path>) -> Result<Self> {
        let asked = path.is_some();
        let path = path.unwrap_or(Path::new(DEFAULT));
        match std::fs::read(path) {
            Ok(bytes) => {
                let read = text_of(&bytes).and_then(Self::parse);
                let mut file = read.map_err(|error| error.at("file", path.display()))?;
                file.flaws.0.iter_mut().for_each(|flaw| flaw.file = path.display().to_string());
                Ok(file)
            }
            Err(cause) if cause.kind() == ErrorKind::NotFound && !asked => Ok(Self::default()),
            Err(cause) => Err(Error::usage("cannot read the file of options")
                .caused_by(cause)
                .at("file", path.display())
                .hint("give a readable TOML file to --config")),
        }
    }

    fn parse(text: &str) -> Result<Self> {
        // Of the parser's words only the message is shown: its excerpt of the line might hold a secret.
        let given: BTreeMap<String, Spanned<Value>> =
            toml::from_str(text).map_err(|error| not_toml(text, &error))?;
        let line = |value: &Spanned<Value>| line_at(text, value.span().start);
        if let Some((secret, value)) = given.iter().find(|(name, _)| SECRETS.contains(&plain(name).as_str()))
        {
            return Err(Error::usage(format!("`{secret}` does not belong into a file of options"))
                .at("line", line(value))
                .hint("give the token by DRIFT_TOKEN or DRIFT_TOKEN_FILE, and take it out of this file"));
        }
        let mut flaws = Vec::new();
        for (name, value) in &given {
            // Each by itself, so that what is said of it can name its line.
            let one = Table::from_iter([(name.clone(), value.get_ref().clone())]);
            let meant = check(name, one).map_err(|error| error.at("line", line(value)))?;
            if let Err(error) = meant {
                let (found, option) = (error.found().to_owned(), name.clone());
                flaws.push(Flaw { found, option, line: line(value), file: String::new() });
            }
        }
        let file = Self::of(given.into_iter().map(|(name, value)| (name, value.into_inner())).collect())?;
        Ok(Self { flaws: Flaws(flaws), ..file })
    }

    fn of(mut sync: Table) -> Result<Self> {
        let common = COMMON.iter().filter_map(|key| sync.remove_entry(*key)).collect();
        let (s3, sync) = sync.into_iter().partition(|(key, _)| key.starts_with(S3));
        let s3: S3Options = options(s3)?;
        Ok(Self { common: Common { s3, ..options(common)? }, sync: options(sync)?, flaws: Flaws::default() })
    }
}

/// One option: that there is one of this name, and that it takes such a value; answers whether this one can be meant.
fn check(name: &str, one: Table) -> Result<Result<()>> {
    let known = known();
    if known.iter().any(|known| known == name) {
        let file = File::of(one).map_err(|error| error.at("option", name))?;
        return Ok(settings::check(&file.sync, Timestamp::now()));
    }
    let hint = if known.contains(&plain(name)) {
        format!("write `{}`", plain(name))
    } else {
        format!(
            "what can stand there, as in `drift2parquet sync --help` without the dashes before: {}",
            known.join(", ")
        )
    };
    Err(Error::usage(format!("a file of options knows no `{name}`")).hint(hint))
}

/// A name as options are written, however it is written.
fn plain(name: &str) -> String {
    name.to_lowercase().replace('_', "-")
}

/// The names of all options that can stand in a file.
fn known() -> Vec<String> {
    let mut known: Vec<String> = names::<Common>();
    known.retain(|name| COMMON.contains(&name.as_str()) || name.starts_with(S3));
    // Only in a file; the commands that print data have one each.
    known.push("format".to_owned());
    known.extend(names::<SyncOptions>());
    known
}

fn options<T: DeserializeOwned>(table: Table) -> Result<T> {
    table.try_into().map_err(|error: toml::de::Error| {
        let said = in_plain_words(&error.message().replace('\n', " "));
        Error::usage(format!("an option of the file cannot be used: {said}"))
            .hint("numbers, true and false stand without quotes, texts in quotes, lists as ['a', 'b']")
    })
}

/// What the parser expected, in words of those who write a file and not of those who write a program.
const WORDS: &[(&str, &str)] = &[
    ("floating point `", "number `"),
    ("expected f64", "expected a number"),
    ("expected usize", "expected a whole number, 0 or more"),
    ("expected u64", "expected a whole number, 0 or more"),
    ("expected a boolean", "expected true or false"),
    ("expected a sequence", "expected a list"),
    ("expected a string", "expected a text"),
    ("type: string", "type: text"),
    ("type: sequence", "type: list"),
    ("type: map", "type: table"),
    ("type: boolean", "type: true or false,"),
    ("unknown variant", "there is no"),
    ("invalid type", "of the wrong kind"),
    ("invalid value", "out of range"),
];

fn in_plain_words(said: &str) -> String {
    WORDS.iter().fold(said.to_owned(), |said, (theirs, ours)| said.replace(theirs, ours))
}

/// The file as text.
fn text_of(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|cause| {
        let before = String::from_utf8_lossy(&bytes[..cause.valid_up_to()]);
        Error::usage("the file of options is not written in UTF-8")
            .at("line", line_at(&before, before.len()))
            .hint("save it as UTF-8; a letter such as `ä` is not, if it was saved as Latin-1")
    })
}

fn not_toml(text: &str, error: &toml::de::Error) -> Error {
    let line = error.span().map_or(1, |span| line_at(text, span.start));
    let said = error.message().replace('\n', " ");
    Error::usage(format!("the file of options is not TOML: line {line}: {said}"))
        .hint("write one `name = value` a line, with texts in quotes")
}

/// The number of the line in which a byte stands.
fn line_at(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::door::args::{Addressing, Sse};

    #[test]
    fn takes_options_by_their_names() {
        let file = File::parse("lake = 'a'\nmax-rate = 10\ntables = ['users']\nfull = true").unwrap();
        assert_eq!(file.common.lake.as_deref(), Some("a"));
        assert_eq!((file.sync.max_rate, file.sync.full), (Some(10.0), Some(true)));
    }

    #[test]
    fn options_for_buckets_are_common_ones() {
        let file = File::parse("s3-sse = 'aws:kms'\ns3-addressing = 'path'").unwrap();
        assert_eq!(file.common.s3.s3_sse, Some(Sse::Kms));
        assert_eq!(file.common.s3.s3_addressing, Some(Addressing::Path));
        assert!(File::parse("s3-nothing = 1").unwrap_err().to_string().contains("s3-nothing"));
    }

    #[test]
    fn an_unknown_option_is_named_and_a_secret_is_not_shown() {
        let error = File::parse("max-rat = 10").unwrap_err().to_string();
        assert!(error.contains("max-rat"), "{error}");
        for text in ["token = 'canary'", "token = canary", "lake = 1\ntoken = 'canary'"] {
            let error = File::parse(text).unwrap_err();
            assert!(!format!("{error} {:?}", error.advice()).contains("canary"), "{error}");
        }
    }

    /// Bug: a name with a line below or in capitals was told with the list of all, and a secret with such a name was not
    /// told to be one.
    #[test]
    fn a_name_written_otherwise_is_understood() {
        let error = File::parse("max_rate = 10").unwrap_err();
        assert_eq!(error.advice(), Some("write `max-rate`"), "{error}");
        for secret in ["Token", "DRIFT_TOKEN", "client_secret"] {
            let error = File::parse(&format!("{secret} = 'canary'")).unwrap_err();
            assert!(error.to_string().contains("does not belong"), "{error}");
            assert!(!format!("{error} {:?}", error.advice()).contains("canary"), "{error}");
        }
        let error = File::parse("log-format = 'xml'").unwrap_err().to_string();
        assert!(error.contains("there is no `xml`, expected `text` or `json`"), "{error}");
    }

    /// Bug: neither the option nor its line was named, and those that stand for every command were not among the ones
    /// that were said to be known.
    #[test]
    fn what_is_wrong_is_named_with_its_line_and_all_options_that_there_are() {
        let error = File::parse("lake = 'a'\n\n# often\nmax-rate = 'ten'").unwrap_err();
        assert_eq!((error.place("line"), error.place("option")), (Some("4"), Some("max-rate")), "{error}");
        let error = File::parse("quiet = true\nlakes = 'a'").unwrap_err();
        assert_eq!(error.place("line"), Some("2"), "{error}");
        for name in ["lake", "quiet", "verbose", "log-format", "format", "s3-sse", "since", "raw", "api-url"]
        {
            assert!(error.advice().unwrap().contains(name), "{name}: {:?}", error.advice());
        }
        assert!(!error.advice().unwrap().contains("config"), "{:?}", error.advice());
        let error = File::parse("lake = 'a'\nfull = true\n= 1").unwrap_err().to_string();
        assert!(error.contains("line 3"), "{error}");
    }

    /// Bug: a token, a value out of range and a letter that is no UTF-8 were told without their line.
    #[test]
    fn whatever_is_wrong_is_named_with_its_line() {
        for wrong in ["token = 'x'", "concurrency = -1"] {
            let error = File::parse(&format!("lake = 'a'\n\n{wrong}\nfull = true")).unwrap_err();
            assert_eq!(error.place("line"), Some("3"), "{wrong}: {error}");
        }
        let error = File::parse("lake = 'a'\nconcurrency = 99999999999999999999999").unwrap_err().to_string();
        assert!(error.contains("line 2"), "{error}");
        for wrong in [
            "max-rate = 0",
            "max-rate = -1",
            "concurrency = 0",
            "memory = '1MiB'",
            "since = 'long ago'",
            "every = '10ms'",
            "max-time = '0s'",
            "retain = 'x'",
            "tables = ['nothing']",
            "api-url = 'http://example.com'",
        ] {
            let file = File::parse(&format!("lake = 'a'\n\n{wrong}\nfull = true")).unwrap();
            let error = settings::check(&file.sync, Timestamp::now()).unwrap_err();
            let error = file.flaws.locate(error);
            assert_eq!(error.place("line"), Some("3"), "{wrong}: {error}");
            assert!(error.advice().is_some(), "{wrong}: {error}");
            assert_eq!(file.flaws.locate(Error::usage("another")).place("line"), None);
        }
        let error = text_of(b"lake = 'a'\nreport = '\xe4'\n").unwrap_err();
        assert_eq!(error.place("line"), Some("2"), "{error}");
    }

    /// Bug: what was expected was said in words of Rust.
    #[test]
    fn what_was_expected_is_said_in_plain_words() {
        for (wrong, expected) in [
            ("max-rate = 'ten'", "a number"),
            ("max-rate = true", "a number"),
            ("concurrency = -1", "a whole number, 0 or more"),
            ("concurrency = 1.5", "a whole number, 0 or more"),
            ("full = 'yes'", "true or false"),
            ("tables = 'users'", "a list"),
            ("lake = 1", "a text"),
        ] {
            let error = File::parse(wrong).unwrap_err().to_string();
            assert!(error.contains(&format!("expected {expected}")), "{wrong}: {error}");
            for theirs in ["f64", "usize", "u64", "i64", "bool", "sequence", "string"] {
                assert!(!error.contains(theirs), "{wrong}: {error}");
            }
        }
    }

    #[test]
    fn each_option_that_is_said_to_be_known_is() {
        for name in known() {
            let error = File::parse(&format!("{name} = [[1]]")).unwrap_err().to_string();
            assert!(error.contains("cannot be used"), "{name}: {error}");
        }
    }

    #[test]
    fn no_file_is_fine_unless_it_was_asked_for() {
        assert!(File::load(Some(Path::new("no/such/file.toml"))).is_err());
    }
}
