//! How stderr and what is printed on stdout are written.

use clap::{Args as Group, ValueEnum};
use serde::Deserialize;

/// How stderr is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// How data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// The `--format` of a command that prints data.
#[derive(Debug, Clone, Copy, Group)]
pub struct Shape {
    /// How the data on stdout is written: `text` or `json`. Default: text.
    #[arg(long, value_name = "FORMAT", hide_possible_values = true)]
    format: Option<Format>,
}

impl Shape {
    /// The format that was typed, else the one given here, else text.
    pub fn or(self, other: Option<Format>) -> Format {
        self.format.or(other).unwrap_or_default()
    }
}

/// How the declared tables are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum TablesFormat {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
    /// The page `docs/tables.md`.
    Markdown,
}

impl From<Format> for TablesFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Text => Self::Text,
            Format::Json => Self::Json,
        }
    }
}
