//! The lake again, from the archive of raw pages, with no API at all: into a new lake, beside the one whose
//! archive it is, which is only read.
//!
//! ```text
//!  indexes of all segments ─► steps, in order ─► those of one walk, by partition ─► build ─► fold ─► commit
//! ```
//!
//! Promises: every data object has the bytes that the live lake has (the same version of the program given);
//! each object is encoded once for every walk that changed it, not once for every page; memory follows the size
//! of a group, not that of the archive.

mod doubles;
mod groups;
mod standing;

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;

use self::groups::{Rebuilding, places};
use super::views;
use super::writer::Writer;
use crate::archive::StepAt;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::lake::{
    self, Lake, Name, RAW, RunId, open_segment, open_sound_segment, partition_of, read_segment, table_of,
};
use crate::manifest::{Archive, ArchiveSegment, Manifest, RunStatus};
use crate::progress::{Phase, Progress};
use crate::report::Report;
use crate::stop::Stop;
use crate::store::{COMMITTED_IS_SAFE, LOCK, Store};

/// What was rebuilt, and how it compares.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Rebuilt {
    /// Segments that were read.
    pub segments: u64,
    /// Pages in them.
    pub pages: u64,
    /// How long these are as they came, in bytes.
    pub raw_bytes: u64,
    /// Data objects of the new lake.
    pub objects: u64,
    /// Rows in them.
    pub rows: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Objects that have the very bytes that the manifest of the old lake names.
    pub identical: u64,
    /// Objects that the old lake names and that came out otherwise, or not at all, or that it does not name.
    pub different: Vec<String>,
    /// The number of the manifest that this ended with.
    pub manifest: u64,
}

/// How a lake is made again.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The limit on memory, in bytes.
    pub memory: u64,
    /// Whether the archive goes with it.
    pub keep_archive: bool,
}

/// Makes the lake of `source` again in `target`, which must be empty. Answers nothing when it was asked to stop; then
/// nothing is left in the target.
///
/// # Errors
/// [`Error::usage`] when the source has no archive or there is something in the target; [`Error::store`] when a segment
/// is missing or damaged, or a key would stand in two objects; those of both stores. Then nothing is left in the target.
pub async fn rebuild(
    source: Arc<dyn Store>,
    target: Arc<dyn Store>,
    run: RunId,
    clock: Clock,
    settings: Settings,
    progress: Arc<Progress>,
    stop: Stop,
) -> Result<Option<Rebuilt>> {
    let before = lake::last_commit(source.as_ref()).await?;
    let archive = archive_of(source.as_ref(), before.as_ref()).await?;
    check_empty(target.as_ref()).await?;
    let making = async {
        let org = before.as_ref().and_then(|manifest| manifest.org.clone());
        let report = Report { run: run.id.clone(), version: run.version.clone(), ..Report::default() };
        let lake_id = before.as_ref().map(|manifest| manifest.lake_id.clone());
        let mut lake = Lake::open_again(target.clone(), run.clone(), org, clock, lake_id).await?;
        lake.limit_memory(settings.memory);
        if let Some(before) = &before {
            lake.manifest.span = before.span;
            lake.manifest.forgotten.clone_from(&before.forgotten);
        }
        let writer = Writer::new(lake, report, progress);
        let making = Making { source: source.clone(), before: before.as_ref(), archive: &archive, settings };
        making.run(writer, &stop).await
    };
    let made = Box::pin(making).await;
    match &made {
        Err(error) if error.kind() == ErrorKind::Held => {}
        Err(_) | Ok(None) => clear(target.as_ref(), &run).await,
        Ok(Some(_)) => {}
    }
    made.map_err(|error| error.hint_instead(COMMITTED_IS_SAFE, NOTHING_IS_KEPT))
}

/// Said of what could not be written: there is nothing that a next run could go on with.
const NOTHING_IS_KEPT: &str = "nothing is kept of what was made so far, and the old lake is as it was";

