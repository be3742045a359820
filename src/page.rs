//! A page: the bytes of one answer of Drift, and where they came from.

use std::borrow::Cow;

use bytes::Bytes;

/// One answer's body, and the call that brought it.
#[derive(Debug, Clone)]
pub struct Page {
    /// The call's path, for messages to people; never with a query string. It may name the key as `{key}`, see
    /// [`Self::call`].
    pub path: Cow<'static, str>,
    /// The key it was asked under: the conversation of a page of messages, the id of a detail.
    pub parent: Option<i64>,
    /// The body, decompressed: JSON as Drift sent it.
    pub body: Bytes,
}

impl Page {
    /// The call's path, with the key it was asked under.
    pub fn call(&self) -> String {
        match self.parent {
            Some(key) if self.path.contains("{key}") => self.path.replace("{key}", &key.to_string()),
            _ => self.path.clone().into_owned(),
        }
    }

    /// How long the body is, in bytes.
    pub fn bytes(&self) -> u64 {
        self.body.len() as u64
    }
}
