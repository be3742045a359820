//! What an answer says in words when it is not the one that was asked for: Drift's own error message in
//! any of its forms, or the beginning of whatever else came. Short, on one line, and without secrets.

use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// The longest text taken over from an answer, in characters.
const CHARS_MAX: usize = 200;
/// No error message is longer than this; beyond it only the beginning is looked at.
const BYTES_MAX: usize = 64 * 1024;
/// As much of a body that is no error message is looked at, in bytes.
const EXCERPT_BYTES: usize = 4096;

/// Texts that must never be shown: whatever a server echoes, the token is taken out.
#[derive(Debug, Default)]
pub(super) struct Secrets(pub(super) Vec<SecretString>);

impl Secrets {
    /// `text` without any secret, in whatever case and whether it is plain, in a URL, or in base64.
    pub(super) fn hide(&self, text: &str) -> String {
        let secrets = self.0.iter().map(ExposeSecret::expose_secret).filter(|secret| !secret.is_empty());
        secrets.flat_map(forms).fold(text.to_owned(), |text, form| without(&text, &form))
    }
}

/// Pieces of base64 shorter than this are words by chance.
const PIECE_MIN: usize = 8;

/// The ways in which a server may echo a secret, in lower case, the longest first.
fn forms(secret: &str) -> Vec<String> {
    let quoted = Value::from(secret).to_string().replace('/', "\\/");
    let mut forms = vec![secret.to_owned(), quoted[1..quoted.len() - 1].to_owned()];
    forms.extend([in_url(secret, b""), in_url(secret, b"-._~"), in_url(secret, b"-._*")]);
    forms.extend((0..3).flat_map(|offset| pieces(secret.as_bytes(), offset)));
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    forms.into_iter().map(|form| form.to_ascii_lowercase()).collect()
}

/// A secret in a URL, where these letters stay as they are; which ones do differs from program to program.
fn in_url(secret: &str, plain: &[u8]) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || plain.contains(&byte);
    let letter = |byte: u8| if is_plain(byte) { char::from(byte).into() } else { format!("%{byte:02X}") };
    secret.bytes().map(letter).collect()
}

/// What base64 makes of a secret that stands `offset` bytes into a longer text, as far as that depends on the
/// secret alone; in both alphabets.
fn pieces(secret: &[u8], offset: usize) -> Vec<String> {
    let whole = secret.get((3 - offset) % 3..).unwrap_or_default().as_chunks::<3>().0;
    let letters = whole.iter().flat_map(|[a, b, c]| {
        let bits = u32::from_be_bytes([0, *a, *b, *c]);
        [18, 12, 6, 0].map(|shift| ALPHABET[(bits >> shift) as usize & 63])
    });
    let piece: String = letters.map(char::from).collect();
    if piece.len() < PIECE_MIN {
        return Vec::new();
    }
    vec![piece.replace('+', "-").replace('/', "_"), piece]
}

/// The letters of base64.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// `text` without `form`, which is in lower case.
fn without(text: &str, form: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let (mut hidden, mut end) = (String::with_capacity(text.len()), 0);
    for (start, _) in lower.match_indices(form) {
        hidden.push_str(&text[end..start]);
        hidden.push_str("[secret]");
        end = start + form.len();
    }
    hidden.push_str(&text[end..]);
    hidden
}

/// What an error answer says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Complaint {
    /// Drift's name of the kind of error, such as `rate_limit`.
    pub(super) kind: Option<String>,
    /// For people; may be empty.
    pub(super) text: String,
    /// Whether it came as JSON, as Drift's errors do.
    pub(super) json: bool,
}

impl Complaint {
    /// Reads an error's body.
    pub(super) fn read(body: &Bytes, secrets: &Secrets) -> Self {
        let parsed = serde_json::from_slice::<Value>(&body[..body.len().min(BYTES_MAX)]);
        match parsed {
            Ok(value @ (Value::Object(_) | Value::Array(_))) => Self::from_json(&value, secrets),
            _ => Self { kind: None, text: excerpt(body, secrets), json: false },
        }
    }

    /// Reads `error` (object or string), `errors` (array) or `message`.
    pub(super) fn from_json(value: &Value, secrets: &Secrets) -> Self {
        let error = value.get("error").filter(|error| !error.is_null());
        let first = value.get("errors").and_then(|errors| errors.get(0));
        let about = error.or(first).unwrap_or(value);
        let text_of = |name: &str| about.get(name).and_then(Value::as_str);
        let message = about.as_str().or_else(|| text_of("message")).or_else(|| {
            value.get("error_description").or_else(|| value.get("message")).and_then(Value::as_str)
        });
        let kind = text_of("type").or_else(|| text_of("code")).map(|kind| line(kind, secrets));
        let message = message.map(|message| line(message, secrets)).unwrap_or_default();
        let text = match &kind {
            Some(kind) if message.is_empty() => kind.clone(),
            Some(kind) => format!("{kind}: {message}"),
            None => message,
        };
        Self { kind, text, json: true }
    }

