//! A lake in a directory. An object is written to `_tmp`, synced, and renamed into place, and the folders
//! are synced too, so that it survives a power cut. A folder of data never holds anything but its object.

use std::fs;
use std::io::ErrorKind as IoKind;
use std::path::{Path as FsPath, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{GetResultPayload, ObjectMeta, ObjectStore, ObjectStoreExt};
use tokio::sync::OnceCell;

use super::{Creation, Entry, Etag, Expect, Guard, Opened, Store, Stored};
use crate::error::{Error, Result};

/// Where objects are written before they are renamed into place.
const TEMPORARY: &str = "_tmp";
/// The file whose lock is the right to write.
const LOCK: &str = "_lock";

/// A lake in a directory.
#[derive(Debug)]
pub struct Directory {
    root: PathBuf,
    files: OnceCell<LocalFileSystem>,
    written: AtomicU64,
}

impl Directory {
    /// The lake in the directory `root`, which need not exist before something is written.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        // Absolute, so that what is said and written about the lake holds from everywhere.
        let root = std::path::absolute(&root).unwrap_or(root);
        Self { root, files: OnceCell::new(), written: AtomicU64::new(0) }
    }

    /// The files, if the directory exists.
    async fn existing(&self) -> Result<Option<&LocalFileSystem>> {
        if self.files.get().is_none() && !is_directory(&self.root)? {
            return Ok(None);
        }
        self.files().await.map(Some)
    }

    async fn files(&self) -> Result<&LocalFileSystem> {
        self.files.get_or_try_init(|| async { open_directory(&self.root) }).await
    }

    /// Writes the bytes to a new temporary file and returns its path.
    async fn stage(&self, files: &LocalFileSystem, bytes: Bytes) -> Result<Path> {
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let path = Path::from(format!("{TEMPORARY}/{}-{number}", std::process::id()));
        files.put(&path, bytes.into()).await.map_err(|cause| cannot_write(&path, cause))?;
        Ok(path)
    }

    async fn etag(&self, files: &LocalFileSystem, path: &Path) -> Result<Option<Etag>> {
        match files.head(path).await {
            Ok(meta) => Ok(Some(version(&meta))),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(cause) => Err(cannot_read(path, cause)),
        }
    }

    async fn put(&self, path: &Path, bytes: Bytes) -> Result<()> {
        let files = self.files().await?;
        let staged = self.stage(files, bytes).await?;
        files.rename(&staged, path).await.map_err(|cause| cannot_write(path, cause))
    }
}

