//! Between a JSON string and what it says. Writing is exact; reading is tolerant, since a string that no
//! strict parser takes (a lone surrogate, an unknown escape) must still be read by someone.

use std::borrow::Cow;
use std::fmt::Write as _;

/// What stands where a string cannot be said in UTF-8.
const UNSAYABLE: char = char::REPLACEMENT_CHARACTER;

/// What the inside of a JSON string says.
pub(super) fn unescape(inner: &[u8]) -> Cow<'_, str> {
    if !inner.contains(&b'\\') {
        return String::from_utf8_lossy(inner);
    }
    let mut said = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(plain) = rest.iter().position(|byte| *byte == b'\\') {
        said.push_str(&String::from_utf8_lossy(&rest[..plain]));
        let escape = Escape::read(&rest[plain..]);
        said.push(escape.says.unwrap_or(UNSAYABLE));
        rest = &rest[plain + escape.length..];
    }
    said.push_str(&String::from_utf8_lossy(rest));
    Cow::Owned(said)
}

/// One escape sequence.
pub(super) struct Escape {
    /// How many bytes it takes, the backslash included.
    pub length: usize,
    /// The character it stands for; none when it stands for none.
    pub says: Option<char>,
}

impl Escape {
    /// Reads the escape that `text` begins with.
    pub fn read(text: &[u8]) -> Self {
        match text.get(1) {
            Some(b'u') => Self::code(text),
            Some(letter) if letter.is_ascii() => Self { length: 2, says: simple(*letter) },
            _ => Self { length: 1, says: None },
        }
    }

    fn code(text: &[u8]) -> Self {
        let Some(first) = hex(text.get(2..6)) else {
            return Self { length: 2, says: None };
        };
        if !(0xd800..0xdc00).contains(&first) {
            return Self { length: 6, says: char::from_u32(first) };
        }
        let second = if text.get(6..8) == Some(b"\\u") { hex(text.get(8..12)) } else { None };
        match second {
            Some(low @ 0xdc00..=0xdfff) => {
                let code = 0x1_0000 + ((first - 0xd800) << 10) + (low - 0xdc00);
                Self { length: 12, says: char::from_u32(code) }
            }
            _ => Self { length: 6, says: None },
        }
    }
}

fn simple(letter: u8) -> Option<char> {
    match letter {
        b'"' | b'\\' | b'/' => Some(char::from(letter)),
        b'b' => Some('\u{8}'),
        b'f' => Some('\u{c}'),
        b'n' => Some('\n'),
        b'r' => Some('\r'),
        b't' => Some('\t'),
        _ => None,
    }
}

fn hex(digits: Option<&[u8]>) -> Option<u32> {
    let digits = digits?;
    digits.iter().try_fold(0, |code, digit| Some(code * 16 + char::from(*digit).to_digit(16)?))
}

/// Appends `text` as a JSON string.
pub(super) fn quote(into: &mut String, text: &str) {
    into.push('"');
    for letter in text.chars() {
        match letter {
            '"' => into.push_str("\\\""),
            '\\' => into.push_str("\\\\"),
            '\n' => into.push_str("\\n"),
            '\r' => into.push_str("\\r"),
            '\t' => into.push_str("\\t"),
            control if control < ' ' => {
                let _ = write!(into, "\\u{:04x}", u32::from(control));
            }
            plain => into.push(plain),
        }
    }
    into.push('"');
}
