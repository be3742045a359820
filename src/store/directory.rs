//! A lake in a directory. An object is written to `_tmp`, synced, and renamed into place, and the folders
//! are synced too, so that it survives a power cut. A folder of data never holds anything but its object.

mod complaint;
mod copy;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use self::complaint::{cannot_read, cannot_write, changed_meanwhile, held, is_a_file, no_access, no_path};
use super::disk::{Contents, Disk, RealDisk, Standing};
use super::{Creation, Entry, Etag, Expect, Guard, Opened, Origin, Store, Stored};
use crate::error::Result;

/// Where objects are written before they are renamed into place.
const TEMPORARY: &str = "_tmp";
/// The file whose lock is the right to write.
pub const LOCK: &str = "_lock";

/// A lake in a directory.
#[derive(Debug)]
pub struct Directory {
    root: PathBuf,
    disk: Arc<dyn Disk>,
    /// The root has been seen to be a directory.
    exists: AtomicBool,
    /// Folders that are there and whose names are durable.
    settled: Mutex<HashSet<PathBuf>>,
    written: AtomicU64,
}

/// An object that lies in `_tmp`, durable but for its name.
struct Staged {
    path: PathBuf,
    etag: Etag,
}

impl Directory {
    /// The lake in the directory `root`, which need not exist before something is written.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        // Absolute, so that what is said and written about the lake holds from everywhere.
        let root = std::path::absolute(&root).unwrap_or(root);
        Self::on(Arc::new(RealDisk), root)
    }

    /// The lake at the absolute path `root` of another disk.
    pub fn on(disk: Arc<dyn Disk>, root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            disk,
            exists: AtomicBool::new(false),
            settled: Mutex::default(),
            written: AtomicU64::new(0),
        }
    }

    async fn exists(&self) -> Result<bool> {
        if self.exists.load(Ordering::Relaxed) {
            return Ok(true);
        }
        match self.disk.look(&self.root).await.map_err(|cause| no_access(&self.root, cause))? {
            Some(Standing::Folder) => self.exists.store(true, Ordering::Relaxed),
            Some(Standing::File(_)) => return Err(is_a_file(&self.root)),
            None => return Ok(false),
        }
        Ok(true)
    }

    /// The object's place on the disk. Paths come from manifests too, so none may lead out of the lake.
    fn place(&self, path: &str) -> Result<PathBuf> {
        let is_name =
            |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains(['\\', '\0']);
        if path.split('/').all(is_name) { Ok(self.root.join(path)) } else { Err(no_path(path)) }
    }

    async fn open_file(&self, path: &str) -> Result<Option<(PathBuf, Contents, Etag)>> {
        let place = self.place(path)?;
        if !self.exists().await? {
            return Ok(None);
        }
        let opened = self.disk.open(&place).await.map_err(|cause| cannot_read(&place, cause))?;
        Ok(opened.map(|(contents, version)| (place, contents, version.etag)))
    }

    /// The version that stands at a place.
    async fn etag(&self, place: &Path) -> Result<Option<Etag>> {
        match self.disk.look(place).await.map_err(|cause| cannot_read(place, cause))? {
            Some(Standing::File(version)) => Ok(Some(version.etag)),
            Some(Standing::Folder) | None => Ok(None),
        }
    }

    /// Sees to it that the folder is there and that its own name is durable, also when a run that was killed
    /// created it and synced nothing. Whoever creates a folder settles the one above it first, so below a
    /// folder that was there before nothing is left to be synced but its own name.
    async fn settle_folder(&self, folder: &Path) -> io::Result<()> {
        let mut missing = Vec::new();
        for folder in folder.ancestors() {
            if self.is_settled(folder) {
                break;
            }
            missing.push(folder);
            if self.disk.look(folder).await?.is_some() {
                break;
            }
        }
        for folder in missing.into_iter().rev() {
            self.disk.create_folder(folder).await?;
            self.sync_name(folder).await?;
            self.settled.lock().unwrap_or_else(PoisonError::into_inner).insert(folder.to_owned());
        }
        Ok(())
    }

    fn is_settled(&self, folder: &Path) -> bool {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner).contains(folder)
    }

    /// Makes the name of a file or folder durable.
    async fn sync_name(&self, path: &Path) -> io::Result<()> {
        let Some(folder) = path.parent() else { return Ok(()) };
        match self.disk.sync_folder(folder).await {
            // What lies above the lake may be somebody else's, closed to us.
            Err(cause) if cause.kind() == io::ErrorKind::PermissionDenied && *path == self.root => Ok(()),
            synced => synced,
        }
    }

    /// Writes the bytes to a new file in `_tmp` and makes them durable.
    async fn stage(&self, bytes: Bytes) -> Result<Staged> {
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let folder = self.root.join(TEMPORARY);
        let path = folder.join(format!("{}-{number}", std::process::id()));
        let written = async {
            self.settle_folder(&folder).await?;
            self.disk.write(&path, bytes).await?.sync().await
        };
        match written.await {
            Ok(version) => Ok(Staged { path, etag: version.etag }),
            Err(cause) => Err(cannot_write(&path, self.give_up(&path, cause).await)),
        }
    }

    /// Makes room again after a write that failed; what cannot be removed is swept by the next run.
    async fn give_up(&self, staged: &Path, cause: io::Error) -> io::Error {
        let _ = self.disk.remove(staged).await;
        cause
    }

    async fn put(&self, place: &Path, bytes: Bytes) -> Result<Etag> {
        let staged = self.stage(bytes).await?;
        let renamed = async {
            self.settle_folder(folder_of(place)).await?;
            self.disk.rename(&staged.path, place).await
        };
        if let Err(cause) = renamed.await {
            return Err(cannot_write(place, self.give_up(&staged.path, cause).await));
        }
        self.sync_name(place).await.map_err(|cause| cannot_write(place, cause))?;
        Ok(staged.etag)
    }

    /// Gives a staged object its name unless it is taken, and answers whether it was free.
    async fn name(&self, staged: &Path, place: &Path) -> io::Result<bool> {
        self.settle_folder(folder_of(place)).await?;
        match self.disk.link(staged, place).await {
            Ok(()) => {}
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
            Err(cause) if lacks_links(&cause) => return self.name_without_links(staged, place).await,
            Err(cause) => return Err(cause),
        }
        self.sync_name(place).await?;
        Ok(true)
    }

    /// The lock on the whole lake makes looking and renaming one step for everyone who heeds it.
    async fn name_without_links(&self, staged: &Path, place: &Path) -> io::Result<bool> {
        if self.disk.look(place).await?.is_some() {
            return Ok(false);
        }
        self.disk.rename(staged, place).await?;
        self.sync_name(place).await?;
        Ok(true)
    }

    /// Removes what earlier runs left in `_tmp`. Only the holder of the lock may do so; a file that resists
    /// is harmless there, so errors are ignored.
    async fn sweep(&self) {
        let folder = self.root.join(TEMPORARY);
        for (file, _) in self.disk.list(&folder).await.unwrap_or_default() {
            let _ = self.disk.remove(&folder.join(file)).await;
        }
    }
}

