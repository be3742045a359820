//! The log of one Delta table: `<table>/_delta_log/<version>.json`. A version is committed by creating its file
//! if it is absent, as the lake's own manifests are.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::json;

use super::actions::Action;
use super::checkpoint;
use super::state::State;
use crate::error::{Error, Result};
use crate::store::{Creation, Store};

/// The log of one table, in the store of the publication.
#[derive(Debug, Clone, Copy)]
pub struct Log<'a> {
    store: &'a dyn Store,
    table: &'static str,
}

/// What lies in the folder of a table.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// Versions whose commit is there.
    pub commits: BTreeSet<u64>,
    /// Versions of which there is a checkpoint.
    pub checkpoints: BTreeSet<u64>,
    /// Everything outside of the log, by its path in the table.
    pub files: Vec<String>,
}

impl<'a> Log<'a> {
    /// The log of this table.
    pub fn new(store: &'a dyn Store, table: &'static str) -> Self {
        Self { store, table }
    }

    /// Everything in the folder of the table.
    pub async fn list(&self) -> Result<Listing> {
        let mut listing = Listing::default();
        for entry in self.store.list(self.table).await? {
            let Some(path) = entry.path.strip_prefix(self.table).and_then(|path| path.strip_prefix('/'))
            else {
                continue;
            };
            match path.strip_prefix("_delta_log/") {
                Some(name) => listing.note(name),
                None => listing.files.push(path.to_owned()),
            }
        }
        Ok(listing)
    }

    /// The newest version: the newest checkpoint and the commits after it.
    ///
    /// # Errors
    /// [`Error::store`] when a commit is missing, or something cannot be read.
    pub async fn read(&self, listing: &Listing) -> Result<State> {
        let mut state = State::default();
        if let Some(version) = listing.checkpoints.last() {
            let name = checkpoint_name(*version);
            let actions = checkpoint::decode(self.get(&name).await?);
            for action in actions.map_err(|error| error.at("checkpoint", self.uri(&name)))? {
                state.apply(action);
            }
            state.version = Some(*version);
        }
        let next = state.version.map_or(0, |version| version + 1);
        for (expected, version) in (next..).zip(listing.commits.range(next..)) {
            if expected != *version {
                return Err(missing().at("object", self.uri(&commit_name(expected))));
            }
            for action in self.commit(*version).await? {
                state.apply(action);
            }
            state.version = Some(*version);
        }
        Ok(state)
    }

    /// The actions of one version.
    pub async fn commit(&self, version: u64) -> Result<Vec<Action>> {
        let name = commit_name(version);
        let bytes = self.get(&name).await?;
        serde_json::Deserializer::from_slice(&bytes).into_iter().collect::<Result<_, _>>().map_err(|cause| {
            Error::store("a commit of the Delta table cannot be read")
                .caused_by(cause)
                .at("object", self.uri(&name))
        })
    }

    /// Commits this version, unless somebody else has: then nothing is done.
    pub async fn create(&self, version: u64, actions: &[Action]) -> Result<Creation> {
        let lines = actions.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>();
        let lines = lines.map_err(|cause| Error::internal("cannot write a commit").caused_by(cause))?;
        self.store.create(&self.path(&commit_name(version)), Bytes::from(lines.join("\n") + "\n")).await
    }

    /// Writes a checkpoint of this state, and tells readers of it.
    pub async fn checkpoint(&self, state: &State) -> Result<()> {
        let Some(version) = state.version else { return Ok(()) };
        let actions = state.actions();
        let hint = json!({"version": version, "size": actions.len()}).to_string();
        self.store.create(&self.path(&checkpoint_name(version)), checkpoint::encode(&actions)?).await?;
        self.store.overwrite(&self.path("_last_checkpoint"), Bytes::from(hint)).await
    }

    /// Deletes what is older than this version's checkpoint.
    pub async fn trim(&self, listing: &Listing, version: u64) -> Result<()> {
        for old in listing.commits.range(..version) {
            self.store.delete(&self.path(&commit_name(*old))).await?;
        }
        for old in listing.checkpoints.range(..version) {
            self.store.delete(&self.path(&checkpoint_name(*old))).await?;
        }
        Ok(())
    }

    async fn get(&self, name: &str) -> Result<Bytes> {
        let found = self.store.get(&self.path(name)).await?;
        found.map(|stored| stored.bytes).ok_or_else(|| missing().at("object", self.uri(name)))
    }

    fn path(&self, name: &str) -> String {
        format!("{}/_delta_log/{name}", self.table)
    }

    fn uri(&self, name: &str) -> String {
        self.store.uri(&self.path(name))
    }
}

impl Listing {
    fn note(&mut self, name: &str) {
        if let Some(version) = name.strip_suffix(".checkpoint.parquet").and_then(version) {
            self.checkpoints.insert(version);
        } else if let Some(version) = name.strip_suffix(".json").and_then(version) {
            self.commits.insert(version);
        }
    }
}

fn version(text: &str) -> Option<u64> {
    let is_number = text.len() == 20 && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

fn commit_name(version: u64) -> String {
    format!("{version:020}.json")
}

fn checkpoint_name(version: u64) -> String {
    format!("{version:020}.checkpoint.parquet")
}

fn missing() -> Error {
    Error::store("the log of the Delta table has a gap, or is changed by somebody else right now")
        .hint("run again; if it stays so, publish to a new place")
}
