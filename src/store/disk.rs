//! The few things a lake in a directory asks of a file system. Nothing here knows what a lake is, and nothing
//! is durable before it was synced: a file's bytes by its draft, a name by its folder.

use std::fmt::Debug;
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;

use super::{Etag, Guard};

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// A file.
    File(Version),
    /// A folder.
    Folder,
}

/// One version of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its size in bytes.
    pub bytes: u64,
    /// Another one whenever the file was replaced or written to; a name given to the file keeps it.
    pub etag: Etag,
}

/// A file opened for reading; a later replacement does not touch it.
#[derive(Debug)]
pub enum Contents {
    /// Of a real disk.
    File(File),
    /// Of a disk in memory.
    Bytes(Bytes),
}

/// A new file whose bytes are not durable yet.
#[async_trait]
pub trait Draft: Send {
    /// Makes the bytes durable, though not the file's name.
    async fn sync(self: Box<Self>) -> io::Result<Version>;
}

/// A file system.
#[async_trait]
pub trait Disk: Send + Sync + Debug {
    /// What stands at `path`, if anything does.
    async fn look(&self, path: &Path) -> io::Result<Option<Standing>>;

    /// All files below `folder`, hidden ones too, by their paths from there in no order; none when there is
    /// no such folder.
    async fn list(&self, folder: &Path) -> io::Result<Vec<(PathBuf, Version)>>;

    /// Opens a file, if it is there.
    async fn open(&self, file: &Path) -> io::Result<Option<(Contents, Version)>>;

    /// Writes a new file; one that exists already is an error.
    async fn write(&self, file: &Path, bytes: Bytes) -> io::Result<Box<dyn Draft>>;

    /// Makes durable which names stand in `folder`.
    async fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    /// Creates a folder in one that is there; one that exists already is no error.
    async fn create_folder(&self, folder: &Path) -> io::Result<()>;

    /// Gives a file another name in one step, in place of what had it.
    async fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Gives a file a second name in one step; a name that is taken is an error.
    async fn link(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file's name.
    async fn remove(&self, file: &Path) -> io::Result<()>;

    /// Locks a file, which is created when it is not there; nothing when another process has locked it.
    async fn lock(&self, file: &Path) -> io::Result<Option<Box<dyn Guard>>>;

    /// Whether a process has locked a file; a file that is not there is not locked.
    async fn is_locked(&self, file: &Path) -> io::Result<bool>;

    /// Removes a folder that is empty; another is left alone.
    async fn remove_folder(&self, folder: &Path) -> io::Result<()>;
}

impl Contents {
    /// All bytes.
    pub async fn read(self) -> io::Result<Bytes> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::File(mut file) => {
                blocking(move || {
                    let mut bytes = Vec::new();
                    file.read_to_end(&mut bytes)?;
                    Ok(Bytes::from(bytes))
                })
                .await
            }
        }
    }
}

/// The file system of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

#[async_trait]
impl Disk for RealDisk {
    async fn look(&self, path: &Path) -> io::Result<Option<Standing>> {
        let path = path.to_owned();
        blocking(move || match present(fs::metadata(path))? {
            Some(found) if found.is_dir() => Ok(Some(Standing::Folder)),
            Some(found) => Ok(Some(Standing::File(version(&found)))),
            None => Ok(None),
        })
        .await
    }

    async fn list(&self, folder: &Path) -> io::Result<Vec<(PathBuf, Version)>> {
        let folder = folder.to_owned();
        blocking(move || {
            let mut found = Vec::new();
            walk(&folder, Path::new(""), &mut found)?;
            Ok(found)
        })
        .await
    }

    async fn open(&self, file: &Path) -> io::Result<Option<(Contents, Version)>> {
        let file = file.to_owned();
        blocking(move || {
            let Some(file) = present(File::open(file))? else { return Ok(None) };
            let version = version(&file.metadata()?);
            Ok(Some((Contents::File(file), version)))
        })
        .await
    }

    async fn write(&self, file: &Path, bytes: Bytes) -> io::Result<Box<dyn Draft>> {
        let file = file.to_owned();
        blocking(move || {
            let mut file = File::create_new(file)?;
            file.write_all(&bytes)?;
            Ok(Box::new(RealDraft(file)) as Box<dyn Draft>)
        })
        .await
    }

