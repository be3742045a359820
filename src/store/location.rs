//! Where a lake lies, as people write it: a directory, or `s3://bucket/prefix`.

use std::path::PathBuf;

use crate::error::{Error, Result};

/// Where a lake lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// In a directory.
    Directory(PathBuf),
    /// In a bucket.
    Bucket(Address),
}

/// The address of a lake in a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The bucket.
    pub bucket: String,
    /// What all keys of the lake begin with, without slashes around it; empty for the whole bucket.
    pub prefix: String,
}

impl Location {
    /// Reads what was written; only `s3://` makes it a bucket.
    ///
    /// # Errors
    /// [`Error::usage`] for another scheme, and for an address that names no bucket or has empty parts.
    pub fn parse(text: &str) -> Result<Self> {
        match text.split_once("://") {
            None if text.to_ascii_lowercase().starts_with("s3:") => {
                Err(Error::usage(format!("`{text}` is neither an address nor likely a directory"))
                    .hint("give --lake an address such as s3://bucket/prefix, or a directory such as ./lake"))
            }
            None => Ok(Self::Directory(text.into())),
            Some(("s3", rest)) => Address::parse(text, rest).map(Self::Bucket),
            Some((scheme, _)) => Err(unsupported(scheme)),
        }
    }
}

impl Address {
    fn parse(text: &str, rest: &str) -> Result<Self> {
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        let is_part = |part: &str| !part.is_empty() && part != "." && part != "..";
        let is_prefix = prefix.is_empty() || prefix.split('/').all(is_part);
        if is_bucket(bucket) && is_prefix {
            return Ok(Self { bucket: bucket.to_owned(), prefix: prefix.to_owned() });
        }
        let problem = if is_prefix { "names no bucket" } else { "has an empty part" };
        Err(Error::usage(format!("`{text}` {problem}"))
            .hint("give --lake an address such as s3://bucket/prefix"))
    }

    /// The address as people write it.
    pub fn uri(&self) -> String {
        let Self { bucket, prefix } = self;
        if prefix.is_empty() { format!("s3://{bucket}") } else { format!("s3://{bucket}/{prefix}") }
    }
}

/// Old buckets and other stores allow more than S3 does today, but never what would change the address.
fn is_bucket(name: &str) -> bool {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
    !name.is_empty() && name.chars().all(is_letter) && !name.starts_with('.')
}

fn unsupported(scheme: &str) -> Error {
    let hint = match scheme {
        "s3a" | "s3n" => "write the same address with s3://",
        "file" => "give the directory itself to --lake, without `file://`",
        _ => "give a directory or an s3:// address to --lake",
    };
    Error::usage(format!("lakes at `{scheme}://` addresses are not supported")).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> (String, String) {
        match Location::parse(text).unwrap() {
            Location::Bucket(Address { bucket, prefix }) => (bucket, prefix),
            Location::Directory(path) => panic!("{path:?} is a directory"),
        }
    }

    #[test]
    fn an_address_is_a_bucket_and_a_prefix() {
        assert_eq!(address("s3://lake"), ("lake".into(), String::new()));
        assert_eq!(address("s3://lake/"), ("lake".into(), String::new()));
        assert_eq!(address("s3://my.lake/a/org=1/"), ("my.lake".into(), "a/org=1".into()));
        assert_eq!(Location::parse("a/b").unwrap(), Location::Directory("a/b".into()));
    }

    #[test]
    fn what_is_no_address_is_refused_with_what_to_write() {
        for text in [
            "s3:/bucket",
            "s3:bucket/lake",
            "S3:/a",
            "s3://",
            "s3:///a",
            "s3://a//b",
            "s3://a/../b",
            "s3://a b/c",
            "s3://.a",
            "s3://u:p@h/x",
        ] {
            let error = Location::parse(text).unwrap_err();
            assert!(error.advice().unwrap().contains("s3://bucket/prefix"), "{text}");
        }
        for text in ["gs://a/b", "s3a://a/b", "file:///a", "://a"] {
            assert!(Location::parse(text).unwrap_err().to_string().contains("not supported"), "{text}");
        }
    }
}