    /// `": text"`, or nothing.
    pub(super) fn suffix(&self) -> String {
        if self.text.is_empty() { String::new() } else { format!(": {}", self.text) }
    }
}

/// The beginning of a body, for a message.
pub(super) fn excerpt(body: &[u8], secrets: &Secrets) -> String {
    let start = beginning(body);
    if start.trim_ascii().is_empty() {
        return "an empty body".to_owned();
    }
    let looks_like_html = start.trim_ascii_start().starts_with(b"<");
    let kind = if looks_like_html { "HTML" } else { "text" };
    format!("{kind} `{}`", line(&String::from_utf8_lossy(start), secrets))
}

/// The first page of a body, and of the word that ends there nothing, since half a secret is not known as one.
fn beginning(body: &[u8]) -> &[u8] {
    match body.get(..EXCERPT_BYTES) {
        None => body,
        Some(start) => {
            let end = start.iter().rposition(u8::is_ascii_whitespace);
            // One word as long as this is cut again, long before its end.
            &start[..end.unwrap_or(EXCERPT_BYTES)]
        }
    }
}

/// One line without secrets and control characters, cut to a bearable length.
pub(super) fn line(text: &str, secrets: &Secrets) -> String {
    let hidden = secrets.hide(text);
    let words = hidden.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let joined = words.collect::<Vec<_>>().join(" ");
    match joined.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", &joined[..end]),
        None => joined,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &'static str) -> Complaint {
        Complaint::read(&Bytes::from_static(body.as_bytes()), &Secrets(vec!["tok-SECRET".to_owned().into()]))
    }

    #[test]
    fn reads_every_form_of_error() {
        assert_eq!(
            read(r#"{"error":{"type":"rate_limit","message":"Too many"}}"#).text,
            "rate_limit: Too many"
        );
        assert_eq!(read(r#"{"errors":[{"type":"x","message":"y","param":"z"}]}"#).text, "x: y");
        assert_eq!(read(r#"{"error":"invalid_grant","error_description":"old"}"#).text, "invalid_grant");
        assert_eq!(read(r#"{"code":404,"message":"HTTP 404"}"#).text, "HTTP 404");
        assert_eq!(read("").text, "an empty body");
        assert_eq!(read("<html>\n<b>502</b>").text, "HTML `<html> <b>502</b>`");
    }

    /// Bug: only the secret as it is was taken out, so that a server which echoed it in a URL, in base64 or in
    /// capitals had it printed.
    #[test]
    fn shows_no_form_of_a_secret() {
        let secrets = Secrets(vec!["canary+T0k/en=SECRET&x~".to_owned().into()]);
        for text in [
            "at canary+T0k/en=SECRET&x~.",
            "at CANARY+T0K/EN=SECRET&X~.",
            "at /x?t=canary%2BT0k%2Fen%3DSECRET%26x~.",
            "at /x?t=canary%2bT0k%2fen%3dSECRET%26x%7e.",
            r"at canary+T0k\/en=SECRET&x~.",
            "at Y2FuYXJ5K1Qway9lbj1TRUNSRVQmeH4=.",
            "at QmVhcmVyIGNhbmFyeStUMGsvZW49U0VDUkVUJnh+.",
        ] {
            let said = secrets.hide(text);
            let rest = said.replace("[secret]", "");
            assert!(said.contains("[secret]") && rest.len() < 24, "{text}: {said}");
        }
        assert_eq!(secrets.hide("nothing at all"), "nothing at all");
    }

    /// Bug: of a secret across the end of what is looked at, the beginning was shown.
    #[test]
    fn shows_no_part_of_a_secret_that_is_cut() {
        let secrets = Secrets(vec!["canary-SECRET".to_owned().into()]);
        let body = format!("<b>{}canary-SECRET", " ".repeat(EXCERPT_BYTES - 9));
        assert!(!excerpt(body.as_bytes(), &secrets).contains("canary"));
    }

    #[test]
    fn shows_neither_secrets_nor_control_characters_nor_much() {
        let said = read("{\"error\":{\"message\":\"token tok-SECRET\\u001b[31m is bad\"}}").text;
        assert_eq!(said, "token [secret] [31m is bad");
        let long = Bytes::from(format!("{}tok-SECRET", "x".repeat(195)));
        let said = Complaint::read(&long, &Secrets(vec!["tok-SECRET".to_owned().into()])).text;
        assert!(!said.contains("tok") && said.chars().count() < 220, "{said}");
    }
}
