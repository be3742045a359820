//! The chain of commits: find the newest, create the next. A number that exists already is a normal,
//! documented outcome: another run was faster.

use bytes::Bytes;

use super::check;
use super::format::{FORMAT, Manifest};
use crate::error::{Error, Result};
use crate::store::{Creation, Store};

/// How many manifests stay; older ones are of no use to anyone.
pub const MANIFESTS_KEPT: u64 = 100;

const FOLDER: &str = "_manifest";
const LATEST: &str = "_manifest/latest.json";

/// The chain of commits of one lake.
#[derive(Debug)]
pub struct Log<'a> {
    store: &'a dyn Store,
}

impl<'a> Log<'a> {
    /// The chain in `store`.
    pub fn new(store: &'a dyn Store) -> Self {
        Self { store }
    }

    /// The newest commit, or nothing when there is no lake.
    ///
    /// # Errors
    /// [`Error::usage`] when it was written by a newer program, [`Error::store`] when it cannot be read.
    pub async fn newest(&self) -> Result<Option<Manifest>> {
        match self.numbers().await?.last() {
            Some(number) => self.read(*number).await.map(Some),
            None => Ok(None),
        }
    }

    /// The commit of this number.
    pub async fn read(&self, number: u64) -> Result<Manifest> {
        let path = path_of(number);
        let stored = self.store.get(&path).await?.ok_or_else(|| unreadable(&path, "it vanished"))?;
        Manifest::parse(&path, number, &stored.bytes)
    }

    /// The commit of this number as it stands there, whatever it is; nothing when it is not there.
    pub async fn text(&self, number: u64) -> Result<String> {
        let stored = self.store.get(&path_of(number)).await?;
        Ok(stored.map(|stored| String::from_utf8_lossy(&stored.bytes).into_owned()).unwrap_or_default())
    }

    /// Deletes the commit of this number, if it is there, and returns its path.
    pub async fn delete(&self, number: u64) -> Result<String> {
        let path = path_of(number);
        self.store.delete(&path).await?;
        Ok(path)
    }

    /// All numbers that exist, in order.
    pub async fn numbers(&self) -> Result<Vec<u64>> {
        let entries = self.store.list(FOLDER).await?;
        Ok(entries.iter().filter_map(|entry| number_of(&entry.path)).collect())
    }

    /// Commits `next`: its number is set to one above the present one and must not exist yet.
    ///
    /// # Errors
    /// [`Error::held`] when another run has made this commit or a later one.
    pub async fn commit(&self, next: &mut Manifest, commit_id: String) -> Result<()> {
        let number = next.number + 1;
        let mut committed = Manifest { number, commit_id, ..next.clone() };
        committed.erased_commits.retain(|erased| erased + MANIFESTS_KEPT > number);
        let (path, bytes) = (path_of(number), encode(&committed)?);
        if self.store.create(&path, bytes.clone()).await? == Creation::Exists {
            self.recognise(&path, &bytes).await?;
        }
        *next = committed;
        self.fenced(number).await?;
        if let Err(error) = self.store.overwrite(LATEST, bytes).await {
            // The commit is made all the same; readers who need to be sure list the numbers.
            tracing::warn!(%error, "the pointer to the newest manifest stays behind");
        }
        Ok(())
    }

    /// A create can land and its answer be lost: equal bytes are our own commit.
    async fn recognise(&self, path: &str, bytes: &Bytes) -> Result<()> {
        match self.store.get(path).await? {
            Some(stored) if stored.bytes == *bytes => Ok(()),
            _ => Err(overtaken().at("manifest", path)),
        }
    }

    /// A number above ours means that another run went on from an older view of the chain.
    async fn fenced(&self, number: u64) -> Result<()> {
        let numbers = self.numbers().await?;
        self.trim(&numbers, number).await;
        none_above(&numbers, number)
    }

    /// Whether the commit of this number is the newest one still.
    ///
    /// # Errors
    /// [`Error::held`] when another run has committed since.
    pub async fn check_newest(&self, number: u64) -> Result<()> {
        none_above(&self.numbers().await?, number)
    }

    /// What cannot be deleted is of no use, but does no harm either.
    async fn trim(&self, numbers: &[u64], newest: u64) {
        for number in numbers.iter().filter(|number| **number + MANIFESTS_KEPT <= newest) {
            if let Err(error) = self.store.delete(&path_of(*number)).await {
                tracing::warn!(%error, "an old manifest stays");
                return;
            }
        }
    }
}

/// The number in a manifest's path, if it is one.
pub fn number_of(path: &str) -> Option<u64> {
    let name = path.strip_prefix(FOLDER)?.strip_prefix('/')?.strip_suffix(".json")?;
    let is_number = name.len() == 20 && name.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { name.parse().ok() } else { None }
}

