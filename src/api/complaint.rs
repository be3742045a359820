//! What an answer says in words when it is not the one that was asked for: Drift's own error message in
//! any of its forms, or the beginning of whatever else came. Short, on one line, and without secrets.

use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// The longest text taken over from an answer, in characters.
const CHARS_MAX: usize = 200;
/// No error message is longer than this; beyond it only the beginning is looked at.
const BYTES_MAX: usize = 64 * 1024;

/// Texts that must never be shown: whatever a server echoes, the token is taken out.
#[derive(Debug, Default)]
pub(super) struct Secrets(pub(super) Vec<SecretString>);

impl Secrets {
    /// `text` without any secret.
    pub(super) fn hide(&self, text: &str) -> String {
        self.0.iter().map(ExposeSecret::expose_secret).filter(|secret| !secret.is_empty()).fold(
            text.to_owned(),
            |text, secret| {
                if text.contains(secret) { text.replace(secret, "[secret]") } else { text }
            },
        )
    }
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
    let start = &body[..body.len().min(4096)];
    if start.trim_ascii().is_empty() {
        return "an empty body".to_owned();
    }
    let looks_like_html = start.trim_ascii_start().starts_with(b"<");
    let kind = if looks_like_html { "HTML" } else { "text" };
    format!("{kind} `{}`", line(&String::from_utf8_lossy(start), secrets))
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

    #[test]
    fn shows_neither_secrets_nor_control_characters_nor_much() {
        let said = read("{\"error\":{\"message\":\"token tok-SECRET\\u001b[31m is bad\"}}").text;
        assert_eq!(said, "token [secret] [31m is bad");
        let long = Bytes::from(format!("{}tok-SECRET", "x".repeat(195)));
        let said = Complaint::read(&long, &Secrets(vec!["tok-SECRET".to_owned().into()])).text;
        assert!(!said.contains("tok") && said.chars().count() < 220, "{said}");
    }
}
