//! The tolerant path, for a body that the strict parser refuses: one odd value must not cost a page.
//!
//! Every odd token is replaced, in a copy, by a harmless one of the same length, so that offsets into the
//! copy stay offsets into the original; what was replaced is remembered. What a column then holds is read
//! from the original. A body that is not JSON even so is an error.

use std::borrow::Cow;
use std::ops::Range;

use super::escape::{self, Escape};
use super::skim;
use super::token::{Flaw, Sort, Token, Tokens};

/// A token that was replaced: where it stands, and whether it is valid JSON all the same.
#[derive(Debug, Clone)]
pub(super) struct Altered {
    /// Bytes of the original.
    pub span: Range<usize>,
    /// Not JSON: `NaN`, a lone surrogate, a raw control character. Otherwise it is JSON that the parser
    /// cannot hold, such as an integer of thirty digits.
    pub broken: bool,
}

/// A body that the strict parser takes.
pub(super) struct Mended<'a> {
    /// The body as it came; where it was not UTF-8, with U+FFFD in place of what was not.
    pub original: Cow<'a, [u8]>,
    /// The copy to be parsed, of the same length.
    pub copy: Vec<u8>,
    /// What differs in meaning, in order.
    pub altered: Vec<Altered>,
}

/// Replaces what the strict parser would refuse.
pub(super) fn mend(body: &[u8]) -> Result<Mended<'_>, Flaw> {
    let (original, foreign) = lossy(body);
    let mut copy = original.to_vec();
    let mut altered = Vec::new();
    let mut tokens = Tokens::new(&original);
    let mut foreign = foreign.into_iter().peekable();
    while let Some(token) = tokens.step()? {
        let span = token.start..token.end;
        let mut broken = replace(&mut copy, token);
        while foreign.next_if(|at| *at < token.end).is_some() {
            broken = Some(true);
        }
        altered.extend(broken.map(|broken| Altered { span, broken }));
    }
    Ok(Mended { original, copy, altered })
}

/// The body as UTF-8, and where U+FFFD stands for bytes that are not.
fn lossy(body: &[u8]) -> (Cow<'_, [u8]>, Vec<usize>) {
    if std::str::from_utf8(body).is_ok() {
        return (Cow::Borrowed(body), Vec::new());
    }
    let (mut text, mut foreign) = (Vec::with_capacity(body.len() + 16), Vec::new());
    for chunk in body.utf8_chunks() {
        text.extend_from_slice(chunk.valid().as_bytes());
        if !chunk.invalid().is_empty() {
            foreign.push(text.len());
            text.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
    (Cow::Owned(text), foreign)
}

/// Replaces a token that the parser refuses; says whether it did, and whether the token was broken.
fn replace(copy: &mut [u8], token: Token) -> Option<bool> {
    let text = &mut copy[token.start..token.end];
    match token.sort {
        Sort::Bracket | Sort::Word => None,
        Sort::Text => replace_text(text).then_some(true),
        Sort::NotNumber => Some(replace_number(text, true)),
        Sort::Number => (!is_held(text)).then(|| replace_number(text, false)),
    }
}

/// Whether a number of JSON's grammar fits what the parser holds.
fn is_held(number: &[u8]) -> bool {
    let text = std::str::from_utf8(number).unwrap_or_default();
    if number.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
        text.parse::<f64>().is_ok_and(f64::is_finite)
    } else {
        text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok()
    }
}

/// Writes a float, which fits no integer column: `0.0`, as long as the token. The shortest is three long.
fn replace_number(token: &mut [u8], broken: bool) -> bool {
    token.fill(b'0');
    token[1] = b'.';
    broken
}

/// Replaces what cannot stand in a string: raw control characters, and escapes that say nothing.
fn replace_text(token: &mut [u8]) -> bool {
    let (mut at, end, mut replaced) = (1, token.len() - 1, false);
    while at < end {
        let (length, sound) = match token[at] {
            b'\\' => {
                let escape = Escape::read(&token[at..end]);
                (escape.length, escape.says.is_some())
            }
            byte => (1, byte >= b' '),
        };
        if !sound {
            token[at..at + length].fill(b'?');
            replaced = true;
        }
        at += length;
    }
    replaced
}

/// `text`, which begins at byte `start` of the original, as valid JSON: broken strings say U+FFFD where
/// they said nothing, and what is not a number is null.
pub(super) fn as_json(text: &str, start: usize, broken: &[&Altered]) -> String {
    let mut json = String::with_capacity(text.len());
    let mut at = 0;
    for altered in broken {
        let span = altered.span.start - start..altered.span.end - start;
        json.push_str(&text[at..span.start]);
        match skim::text(&text.as_bytes()[span.clone()]) {
            Some(said) => escape::quote(&mut json, &said),
            None => json.push_str("null"),
        }
        at = span.end;
    }
    json.push_str(&text[at..]);
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mended(body: &str) -> String {
        String::from_utf8(mend(body.as_bytes()).expect("it is mended").copy).expect("it is text")
    }

    #[test]
    fn replacements_keep_the_length() {
        assert_eq!(
            mended(r"[NaN,-Infinity,1e999,123456789012345678901]"),
            r"[0.0,0.0000000,0.000,0.0000000000000000000]"
        );
        assert_eq!(
            mended(r#"["a\ud800b","\ud83d\ude00","\udc00\ud800"]"#),
            r#"["a??????b","\ud83d\ude00","????????????"]"#
        );
        assert_eq!(mended("[\"a\nb\\qc\"]"), r#"["a?b??c"]"#);
    }

    #[test]
    fn numbers_that_fit_stay() {
        for number in
            ["18446744073709551615", "-9223372036854775808", "0", "-0", "1.5e300", "9007199254740993"]
        {
            assert!(mend(number.as_bytes()).expect("it is JSON").altered.is_empty(), "{number}");
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_remembered() {
        let mended = mend(b"{\"a\":\"x\xffy\",\"b\":\"z\"}").expect("it is mended");
        let spans: Vec<_> = mended.altered.iter().map(|altered| altered.span.clone()).collect();
        assert!(matches!(spans.as_slice(), [Range { start: 5, end: 12 }]));
    }

    #[test]
    fn what_is_broken_becomes_json() {
        let body = r#"{"a":NaN,"b":["\ud800"]}"#;
        let mended = mend(body.as_bytes()).expect("it is mended");
        let broken: Vec<_> = mended.altered.iter().collect();
        assert_eq!(as_json(body, 0, &broken), "{\"a\":null,\"b\":[\"\u{fffd}\"]}");
    }
}
