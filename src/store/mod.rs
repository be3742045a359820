//! Where a lake lies. A whole object or nothing: objects are created if absent, replaced in one step, read,
//! listed and deleted, never appended to or half-written. The only place with `object_store`.
//!
//! Knows nothing of what is inside the bytes.

mod bucket;
mod directory;
mod disk;
mod location;
mod probe;
mod s3;
mod spool;

use std::fmt::Debug;
use std::fs::File;
use std::path::PathBuf;

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::Result;

pub use self::bucket::Bucket;
pub use self::directory::{Directory, LOCK};
pub use self::disk::{Contents, Disk, Draft, RealDisk, Standing, Version};
pub use self::location::{Address, Location};
pub use self::probe::{Trial, probe, prove};
pub use self::s3::{Encryption, Key, Keys, S3, StoreChecksum, region_of};

/// How hints end that are given when a lake cannot be written to; not true of what makes a lake anew.
pub const COMMITTED_IS_SAFE: &str = "what was committed is safe";

/// The store's name for one version of an object.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Etag(pub String);

/// An object as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The path in the lake, with `/` between parts.
    pub path: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its version.
    pub etag: Etag,
}

/// One version of an object, whole.
#[derive(Debug, Clone)]
pub struct Stored {
    /// The bytes.
    pub bytes: Bytes,
    /// The version they are of.
    pub etag: Etag,
}

/// One version of an object, opened for reading parts of it.
#[derive(Debug)]
pub enum Opened {
    /// A file of a directory lake; a later replacement of the object does not touch it.
    File(File, Etag),
    /// The bytes.
    Bytes(Bytes, Etag),
}

/// What became of an attempt to create an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Creation {
    /// It was created.
    Created(Etag),
    /// There was one before, which stays as it was.
    Exists,
}

/// What a replacement expects to find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// Nothing there.
    Absent,
    /// This version.
    Version(Etag),
}

/// Where an object lies, for a store that can copy it without its bytes passing through this program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A file of a directory lake.
    File(PathBuf),
    /// An object of a bucket: what people call the bucket, and its path in there.
    Object(String, String),
}

/// The end of one version of an object.
#[derive(Debug, Clone)]
pub struct End {
    /// Its last bytes.
    pub bytes: Bytes,
    /// The size of the whole object.
    pub size: u64,
}

/// The exclusive right to write to a lake, for as long as it lives.
pub trait Guard: Send + Sync + Debug {}

/// A place for objects. Every operation is atomic and, once it returned, durable.
#[async_trait]
pub trait Store: Send + Sync + Debug {
    /// What people and readers call the object at `path`: a file path or an `s3://` address.
    fn uri(&self, path: &str) -> String;

    /// All objects below `prefix` (a path of whole parts, or nothing for the whole lake), sorted by path.
    async fn list(&self, prefix: &str) -> Result<Vec<Entry>>;

    /// Whether an object that was replaced or deleted may live on as an older version that cannot be reached
    /// from here.
    fn keeps_versions(&self) -> bool {
        false
    }

    /// Whether nothing but conditions keeps two runs apart, so that a store which ignores them cannot be used.
    fn relies_on_conditions(&self) -> bool {
        false
    }

    /// The object, or nothing when there is none.
    async fn get(&self, path: &str) -> Result<Option<Stored>>;

    /// The object, opened for reading parts of it, or nothing when there is none.
    async fn open(&self, path: &str) -> Result<Option<Opened>>;

    /// Creates the object unless there is one.
    async fn create(&self, path: &str, bytes: Bytes) -> Result<Creation>;

    /// Puts a data object in place of the expected version; anything else there is [`Error::held`](crate::error::Error::held).
    async fn replace(&self, path: &str, bytes: Bytes, expect: Expect) -> Result<Etag>;

    /// Puts an object that is only a hint or a note, whatever was there.
    async fn overwrite(&self, path: &str, bytes: Bytes) -> Result<()>;

    /// Deletes the object; one that is not there is no error.
    async fn delete(&self, path: &str) -> Result<()>;

    /// Removes a folder in which nothing is left, where a store has such.
    async fn remove_folder(&self, _path: &str) -> Result<()> {
        Ok(())
    }

    /// Makes durable what a run that was killed has put at `path` without waiting for it to be.
    async fn settle(&self, _path: &str) -> Result<()> {
        Ok(())
    }

    /// Where the object lies, for [`Store::copy`] of another store; nothing where that is of no use to others.
    fn origin(&self, _path: &str) -> Option<Origin> {
        None
    }

    /// Copies an object of another store to `path`, which nothing has been put to yet, where this can be done
    /// without its bytes passing through this program; nothing is done where it cannot. Whether the copy is of
    /// the version that was meant, its own version tells: in a directory it is the same; a bucket may name it
    /// anew.
    async fn copy(&self, _origin: &Origin, _path: &str) -> Result<Option<Etag>> {
        Ok(None)
    }

    /// So many bytes at the end of an object (or all, if there are fewer), where that costs less than
    /// [opening](Store::open) it; nothing where it does not.
    async fn end(&self, _path: &str, _bytes: u64) -> Result<Option<End>> {
        Ok(None)
    }

    /// Whether somebody has the exclusive right to write, where the store itself gives it; nothing where it does not,
    /// or does not tell.
    async fn is_locked(&self) -> Option<bool> {
        None
    }

    /// Takes the exclusive right to write, where the store itself can give it.
    async fn lock(&self) -> Result<Option<Box<dyn Guard>>>;
}
