//! One body cut into tokens, and the judgement whether they make JSON. Iterative: what is open stands in a
//! vector of bytes, so a body nested a million deep costs a megabyte and no stack.

use std::fmt;

use super::skim::{blank_end, scalar_end, string_end};

/// Why a body is not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// There is nothing but blanks.
    Empty,
    /// It ends before its value does.
    CutOff,
    /// What stands at this byte cannot stand there.
    Unexpected(usize),
    /// The value ended before this byte, and something follows.
    Trailing(usize),
    /// It is valid, but too large or nested too deep to be read.
    TooMuch,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "the answer is empty"),
            Self::CutOff => write!(f, "the answer is cut off"),
            Self::Unexpected(at) => write!(f, "the answer is not JSON at byte {at}"),
            Self::Trailing(at) => write!(f, "something follows the answer's JSON at byte {at}"),
            Self::TooMuch => write!(f, "the answer is nested too deep or too large"),
        }
    }
}

impl std::error::Error for Flaw {}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// An opening or closing bracket.
    Bracket,
    /// A key or a string, with its quotes. Its escapes are not judged.
    Text,
    /// A number as JSON has it.
    Number,
    /// `true`, `false` or `null`.
    Word,
    /// `NaN`, `Infinity` or `-Infinity`, which JavaScript has and JSON has not.
    NotNumber,
}

/// A token: `start..end` in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub sort: Sort,
    pub start: usize,
    pub end: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Expect {
    Value,
    ElementOrEnd,
    KeyOrEnd,
    Key,
    CommaOrEnd,
    Nothing,
}

/// Steps through the tokens of a body.
pub(super) struct Tokens<'a> {
    text: &'a [u8],
    at: usize,
    /// The brackets that close what is open.
    open: Vec<u8>,
    expect: Expect,
}

impl<'a> Tokens<'a> {
    pub fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0, open: Vec::new(), expect: Expect::Value }
    }

    /// The next token; nothing at the end of a sound body.
    pub fn step(&mut self) -> Result<Option<Token>, Flaw> {
        self.at = blank_end(self.text, self.at);
        let Some(byte) = self.text.get(self.at).copied() else {
            return self.ended();
        };
        let token = match (self.expect, byte) {
            (Expect::Nothing, _) => Err(Flaw::Trailing(self.at)),
            (Expect::CommaOrEnd, b',') => return self.comma(),
            (Expect::CommaOrEnd | Expect::ElementOrEnd | Expect::KeyOrEnd, b'}' | b']') => self.close(byte),
            (Expect::KeyOrEnd | Expect::Key, b'"') => self.key(),
            (Expect::Value | Expect::ElementOrEnd, _) => self.value(byte),
            _ => Err(Flaw::Unexpected(self.at)),
        };
        token.map(Some)
    }

    fn ended(&self) -> Result<Option<Token>, Flaw> {
        match self.expect {
            Expect::Nothing => Ok(None),
            Expect::Value if self.open.is_empty() => Err(Flaw::Empty),
            _ => Err(Flaw::CutOff),
        }
    }

    fn comma(&mut self) -> Result<Option<Token>, Flaw> {
        self.at += 1;
        self.expect = if self.open.last() == Some(&b'}') { Expect::Key } else { Expect::Value };
        self.step()
    }

    fn close(&mut self, byte: u8) -> Result<Token, Flaw> {
        if self.open.pop() != Some(byte) {
            return Err(Flaw::Unexpected(self.at));
        }
        let token = self.token(Sort::Bracket, self.at + 1);
        self.after_value();
        Ok(token)
    }

    fn key(&mut self) -> Result<Token, Flaw> {
        let end = string_end(self.text, self.at + 1).ok_or(Flaw::CutOff)?;
        let token = self.token(Sort::Text, end);
        self.at = blank_end(self.text, self.at);
        match self.text.get(self.at) {
            Some(b':') => self.at += 1,
            Some(_) => return Err(Flaw::Unexpected(self.at)),
            None => return Err(Flaw::CutOff),
        }
        self.expect = Expect::Value;
        Ok(token)
    }

    fn value(&mut self, byte: u8) -> Result<Token, Flaw> {
        match byte {
            b'{' => Ok(self.open(b'}', Expect::KeyOrEnd)),
            b'[' => Ok(self.open(b']', Expect::ElementOrEnd)),
            b'"' => {
                let end = string_end(self.text, self.at + 1).ok_or(Flaw::CutOff)?;
                Ok(self.leaf(Sort::Text, end))
            }
            _ => self.scalar(),
        }
    }

    fn open(&mut self, closing: u8, expect: Expect) -> Token {
        self.open.push(closing);
        self.expect = expect;
        self.token(Sort::Bracket, self.at + 1)
    }

    fn scalar(&mut self) -> Result<Token, Flaw> {
        let end = scalar_end(self.text, self.at);
        let cut = end == self.text.len() && !self.open.is_empty();
        let sort = match &self.text[self.at..end] {
            b"true" | b"false" | b"null" => Sort::Word,
            b"NaN" | b"Infinity" | b"-Infinity" => Sort::NotNumber,
            number if is_number(number) => Sort::Number,
            _ if cut => return Err(Flaw::CutOff),
            _ => return Err(Flaw::Unexpected(self.at)),
        };
        Ok(self.leaf(sort, end))
    }

    fn leaf(&mut self, sort: Sort, end: usize) -> Token {
        let token = self.token(sort, end);
        self.after_value();
        token
    }

    fn token(&mut self, sort: Sort, end: usize) -> Token {
        let start = std::mem::replace(&mut self.at, end);
        Token { sort, start, end }
    }

    fn after_value(&mut self) {
        self.expect = if self.open.is_empty() { Expect::Nothing } else { Expect::CommaOrEnd };
    }
}

/// Whether this is a number in JSON's own grammar.
fn is_number(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let (whole, rest) = digits(text);
    let sound = whole.len() == 1 || (whole.len() > 1 && whole[0] != b'0');
    let rest = match rest.strip_prefix(b".").map(digits) {
        Some((fraction, rest)) if !fraction.is_empty() => rest,
        Some(_) => return false,
        None => rest,
    };
    sound && (rest.is_empty() || is_exponent(rest))
}

fn is_exponent(text: &[u8]) -> bool {
    let Some(text) = text.strip_prefix(b"e").or_else(|| text.strip_prefix(b"E")) else {
        return false;
    };
    let text = text.strip_prefix(b"+").or_else(|| text.strip_prefix(b"-")).unwrap_or(text);
    let (power, rest) = digits(text);
    !power.is_empty() && rest.is_empty()
}

fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().take_while(|byte| byte.is_ascii_digit()).count())
}
