//! Cutting in JSON text without reading it into values, so that every other byte stays as it was.

use std::ops::Range;

/// Where a field stands in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// From the key (or the element's start) to the value's end.
    whole: Range<usize>,
    pub(super) value: Range<usize>,
    /// The key with its quotes; empty for a list element.
    key: Range<usize>,
}

/// Finds the field that a dotted path names.
pub(super) fn find(text: &str, path: &str) -> Option<Field> {
    let mut place = Field { whole: 0..text.len(), value: 0..text.len(), key: 0..0 };
    for step in path.split('.') {
        place = children(text, place.value.start).into_iter().enumerate().find_map(|(number, child)| {
            let key = &text[child.key.clone()];
            let named =
                if key.is_empty() { number.to_string() == step } else { key.trim_matches('"') == step };
            named.then_some(child)
        })?;
    }
    Some(place)
}

pub(super) fn replaced(text: &str, field: &Field, value: &str) -> String {
    format!("{}{value}{}", &text[..field.value.start], &text[field.value.end..])
}

/// The text without the field and one of the commas beside it.
pub(super) fn without(text: &str, field: &Field) -> String {
    let (before, after) = (&text[..field.whole.start], &text[field.whole.end..]);
    match (before.strip_suffix(','), after.strip_prefix(',')) {
        (_, Some(after)) => format!("{before}{after}"),
        (Some(before), None) => format!("{before}{after}"),
        (None, None) => format!("{before}{after}"),
    }
}

/// The text with another value under the same key in front of the field.
pub(super) fn doubled(text: &str, field: &Field, value: &str) -> String {
    if field.key.is_empty() {
        return text.to_owned();
    }
    let (before, rest) = text.split_at(field.whole.start);
    format!("{before}{}:{value},{rest}", &text[field.key.clone()])
}

/// The fields of the object, or the elements of the list, that starts at `start`.
fn children(text: &str, start: usize) -> Vec<Field> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let keyed = match bytes.get(start) {
        Some(b'{') => true,
        Some(b'[') => false,
        _ => return found,
    };
    let mut at = start + 1;
    while !matches!(bytes.get(at), None | Some(b'}' | b']')) {
        let key = if keyed { at..value_end(bytes, at) } else { at..at };
        let value_start = if keyed { key.end + 1 } else { at };
        let value = value_start..value_end(bytes, value_start);
        found.push(Field { whole: at..value.end, value: value.clone(), key });
        at = value.end + usize::from(bytes.get(value.end) == Some(&b','));
    }
    found
}

/// The end of the value that starts at `start`; the text has no blanks between its parts.
fn value_end(bytes: &[u8], start: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = start;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = string_end(bytes, at),
            b'{' | b'[' => (depth, at) = (depth + 1, at + 1),
            b'}' | b']' if depth > 0 => (depth, at) = (depth - 1, at + 1),
            b'}' | b']' | b',' | b':' if depth == 0 => return at,
            _ => at += 1,
        }
    }
    at
}

fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        r#"{"id":1,"author":{"id":2,"nick":"a,\"}"},"buttons":[{"label":"x"},{"label":"y"}],"last":null}"#;

    #[test]
    fn finds_what_a_path_names() {
        let value = |path: &str| find(TEXT, path).map(|field| &TEXT[field.value]);
        assert_eq!(value("id"), Some("1"));
        assert_eq!(value("author.id"), Some("2"));
        assert_eq!(value("author.nick"), Some(r#""a,\"}""#));
        assert_eq!(value("buttons.1.label"), Some(r#""y""#));
        assert_eq!(value("buttons.2.label"), None);
        assert_eq!(value("id.deeper"), None);
        assert_eq!(value("last"), Some("null"));
    }

    #[test]
    fn every_cut_leaves_valid_json() {
        for path in ["id", "author", "author.nick", "buttons.0", "buttons.1", "buttons.0.label", "last"] {
            let field = find(TEXT, path).expect("the path is in the text");
            for text in [without(TEXT, &field), doubled(TEXT, &field, "7"), replaced(TEXT, &field, "[]")] {
                let parsed: Result<serde_json::Value, _> = serde_json::from_str(&text);
                assert!(parsed.is_ok(), "{path}: {text}");
            }
        }
    }
}