/// Refuses a place where there is something; a lock that nobody holds is nothing.
async fn check_empty(target: &dyn Store) -> Result<()> {
    let entries = target.list("").await?;
    if entries.iter().all(|entry| entry.path == LOCK) {
        return Ok(());
    }
    Err(Error::usage("there is something already where the lake is to be made again")
        .at("folder", target.uri(""))
        .hint(
            "give an empty place to --into; if an earlier `rebuild` into it was killed, delete what it has left; \
             the old lake is only read",
        ))
}

/// Removes what a run that failed has made, so that the next may make it again there. What resists stays, and is told
/// of by that one.
async fn clear(target: &dyn Store, run: &RunId) {
    let cleared = async {
        let _guard = target.lock().await?;
        if lake::last_commit(target).await?.is_some_and(|newest| newest.run.id != run.id) {
            return Ok(());
        }
        let is_made = |path: &str| {
            table_of(path).is_some() || path == views::PATH || path.starts_with('_') && path != LOCK
        };
        let mut made = target.list("").await?;
        made.retain(|entry| is_made(&entry.path));
        // Who is stopped here leaves a lake that was never finished, not data that nobody knows of.
        made.sort_by_key(|entry| entry.path.starts_with("_manifest/"));
        for entry in made {
            target.delete(&entry.path).await?;
        }
        Ok::<(), Error>(())
    };
    if let Err(error) = cleared.await {
        tracing::warn!(%error, "what was made so far stays");
    }
}

/// What a lake is made from, and how.
struct Making<'a> {
    source: Arc<dyn Store>,
    before: Option<&'a Manifest>,
    archive: &'a Archive,
    settings: Settings,
}

impl Making<'_> {
    /// Makes it in a lake that was just opened and is empty; nothing when it was asked to stop before the last commit.
    async fn run(self, mut writer: Writer, stop: &Stop) -> Result<Option<Rebuilt>> {
        writer.lake.put_ahead();
        let filled = self.fill(&mut writer, stop).await;
        // Whatever was found, nothing is on its way any more when this ends.
        let landed = writer.lake.land().await;
        let kept = filled?;
        landed?;
        if stop.asked().is_some() {
            return Ok(None);
        }
        end(writer, self.before, self.archive, kept).await.map(Some)
    }

    /// Puts all objects, unless it is asked to stop; answers what of the archive went with them.
    async fn fill(&self, writer: &mut Writer, stop: &Stop) -> Result<Option<Archive>> {
        let segments = &self.archive.segments;
        writer.progress.begin(Phase::Fetching, segments.iter().map(|one| one.raw_bytes).sum());
        let mut rebuilding =
            Rebuilding::new(self.source.clone(), segments, self.settings.memory, stop.clone());
        let mut steps = Vec::new();
        let mut kept = Archive::default();
        let opened = stream::iter(segments).map(|one| open_sound_segment(self.source.as_ref(), &one.path));
        // While one is looked through, the next is read; three at once took some 90 MB more memory for 5 GB of pages.
        let mut opened = pin!(opened.buffered(2));
        for (number, one) in (0..).zip(segments) {
            let Some(segment) = opened.try_next().await? else { break };
            steps.extend(places(number, &segment));
            rebuilding.keep(number, Arc::new(segment));
            if self.settings.keep_archive {
                let (_, bytes) = read_segment(self.source.as_ref(), &one.path).await?;
                writer.lake.put_segment(&one.path, bytes).await?;
            }
            kept.segments.push(one.clone());
            if stop.asked().is_some() {
                return Ok(None);
            }
        }
        rebuilding.run(writer, steps).await?;
        let divided = rebuilding.is_divided();
        drop(rebuilding);
        if stop.asked().is_none() {
            put_emptied(writer, self.before).await?;
            doubles::check(&mut writer.lake, divided).await?;
            views::put(writer).await?;
        }
        Ok(self.settings.keep_archive.then_some(kept))
    }
}

/// Objects whose last row was forgotten stay, without rows; nothing in the archive tells of them.
async fn put_emptied(writer: &mut Writer, before: Option<&Manifest>) -> Result<()> {
    let emptied = before.iter().flat_map(|before| before.objects()).filter(|(_, _, object)| object.rows == 0);
    for (_, path, _) in emptied {
        let Some(table) =
            table_of(path).filter(|table| !writer.lake.paths(table).iter().any(|one| one == path))
        else {
            continue;
        };
        writer.lake.put_empty(table, partition_of(path).as_deref()).await?;
    }
    Ok(())
}

