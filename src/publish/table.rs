//! One table of a publication: what its Delta table lacks is copied, and one commit removes the files that are
//! replaced and adds those that replace them.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::actions::{Action, Add, Format, MetaData, Protocol, Txn};
use super::copies::copy;
use super::log::{Listing, Log};
use super::names::Holds;
use super::retention::{expired, oldest_kept, wants_checkpoint};
use super::schema::{partition_values, schema_string};
use super::state::State;
use super::{Publication, PublishedTable};
use crate::error::{Error, Result};
use crate::lake::partition_of;
use crate::manifest::{ObjectState, TableState};
use crate::schema::{Span, Table};
use crate::store::Creation;

/// Copies at once.
const COPIES: usize = 8;

/// Commits that others may make while this one is tried.
const TRIES: u32 = 20;

/// The oldest of each: every reader of Delta tables can read the table.
const PROTOCOL: Protocol = Protocol { min_reader_version: 1, min_writer_version: 2 };

/// Where the lake's id stands among a table's settings.
const LAKE: &str = "drift2parquet.lake";

/// One table on its way.
pub struct OneTable<'a> {
    publication: &'a Publication<'a>,
    table: &'static Table,
    objects: BTreeMap<Holds, (&'a str, &'a ObjectState)>,
    log: Log<'a>,
    /// The newest version and what lay there, as they were read last; not gone by twice.
    read: Option<(Listing, State)>,
    /// What has been copied, not committed.
    copied: BTreeMap<Holds, Add>,
    told: PublishedTable,
}

impl<'a> OneTable<'a> {
    /// The table as the manifest has it.
    pub fn new(publication: &'a Publication<'a>, table: &'static Table, state: &'a TableState) -> Self {
        let objects = state.objects.iter();
        let objects = objects
            .map(|(path, object)| (Holds::object(partition_of(path), object), (path.as_str(), object)));
        Self {
            publication,
            table,
            objects: objects.collect(),
            log: Log::new(publication.target, table.name),
            read: None,
            copied: BTreeMap::new(),
            told: PublishedTable { table: table.name, ..PublishedTable::default() },
        }
    }

    /// Copies what the newest version lacks; nothing is committed.
    pub async fn prepare(&mut self) -> Result<()> {
        let (listing, state) = self.newest().await?;
        if !self.is_behind(&state) {
            self.copy_missing(&state).await?;
        }
        self.read = Some((listing, state));
        Ok(())
    }

    async fn newest(&self) -> Result<(Listing, State)> {
        let listing = self.log.list().await?;
        let state = self.log.read(&listing).await?;
        self.check(&state)?;
        Ok((listing, state))
    }

    /// Commits, unless the table is as it should be; then deletes what need not be kept.
    pub async fn conclude(mut self) -> Result<PublishedTable> {
        let at = |error: Error| error.at("table", self.table.name);
        let (listing, state) = self.commit().await.map_err(at)?;
        self.told.version = state.version;
        self.tidy(listing, state).await.map_err(at)?;
        Ok(self.told)
    }

    /// The state after the commit, be it this program's own or that of somebody who was faster.
    async fn commit(&mut self) -> Result<(Listing, State)> {
        for _ in 0..TRIES {
            let (mut listing, mut state) = match self.read.take() {
                Some(read) => read,
                None => self.newest().await?,
            };
            if self.is_behind(&state) {
                return Ok((listing, state));
            }
            self.copy_missing(&state).await?;
            let actions = self.actions(&state);
            if actions.is_empty() {
                return Ok((listing, state));
            }
            let version = state.version.map_or(0, |version| version + 1);
            if let Creation::Created(_) = self.log.create(version, &actions).await? {
                self.count(&actions);
                for action in actions {
                    state.apply(action);
                }
                state.version = Some(version);
                listing.commits.insert(version);
                return Ok((listing, state));
            }
            tracing::debug!(table = self.table.name, version, "somebody else committed this version");
        }
        Err(Error::held("others keep committing to the Delta table")
            .hint("make sure that only drift2parquet writes to it, then run again"))
    }

    /// A newer manifest, or this one, has been published already.
    fn is_behind(&self, state: &State) -> bool {
        let told = state.txns.get(&self.app()).map(|txn| txn.version);
        told.is_some_and(|version| version >= self.publication.manifest.number as i64)
    }

    /// Whether the table is one that this program may commit to.
    fn check(&self, state: &State) -> Result<()> {
        let Some(meta_data) = &state.meta_data else { return Ok(()) };
        let lake = meta_data.configuration.get(LAKE);
        if lake != Some(&self.publication.manifest.lake_id) {
            let whose = if lake.is_some() { "of another lake" } else { "that drift2parquet has not made" };
            return Err(Error::usage(format!("there is a Delta table {whose} already"))
                .at("table", self.publication.target.uri(self.table.name))
                .hint("publish to a place of its own; nothing was changed"));
        }
        if state.protocol.as_ref().is_some_and(|protocol| *protocol != PROTOCOL) {
            return Err(Error::usage(
                "another program has upgraded the Delta table, which can no longer be published to",
            )
            .at("table", self.publication.target.uri(self.table.name))
            .hint("publish to a new place; nothing was changed"));
        }
        Ok(())
    }

    fn app(&self) -> String {
        format!("drift2parquet/{}/{}", self.publication.manifest.lake_id, self.table.name)
    }

