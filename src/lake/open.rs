//! Opening a lake: is it ours to write, is it the right account, what did earlier runs leave.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::Instant;

use super::Lake;
use super::adopt::table_of;
use super::archive::Name;
use super::lease::check_lease;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::manifest::{Log, Manifest, RunState, RunStatus};
use crate::store::Store;

/// Who opens a lake.
#[derive(Debug, Clone)]
pub struct RunId {
    /// The run's id, fresh for each run.
    pub id: String,
    /// The version of the program.
    pub version: String,
    /// Where names that must be fresh come from.
    pub seed: u64,
}

/// The newest commit of a lake, for those who only read; nothing is written, and no right is needed.
///
/// # Errors
/// [`Error::store`] when data lies there, but no manifest; [`Error::usage`] when a newer program wrote it.
pub async fn newest(store: &dyn Store) -> Result<Option<Manifest>> {
    match last_commit(store).await? {
        None => check_manifests(store).await.map(|()| None),
        newest => Ok(newest),
    }
}

/// The same where manifests may be lost, which is for others to judge.
pub async fn last_commit(store: &dyn Store) -> Result<Option<Manifest>> {
    Log::new(store).newest().await
}

/// The newest commit of a lake that must be there.
///
/// # Errors
/// [`Error::usage`] when there is none.
pub async fn existing(store: &dyn Store) -> Result<Manifest> {
    newest(store).await?.ok_or_else(|| {
        Error::usage(format!("there is no lake at `{}`", store.uri("")))
            .hint("give the directory of an earlier `drift2parquet sync` to --lake")
    })
}

impl Lake {
    /// Opens the lake for writing on behalf of the account `org`, takes the lease and adopts what a run
    /// that was killed has left. An unknown `org` fits every lake.
    ///
    /// # Errors
    /// [`Error::usage`] for a lake of another account or a newer format, [`Error::held`] when another run
    /// holds it, [`Error::store`] when it cannot be used.
    pub async fn open(
        store: Arc<dyn Store>,
        run: RunId,
        org: Option<String>,
        clock: Clock,
        takeover: bool,
    ) -> Result<Self> {
        Self::open_for(store, run, org, clock, takeover, |_| Ok(())).await.map(|(lake, ())| lake)
    }

