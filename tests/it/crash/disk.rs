//! A disk in memory that dies with the program, or under it.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use drift2parquet::store::{Contents, Disk, Draft, Etag, Guard, Standing, Version};

use super::fate::{Course, Cut, Fate};
use super::tree::{Kept, Tree};

/// A disk in memory; copies are the same disk.
#[derive(Debug, Clone, Default)]
pub struct MemoryDisk {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    tree: Mutex<Tree>,
    locked: Mutex<BTreeSet<PathBuf>>,
    lacks_links: bool,
    fate: Arc<Fate>,
}

impl MemoryDisk {
    /// A disk that holds this.
    pub fn of(tree: Tree) -> Self {
        Self { shared: Arc::new(Shared { tree: Mutex::new(tree), ..Shared::default() }) }
    }

    /// A disk that holds this and cannot give a file two names.
    pub fn without_links(tree: Tree) -> Self {
        let tree = Mutex::new(tree);
        Self { shared: Arc::new(Shared { tree, lacks_links: true, ..Shared::default() }) }
    }

    /// When programs on this disk die.
    pub fn fate(&self) -> &Arc<Fate> {
        &self.shared.fate
    }

    /// What it holds.
    pub fn tree(&self) -> MutexGuard<'_, Tree> {
        self.shared.tree.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The power fails, and what was not synced is lost but for what is kept.
    pub fn lose_power(&self, mut kept: Kept) {
        self.tree().lose_power(&mut kept);
    }

    /// One operation, which `act` does, by half if so told.
    async fn act<T>(
        &self,
        operation: &'static str,
        act: impl FnOnce(&mut Tree, bool) -> io::Result<T>,
    ) -> io::Result<T> {
        let fate = &self.shared.fate;
        match fate.meet(operation) {
            Course::Goes => return act(&mut self.tree(), false),
            Course::Fails => {
                if operation == "write" {
                    drop(act(&mut self.tree(), true));
                }
                return Err(io::ErrorKind::StorageFull.into());
            }
            Course::Ends(Cut::Before) | Course::Dead => {}
            Course::Ends(cut) => drop(act(&mut self.tree(), cut == Cut::Torn)),
        }
        fate.halt().await
    }
}

/// The name that stays with a file whatever it is called.
fn version(tree: &Tree, id: usize) -> Option<Version> {
    let bytes = tree.bytes(id)?.len() as u64;
    Some(Version { bytes, etag: Etag(format!("{id:x}-{bytes:x}")) })
}

#[async_trait]
impl Disk for MemoryDisk {
    async fn look(&self, path: &Path) -> io::Result<Option<Standing>> {
        let look = |tree: &mut Tree, _| {
            let found = tree.find(path)?;
            Ok(found.map(|id| version(tree, id).map_or(Standing::Folder, Standing::File)))
        };
        self.act("look", look).await
    }

    async fn list(&self, folder: &Path) -> io::Result<Vec<(PathBuf, Version)>> {
        let list = |tree: &mut Tree, _| {
            let files = tree.files(folder)?;
            Ok(files.into_iter().filter_map(|(path, id)| Some((path, version(tree, id)?))).collect())
        };
        self.act("list", list).await
    }

    async fn open(&self, file: &Path) -> io::Result<Option<(Contents, Version)>> {
        let open = |tree: &mut Tree, _| {
            let Some(id) = tree.find(file)? else { return Ok(None) };
            let bytes = tree.bytes(id).cloned().ok_or(io::ErrorKind::IsADirectory)?;
            Ok(version(tree, id).map(|version| (Contents::Bytes(bytes), version)))
        };
        self.act("open", open).await
    }

    async fn write(&self, file: &Path, bytes: Bytes) -> io::Result<Box<dyn Draft>> {
        let write = |tree: &mut Tree, torn: bool| {
            let bytes = if torn { bytes.slice(..bytes.len() / 2) } else { bytes };
            tree.write(file, bytes)
        };
        let id = self.act("write", write).await?;
        Ok(Box::new(MemoryDraft(self.clone(), id)))
    }

    async fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.act("sync folder", |tree, torn| tree.sync_folder(folder, torn)).await
    }

    async fn create_folder(&self, folder: &Path) -> io::Result<()> {
        self.act("create folder", |tree, _| tree.create_folder(folder)).await
    }

    async fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.act("rename", |tree, _| tree.rename(from, to)).await
    }

    async fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        if self.shared.lacks_links {
            return Err(io::ErrorKind::Unsupported.into());
        }
        self.act("link", |tree, _| tree.link(from, to)).await
    }

    async fn remove(&self, file: &Path) -> io::Result<()> {
        self.act("remove", |tree, _| tree.remove(file)).await
    }

    async fn lock(&self, file: &Path) -> io::Result<Option<Box<dyn Guard>>> {
        let create = |tree: &mut Tree, _| match tree.find(file)? {
            Some(_) => Ok(()),
            None => tree.write(file, Bytes::new()).map(drop),
        };
        self.act("lock", create).await?;
        let lock = Lock(self.clone(), file.to_owned());
        let mut locked = self.shared.locked.lock().unwrap_or_else(PoisonError::into_inner);
        if !locked.insert(file.to_owned()) {
            std::mem::forget(lock);
            return Ok(None);
        }
        Ok(Some(Box::new(lock)))
    }

    async fn is_locked(&self, file: &Path) -> io::Result<bool> {
        let locked = self.shared.locked.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(locked.contains(file))
    }

    async fn remove_folder(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
struct MemoryDraft(MemoryDisk, usize);

#[async_trait]
impl Draft for MemoryDraft {
    async fn sync(self: Box<Self>) -> io::Result<Version> {
        let sync = |tree: &mut Tree, torn| {
            tree.sync(self.1, torn);
            version(tree, self.1).ok_or_else(|| io::ErrorKind::IsADirectory.into())
        };
        self.0.act("sync", sync).await
    }
}

/// Ends with the program, however that ends.
#[derive(Debug)]
struct Lock(MemoryDisk, PathBuf);

impl Guard for Lock {}

impl Drop for Lock {
    fn drop(&mut self) {
        self.0.shared.locked.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}
