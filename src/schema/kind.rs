//! The closed list of column kinds: what a value looks like in JSON, and what it becomes in Arrow.

use super::Column;

/// The earliest instant, in epoch milliseconds, that is taken for a time (1973-03-03).
///
/// Smaller numbers are almost surely seconds; guessing would put a wrong time into the lake, so they
/// stay in `_extra` as sent.
pub const TIME_MS_START: i64 = 100_000_000_000;

/// The first instant, in epoch milliseconds, that is too far ahead to be a time (2100-01-01).
pub const TIME_MS_END: i64 = 4_102_444_800_000;

/// What a column holds.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A JSON integer, as Int64, never through a float. A canonical decimal string is read too and also
    /// stays in `_extra` as sent.
    Int,
    /// A JSON string, as Utf8.
    Text,
    /// A JSON string as it is, or a number or boolean as its JSON text; as Utf8.
    Scalar,
    /// A JSON boolean.
    Flag,
    /// A JSON number, as Float64. Only for measures, never for ids.
    Number,
    /// A JSON integer of epoch milliseconds, as `Timestamp(Microsecond, "UTC")`, within
    /// [`TIME_MS_START`]`..`[`TIME_MS_END`]. A canonical decimal string is read too and also stays in `_extra`.
    Time,
    /// Any JSON value, as its own text, byte for byte as sent.
    Json,
    /// A list of integers, as `List<Int64>`.
    Ints,
    /// A list of strings, as `List<Utf8>`.
    Texts,
    /// A list of objects, as `List<Struct>`.
    Records(&'static [Column]),
    /// One object, as `Struct`. Only inside [`Kind::Records`]; at the top level objects are flattened.
    Record(&'static [Column]),
}

impl Kind {
    /// The word for this kind in the documentation.
    pub fn word(self) -> String {
        match self {
            Self::Int => "Int64".into(),
            Self::Text | Self::Scalar => "Utf8".into(),
            Self::Flag => "Boolean".into(),
            Self::Number => "Float64".into(),
            Self::Time => "Timestamp(µs, UTC)".into(),
            Self::Json => "Utf8 (JSON)".into(),
            Self::Ints => "List<Int64>".into(),
            Self::Texts => "List<Utf8>".into(),
            Self::Records(fields) => format!("List<Struct<{}>>", words(fields)),
            Self::Record(fields) => format!("Struct<{}>", words(fields)),
        }
    }
}

fn words(fields: &[Column]) -> String {
    let word = |field: &Column| format!("{}: {}", field.name, field.kind.word());
    fields.iter().map(word).collect::<Vec<_>>().join(", ")
}