    async fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let folder = folder.to_owned();
        blocking(move || sync_folder(&folder)).await
    }

    async fn create_folder(&self, folder: &Path) -> io::Result<()> {
        let folder = folder.to_owned();
        blocking(move || match fs::create_dir(&folder) {
            Err(cause) if cause.kind() == ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
            created => created,
        })
        .await
    }

    async fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (from, to) = (from.to_owned(), to.to_owned());
        blocking(move || fs::rename(from, to)).await
    }

    async fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (from, to) = (from.to_owned(), to.to_owned());
        blocking(move || fs::hard_link(from, to)).await
    }

    async fn remove(&self, file: &Path) -> io::Result<()> {
        let file = file.to_owned();
        blocking(move || fs::remove_file(file)).await
    }

    async fn lock(&self, file: &Path) -> io::Result<Option<Box<dyn Guard>>> {
        let file = file.to_owned();
        blocking(move || {
            // What stands there, wherever a link of that name leads, is not cut off.
            let file = File::options().write(true).create(true).truncate(false).open(file)?;
            match file.try_lock() {
                Ok(()) => Ok(Some(Box::new(FileLock(file)) as Box<dyn Guard>)),
                Err(fs::TryLockError::WouldBlock) => Ok(None),
                Err(fs::TryLockError::Error(cause)) => Err(cause),
            }
        })
        .await
    }

    async fn is_locked(&self, file: &Path) -> io::Result<bool> {
        let file = file.to_owned();
        blocking(move || {
            let Some(file) = present(File::open(file))? else { return Ok(false) };
            // Shared, so that those who only look do not meet each other; it is given back at once, with the file.
            match file.try_lock_shared() {
                Ok(()) => Ok(false),
                Err(fs::TryLockError::WouldBlock) => Ok(true),
                Err(fs::TryLockError::Error(cause)) => Err(cause),
            }
        })
        .await
    }

    async fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        let folder = folder.to_owned();
        blocking(move || match fs::remove_dir(folder) {
            Err(cause) if matches!(cause.kind(), ErrorKind::NotFound | ErrorKind::DirectoryNotEmpty) => {
                Ok(())
            }
            removed => removed,
        })
        .await
    }
}

/// A file that was written, kept open so that no failure of the disk goes unseen before it was synced.
#[derive(Debug)]
struct RealDraft(File);

#[async_trait]
impl Draft for RealDraft {
    async fn sync(self: Box<Self>) -> io::Result<Version> {
        blocking(move || {
            self.0.sync_all()?;
            Ok(version(&self.0.metadata()?))
        })
        .await
    }
}

/// The lock is the file's: the system releases it when the process ends, however it ends.
#[derive(Debug)]
struct FileLock(#[allow(dead_code, reason = "the lock lasts as long as the open file")] File);

impl Guard for FileLock {}

/// Waits for a disk without blocking a thread of the runtime.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|cause| Err(io::Error::other(cause)))
}

/// What is not there is no error.
fn present<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(cause),
    }
}

/// Files below `folder`. What vanishes meanwhile is not there. A link is an error: what it leads to is not
/// the lake's, and would be read, replaced or removed as if it were.
fn walk(folder: &Path, below: &Path, found: &mut Vec<(PathBuf, Version)>) -> io::Result<()> {
    let Some(files) = present(fs::read_dir(folder))? else { return Ok(()) };
    for file in files {
        let file = file?;
        let (path, below) = (file.path(), below.join(file.file_name()));
        match present(fs::symlink_metadata(&path))? {
            Some(standing) if standing.is_symlink() => return Err(is_a_link(&below)),
            Some(standing) if standing.is_dir() => walk(&path, &below, found)?,
            Some(standing) => found.push((below, version(&standing))),
            None => {}
        }
    }
    Ok(())
}

fn is_a_link(path: &Path) -> io::Error {
    let found = format!("{} is a symbolic link, and a lake holds none", path.display());
    io::Error::new(ErrorKind::InvalidInput, found)
}

/// Some file systems cannot sync a folder and say so; there is nothing more to be had from them.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder)?.sync_all() {
        Err(cause) if matches!(cause.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        synced => synced,
    }
}

/// Folders cannot be opened here; the system writes names down by itself.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

fn version(file: &Metadata) -> Version {
    let written = file.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    let nanoseconds = written.unwrap_or_default().as_nanos();
    Version { bytes: file.len(), etag: Etag(format!("{:x}-{nanoseconds:x}-{:x}", inode(file), file.len())) }
}

#[cfg(unix)]
fn inode(file: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(file)
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> u64 {
    0
}
