//! The lake that a command works on: what was given by `--lake` and the `--s3-…` options, and how it is opened.

use std::sync::Arc;

use drift2parquet::error::{Error, Result};
use drift2parquet::store::{Directory, Location, Store};

use super::args::{Common, S3Options};
use super::aws;
use super::within::refuse_within_a_lake;

/// Classes whose objects cannot be read at once.
const FROZEN: [&str; 2] = ["GLACIER", "DEEP_ARCHIVE"];

/// The lake that a command works on.
#[derive(Debug, Clone)]
pub struct Place {
    /// As it was given, for messages.
    pub name: String,
    location: Location,
    s3: S3Options,
}

impl Place {
    /// The lake that these options name.
    ///
    /// # Errors
    /// [`Error::usage`] when there is none, or when options do not fit.
    pub fn of(common: &Common) -> Result<Self> {
        let name = common.lake.clone().ok_or_else(|| {
            Error::usage("no lake is given")
                .hint("give its directory or s3:// address by --lake or DRIFT2PARQUET_LAKE")
        })?;
        Self::named(name, common)
    }

    /// Another place than the lake, reached by the same options.
    ///
    /// # Errors
    /// [`Error::usage`] when the name is none, or when options do not fit.
    pub fn named(name: String, common: &Common) -> Result<Self> {
        let (location, s3) = (Location::parse(&name)?, common.s3.clone());
        check(&s3)?;
        Ok(Self { name, location, s3 })
    }

    /// Opens it; only for a bucket is anything read meanwhile, namely the settings of AWS and the keys.
    pub async fn open(&self) -> Result<Arc<dyn Store>> {
        Ok(match &self.location {
            Location::Directory(path) => {
                refuse_within_a_lake(path, "this lake")?;
                Arc::new(Directory::new(path))
            }
            Location::Bucket(address) => Arc::new(aws::reach(address, &self.s3).await?.open(address)?),
        })
    }
}

fn check(s3: &S3Options) -> Result<()> {
    if let Some(class) = s3.s3_storage_class.as_deref().filter(|class| FROZEN.contains(class)) {
        return Err(Error::usage(format!("objects of the storage class {class} cannot be read at once"))
            .hint("every run reads what it folds into; GLACIER_IR is the coldest class that can be used"));
    }
    if s3.s3_sse_kms_key_id.is_some() && !s3.s3_sse.is_some_and(super::args::Sse::is_kms) {
        return Err(Error::usage("a KMS key is given, but nothing is to be encrypted by KMS")
            .hint("give --s3-sse aws:kms too"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::door::args::Sse;

    fn refused(s3: S3Options) -> String {
        let common = Common { lake: Some("s3://bucket/lake".into()), s3, ..Common::default() };
        Place::of(&common).unwrap_err().to_string()
    }

    #[test]
    fn options_that_do_not_fit_are_refused() {
        let frozen = S3Options { s3_storage_class: Some("DEEP_ARCHIVE".into()), ..S3Options::default() };
        assert!(refused(frozen).contains("DEEP_ARCHIVE"));
        let key = S3Options { s3_sse_kms_key_id: Some("key".into()), ..S3Options::default() };
        assert!(refused(S3Options { s3_sse: Some(Sse::Aes256), ..key.clone() }).contains("KMS"));
        assert!(refused(key).contains("KMS"));
    }

    #[tokio::test]
    async fn a_directory_needs_nothing_else() {
        let common = Common { lake: Some("lake".into()), ..Common::default() };
        let store = Place::of(&common).unwrap().open().await.unwrap();
        assert!(store.uri("users").ends_with("lake/users"));
        assert!(Place::of(&Common::default()).is_err());
    }
}
