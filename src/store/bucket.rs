//! A lake in a bucket: an object store with the rules of S3. Every data object and every manifest is put under
//! a condition: create if absent, or replace exactly the version that was read.
//!
//! An answer can get lost although the put has landed, a refusal can be the echo of our own earlier try, and a
//! put can land late. So no answer but a plain yes is believed: what stands there is read back, and equal bytes
//! are ours. (The bytes of a manifest are never those of another, since each commit has an id of its own.)
//!
//! A bucket has no lock; who may write is told by the lease in the manifest.

mod complaint;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, GetOptions, GetRange, GetResult, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode,
    PutOptions, PutPayload, UpdateVersion,
};

use self::complaint::Deed;
use super::spool::spool;
use super::{Creation, End, Entry, Etag, Expect, Guard, Opened, Origin, Store, Stored};
use crate::error::{Error, Result};

/// Waits before a put whose outcome was unknown and which has not landed is tried once more. The store's
/// client has tried several times before each of them; together they stay well below the length of a lease.
const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(9)];

/// A lake in a bucket.
#[derive(Debug)]
pub struct Bucket {
    objects: Arc<dyn ObjectStore>,
    root: Path,
    address: String,
    /// What every data object is put with.
    attributes: Attributes,
}

/// What stands where an object was to be put.
enum Found {
    /// The very bytes that were to be put.
    Ours(Etag),
    /// What stood there before: the put has not landed, or not yet.
    Before,
    /// Something else.
    Theirs,
}

impl Bucket {
    /// The lake below `prefix` (nothing for the whole bucket) of `objects`, which people call `address`, such
    /// as `s3://bucket/prefix`.
    ///
    /// # Errors
    /// [`Error::usage`] when the prefix is no path.
    pub fn new(objects: Arc<dyn ObjectStore>, prefix: &str, address: impl Into<String>) -> Result<Self> {
        let root = Path::parse(prefix).map_err(|cause| {
            Error::usage("the prefix of the lake is no path")
                .caused_by(cause)
                .at("prefix", prefix)
                .hint("give --lake an address such as s3://bucket/prefix, without empty parts")
        })?;
        let address = address.into().trim_end_matches('/').to_owned();
        Ok(Self { objects, root, address, attributes: Attributes::new() })
    }

    /// The same, with a storage class for what is put from now on, notes and manifests excepted: those are small
    /// and soon replaced, which other classes charge for.
    #[must_use]
    pub fn with_storage_class(mut self, class: Option<String>) -> Self {
        self.attributes = class.into_iter().map(|class| (Attribute::StorageClass, class)).collect();
        self
    }

    fn location(&self, path: &str) -> Result<Path> {
        let location =
            if self.root.as_ref().is_empty() { path.to_owned() } else { format!("{}/{path}", self.root) };
        Path::parse(location)
            .map_err(|cause| Error::store("not a path in a lake").caused_by(cause).at("path", path))
    }

    /// What people call the bucket, without the prefix of the lake.
    fn bucket(&self) -> &str {
        self.address.strip_suffix(self.root.as_ref()).unwrap_or(&self.address).trim_end_matches('/')
    }

    /// The path in the lake, of an object that a listing has shown.
    fn path(&self, location: &Path) -> String {
        let below = location.as_ref().strip_prefix(self.root.as_ref()).unwrap_or(location.as_ref());
        below.trim_start_matches('/').to_owned()
    }

