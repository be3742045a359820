//! Steps over JSON text without building anything: keys and strings are shown as spans, values that
//! nobody asks for are skipped, however deep they are nested.
//!
//! Promises linear time, no recursion, and that a text which ends early or has bytes after its end is
//! noticed. It is more tolerant than JSON in what a bare word may be (`NaN`), since decoding copes with that.

/// Why the text is not one JSON value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    /// It ends too early.
    Truncated,
    /// Not JSON at this byte.
    Malformed(usize),
}

/// A place in JSON text.
#[derive(Debug)]
pub(super) struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    /// The closing brackets that `skip` still waits for; kept to be reused.
    open: Vec<u8>,
}

impl<'a> Scanner<'a> {
    /// Stands before the first value of `text`.
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0, open: Vec::new() }
    }

    /// The first byte of the next token; its kind can be read from it.
    pub(super) fn peek(&mut self) -> Result<u8, Flaw> {
        while let Some(byte) = self.text.get(self.at) {
            if !byte.is_ascii_whitespace() {
                return Ok(*byte);
            }
            self.at += 1;
        }
        Err(Flaw::Truncated)
    }

    /// Nothing but white space may follow.
    pub(super) fn end(&mut self) -> Result<(), Flaw> {
        match self.peek() {
            Ok(_) => Err(Flaw::Malformed(self.at)),
            Err(_) => Ok(()),
        }
    }

    /// Visits the members of the object that is next; `visit` must consume the member's value.
    pub(super) fn members(
        &mut self,
        mut visit: impl FnMut(&'a [u8], &mut Self) -> Result<(), Flaw>,
    ) -> Result<(), Flaw> {
        self.expect(b'{')?;
        if self.peek()? == b'}' {
            return self.expect(b'}');
        }
        loop {
            let key = self.key()?;
            visit(key, self)?;
            if self.comma_or(b'}')? {
                return Ok(());
            }
        }
    }

    /// Counts the elements of the array that is next, and consumes it.
    pub(super) fn count(&mut self) -> Result<u64, Flaw> {
        self.expect(b'[')?;
        if self.peek()? == b']' {
            self.expect(b']')?;
            return Ok(0);
        }
        let mut count = 0;
        loop {
            self.skip()?;
            count += 1;
            if self.comma_or(b']')? {
                return Ok(count);
            }
        }
    }

    /// Consumes the value that is next, and returns its text.
    pub(super) fn skip(&mut self) -> Result<&'a [u8], Flaw> {
        self.peek()?;
        let start = self.at;
        self.open.clear();
        loop {
            let byte = self.peek()?;
            let closed_empty = match byte {
                b'{' | b'[' => !self.enter(byte)?,
                b'"' => self.string().map(|_| true)?,
                _ => self.word().map(|()| true)?,
            };
            if closed_empty && self.leave()? {
                return Ok(&self.text[start..self.at]);
            }
        }
    }

    /// Enters a container; false if it is empty and left again at once.
    fn enter(&mut self, byte: u8) -> Result<bool, Flaw> {
        self.at += 1;
        let close = byte + 2;
        if self.peek()? == close {
            self.at += 1;
            return Ok(false);
        }
        self.open.push(close);
        if close == b'}' {
            self.key()?;
        }
        Ok(true)
    }

    /// After a value: closes what ends here; true when nothing is open any more.
    fn leave(&mut self) -> Result<bool, Flaw> {
        while let Some(close) = self.open.last().copied() {
            if !self.comma_or(close)? {
                if close == b'}' {
                    self.key()?;
                }
                return Ok(false);
            }
            self.open.pop();
        }
        Ok(true)
    }

    fn key(&mut self) -> Result<&'a [u8], Flaw> {
        if self.peek()? != b'"' {
            return Err(Flaw::Malformed(self.at));
        }
        let key = self.string()?;
        self.expect(b':')?;
        Ok(key)
    }

    /// The bytes between the quotes, escapes as they stand.
    fn string(&mut self) -> Result<&'a [u8], Flaw> {
        let start = self.at + 1;
        let mut at = start;
        loop {
            let rest = self.text.get(at..).ok_or(Flaw::Truncated)?;
            let found = rest.iter().position(|byte| matches!(byte, b'"' | b'\\')).ok_or(Flaw::Truncated)?;
            at += found;
            if self.text[at] == b'"' {
                self.at = at + 1;
                return Ok(&self.text[start..at]);
            }
            at += 2;
        }
    }

    /// A number or a bare word.
    fn word(&mut self) -> Result<(), Flaw> {
        let part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
        let length = self.text[self.at..].iter().take_while(|byte| part(byte)).count();
        if length == 0 {
            return Err(Flaw::Malformed(self.at));
        }
        self.at += length;
        Ok(())
    }

    /// Consumes a comma (false) or the closing bracket (true).
    fn comma_or(&mut self, close: u8) -> Result<bool, Flaw> {
        let byte = self.peek()?;
        if byte != b',' && byte != close {
            return Err(Flaw::Malformed(self.at));
        }
        self.at += 1;
        Ok(byte == close)
    }

    fn expect(&mut self, wanted: u8) -> Result<(), Flaw> {
        if self.peek()? != wanted {
            return Err(Flaw::Malformed(self.at));
        }
        self.at += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> Result<(), Flaw> {
        let mut scanner = Scanner::new(text.as_bytes());
        scanner.skip()?;
        scanner.end()
    }

    #[test]
    fn skips_whole_values() {
        for text in [
            "1",
            "\"a\\\"b\"",
            "[]",
            "{}",
            "[[],{}]",
            " {\"a\":[1,{\"b\":null}],\"c\":NaN} ",
            "[{\"a\":{}},[[1]],-1.5e+3]",
        ] {
            assert_eq!(whole(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn notices_every_truncation() {
        let text = "{\"a\":[1,{\"b\":\"x\\\"\"}],\"c\":{}}";
        for length in 0..text.len() {
            assert_eq!(whole(&text[..length]), Err(Flaw::Truncated), "{}", &text[..length]);
        }
    }

    #[test]
    fn refuses_what_is_not_json() {
        for text in ["<html>", "{]", "[1 2]", "{\"a\" 1}", "{1:2}", "[1}", "{} {}", "[,]", "{\"a\":}"] {
            assert!(matches!(whole(text), Err(Flaw::Malformed(_))), "{text}");
        }
    }

    #[test]
    fn depth_costs_no_stack() {
        let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
        assert_eq!(whole(&deep), Ok(()));
    }
}
