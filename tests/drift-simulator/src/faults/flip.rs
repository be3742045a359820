//! Bad data: one field of a table's records is not what it should be.
//!
//! A flip is a property of the record, not of the request: a record that is struck is struck in every answer, and in
//! the ground truth too.

use std::fmt;
use std::str::FromStr;

use super::{number, surgery};
use crate::chance::{Topic, hash};
use crate::table::Table;

/// What becomes of the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names say it; the text that appears is in `Flip::text`")]
pub enum Flip {
    StringForNumber,
    FloatForId,
    NumberForString,
    ObjectForString,
    ArrayForObject,
    Boolean,
    Null,
    Missing,
    DuplicateKey,
    DeepNesting,
    BeyondSixtyFourBits,
    TimeInSeconds,
    FarFuture,
    Negative,
    LoneSurrogate,
    TenMegabytes,
    NotANumber,
}

impl Flip {
    /// Every flip.
    pub const ALL: [Self; 17] = [
        Self::StringForNumber,
        Self::FloatForId,
        Self::NumberForString,
        Self::ObjectForString,
        Self::ArrayForObject,
        Self::Boolean,
        Self::Null,
        Self::Missing,
        Self::DuplicateKey,
        Self::DeepNesting,
        Self::BeyondSixtyFourBits,
        Self::TimeInSeconds,
        Self::FarFuture,
        Self::Negative,
        Self::LoneSurrogate,
        Self::TenMegabytes,
        Self::NotANumber,
    ];

    /// The JSON text that stands in place of `value`.
    fn text(self, value: &str) -> String {
        match self {
            Self::StringForNumber => format!("\"{}\"", value.trim_matches('"').replace(['"', '\\'], "")),
            Self::FloatForId => "4100200301.5".into(),
            Self::NumberForString => "17".into(),
            Self::ObjectForString => r#"{"unexpected":[1.50]}"#.into(),
            Self::ArrayForObject => "[1,\"two\"]".into(),
            Self::Boolean => "true".into(),
            Self::Null | Self::Missing => "null".into(),
            Self::DuplicateKey => "\"earlier\"".into(),
            Self::DeepNesting => format!("{}{}", "[".repeat(1_000), "]".repeat(1_000)),
            Self::BeyondSixtyFourBits => "123456789012345678901234567890".into(),
            Self::TimeInSeconds => "1755000123".into(),
            Self::FarFuture => "9223372036854775807".into(),
            Self::Negative => "-1".into(),
            Self::LoneSurrogate => r#""a\ud800b""#.into(),
            Self::TenMegabytes => format!("\"{}\"", "0123456789abcdef".repeat(655_360)),
            Self::NotANumber => "NaN".into(),
        }
    }

    fn name(self) -> String {
        let mut name = String::new();
        for character in format!("{self:?}").chars() {
            if character.is_uppercase() && !name.is_empty() {
                name.push('-');
            }
            name.push(character.to_ascii_lowercase());
        }
        name
    }
}

/// One flip of one field, in a share of a table's records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldFlip {
    /// Whose records.
    pub table: Table,
    /// Names and list positions with dots between: `author.id`, `buttons.0.label`. A record without the field is left
    /// alone.
    pub path: String,
    /// What becomes of it.
    pub flip: Flip,
    /// One record in so many is struck; 1 strikes all.
    pub every: u64,
}

impl FieldFlip {
    /// Whether the record at this place is struck.
    pub(crate) fn strikes(&self, row: u32, index: u16) -> bool {
        hash(self.path.len() as u64, Topic::Flip, u64::from(row), u64::from(index))
            .is_multiple_of(self.every.max(1))
    }

    /// The record with the flip done.
    pub(crate) fn apply(&self, record: &str) -> String {
        let Some(field) = surgery::find(record, &self.path) else { return record.to_owned() };
        match self.flip {
            Flip::Missing => surgery::without(record, &field),
            Flip::DuplicateKey => surgery::doubled(record, &field, &self.flip.text("")),
            flip => surgery::replaced(record, &field, &flip.text(&record[field.value.clone()])),
        }
    }
}

impl fmt::Display for Flip {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name())
    }
}

impl FromStr for Flip {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|flip| flip.name() == name)
            .ok_or_else(|| format!("no flip is called `{name}`"))
    }
}

impl fmt::Display for FieldFlip {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "flip {} {} {} every={}", self.table, self.path, self.flip, self.every)
    }
}

impl FromStr for FieldFlip {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let ["flip", table, path, flip, every] = words[..] else {
            return Err(format!("`{text}` is no flip: flip, table, path, what, every=N"));
        };
        let every = number(every.strip_prefix("every=").unwrap_or(every))?;
        Ok(Self { table: table.parse()?, path: path.to_owned(), flip: flip.parse()?, every })
    }
}