    /// The object as it is now, its bytes still to come.
    async fn find(&self, path: &str) -> Result<Option<GetResult>> {
        let location = self.location(path)?;
        match patiently(|| self.objects.get(&location)).await {
            Ok(found) => Ok(Some(found)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(cause) => Err(self.failed(Deed::Read, path, &cause)),
        }
    }

    /// Puts the bytes where `expect` holds and answers their version, or nothing when something else stands
    /// there.
    async fn put(
        &self,
        path: &str,
        bytes: &Bytes,
        expect: &Expect,
        attributes: &Attributes,
    ) -> Result<Option<Etag>> {
        let mut pauses = PAUSES.iter();
        loop {
            let cause = match self.put_once(path, bytes, expect, attributes).await? {
                Ok(etag) => return Ok(Some(etag)),
                Err(cause) => cause,
            };
            tracing::debug!(path, %cause, "looking whether a put has landed");
            match self.judge(path, bytes, expect).await? {
                Found::Ours(etag) => return Ok(Some(etag)),
                Found::Theirs => return Ok(None),
                Found::Before => {}
            }
            let Some(pause) = pauses.next() else { return Err(self.failed(Deed::Write, path, &cause)) };
            tokio::time::sleep(*pause).await;
        }
    }

    /// One put; the inner error leaves open whether it has landed.
    async fn put_once(
        &self,
        path: &str,
        bytes: &Bytes,
        expect: &Expect,
        attributes: &Attributes,
    ) -> Result<std::result::Result<Etag, object_store::Error>> {
        let mode = match expect {
            Expect::Absent => PutMode::Create,
            Expect::Version(etag) => {
                PutMode::Update(UpdateVersion { e_tag: Some(etag.0.clone()), version: None })
            }
        };
        let (location, payload) = (self.location(path)?, PutPayload::from(bytes.clone()));
        let options = PutOptions { attributes: attributes.clone(), ..PutOptions::from(mode) };
        match self.objects.put_opts(&location, payload, options).await {
            Ok(put) => named(put.e_tag).map(Ok).map_err(|error| error.at("object", self.uri(path))),
            Err(cause) if is_refusal(&cause) => Err(self.failed(Deed::Write, path, &cause)),
            Err(cause) => Ok(Err(cause)),
        }
    }

    /// Reads back what stands there after a put whose outcome is unknown.
    async fn judge(&self, path: &str, bytes: &Bytes, expect: &Expect) -> Result<Found> {
        let Some(found) = self.find(path).await? else {
            return Ok(if *expect == Expect::Absent { Found::Before } else { Found::Theirs });
        };
        let etag = named(found.meta.e_tag.clone())?;
        if *expect == Expect::Version(etag.clone()) {
            return Ok(Found::Before);
        }
        let equal = is_equal(found, bytes).await.map_err(|cause| self.failed(Deed::Read, path, &cause))?;
        Ok(if equal { Found::Ours(etag) } else { Found::Theirs })
    }

    fn entry(&self, meta: &ObjectMeta) -> Result<Entry> {
        let path = self.path(&meta.location);
        Ok(Entry { path, bytes: meta.size, etag: named(meta.e_tag.clone())? })
    }

    fn failed(&self, deed: Deed, path: &str, cause: &object_store::Error) -> Error {
        complaint::failed(deed, &self.address, self.uri(path), cause)
    }

    fn changed_meanwhile(&self, path: &str) -> Error {
        Error::held("an object was changed by someone else during this run")
            .at("object", self.uri(path))
            .hint("this run stopped without harm; make sure that only one drift2parquet writes to this lake")
    }
}

#[async_trait]
impl Store for Bucket {
    fn uri(&self, path: &str) -> String {
        if path.is_empty() { self.address.clone() } else { format!("{}/{path}", self.address) }
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Entry>> {
        let location = self.location(prefix)?;
        let listing = || self.objects.list(Some(&location)).try_collect();
        let found: Vec<ObjectMeta> =
            patiently(listing).await.map_err(|cause| self.failed(Deed::List, prefix, &cause))?;
        let mut entries = found.iter().map(|meta| self.entry(meta)).collect::<Result<Vec<_>>>()?;
        entries.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(entries)
    }

    async fn get(&self, path: &str) -> Result<Option<Stored>> {
        let Some(found) = self.find(path).await? else { return Ok(None) };
        let etag = named(found.meta.e_tag.clone())?;
        let bytes = found.bytes().await.map_err(|cause| self.failed(Deed::Read, path, &cause))?;
        Ok(Some(Stored { bytes, etag }))
    }

    /// A copy of one version on the disk, so that no object need be in memory whole, however many are open.
    async fn open(&self, path: &str) -> Result<Option<Opened>> {
        let Some(found) = self.find(path).await? else { return Ok(None) };
        let etag = named(found.meta.e_tag.clone())?;
        let bytes = found.into_stream().map_err(|cause| self.failed(Deed::Read, path, &cause));
        let file = spool(bytes).await.map_err(|error| error.at("object", self.uri(path)))?;
        Ok(Some(Opened::File(file, etag)))
    }

    async fn create(&self, path: &str, bytes: Bytes) -> Result<Creation> {
        let put = self.put(path, &bytes, &Expect::Absent, &Attributes::new()).await?;
        Ok(put.map_or(Creation::Exists, Creation::Created))
    }

    async fn replace(&self, path: &str, bytes: Bytes, expect: Expect) -> Result<Etag> {
        let put = self.put(path, &bytes, &expect, &self.attributes).await?;
        put.ok_or_else(|| self.changed_meanwhile(path))
    }

    async fn overwrite(&self, path: &str, bytes: Bytes) -> Result<()> {
        let location = self.location(path)?;
        let put = patiently(|| self.objects.put(&location, bytes.clone().into())).await;
        put.map(drop).map_err(|cause| self.failed(Deed::Write, path, &cause))
    }

    async fn delete(&self, path: &str) -> Result<()> {
        let location = self.location(path)?;
        match patiently(|| self.objects.delete(&location)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(cause) => Err(self.failed(Deed::Delete, path, &cause)),
        }
    }

    /// A bucket may keep them, and does not say so to those who may only read and write.
    fn keeps_versions(&self) -> bool {
        true
    }

    fn relies_on_conditions(&self) -> bool {
        true
    }

    fn origin(&self, path: &str) -> Option<Origin> {
        let location = self.location(path).ok()?;
        Some(Origin::Object(self.bucket().to_owned(), location.to_string()))
    }

    /// Done by the bucket itself, for objects of the same one.
    async fn copy(&self, origin: &Origin, path: &str) -> Result<Option<Etag>> {
        let Origin::Object(bucket, from) = origin else { return Ok(None) };
        if bucket != self.bucket() {
            return Ok(None);
        }
        let from = Path::parse(from).map_err(|cause| self.failed(Deed::Read, path, &cause.into()))?;
        let to = self.location(path)?;
        match patiently(|| self.objects.copy(&from, &to)).await {
            Ok(()) => {}
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(cause) => return Err(self.failed(Deed::Write, path, &cause)),
        }
        let copied = patiently(|| self.objects.head(&to)).await;
        copied
            .map_err(|cause| self.failed(Deed::Read, path, &cause))
            .and_then(|meta| named(meta.e_tag))
            .map(Some)
    }

    async fn end(&self, path: &str, bytes: u64) -> Result<Option<End>> {
        let location = self.location(path)?;
        let options = GetOptions::new().with_range(Some(GetRange::Suffix(bytes)));
        let found = patiently(|| self.objects.get_opts(&location, options.clone())).await;
        let found = found.map_err(|cause| self.failed(Deed::Read, path, &cause))?;
        let size = found.meta.size;
        let bytes = found.bytes().await.map_err(|cause| self.failed(Deed::Read, path, &cause))?;
        Ok(Some(End { bytes, size }))
    }

    async fn lock(&self) -> Result<Option<Box<dyn Guard>>> {
        Ok(None)
    }
}

/// The version, which every store that can replace under a condition names.
fn named(etag: Option<String>) -> Result<Etag> {
    etag.map(Etag).ok_or_else(|| {
        Error::store("the store names no version (ETag) of an object, so two runs could overwrite each other")
            .hint("use a store with conditional puts, as S3 has them")
    })
}

/// Asks again for what does no harm twice, where an answer was cut off in its middle, or where somebody else was at
/// the object: the store's client sees to all else, but not to that.
async fn patiently<T, Asked>(ask: impl Fn() -> Asked) -> Result<T, object_store::Error>
where
    Asked: Future<Output = Result<T, object_store::Error>>,
{
    for pause in PAUSES {
        match ask().await {
            Err(cause) if is_passing(&cause) => {
                tracing::debug!(%cause, "asking again");
                tokio::time::sleep(pause).await;
            }
            answered => return answered,
        }
    }
    ask().await
}

fn is_passing(cause: &object_store::Error) -> bool {
    use object_store::Error as E;
    match cause {
        E::Generic { .. } => complaint::is_cut(cause),
        // As an answer to what has no condition: two requests have met at one object.
        E::AlreadyExists { .. } | E::Precondition { .. } => true,
        _ => false,
    }
}

/// Whether a put has surely not landed and never will, so that trying again is of no use. That nothing is
/// found where something is created means that there is no such bucket.
fn is_refusal(cause: &object_store::Error) -> bool {
    use object_store::Error as E;
    matches!(
        cause,
        E::NotFound { .. }
            | E::InvalidPath { .. }
            | E::NotSupported { .. }
            | E::NotImplemented { .. }
            | E::PermissionDenied { .. }
            | E::Unauthenticated { .. }
            | E::UnknownConfigurationKey { .. }
    )
}

/// Compares while it reads, since two such objects need not fit in memory.
async fn is_equal(found: GetResult, bytes: &Bytes) -> Result<bool, object_store::Error> {
    if found.meta.size != bytes.len() as u64 {
        return Ok(false);
    }
    let (mut rest, mut stream) = (bytes.as_ref(), found.into_stream());
    while let Some(piece) = stream.try_next().await? {
        let Some(behind) = rest.strip_prefix(piece.as_ref()) else { return Ok(false) };
        rest = behind;
    }
    Ok(rest.is_empty())
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;
    use crate::error::ErrorKind;

    fn bucket() -> Bucket {
        Bucket::new(Arc::new(InMemory::new()), "some/prefix", "s3://bucket/some/prefix/").unwrap()
    }

    fn bytes(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    #[tokio::test]
    async fn create_refuses_what_exists_but_knows_its_own_bytes() {
        let lake = bucket();
        let Creation::Created(etag) = lake.create("_manifest/1.json", bytes("a")).await.unwrap() else {
            panic!("nothing was there")
        };
        assert_eq!(lake.create("_manifest/1.json", bytes("b")).await.unwrap(), Creation::Exists);
        assert_eq!(lake.create("_manifest/1.json", bytes("a")).await.unwrap(), Creation::Created(etag));
        assert_eq!(lake.get("_manifest/1.json").await.unwrap().unwrap().bytes, bytes("a"));
    }

    #[tokio::test]
    async fn replace_refuses_another_version_but_knows_its_own_bytes() {
        let (lake, path) = (bucket(), "t/month=2025-03/t.parquet");
        let first = lake.replace(path, bytes("a"), Expect::Absent).await.unwrap();
        let second = lake.replace(path, bytes("bb"), Expect::Version(first.clone())).await.unwrap();
        assert_ne!(first, second);
        let again = lake.replace(path, bytes("bb"), Expect::Version(first.clone())).await.unwrap();
        assert_eq!(again, second, "its answer was lost, and the second try was refused");
        let refused = lake.replace(path, bytes("c"), Expect::Version(first)).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Held);
        assert_eq!(refused.place("object"), Some("s3://bucket/some/prefix/t/month=2025-03/t.parquet"));
        let refused = lake.replace(path, bytes("c"), Expect::Absent).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Held);
    }