/// The archive that the manifest names; where the manifest is lost, what lies there.
async fn archive_of(store: &dyn Store, manifest: Option<&Manifest>) -> Result<Archive> {
    if let Some(archive) = manifest.and_then(|manifest| manifest.archive.clone()) {
        return Ok(archive);
    }
    let mut archive = Archive::default();
    let found = if manifest.is_none() { store.list(RAW).await? } else { Vec::new() };
    for entry in found.into_iter().filter(|entry| Name::of(&entry.path).is_some()) {
        let segment = open_segment(store, &entry.path).await?;
        let pages = segment.steps().iter().map(StepAt::pages).sum();
        let raw_bytes = segment.steps().iter().map(StepAt::bytes).sum();
        archive.segments.push(ArchiveSegment { path: entry.path, bytes: entry.bytes, pages, raw_bytes });
    }
    if archive.segments.is_empty() {
        return Err(Error::usage("there is no archive of raw pages in this lake")
            .at("folder", store.uri(RAW))
            .hint("only a lake that was begun with `sync --raw` can be made again without Drift"));
    }
    Ok(archive)
}

/// The last commit: the state of the old lake, where it is known, and the objects of the new one.
async fn end(
    writer: Writer,
    before: Option<&Manifest>,
    archive: &Archive,
    kept: Option<Archive>,
) -> Result<Rebuilt> {
    let mut lake = writer.lake;
    lake.manifest.archive = kept;
    if let Some(before) = before {
        take_state(&mut lake.manifest, before);
    }
    lake.end(before.map_or(RunStatus::Stopped, |before| match before.run.status {
        RunStatus::Running => RunStatus::Stopped,
        ended => ended,
    }))
    .await?;
    Ok(told(&lake, before, archive))
}

/// What only the old manifest knows: how far each table was read. A walk in progress is not taken along.
fn take_state(manifest: &mut Manifest, before: &Manifest) {
    manifest.since = before.since;
    manifest.last_complete.clone_from(&before.last_complete);
    manifest.last_full_walk.clone_from(&before.last_full_walk);
    manifest.first_load_ended = before.first_load_ended;
    manifest.pending.clone_from(&before.pending);
    for (name, state) in &before.tables {
        let rebuilt = manifest.tables.entry(name.clone()).or_default();
        rebuilt.bookmark = state.bookmark;
        rebuilt.synced_at = state.synced_at;
        rebuilt.missing = state.missing;
        rebuilt.reset = state.reset;
        rebuilt.inputs.clone_from(&state.inputs);
        rebuilt.key.clone_from(&state.key);
        if rebuilt.schema.is_empty() {
            rebuilt.schema.clone_from(&state.schema);
        }
    }
}

fn told(lake: &Lake, before: Option<&Manifest>, archive: &Archive) -> Rebuilt {
    let now: BTreeMap<&str, &str> =
        lake.manifest.objects().map(|(_, path, object)| (path, object.sha256.as_str())).collect();
    let old: BTreeMap<&str, &str> = before
        .iter()
        .flat_map(|old| old.objects())
        .map(|(_, path, object)| (path, object.sha256.as_str()))
        .collect();
    let paths: BTreeSet<&str> =
        if before.is_some() { now.keys().chain(old.keys()).copied().collect() } else { BTreeSet::new() };
    let (same, different): (Vec<&str>, Vec<&str>) =
        paths.into_iter().partition(|path| now.get(path) == old.get(path));
    Rebuilt {
        segments: archive.segments.len() as u64,
        pages: archive.segments.iter().map(|one| one.pages).sum(),
        raw_bytes: archive.segments.iter().map(|one| one.raw_bytes).sum(),
        objects: now.len() as u64,
        rows: lake.manifest.tables.values().map(|table| table.rows).sum(),
        bytes: lake.manifest.objects().map(|(_, _, object)| object.bytes).sum(),
        identical: same.len() as u64,
        different: different.into_iter().map(ToOwned::to_owned).collect(),
        manifest: lake.manifest.number,
    }
}
