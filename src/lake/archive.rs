//! The archive of a lake: segments below `_raw`. A segment is put before what it holds is folded, and named by
//! the next commit. One that no commit names yet was put by a run that died: it is taken up, and its steps are
//! folded by the next run, as if by that one; so the lake and its archive never differ, wherever a run dies.
//!
//! The name says after which commit it was put. One that is not named, and was put after an earlier commit than
//! the newest, is of a run that was overtaken, or was joined into another: it is deleted.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::Lake;
use super::objects::checksum;
use crate::archive::{Head, Input, Segment, SegmentWriter, Step, join};
use crate::cpu;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::ArchiveSegment;
use crate::store::{Opened, Store};

/// Where the segments lie.
pub const RAW: &str = "_raw";

/// A segment is not joined to others beyond this many bytes.
const SEGMENT_BYTES: u64 = 16 << 20;

/// So many small segments may stand side by side.
const SMALL_SEGMENTS_MAX: usize = 32;

/// Opens a segment. Its bytes are compared with its name only by [`read_segment`].
///
/// # Errors
/// [`Error::store`] when it is missing or damaged.
pub async fn open_segment(store: &dyn Store, path: &str) -> Result<Segment> {
    Segment::open(input(store, path).await?).map_err(|error| error.at("segment", path))
}

async fn input(store: &dyn Store, path: &str) -> Result<Input> {
    match store.open(path).await? {
        Some(Opened::File(file, _)) => Ok(file.into()),
        Some(Opened::Bytes(bytes, _)) => Ok(bytes.into()),
        None => Err(missing(path)),
    }
}

/// Opens a segment whose bytes are those that its name tells; where it is a file, they stay there.
///
/// # Errors
/// [`Error::store`] when it is missing, cut off or changed.
pub async fn open_sound_segment(store: &dyn Store, path: &str) -> Result<Segment> {
    let (input, path) = (input(store, path).await?, path.to_owned());
    cpu::run(move || sound(input, &path)).await
}

/// A segment whose bytes are those that its name tells.
///
/// # Errors
/// [`Error::store`] when it is missing, cut off or changed.
pub async fn read_segment(store: &dyn Store, path: &str) -> Result<(Segment, Bytes)> {
    let stored = store.get(path).await?.ok_or_else(|| missing(path))?;
    let (bytes, path) = (stored.bytes, path.to_owned());
    let length = bytes.len() as u64;
    cpu::run_on(length, move || Ok((sound(bytes.clone(), &path)?, bytes))).await
}

/// The segment, if its bytes are those that its name tells.
fn sound(input: impl Into<Input>, path: &str) -> Result<Segment> {
    let (found, segment) = Segment::open_and_sum(input).map_err(|error| error.at("segment", path))?;
    check_name(path, &found)?;
    segment.map_err(|error| error.at("segment", path))
}

fn check_name(path: &str, found: &str) -> Result<()> {
    let is_named = Name::of(path).is_some_and(|name| found == name.sha256);
    if is_named { Ok(()) } else { Err(changed(path)) }
}

/// What the name of a segment tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name<'a> {
    /// The commit it was put after.
    pub after: u64,
    /// Its turn among those.
    pub turn: u64,
    /// SHA-256 of its bytes, in hex.
    pub sha256: &'a str,
}

impl<'a> Name<'a> {
    /// Reads a path such as `_raw/<commit>-<turn>-<sha256>.raw`.
    pub fn of(path: &'a str) -> Option<Self> {
        let mut parts = path.strip_prefix("_raw/")?.strip_suffix(".raw")?.split('-');
        let (after, turn, sha256) = (parts.next()?, parts.next()?, parts.next()?);
        let whole = parts.next().is_none() && sha256.len() == 64;
        let (after, turn) = (after.parse().ok()?, turn.parse().ok()?);
        whole.then_some(Self { after, turn, sha256 })
    }
}

fn path_of(after: u64, turn: u64, sha256: &str) -> String {
    format!("{RAW}/{after:020}-{turn:08}-{sha256}.raw")
}

impl Lake {
    /// From now on everything that is folded is archived.
    ///
    /// # Errors
    /// [`Error::usage`] when the lake holds data that no archive tells of, or leaves columns out or hashes them.
    pub fn begin_archive(&mut self) -> Result<()> {
        if self.manifest.archive.is_none() && self.manifest.objects().next().is_some() {
            return Err(Error::usage(
                "this lake was begun without an archive, which could never be complete now",
            )
            .hint("give a new lake to `sync --raw`"));
        }
        if !self.manifest.masking.is_empty() {
            return Err(Error::usage(
                "columns of this lake are left out or hashed, which stand in raw pages as they came",
            )
            .hint("give a new lake to `sync --raw`, without --exclude-columns and --hash-columns"));
        }
        self.manifest.archive.get_or_insert_default();
        Ok(())
    }