    #[tokio::test]
    async fn an_object_that_vanished_is_somebody_elses_doing() {
        let (lake, path) = (bucket(), "users/users.parquet");
        let etag = lake.replace(path, bytes("a"), Expect::Absent).await.unwrap();
        lake.delete(path).await.unwrap();
        lake.delete(path).await.unwrap();
        let refused = lake.replace(path, bytes("b"), Expect::Version(etag)).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Held);
    }

    #[tokio::test]
    async fn lists_what_lies_below_the_prefix_alone_by_paths_of_the_lake() {
        let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let lake = Bucket::new(objects.clone(), "one", "s3://b/one").unwrap();
        let other = Bucket::new(objects.clone(), "one-other", "s3://b/one-other").unwrap();
        other.overwrite("users/users.parquet", bytes("x")).await.unwrap();
        for path in ["users/users.parquet", "_manifest/1.json", "messages/month=2025-03/messages.parquet"] {
            lake.overwrite(path, bytes("a")).await.unwrap();
        }
        let paths = |entries: Vec<Entry>| entries.into_iter().map(|entry| entry.path).collect::<Vec<_>>();
        let all = ["_manifest/1.json", "messages/month=2025-03/messages.parquet", "users/users.parquet"];
        assert_eq!(paths(lake.list("").await.unwrap()), all);
        assert_eq!(paths(lake.list("_manifest").await.unwrap()), ["_manifest/1.json"]);
        let whole = Bucket::new(objects, "", "s3://b").unwrap();
        assert_eq!(whole.list("").await.unwrap().len(), 4);
        assert_eq!(whole.uri("users/users.parquet"), "s3://b/users/users.parquet");
    }

    #[tokio::test]
    async fn an_open_object_stays_as_it_was() {
        use std::io::Read as _;
        let (lake, path) = (bucket(), "users/users.parquet");
        let etag = lake.replace(path, bytes("before"), Expect::Absent).await.unwrap();
        let Some(Opened::File(mut file, opened)) = lake.open(path).await.unwrap() else { panic!("no file") };
        lake.replace(path, bytes("after"), Expect::Version(etag.clone())).await.unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), opened), ("before", etag));
        assert!(lake.open("users/none.parquet").await.unwrap().is_none());
    }
}