    /// The same for a run that must fit the lake: `agree` sees what is there, may change the manifest before the first
    /// commit, and may refuse; then nothing was changed.
    ///
    /// # Errors
    /// As [`Lake::open`], and those of `agree`.
    pub async fn open_for<T>(
        store: Arc<dyn Store>,
        run: RunId,
        org: Option<String>,
        clock: Clock,
        takeover: bool,
        agree: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<(Self, T)> {
        let mut lake = Self::hold(store, run, org, clock, takeover).await?;
        let agreed = lake.begin(agree).await?;
        Ok((lake, agreed))
    }

    /// Opens a place where there is no lake yet, for one that bears this id from its first commit on.
    ///
    /// # Errors
    /// As [`Lake::open`].
    pub async fn open_again(
        store: Arc<dyn Store>,
        run: RunId,
        org: Option<String>,
        clock: Clock,
        lake_id: Option<String>,
    ) -> Result<Self> {
        let mut lake = Self::hold(store, run, org, clock, false).await?;
        if let Some(lake_id) = lake_id {
            lake.manifest.lake_id = lake_id;
        }
        lake.begin(|_| Ok(())).await?;
        Ok(lake)
    }

    /// The right to write, where nobody else has it; nothing is written yet.
    async fn hold(
        store: Arc<dyn Store>,
        run: RunId,
        org: Option<String>,
        clock: Clock,
        takeover: bool,
    ) -> Result<Self> {
        check_account(newest(store.as_ref()).await?.as_ref(), org.as_deref())?;
        let guard = store.lock().await?;
        let before = newest(store.as_ref()).await?;
        check_account(before.as_ref(), org.as_deref())?;
        let mut ids = fastrand::Rng::with_seed(run.seed);
        let lake_id = format!("{:016x}{:016x}", ids.u64(..), ids.u64(..));
        let manifest = before.unwrap_or_else(|| Manifest::empty(lake_id, run_state(&run, clock.now())));
        check_lease(&manifest, clock.now(), takeover || guard.is_some())?;
        let mut lake = Self {
            manifest,
            store,
            clock,
            run,
            ids,
            committed: Instant::now(),
            puts: std::collections::BTreeMap::new(),
            object_bytes_max: u64::MAX,
            guard: guard.map(Arc::from),
            puts_ahead: false,
            on_their_way: super::ahead::Puts::default(),
            untold: false,
            tolerant: false,
            turn: 0,
        };
        lake.manifest.org = org.or(lake.manifest.org.take());
        Ok(lake)
    }

    /// Opens a lake that must be there already, whosever account it is, for work that asks Drift nothing; and
    /// answers how the run before had ended, as far as anyone has heard.
    ///
    /// # Errors
    /// As [`Lake::open`], and [`Error::usage`] when there is no lake.
    pub async fn open_existing(store: Arc<dyn Store>, run: RunId, clock: Clock) -> Result<(Self, RunStatus)> {
        Self::open_prepared(store, run, clock, async |_| Ok(())).await
    }

    /// The same, with a change of the manifest that stands in the first commit already, and that is made before
    /// the objects are compared with it: so objects may be dropped whatever they are like, or missing.
    ///
    /// # Errors
    /// As [`Lake::open_existing`], and those of `prepare`.
    pub async fn open_prepared(
        store: Arc<dyn Store>,
        run: RunId,
        clock: Clock,
        prepare: impl AsyncFnOnce(&mut Self) -> Result<()>,
    ) -> Result<(Self, RunStatus)> {
        let (mut lake, ended) = Self::hold_existing(store, run, clock).await?;
        prepare(&mut lake).await?;
        lake.begin(|_| Ok(())).await?;
        Ok((lake, ended))
    }

    async fn hold_existing(store: Arc<dyn Store>, run: RunId, clock: Clock) -> Result<(Self, RunStatus)> {
        let before = existing(store.as_ref()).await?;
        let ended = match before.run.status {
            RunStatus::Running => RunStatus::Stopped,
            ended => ended,
        };
        Ok((Self::hold(store, run, None, clock, false).await?, ended))
    }

    /// Nothing is deleted before the first commit, which proves that the lake is this run's.
    async fn begin<T>(&mut self, agree: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.manifest.lease.is_some() {
            self.manifest.epoch += 1;
        }
        self.untold = self.manifest.run.status != RunStatus::Incomplete && !self.manifest.doubted.is_empty();
        self.adopt().await?;
        let stale = self.adopt_segments().await?;
        let agreed = agree(self)?;
        self.manifest.run = run_state(&self.run, self.clock.now());
        self.commit().await?;
        self.sweep_segments(stale).await?;
        self.finish_dropping().await?;
        Ok(agreed)
    }
}

/// Refuses a place where data lies but no manifest: whose data that is, how far it was read and who was forgotten,
/// nobody knows any more. Pages of an archive would be folded, or deleted, as if a run of this lake had left them. The
/// first commit of a lake is made before its first object is put, so no run that died leaves such a place.
async fn check_manifests(store: &dyn Store) -> Result<()> {
    let entries = store.list("").await?;
    match entries.iter().find(|entry| is_data(&entry.path)) {
        // Else another run has begun the lake since they were looked for, and the lease decides.
        Some(found) if Log::new(store).numbers().await?.is_empty() => {
            Err(without_manifests(store, &found.path))
        }
        _ => Ok(()),
    }
}

/// Whether a path is that of a data object, or of a segment of the archive.
pub fn is_data(path: &str) -> bool {
    table_of(path).is_some() || Name::of(path).is_some()
}

fn without_manifests(store: &dyn Store, object: &str) -> Error {
    Error::store(LOST).at("object", object).at("lake", store.uri("")).hint(BRING_BACK)
}

/// What is found where data lies without manifests.
pub const LOST: &str = "there is data here, but the manifests that tell of it are lost";

/// What helps then.
pub const BRING_BACK: &str = "restore `_manifest` from a backup; if the lake kept its raw pages, `rebuild` makes it again from `_raw`, in \
     another place; or move everything here away, `_raw` too, and `sync` reads all from Drift";

fn run_state(run: &RunId, now: Timestamp) -> RunState {
    RunState {
        id: run.id.clone(),
        version: run.version.clone(),
        started_at: now,
        ended_at: None,
        status: RunStatus::Running,
    }
}

/// Whether the account `org` is the one whose lake this is; what is not known fits everything.
///
/// # Errors
/// [`Error::usage`] when it is another one.
pub fn check_account(manifest: Option<&Manifest>, org: Option<&str>) -> Result<()> {
    let stored = manifest.and_then(|manifest| manifest.org.as_deref());
    match (stored, org) {
        (Some(stored), Some(org)) if stored != org => Err(Error::usage(format!(
            "this lake belongs to Drift organization {stored}, but the token belongs to organization {org}"
        ))
        .hint("give each account a lake of its own, or use the token of the other account")),
        _ => Ok(()),
    }
}