    /// Whether what is folded is to be archived.
    pub fn archives(&self) -> bool {
        self.manifest.archive.is_some()
    }

    /// Puts a step into the archive, before it is folded.
    ///
    /// # Errors
    /// Those of the store; [`Error::held`] when the lake was taken over.
    pub async fn archive(&mut self, step: Step) -> Result<()> {
        if !self.archives() {
            return Ok(());
        }
        let (pages, raw_bytes) = (step.bodies.len() as u64, step.bytes());
        let packed = cpu::run_on(raw_bytes, move || {
            let mut segment = SegmentWriter::new()?;
            segment.push(&step)?;
            let bytes = segment.finish()?;
            let sha256 = checksum(&bytes);
            Ok((bytes, sha256))
        });
        let (bytes, sha256) = self.meanwhile(packed).await?;
        self.check_right_to_put().await?;
        self.turn += 1;
        let path = path_of(self.manifest.number, self.turn, &sha256);
        let named = ArchiveSegment { path, bytes: bytes.len() as u64, pages, raw_bytes };
        self.put_segment(&named.path, bytes.into()).await?;
        self.manifest.archive.get_or_insert_default().segments.push(named);
        Ok(())
    }

    /// Puts a segment under the name that its bytes have; one that is there has the same bytes. The lease is not
    /// renewed meanwhile: a commit between the name, which tells the commit before it, and the put would make it
    /// look like a late one.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn put_segment(&self, path: &str, bytes: Bytes) -> Result<()> {
        self.store.create(path, bytes).await.map(drop)
    }

    /// Takes up what a run that died has put after the newest commit; answers what is to be deleted after the
    /// next one.
    pub(super) async fn adopt_segments(&mut self) -> Result<Vec<String>> {
        let found = self.store.list(RAW).await?;
        let after = self.manifest.number;
        let Some(archive) = &mut self.manifest.archive else { return Ok(Vec::new()) };
        let named: BTreeSet<String> = archive.segments.iter().map(|one| one.path.clone()).collect();
        let (mut stale, mut late) = (Vec::new(), Vec::new());
        for entry in found.into_iter().filter(|entry| !named.contains(&entry.path)) {
            match Name::of(&entry.path) {
                Some(name) if name.after == after => late.push(entry),
                Some(_) => stale.push(entry.path),
                None => {}
            }
        }
        for entry in late {
            self.store.settle(&entry.path).await?;
            match read_segment(self.store.as_ref(), &entry.path).await {
                // A reset that was not committed has not happened.
                Ok((segment, _)) if is_reset(&segment) => stale.push(entry.path),
                Ok((segment, _)) => self.take_up(entry.path, entry.bytes, &segment),
                Err(error) => {
                    tracing::info!(%error, "leaving a segment alone that was never whole");
                    stale.push(entry.path);
                }
            }
        }
        Ok(stale)
    }

    fn take_up(&mut self, path: String, bytes: u64, segment: &Segment) {
        let (pages, raw_bytes) = sums(segment);
        self.turn = self.turn.max(Name::of(&path).map_or(0, |name| name.turn));
        let archive = self.manifest.archive.get_or_insert_default();
        archive.redo.push(path.clone());
        archive.segments.push(ArchiveSegment { path, bytes, pages, raw_bytes });
    }

    /// Deletes segments that no commit names any more.
    pub(super) async fn sweep_segments(&mut self, stale: Vec<String>) -> Result<()> {
        for path in stale {
            self.store.delete(&path).await?;
        }
        Ok(())
    }

    /// The steps that a run which died has archived, and perhaps not folded; they are to be folded now.
    ///
    /// # Errors
    /// Those of the store, and of segments that are damaged.
    pub async fn next_redo(&mut self) -> Result<Option<(String, Segment)>> {
        let archive = self.manifest.archive.as_ref();
        let Some(path) = archive.and_then(|archive| archive.redo.first()).cloned() else { return Ok(None) };
        let segment = open_segment(self.store.as_ref(), &path).await?;
        Ok(Some((path, segment)))
    }

    /// What this segment holds has been folded.
    pub fn redone(&mut self, path: &str) {
        if let Some(archive) = &mut self.manifest.archive {
            archive.redo.retain(|other| other != path);
        }
    }

    /// Joins neighbours that are small, once there are many of them; answers the paths that are to be deleted
    /// after the next commit.
    ///
    /// # Errors
    /// Those of the store, and of segments that are damaged.
    pub async fn join_segments(&mut self) -> Result<Vec<String>> {
        let Some(archive) = self.manifest.archive.clone() else { return Ok(Vec::new()) };
        let small = archive.segments.iter().filter(|one| one.bytes < SEGMENT_BYTES / 2).count();
        if small <= SMALL_SEGMENTS_MAX || !archive.redo.is_empty() {
            return Ok(Vec::new());
        }
        let (mut joined, mut gone) = (Vec::new(), Vec::new());
        for run in runs(archive.segments) {
            if run.len() == 1 {
                joined.extend(run);
                continue;
            }
            match self.join_run(&run).await {
                Ok(one) => {
                    joined.push(one);
                    gone.extend(run.into_iter().map(|one| one.path));
                }
                // The tables do not depend on it; `verify` names what is wrong.
                Err(error) if error.kind() == ErrorKind::Store => {
                    tracing::warn!(%error, "leaving segments of the archive as they are");
                    joined.extend(run);
                }
                Err(error) => return Err(error),
            }
        }
        self.manifest.archive.get_or_insert_default().segments = joined;
        Ok(gone)
    }

    async fn join_run(&mut self, run: &[ArchiveSegment]) -> Result<ArchiveSegment> {
        let mut segments = Vec::new();
        for one in run {
            segments.push(read_segment(self.store.as_ref(), &one.path).await?.0);
        }
        let bytes = run.iter().map(|one| one.bytes).sum();
        let (bytes, sha256) = cpu::run_on(bytes, move || {
            let bytes = join(&segments)?;
            let sha256 = checksum(&bytes);
            Ok((bytes, sha256))
        })
        .await?;
        let first = Name::of(&run[0].path).ok_or_else(|| changed(&run[0].path))?;
        let named = ArchiveSegment {
            path: path_of(first.after, first.turn, &sha256),
            bytes: bytes.len() as u64,
            pages: run.iter().map(|one| one.pages).sum(),
            raw_bytes: run.iter().map(|one| one.raw_bytes).sum(),
        };
        self.put_segment(&named.path, bytes.into()).await?;
        Ok(named)
    }

    /// Puts a segment in place of another, with other steps; the old one is to be deleted after the next commit.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn replace_segment(&mut self, old: &str, steps: Vec<Step>) -> Result<()> {
        let name = Name::of(old).ok_or_else(|| changed(old))?;
        let (pages, raw_bytes) =
            (steps.iter().map(|step| step.bodies.len() as u64).sum(), steps.iter().map(Step::bytes).sum());
        let (bytes, sha256) = cpu::run_on(raw_bytes, move || {
            let mut segment = SegmentWriter::new()?;
            steps.iter().try_for_each(|step| segment.push(step))?;
            let bytes = segment.finish()?;
            let sha256 = checksum(&bytes);
            Ok((bytes, sha256))
        })
        .await?;
        let path = path_of(name.after, name.turn, &sha256);
        let named = ArchiveSegment { path: path.clone(), bytes: bytes.len() as u64, pages, raw_bytes };
        self.put_segment(&path, bytes.into()).await?;
        let archive = self.manifest.archive.get_or_insert_default();
        archive.segments.iter_mut().filter(|one| one.path == old).for_each(|one| *one = named.clone());
        archive.redo.iter_mut().filter(|one| *one == old).for_each(|one| one.clone_from(&path));
        Ok(())
    }
}