#[async_trait]
impl Store for Directory {
    fn uri(&self, path: &str) -> String {
        self.root.join(path).display().to_string()
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Entry>> {
        let Some(files) = self.existing().await? else { return Ok(Vec::new()) };
        let prefix = parse(prefix)?;
        let found: Vec<ObjectMeta> =
            files.list(Some(&prefix)).try_collect().await.map_err(|cause| cannot_read(&prefix, cause))?;
        let mut entries: Vec<Entry> = found.iter().map(entry).collect();
        entries.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(entries)
    }

    /// `object_store` hides files such as `x.parquet#1`, which it takes for uploads; Spark reads them.
    async fn unlisted(&self) -> Result<Vec<String>> {
        if !is_directory(&self.root)? {
            return Ok(Vec::new());
        }
        let listed: Vec<String> = self.list("").await?.into_iter().map(|entry| entry.path).collect();
        let mut found = Vec::new();
        walk(&self.root, "", &mut found).map_err(|cause| no_access(&self.root, cause))?;
        found.retain(|path| listed.binary_search(path).is_err());
        found.sort();
        Ok(found)
    }

    async fn get(&self, path: &str) -> Result<Option<Stored>> {
        let Some(files) = self.existing().await? else { return Ok(None) };
        let path = parse(path)?;
        match files.get(&path).await {
            Ok(found) => {
                let etag = version(&found.meta);
                let bytes = found.bytes().await.map_err(|cause| cannot_read(&path, cause))?;
                Ok(Some(Stored { bytes, etag }))
            }
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(cause) => Err(cannot_read(&path, cause)),
        }
    }

    async fn open(&self, path: &str) -> Result<Option<Opened>> {
        let Some(files) = self.existing().await? else { return Ok(None) };
        let path = parse(path)?;
        match files.get(&path).await {
            Ok(found) => opened(found, &path).await.map(Some),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(cause) => Err(cannot_read(&path, cause)),
        }
    }

    async fn create(&self, path: &str, bytes: Bytes) -> Result<Creation> {
        let (files, path) = (self.files().await?, parse(path)?);
        let staged = self.stage(files, bytes).await?;
        let linked = files.copy_if_not_exists(&staged, &path).await;
        files.delete(&staged).await.map_err(|cause| cannot_write(&staged, cause))?;
        match linked {
            Ok(()) => {
                let etag = self.etag(files, &path).await?;
                Ok(Creation::Created(etag.ok_or_else(|| vanished(&path))?))
            }
            Err(object_store::Error::AlreadyExists { .. }) => Ok(Creation::Exists),
            Err(cause) => Err(cannot_write(&path, cause)),
        }
    }

    /// The lock on the whole lake makes the comparison safe; it finds hands that ignore the lock.
    async fn replace(&self, path: &str, bytes: Bytes, expect: Expect) -> Result<Etag> {
        let (files, path) = (self.files().await?, parse(path)?);
        if self.etag(files, &path).await? != wanted(expect) {
            return Err(changed_meanwhile(&path));
        }
        self.put(&path, bytes).await?;
        self.etag(files, &path).await?.ok_or_else(|| vanished(&path))
    }

    async fn overwrite(&self, path: &str, bytes: Bytes) -> Result<()> {
        self.put(&parse(path)?, bytes).await
    }

    async fn delete(&self, path: &str) -> Result<()> {
        let Some(files) = self.existing().await? else { return Ok(()) };
        let path = parse(path)?;
        match files.delete(&path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(cause) => Err(cannot_write(&path, cause)),
        }
    }

    async fn lock(&self) -> Result<Option<Box<dyn Guard>>> {
        self.files().await?;
        let lock = lock(&self.root.join(LOCK))?;
        sweep(&self.root.join(TEMPORARY));
        Ok(Some(Box::new(lock)))
    }
}

/// The lock is the file's: the system releases it when the process ends, however it ends.
#[derive(Debug)]
struct FileLock(#[allow(dead_code, reason = "the lock lasts as long as the open file")] fs::File);

impl Guard for FileLock {}

fn lock(path: &FsPath) -> Result<FileLock> {
    let file = fs::File::create(path).map_err(|cause| no_access(path, cause))?;
    match file.try_lock() {
        Ok(()) => Ok(FileLock(file)),
        Err(fs::TryLockError::WouldBlock) => Err(Error::held("another run is writing to this lake")
            .at("lock", path.display())
            .hint("wait for it to end, or stop it; a lock never outlives its process")),
        Err(fs::TryLockError::Error(cause)) => Err(no_access(path, cause)),
    }
}

/// Removes what earlier runs left in `_tmp`. Only the holder of the lock may do so; a file that resists
/// is harmless there, so errors are ignored.
fn sweep(temporary: &FsPath) {
    let Ok(files) = fs::read_dir(temporary) else { return };
    files.flatten().for_each(|file| drop(fs::remove_file(file.path())));
}

/// All files below `folder`, by their paths from the root.
fn walk(folder: &FsPath, prefix: &str, found: &mut Vec<String>) -> std::io::Result<()> {
    for file in fs::read_dir(folder)? {
        let file = file?;
        let path = format!("{prefix}{}", file.file_name().to_string_lossy());
        if file.path().is_dir() {
            walk(&file.path(), &format!("{path}/"), found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}

fn is_directory(root: &FsPath) -> Result<bool> {
    match fs::metadata(root) {
        Ok(found) if found.is_dir() => Ok(true),
        Ok(_) => Err(Error::usage("the lake is a file, not a directory")
            .at("lake", root.display())
            .hint("give a directory, or a path that does not exist yet, to --lake")),
        Err(cause) if cause.kind() == IoKind::NotFound => Ok(false),
        Err(cause) => Err(no_access(root, cause)),
    }
}

fn open_directory(root: &FsPath) -> Result<LocalFileSystem> {
    fs::create_dir_all(root).map_err(|cause| no_access(root, cause))?;
    let files = LocalFileSystem::new_with_prefix(root).map_err(|cause| no_access(root, cause))?;
    Ok(files.with_fsync(true).with_automatic_cleanup(true))
}

async fn opened(found: object_store::GetResult, path: &Path) -> Result<Opened> {
    let etag = version(&found.meta);
    if let GetResultPayload::File(file, _) = found.payload {
        return Ok(Opened::File(file, etag));
    }
    let bytes = found.bytes().await.map_err(|cause| cannot_read(path, cause))?;
    Ok(Opened::Bytes(bytes, etag))
}

fn entry(meta: &ObjectMeta) -> Entry {
    Entry { path: meta.location.to_string(), bytes: meta.size, etag: version(meta) }
}

fn version(meta: &ObjectMeta) -> Etag {
    Etag(meta.e_tag.clone().unwrap_or_default())
}

fn wanted(expect: Expect) -> Option<Etag> {
    match expect {
        Expect::Absent => None,
        Expect::Version(etag) => Some(etag),
    }
}

fn parse(path: &str) -> Result<Path> {
    Path::parse(path).map_err(|cause| Error::store("not a path in a lake").caused_by(cause).at("path", path))
}

fn cannot_read(path: &Path, cause: object_store::Error) -> Error {
    Error::store("cannot read from the lake")
        .caused_by(cause)
        .at("object", path)
        .hint("check that the disk is readable, then run `drift2parquet verify`")
}

fn cannot_write(path: &Path, cause: object_store::Error) -> Error {
    Error::store("cannot write to the lake")
        .caused_by(cause)
        .at("object", path)
        .hint("check free space and rights of the directory, then run again; what was committed is safe")
}

fn no_access(path: &FsPath, cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::store("cannot use the lake's directory")
        .caused_by(cause)
        .at("path", path.display())
        .hint("give a directory that this user may write to --lake")
}

fn changed_meanwhile(path: &Path) -> Error {
    Error::held("an object was changed by someone else during this run")
        .at("object", path)
        .hint("make sure that only one drift2parquet writes to this lake, then run again")
}

fn vanished(path: &Path) -> Error {
    Error::store("an object vanished right after it was written").at("object", path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    #[tokio::test]
    async fn create_refuses_what_exists_and_leaves_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let lake = Directory::new(root.path().join("lake"));
        assert!(matches!(lake.create("_manifest/1.json", bytes("a")).await.unwrap(), Creation::Created(_)));
        assert_eq!(lake.create("_manifest/1.json", bytes("b")).await.unwrap(), Creation::Exists);
        assert_eq!(lake.get("_manifest/1.json").await.unwrap().unwrap().bytes, bytes("a"));
        let paths: Vec<_> = lake.list("").await.unwrap().into_iter().map(|entry| entry.path).collect();
        assert_eq!(paths, ["_manifest/1.json"]);
    }

    #[tokio::test]
    async fn replace_refuses_another_version() {
        let root = tempfile::tempdir().unwrap();
        let lake = Directory::new(root.path());
        let first = lake.replace("t/month=2025-03/t.parquet", bytes("a"), Expect::Absent).await.unwrap();
        let second = lake
            .replace("t/month=2025-03/t.parquet", bytes("bb"), Expect::Version(first.clone()))
            .await
            .unwrap();
        assert_ne!(first, second);
        let refused = lake.replace("t/month=2025-03/t.parquet", bytes("c"), Expect::Version(first)).await;
        assert_eq!(refused.unwrap_err().kind(), crate::error::ErrorKind::Held);
        let names: Vec<_> = fs::read_dir(root.path().join("t/month=2025-03")).unwrap().collect();
        assert_eq!(names.len(), 1);
    }

    #[tokio::test]
    async fn reading_a_lake_that_is_not_there_creates_nothing() {
        let root = tempfile::tempdir().unwrap();
        let lake = Directory::new(root.path().join("lake"));
        assert!(lake.list("").await.unwrap().is_empty());
        assert!(lake.get("users/users.parquet").await.unwrap().is_none());
        assert!(!root.path().join("lake").exists());
    }

    #[tokio::test]
    async fn a_second_writer_is_refused_while_the_first_lives() {
        let root = tempfile::tempdir().unwrap();
        let (one, other) = (Directory::new(root.path()), Directory::new(root.path()));
        let guard = one.lock().await.unwrap();
        assert_eq!(other.lock().await.unwrap_err().kind(), crate::error::ErrorKind::Held);
        drop(guard);
        assert!(other.lock().await.is_ok());
    }
}