fn path_of(number: u64) -> String {
    format!("{FOLDER}/{number:020}.json")
}

fn encode(manifest: &Manifest) -> Result<Bytes> {
    let text = serde_json::to_vec_pretty(manifest)
        .map_err(|cause| Error::internal("cannot write a manifest").caused_by(cause))?;
    Ok(Bytes::from(text))
}

/// Only the format's version is read first, so that a newer form is told apart from a broken one.
#[derive(serde::Deserialize)]
struct Version {
    format: u32,
}

impl Manifest {
    /// Reads the commit of this number, which stands at `path`.
    ///
    /// # Errors
    /// [`Error::usage`] when it was written by a newer program, [`Error::store`] when it is no manifest, has
    /// another number, or names objects where this program puts none.
    pub fn parse(path: &str, number: u64, bytes: &[u8]) -> Result<Self> {
        let version: Version = serde_json::from_slice(bytes).map_err(|cause| unreadable(path, cause))?;
        if version.format > FORMAT {
            return Err(newer(version.format).at("manifest", path));
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(|cause| unreadable(path, cause))?;
        if manifest.number != number {
            return Err(unreadable(path, "its number is another"));
        }
        match check::flaw(&manifest) {
            None => Ok(manifest),
            Some(flaw) => Err(unreadable(path, flaw)),
        }
    }
}

fn newer(format: u32) -> Error {
    Error::usage(format!(
        "this lake has format {format}, written by a newer drift2parquet; this one knows format {FORMAT}"
    ))
    .hint("update drift2parquet")
}

fn unreadable(path: &str, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::store("the lake's manifest cannot be read")
        .caused_by(cause)
        .at("manifest", path)
        .hint("restore this file from a backup; as long as it is broken nothing is written to the lake")
}

fn none_above(numbers: &[u64], number: u64) -> Result<()> {
    if numbers.last().is_some_and(|last| *last > number) { Err(overtaken()) } else { Ok(()) }
}

fn overtaken() -> Error {
    Error::held("another run has taken over this lake")
        .hint("this run stopped without harm; make sure that only one runs at a time")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::manifest::{RunState, RunStatus};
    use crate::store::Directory;

    fn manifest() -> Manifest {
        let run = RunState {
            id: "r1".into(),
            version: "0".into(),
            started_at: jiff::Timestamp::UNIX_EPOCH,
            ended_at: None,
            status: RunStatus::Running,
        };
        Manifest::empty("lake".into(), run)
    }

    #[tokio::test]
    async fn commits_follow_each_other_and_old_ones_go() {
        let root = tempfile::tempdir().unwrap();
        let store = Directory::new(root.path());
        let log = Log::new(&store);
        let mut state = manifest();
        for commit in 0..=MANIFESTS_KEPT {
            log.commit(&mut state, format!("c{commit}")).await.unwrap();
        }
        assert_eq!(log.newest().await.unwrap().unwrap(), state);
        assert_eq!(log.numbers().await.unwrap().len() as u64, MANIFESTS_KEPT);
    }

    #[tokio::test]
    async fn a_number_that_exists_is_held_unless_it_is_our_own() {
        let root = tempfile::tempdir().unwrap();
        let store = Directory::new(root.path());
        let log = Log::new(&store);
        let (mut ours, mut again, mut theirs) = (manifest(), manifest(), manifest());
        log.commit(&mut ours, "ours".into()).await.unwrap();
        log.commit(&mut again, "ours".into()).await.unwrap();
        let error = log.commit(&mut theirs, "theirs".into()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Held);
    }

    #[tokio::test]
    async fn a_number_that_is_free_again_because_others_went_far_beyond_it_is_held() {
        let root = tempfile::tempdir().unwrap();
        let store = Directory::new(root.path());
        let log = Log::new(&store);
        let mut ours = manifest();
        log.commit(&mut ours, "ours".into()).await.unwrap();
        let mut theirs = ours.clone();
        for commit in 0..MANIFESTS_KEPT + 5 {
            log.commit(&mut theirs, format!("c{commit}")).await.unwrap();
        }
        let error = log.commit(&mut ours, "late".into()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Held);
        assert_eq!(log.newest().await.unwrap().unwrap(), theirs);
    }

    #[tokio::test]
    async fn a_newer_format_is_a_matter_of_updating() {
        let root = tempfile::tempdir().unwrap();
        let store = Directory::new(root.path());
        let text = Bytes::from_static(br#"{"format": 99, "surprise": []}"#);
        store.create(&path_of(1), text).await.unwrap();
        let error = Log::new(&store).newest().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
    }
}