fn is_reset(segment: &Segment) -> bool {
    segment.steps().iter().any(|step| matches!(step.head, Head::Reset { .. }))
}

fn sums(segment: &Segment) -> (u64, u64) {
    let steps = segment.steps();
    (
        steps.iter().map(crate::archive::StepAt::pages).sum(),
        steps.iter().map(crate::archive::StepAt::bytes).sum(),
    )
}

/// Neighbours that are joined, each run up to the size of a segment.
fn runs(segments: Vec<ArchiveSegment>) -> Vec<Vec<ArchiveSegment>> {
    let mut runs: Vec<Vec<ArchiveSegment>> = Vec::new();
    let mut bytes = 0;
    for one in segments {
        match runs.last_mut() {
            Some(run) if bytes + one.bytes <= SEGMENT_BYTES => {
                bytes += one.bytes;
                run.push(one);
            }
            _ => {
                bytes = one.bytes;
                runs.push(vec![one]);
            }
        }
    }
    runs
}

fn missing(path: &str) -> Error {
    Error::store("a segment of the archive is missing").at("segment", path).hint(RESTORE)
}

fn changed(path: &str) -> Error {
    let found = "a segment of the archive has other bytes than its name says (SHA-256 differs)";
    Error::store(found).at("segment", path).hint(RESTORE)
}

const RESTORE: &str = "restore it from a backup; the lake itself does not depend on it";