    async fn copy_missing(&mut self, state: &State) -> Result<()> {
        let live: BTreeSet<Holds> = state.live.keys().filter_map(|path| Holds::at(path)).collect();
        let missing: Vec<&Holds> = self
            .objects
            .keys()
            .filter(|holds| !live.contains(*holds) && !self.copied.contains_key(*holds))
            .collect();
        let copies: Vec<_> = missing.into_iter().map(|holds| self.copy(holds)).collect();
        let adds: Vec<(Holds, Add)> = stream::iter(copies).buffered(COPIES).try_collect().await?;
        self.copied.extend(adds);
        Ok(())
    }

    async fn copy(&self, holds: &Holds) -> Result<(Holds, Add)> {
        let (source, object) = self.objects[holds];
        let path = holds.path(self.publication.now, &self.publication.stamp);
        let stats = copy(self.publication, self.table, source, object, &path).await?;
        let add = Add {
            path,
            partition_values: partition_values(holds.partition.as_deref()),
            size: object.bytes as i64,
            modification_time: self.publication.now.as_millisecond(),
            data_change: true,
            stats: Some(stats),
        };
        Ok((holds.clone(), add))
    }

    /// The commit that makes the table what the manifest says; empty when it is so.
    fn actions(&self, state: &State) -> Vec<Action> {
        let now_ms = self.publication.now.as_millisecond();
        let (mut lacking, mut surplus) = (self.copied.clone(), Vec::new());
        let mut kept = BTreeSet::new();
        for (path, add) in &state.live {
            match Holds::at(path)
                .filter(|holds| self.objects.contains_key(holds) && kept.insert(holds.clone()))
            {
                Some(holds) => drop(lacking.remove(&holds)),
                None => surplus.push(add.removed(now_ms)),
            }
        }
        let meta_data = self.meta_data(state);
        if lacking.is_empty() && surplus.is_empty() && meta_data.is_none() {
            return Vec::new();
        }
        let txn = Txn {
            app_id: self.app(),
            version: self.publication.manifest.number as i64,
            last_updated: Some(now_ms),
        };
        let protocol = state.protocol.is_none().then_some(PROTOCOL).map(Action::from);
        let first = [Some(self.commit_info()), protocol, meta_data.map(Action::from), Some(txn.into())];
        let removes = surplus.into_iter().map(Action::from);
        let adds = lacking.into_values().map(Action::from);
        first.into_iter().flatten().chain(removes).chain(adds).collect()
    }

    fn commit_info(&self) -> Action {
        let Publication { manifest, now, stamp, version, .. } = self.publication;
        let info = json!({
            "timestamp": now.as_millisecond(),
            "operation": "WRITE",
            "operationParameters": {"mode": "Overwrite"},
            "isBlindAppend": false,
            "engineInfo": format!("drift2parquet/{version}"),
            "txnId": stamp,
            "manifest": manifest.number,
        });
        Action { commit_info: Some(info), ..Action::default() }
    }

    /// What the table is, where that is not what its log says.
    fn meta_data(&self, state: &State) -> Option<MetaData> {
        let Publication { manifest, now, .. } = self.publication;
        let span: Span = manifest.span.unwrap_or_default();
        let before = state.meta_data.as_ref();
        let meta_data = MetaData {
            id: before.map_or_else(|| self.table_id(), |before| before.id.clone()),
            name: Some(self.table.name.to_owned()),
            description: Some(self.table.about.to_owned()),
            format: Format { provider: "parquet".to_owned(), options: BTreeMap::new() },
            schema_string: schema_string(self.table, span),
            partition_columns: self.table.partition.column(span).iter().map(ToString::to_string).collect(),
            configuration: before.map_or_else(
                || [(LAKE.to_owned(), manifest.lake_id.clone())].into(),
                |before| before.configuration.clone(),
            ),
            created_time: before.map_or(Some(now.as_millisecond()), |before| before.created_time),
        };
        (before != Some(&meta_data)).then_some(meta_data)
    }

    /// In the form of a UUID, the same for the same lake and table.
    fn table_id(&self) -> String {
        let id = hex::encode(&Sha256::digest(self.app())[..16]);
        [&id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]].join("-")
    }

    fn count(&mut self, actions: &[Action]) {
        let adds: Vec<&Add> = actions.iter().filter_map(|action| action.add.as_ref()).collect();
        self.told.is_new_version = true;
        self.told.added = adds.len() as u64;
        self.told.bytes = adds.iter().map(|add| add.size as u64).sum();
        self.told.removed = actions.iter().filter(|action| action.remove.is_some()).count() as u64;
    }

    /// Deletes files that need not be kept, and only then, since a checkpoint then need not name them, the log.
    async fn tidy(&mut self, mut listing: Listing, mut state: State) -> Result<()> {
        let Publication { target, now, retain, .. } = self.publication;
        for path in expired(&state, &listing, *now, *retain) {
            target.delete(&format!("{}/{path}", self.table.name)).await?;
            state.gone.remove(&path);
            self.told.deleted += 1;
        }
        let there: BTreeSet<&String> = listing.files.iter().collect();
        state.gone.retain(|path, _| there.contains(path));
        if wants_checkpoint(&state, &listing, *retain) {
            self.log.checkpoint(&state).await?;
            listing.checkpoints.extend(state.version);
        }
        match oldest_kept(self.log, &listing, *now, *retain).await? {
            Some(version) => self.log.trim(&listing, version).await,
            None => Ok(()),
        }
    }
}
