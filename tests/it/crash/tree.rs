//! Files and folders in memory, each with what is durable of it and what is not.
//!
//! As little is durable as POSIX allows: of a file the bytes that were synced; of a folder the names that
//! stood in it when it was synced, each for itself. A power loss keeps of the rest what chance wants.

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Result};
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;

/// A file or a folder, whatever names it has.
type Id = usize;

/// What a power loss keeps of what was not synced.
#[derive(Debug, Clone)]
pub enum Kept {
    /// Nothing.
    Nothing,
    /// An arbitrary part.
    Some(fastrand::Rng),
}

#[derive(Debug, Clone)]
enum Node {
    /// A file is written once; so many of its bytes are durable.
    File { bytes: Bytes, durable: usize },
    /// What each name stood for since the folder was last synced: first what is durable, last what is now.
    Folder(BTreeMap<String, Vec<Option<Id>>>),
}

/// A file system; the root is always there.
#[derive(Debug, Clone)]
pub struct Tree(Vec<Node>);

const ROOT: Id = 0;

impl Default for Tree {
    fn default() -> Self {
        Self(vec![Node::Folder(BTreeMap::new())])
    }
}

impl Kept {
    /// One of `count` states, the first of which is the durable one.
    fn choose(&mut self, count: usize) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Some(chance) => chance.usize(0..count),
        }
    }
}

impl Tree {
    /// What stands at the path.
    pub fn find(&self, path: &Path) -> Result<Option<Id>> {
        let mut at = ROOT;
        for name in names(path) {
            let Node::Folder(names) = &self.0[at] else { return Err(ErrorKind::NotADirectory.into()) };
            match current(names, name) {
                Some(id) => at = id,
                None => return Ok(None),
            }
        }
        Ok(Some(at))
    }

    /// The bytes of a file; nothing for a folder.
    pub fn bytes(&self, id: Id) -> Option<&Bytes> {
        match &self.0[id] {
            Node::File { bytes, .. } => Some(bytes),
            Node::Folder(_) => None,
        }
    }

    /// All files below a folder, by their paths from there; none when there is no such folder.
    pub fn files(&self, folder: &Path) -> Result<Vec<(PathBuf, Id)>> {
        let mut found = Vec::new();
        if let Some(folder) = self.find(folder)? {
            self.collect(folder, Path::new(""), &mut found);
        }
        Ok(found)
    }

    fn collect(&self, folder: Id, below: &Path, found: &mut Vec<(PathBuf, Id)>) {
        let Node::Folder(names) = &self.0[folder] else { return };
        for (name, id) in names.keys().filter_map(|name| Some((name, current(names, name)?))) {
            let path = below.join(name);
            match self.0[id] {
                Node::File { .. } => found.push((path, id)),
                Node::Folder(_) => self.collect(id, &path, found),
            }
        }
    }

    /// Writes a new file, of which nothing is durable.
    pub fn write(&mut self, path: &Path, bytes: Bytes) -> Result<Id> {
        self.is_free(path)?;
        self.0.push(Node::File { bytes, durable: 0 });
        let id = self.0.len() - 1;
        self.set(path, Some(id))?;
        Ok(id)
    }

    /// Makes the bytes of a file durable, or only the first half of them.
    pub fn sync(&mut self, file: Id, half: bool) {
        let Node::File { bytes, durable } = &mut self.0[file] else { return };
        *durable = if half { bytes.len() / 2 } else { bytes.len() };
    }

    /// Makes the names in a folder durable, or only every other one.
    pub fn sync_folder(&mut self, folder: &Path, half: bool) -> Result<()> {
        let id = self.find(folder)?.ok_or(ErrorKind::NotFound)?;
        let Node::Folder(names) = &mut self.0[id] else { return Ok(()) };
        let mut is_synced = false;
        names.retain(|_, history| {
            is_synced = !(half && is_synced);
            if is_synced {
                history.drain(..history.len() - 1);
            }
            history.as_slice() != [None]
        });
        Ok(())
    }

    /// Creates a folder; one that is there already is no error.
    pub fn create_folder(&mut self, path: &Path) -> Result<()> {
        match self.find(path)? {
            Some(id) if matches!(self.0[id], Node::Folder(_)) => return Ok(()),
            Some(_) => return Err(ErrorKind::AlreadyExists.into()),
            None => {}
        }
        self.0.push(Node::Folder(BTreeMap::new()));
        self.set(path, Some(self.0.len() - 1))
    }

    /// Moves a name.
    pub fn rename(&mut self, from: &Path, to: &Path) -> Result<()> {
        let id = self.find(from)?.ok_or(ErrorKind::NotFound)?;
        self.set(to, Some(id))?;
        self.set(from, None)
    }

    /// Gives a file a second name.
    pub fn link(&mut self, from: &Path, to: &Path) -> Result<()> {
        self.is_free(to)?;
        let id = self.find(from)?.ok_or(ErrorKind::NotFound)?;
        self.set(to, Some(id))
    }

    /// Removes a name.
    pub fn remove(&mut self, path: &Path) -> Result<()> {
        self.find(path)?.ok_or(ErrorKind::NotFound)?;
        self.set(path, None)
    }

    /// Forgets what is not durable, but for what chance keeps.
    pub fn lose_power(&mut self, kept: &mut Kept) {
        for node in &mut self.0 {
            match node {
                Node::File { bytes, durable } => {
                    *bytes = remains(bytes, *durable, kept);
                    *durable = bytes.len();
                }
                Node::Folder(names) => names.retain(|_, history| {
                    let chosen = history[kept.choose(history.len())];
                    *history = vec![chosen];
                    chosen.is_some()
                }),
            }
        }
    }

    fn is_free(&self, path: &Path) -> Result<()> {
        if self.find(path)?.is_some() { Err(ErrorKind::AlreadyExists.into()) } else { Ok(()) }
    }

    fn set(&mut self, path: &Path, id: Option<Id>) -> Result<()> {
        let folder = path.parent().ok_or(ErrorKind::InvalidInput)?;
        let folder = self.find(folder)?.ok_or_else(|| Error::from(ErrorKind::NotFound))?;
        let Node::Folder(entries) = &mut self.0[folder] else { return Err(ErrorKind::NotADirectory.into()) };
        let name = names(path).last().expect("a path that has a parent has a name").to_owned();
        entries.entry(name).or_insert_with(|| vec![None]).push(id);
        Ok(())
    }
}

/// What is left of a file: the durable bytes, and of the others all, none, some, or zeros.
fn remains(bytes: &Bytes, durable: usize, kept: &mut Kept) -> Bytes {
    if durable == bytes.len() {
        return bytes.clone();
    }
    match kept.choose(4) {
        0 => bytes.slice(..durable),
        1 => bytes.slice(..durable + (bytes.len() - durable) / 2),
        2 => [&bytes[..durable], &vec![0; bytes.len() - durable]].concat().into(),
        _ => bytes.clone(),
    }
}

fn names(path: &Path) -> impl Iterator<Item = &str> {
    path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_str().expect("a lake's paths are text")),
        _ => None,
    })
}

fn current(names: &BTreeMap<String, Vec<Option<Id>>>, name: &str) -> Option<Id> {
    *names.get(name)?.last().expect("a name has a history")
}
