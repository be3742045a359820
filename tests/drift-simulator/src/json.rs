//! JSON text, written straight into a string.
//!
//! No tree of values is built: a page costs what its bytes cost. Numbers appear exactly as they are given, which a
//! tree of values could not promise (`1.50` stays `1.50`).

use std::fmt::Write as _;

/// How a string value is spelled. All spellings mean the same string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// Raw UTF-8; only what JSON demands is escaped.
    Plain,
    /// Everything beyond ASCII as `\uXXXX`, with surrogate pairs.
    Ascii,
    /// As `Plain`, and `/` as `\/`, as some servers do.
    Slashes,
}

/// A writer of JSON text that puts the commas by itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct JsonText {
    text: String,
}

impl JsonText {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn into_string(self) -> String {
        self.text
    }

    /// A comma is due unless the text stands right behind an opening, a colon or at its start.
    fn separate(&mut self) {
        if !matches!(self.text.as_bytes().last(), None | Some(b'{' | b'[' | b':')) {
            self.text.push(',');
        }
    }

    pub(crate) fn open(&mut self, bracket: char) -> &mut Self {
        self.separate();
        self.text.push(bracket);
        self
    }

    pub(crate) fn close(&mut self, bracket: char) -> &mut Self {
        self.text.push(bracket);
        self
    }

    pub(crate) fn key(&mut self, key: &str) -> &mut Self {
        self.string(key, Spelling::Plain);
        self.text.push(':');
        self
    }

    pub(crate) fn raw(&mut self, value: &str) -> &mut Self {
        self.separate();
        self.text.push_str(value);
        self
    }

    pub(crate) fn number(&mut self, value: i64) -> &mut Self {
        self.separate();
        write!(self.text, "{value}").expect("writing to a string cannot fail");
        self
    }

    pub(crate) fn string(&mut self, value: &str, spelling: Spelling) -> &mut Self {
        self.separate();
        self.text.push('"');
        self.text.reserve(value.len());
        for character in value.chars() {
            push_character(&mut self.text, character, spelling);
        }
        self.text.push('"');
        self
    }

    pub(crate) fn text(&mut self, value: &str) -> &mut Self {
        self.string(value, Spelling::Plain)
    }

    pub(crate) fn number_field(&mut self, key: &str, value: i64) -> &mut Self {
        self.key(key).number(value)
    }

    pub(crate) fn text_field(&mut self, key: &str, value: &str) -> &mut Self {
        self.key(key).text(value)
    }

    pub(crate) fn raw_field(&mut self, key: &str, value: &str) -> &mut Self {
        self.key(key).raw(value)
    }

    pub(crate) fn bool_field(&mut self, key: &str, value: bool) -> &mut Self {
        self.raw_field(key, if value { "true" } else { "false" })
    }
}

fn push_character(text: &mut String, character: char, spelling: Spelling) {
    match character {
        '"' => text.push_str("\\\""),
        '\\' => text.push_str("\\\\"),
        '\n' => text.push_str("\\n"),
        '\r' => text.push_str("\\r"),
        '\t' => text.push_str("\\t"),
        '\u{8}' => text.push_str("\\b"),
        '\u{c}' => text.push_str("\\f"),
        '/' if spelling == Spelling::Slashes => text.push_str("\\/"),
        c if c < ' ' || (spelling == Spelling::Ascii && !c.is_ascii()) => push_escaped(text, c),
        c => text.push(c),
    }
}

fn push_escaped(text: &mut String, character: char) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        write!(text, "\\u{unit:04x}").expect("writing to a string cannot fail");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_means_the_same_string() {
        let body = "a/\"\\\n\r\t\u{8}\u{c}\0\u{1f}é\u{2028}🦀\u{10ffff}";
        for spelling in [Spelling::Plain, Spelling::Ascii, Spelling::Slashes] {
            let mut json = JsonText::new();
            json.string(body, spelling);
            let back: String = serde_json::from_str(&json.into_string()).expect("the text is valid");
            assert_eq!(back, body);
        }
    }

    #[test]
    fn commas_stand_where_they_are_due() {
        let mut json = JsonText::new();
        json.open('{').number_field("a", 1).key("b").open('[').text("[").number(2).close(']').close('}');
        assert_eq!(json.into_string(), r#"{"a":1,"b":["[",2]}"#);
    }
}
