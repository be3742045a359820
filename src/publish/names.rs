//! The names of published files: `month=2025-03/<sha256>-<when>-<publication>.parquet`. A name is given once, so
//! nobody ever writes to a file that somebody may be reading; it says what the file holds and since when it lies
//! there.

use jiff::Timestamp;

use crate::manifest::ObjectState;

/// How the moment is written.
const MOMENT: &str = "%Y%m%dT%H%M%SZ";

/// What a file holds: two files that hold the same are one to readers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Holds {
    /// The partition, such as `month=2025-03`.
    pub partition: Option<String>,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
}

impl Holds {
    /// What an object of the lake holds.
    pub fn object(partition: Option<String>, object: &ObjectState) -> Self {
        Self { partition, sha256: object.sha256.clone() }
    }

    /// What the published file at this path of its table holds; nothing for files of somebody else.
    pub fn at(path: &str) -> Option<Self> {
        let (partition, name) = match path.rsplit_once('/') {
            Some((partition, name)) => (Some(partition.to_owned()), name),
            None => (None, path),
        };
        let mut parts = name.strip_suffix(".parquet")?.split('-');
        let (sha256, moment, by) = (parts.next()?, parts.next()?, parts.next()?);
        let is_hex = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let ours = is_hex(sha256) && sha256.len() == 64 && is_hex(by) && parts.next().is_none();
        (ours && moment_of(moment).is_some()).then(|| Self { partition, sha256: sha256.to_owned() })
    }

    /// A new path for it; `publication` is in hex and fresh for each publication.
    pub fn path(&self, at: Timestamp, publication: &str) -> String {
        let name = format!("{}-{}-{publication}.parquet", self.sha256, at.strftime(MOMENT));
        self.partition.as_ref().map_or_else(|| name.clone(), |partition| format!("{partition}/{name}"))
    }
}

/// Since when the file at this path lies there.
pub fn born(path: &str) -> Option<Timestamp> {
    path.rsplit('/').next()?.split('-').nth(1).and_then(moment_of)
}

fn moment_of(text: &str) -> Option<Timestamp> {
    let read = jiff::civil::DateTime::strptime(MOMENT, text).ok()?;
    jiff::tz::TimeZone::UTC.to_timestamp(read).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_the_file_holds_and_since_when() {
        let at: Timestamp = "2025-03-07T10:15:00Z".parse().unwrap();
        for partition in [None, Some("month=2025-03".to_owned())] {
            let holds = Holds { partition, sha256: "ab".repeat(32) };
            let path = holds.path(at, "00ff");
            assert_eq!((Holds::at(&path), born(&path)), (Some(holds), Some(at)), "{path}");
        }
    }

    #[test]
    fn names_of_others_say_nothing() {
        for path in
            ["part-00000-0d1e.snappy.parquet", "_delta_log/00000000000000000000.json", "x.parquet", ""]
        {
            assert_eq!(Holds::at(path), None, "{path}");
        }
    }
}