#[async_trait]
impl Store for Directory {
    fn uri(&self, path: &str) -> String {
        self.root.join(path).display().to_string()
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Entry>> {
        let folder = if prefix.is_empty() { self.root.clone() } else { self.place(prefix)? };
        if !self.exists().await? {
            return Ok(Vec::new());
        }
        let found = self.disk.list(&folder).await.map_err(|cause| cannot_read(&folder, cause))?;
        let mut entries: Vec<Entry> = found
            .into_iter()
            .map(|(file, version)| Entry {
                path: path_of(Path::new(prefix), &file),
                bytes: version.bytes,
                etag: version.etag,
            })
            .collect();
        entries.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(entries)
    }

    async fn get(&self, path: &str) -> Result<Option<Stored>> {
        let Some((place, contents, etag)) = self.open_file(path).await? else { return Ok(None) };
        let bytes = contents.read().await.map_err(|cause| cannot_read(&place, cause))?;
        Ok(Some(Stored { bytes, etag }))
    }

    async fn open(&self, path: &str) -> Result<Option<Opened>> {
        let opened = self.open_file(path).await?;
        Ok(opened.map(|(_, contents, etag)| match contents {
            Contents::File(file) => Opened::File(file, etag),
            Contents::Bytes(bytes) => Opened::Bytes(bytes, etag),
        }))
    }

    async fn create(&self, path: &str, bytes: Bytes) -> Result<Creation> {
        let place = self.place(path)?;
        self.exists().await?;
        let staged = self.stage(bytes).await?;
        let named = self.name(&staged.path, &place).await;
        // It may be gone already, where it was renamed; and what is left there is swept by the next run.
        let _ = self.disk.remove(&staged.path).await;
        let was_free = named.map_err(|cause| cannot_write(&place, cause))?;
        Ok(if was_free { Creation::Created(staged.etag) } else { Creation::Exists })
    }

    /// The lock on the whole lake makes the comparison safe; it finds hands that ignore the lock.
    async fn replace(&self, path: &str, bytes: Bytes, expect: Expect) -> Result<Etag> {
        let place = self.place(path)?;
        self.exists().await?;
        if self.etag(&place).await? != wanted(expect) {
            return Err(changed_meanwhile(&place));
        }
        self.put(&place, bytes).await
    }

    async fn overwrite(&self, path: &str, bytes: Bytes) -> Result<()> {
        let place = self.place(path)?;
        self.exists().await?;
        self.put(&place, bytes).await.map(drop)
    }

    async fn delete(&self, path: &str) -> Result<()> {
        let place = self.place(path)?;
        if !self.exists().await? {
            return Ok(());
        }
        let removed = async {
            self.disk.remove(&place).await?;
            self.sync_name(&place).await
        };
        match removed.await {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(cannot_write(&place, cause)),
            _ => Ok(()),
        }
    }

    async fn remove_folder(&self, path: &str) -> Result<()> {
        let place = self.place(path)?;
        let removed = self.disk.remove_folder(&place).await;
        self.settled.lock().unwrap_or_else(PoisonError::into_inner).remove(&place);
        removed.map_err(|cause| cannot_write(&place, cause))
    }

    async fn settle(&self, path: &str) -> Result<()> {
        let place = self.place(path)?;
        let settled = async {
            self.settle_folder(folder_of(&place)).await?;
            self.sync_name(&place).await
        };
        settled.await.map_err(|cause| cannot_write(&place, cause))
    }

    fn origin(&self, path: &str) -> Option<Origin> {
        self.place(path).ok().map(Origin::File)
    }

    async fn copy(&self, origin: &Origin, path: &str) -> Result<Option<Etag>> {
        match origin {
            Origin::File(file) => self.link(file, path).await,
            Origin::Object(..) => Ok(None),
        }
    }

    async fn is_locked(&self) -> Option<bool> {
        self.disk.is_locked(&self.root.join(LOCK)).await.ok()
    }

    async fn lock(&self) -> Result<Option<Box<dyn Guard>>> {
        if self.exists().await? {
            // Before anything is written or swept: no link leads out of the lake.
            self.list("").await?;
        }
        let file = self.root.join(LOCK);
        let locked = async {
            self.settle_folder(&self.root).await?;
            self.disk.lock(&file).await
        };
        let lock = locked.await.map_err(|cause| no_access(&self.root, cause))?;
        let lock = lock.ok_or_else(|| held(&file))?;
        self.sweep().await;
        Ok(Some(lock))
    }
}

fn folder_of(place: &Path) -> &Path {
    place.parent().expect("an object lies in the lake's directory or below it")
}

/// The path in the lake of a file found below `prefix`.
fn path_of(prefix: &Path, file: &Path) -> String {
    let path = prefix.join(file);
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

fn wanted(expect: Expect) -> Option<Etag> {
    match expect {
        Expect::Absent => None,
        Expect::Version(etag) => Some(etag),
    }
}

/// FAT, some network mounts and most object stores behind a mount have no hard links.
fn lacks_links(cause: &io::Error) -> bool {
    matches!(cause.kind(), io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied)
}
