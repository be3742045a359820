//! Where a test's lake lies: in memory, on a disk that can be cut off, in a temporary directory, for those who
//! start the real binary or lay hands on the files, or on the S3 server.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use drift2parquet::store::{Directory, Store};
use tempfile::TempDir;

use crate::crash::{Fate, MemoryDisk};
use crate::s3::Prefix;

/// Where lakes in memory lie.
const ROOT: &str = "/lake";

/// The place of a lake.
#[derive(Debug)]
pub enum Lake {
    /// A disk in memory.
    Memory(MemoryDisk),
    /// A temporary directory.
    Directory(TempDir),
    /// A prefix of a bucket.
    Bucket(Prefix),
}

impl Lake {
    /// A new lake in memory.
    pub fn in_memory() -> Self {
        Self::Memory(MemoryDisk::default())
    }

    /// A new lake in a temporary directory; in shared memory where there is such a place, since syncing many
    /// lakes to a disk takes its time.
    pub fn in_directory() -> Self {
        Self::Directory(tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap())
    }

    /// As a run opens it.
    pub fn store(&self) -> Arc<dyn Store> {
        match self {
            Self::Memory(disk) => Arc::new(Directory::on(Arc::new(disk.clone()), ROOT)),
            Self::Directory(folder) => Arc::new(Directory::new(folder.path())),
            Self::Bucket(prefix) => prefix.store(),
        }
    }

    /// Its directory, for those who have asked for one.
    pub fn path(&self) -> &Path {
        match self {
            Self::Memory(_) | Self::Bucket(_) => panic!("this lake has no directory"),
            Self::Directory(folder) => folder.path(),
        }
    }

    /// Its disk in memory.
    pub fn disk(&self) -> &MemoryDisk {
        match self {
            Self::Memory(disk) => disk,
            Self::Directory(_) | Self::Bucket(_) => panic!("this lake has no disk in memory"),
        }
    }

    /// When runs on it die; never in a directory.
    pub fn fate(&self) -> Option<Arc<Fate>> {
        match self {
            Self::Memory(disk) => Some(disk.fate().clone()),
            Self::Directory(_) | Self::Bucket(_) => None,
        }
    }

    /// What `--lake` is given.
    pub fn name(&self) -> String {
        match self {
            Self::Bucket(prefix) => prefix.uri(),
            _ => self.path().display().to_string(),
        }
    }

    /// All files below a folder of the lake, by their paths in the lake, without any regard to the store.
    pub fn files(&self, folder: &str) -> BTreeMap<String, Bytes> {
        match self {
            Self::Memory(disk) => {
                let tree = disk.tree();
                let found = tree.files(&Path::new(ROOT).join(folder)).unwrap().into_iter();
                let path = |file: &Path| Path::new(folder).join(file).display().to_string();
                found.map(|(file, id)| (path(&file), tree.bytes(id).unwrap().clone())).collect()
            }
            Self::Directory(root) => {
                let mut found = BTreeMap::new();
                collect(root.path(), &root.path().join(folder), &mut found);
                found
            }
            Self::Bucket(prefix) => prefix.files(folder),
        }
    }
}

fn collect(root: &Path, folder: &Path, found: &mut BTreeMap<String, Bytes>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.map(Result::unwrap) {
        if entry.path().is_dir() {
            collect(root, &entry.path(), found);
        } else {
            let path = entry.path().strip_prefix(root).unwrap().display().to_string();
            found.insert(path, std::fs::read(entry.path()).unwrap().into());
        }
    }
}
