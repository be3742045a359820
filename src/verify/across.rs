//! What holds between objects: over one table each key stands once, and a row that belongs to a
//! conversation stands in its partition.
//!
//! Keys are held in passes, each over a part of the keys, so that one pass holds some [`KEYS_A_PASS`] keys of
//! a table and as many of its parents: at most 128 MiB. Each pass reads the key columns again. Buckets and
//! whole tables need no pass, since each of their rows was checked to be in its one place.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};

use crate::cpu;
use crate::data_file::Reader;
use crate::error::Result;
use crate::lake::{open_object, partition_of};
use crate::manifest::Manifest;
use crate::schema::{Partition, Table};
use crate::store::Store;
use crate::tables;

use super::doubles::{Doubles, Place};
use super::object::Judged;
use super::verdict::{Finding, Verdict, Verification};

/// Keys that are held at a time.
pub(super) const KEYS_A_PASS: u64 = 2 << 20;

/// The column that names the conversation a row belongs to.
const PARENT: &str = "conversation_id";
const ORPHANS: &str =
    "run `sync --full`; if it stays, restore the objects of this partition from a backup of one moment";
const GO_ON: &str = "run `sync`, which fetches these conversations";

/// Which keys a pass looks at.
#[derive(Debug, Clone, Copy)]
struct Pass {
    residue: u64,
    of: u64,
}

impl Pass {
    /// Keys are mixed first, since ids may well come in steps.
    fn takes(self, key: i64) -> bool {
        let mixed = (key as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        mixed % self.of == self.residue
    }
}

/// A row that other rows belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Parent {
    id: i64,
    object: u32,
    deleted: bool,
}

/// How rows of one object stand to their parents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kinship {
    /// No parent, though the walk that read them has ended.
    Orphan,
    /// No parent yet: read by a walk that has not ended.
    Early,
    /// The parent stands in this other object.
    Parted(u32),
    /// The parent is deleted, they are not.
    Bereft,
}

/// Rows by their object and kinship: how many, and the first one's parent.
type Found = BTreeMap<(u32, Kinship), (u64, i64)>;

/// When a walk read a conversation that it then lost, that is a fault; before its end it is not.
struct Ended {
    synced_us: Option<i64>,
    /// Conversations were reset and not walked since: that they are not there says nothing.
    reset: bool,
    pending: BTreeSet<i64>,
}

/// Checks all tables whose rows have a conversation's partition.
pub(super) async fn check(
    store: &dyn Store,
    manifest: &Manifest,
    judged: &[Judged],
    keys_a_pass: u64,
    found: &mut Verification,
) -> Result<()> {
    let across = Across { store, judged, ended: Arc::new(Ended::of(manifest)) };
    let is_shared =
        |table: &&&Table| matches!(table.partition, Partition::Time(_) | Partition::OfConversation);
    let most = tables::ALL.iter().filter(is_shared).map(|table| across.rows(table)).max().unwrap_or(0);
    let of = most / keys_a_pass + 1;
    let (mut kin, mut doubles) = (Found::new(), Doubles::default());
    for residue in 0..of {
        across.pass(Pass { residue, of }, &mut kin, &mut doubles).await?;
    }
    doubles.tell(judged, manifest.doubted.is_empty(), found);
    let clean = manifest.run.status.ended_cleanly() && manifest.walk.is_none() && manifest.doubted.is_empty();
    for ((object, kinship), (count, first)) in kin {
        // What a run that died has put is gone over by the next run that reads its table, not by every run.
        let clean = clean && !manifest.adopted.contains(&judged[object as usize].verdict.path);
        across.tell(object, kinship, count, first, clean, found);
    }
    Ok(())
}

struct Across<'a> {
    store: &'a dyn Store,
    judged: &'a [Judged],
    ended: Arc<Ended>,
}

impl Across<'_> {
    fn rows(&self, table: &Table) -> u64 {
        let own = self.judged.iter().filter(|judged| judged.table.name == table.name);
        own.map(|judged| judged.verdict.rows).sum()
    }

    async fn pass(&self, pass: Pass, kin: &mut Found, doubles: &mut Doubles) -> Result<()> {
        let is_parent = |table: &&&Table| matches!(table.partition, Partition::Time(_));
        for parent in tables::ALL.iter().copied().filter(|table| is_parent(&table)) {
            let parents = Arc::new(self.parents(parent, pass).await?);
            doubles.note(parent, parents.iter().map(|parent| (parent.id, 0, parent.object)).collect());
            let children = tables::ALL.iter().copied();
            for child in children.filter(|table| table.partition == Partition::OfConversation) {
                let places = self.children(parent, child, pass, &parents, kin).await?;
                doubles.note(child, places);
            }
        }
        Ok(())
    }

    /// The readable objects of a table, opened once more one after the other.
    async fn open(&self, object: usize, table: &'static Table) -> Result<Option<Reader>> {
        let judged = &self.judged[object];
        if judged.table.name != table.name || !judged.readable {
            return Ok(None);
        }
        let opened = open_object(self.store, table, &judged.verdict.path).await?;
        Ok(opened.map(|(object, _)| object))
    }

    async fn parents(&self, table: &'static Table, pass: Pass) -> Result<Vec<Parent>> {
        let mut parents = Vec::new();
        for object in 0..self.judged.len() {
            if let Some(reader) = self.open(object, table).await? {
                parents.extend(
                    cpu::run_on(reader.bytes(), move || read_parents(table, &reader, object as u32, pass))
                        .await?,
                );
            }
        }
        parents.sort_unstable();
        Ok(parents)
    }

    async fn children(
        &self,
        parent: &'static Table,
        table: &'static Table,
        pass: Pass,
        parents: &Arc<Vec<Parent>>,
        kin: &mut Found,
    ) -> Result<Vec<Place>> {
        let mut places = Vec::new();
        for object in 0..self.judged.len() {
            let Some(reader) = self.open(object, table).await? else { continue };
            let home = self.home(parent, object);
            let mut scan = Scan {
                table,
                object: object as u32,
                home,
                pass,
                parents: parents.clone(),
                ended: self.ended.clone(),
                places: Vec::new(),
                found: Found::new(),
            };
            let scan = cpu::run_on(reader.bytes(), move || scan.read(&reader).map(|()| scan)).await?;
            places.extend(scan.places);
            for (key, (count, first)) in scan.found {
                kin.entry(key).or_insert((0, first)).0 += count;
            }
        }
        Ok(places)
    }

    /// The object of `parent` in the partition of this object.
    fn home(&self, parent: &Table, object: usize) -> Option<u32> {
        let partition = partition_of(&self.judged[object].verdict.path);
        let path = parent.object_path(partition.as_deref());
        self.judged.iter().position(|judged| judged.verdict.path == path).map(|home| home as u32)
    }

    fn verdict(&self, object: u32) -> Verdict {
        self.judged[object as usize].verdict.verdict
    }

    fn tell(
        &self,
        object: u32,
        kinship: Kinship,
        count: u64,
        first: i64,
        clean: bool,
        found: &mut Verification,
    ) {
        let path = self.judged[object as usize].verdict.path.as_str();
        let parent = tables::ALL.iter().find(|table| matches!(table.partition, Partition::Time(_)));
        let home = parent.and_then(|parent| self.home(parent, object as usize));
        let other = if let Kinship::Parted(other) = kinship { Some(other) } else { home };
        let worst = self.verdict(object).max(other.map_or(Verdict::Proven, |other| self.verdict(other)));
        let what = kinship.say(count, first, |object| &self.judged[object as usize].verdict.path);
        match (kinship, worst) {
            (Kinship::Bereft, _) => found.notes.push(format!("{path}: {what}")),
            _ if self.ended.reset => {
                found
                    .notes
                    .push(format!("{path}: {what}; conversations were reset, and `sync` reads them again"));
            }
            (_, Verdict::Broken) => {
                found.notes.push(format!("{path}: {what}; this may follow from the objects that are broken"));
            }
            (Kinship::Orphan | Kinship::Parted(_), Verdict::Proven) if clean => {
                found.findings.push(Finding::broken(path, what, ORPHANS));
            }
            _ => found.findings.push(Finding::unfinished(path, what, GO_ON)),
        }
    }
}

impl Kinship {
    fn say<'a>(self, count: u64, first: i64, path: impl Fn(u32) -> &'a String) -> String {
        match self {
            Self::Orphan => {
                format!(
                    "rows belong to conversations that are not in the lake: {count} in all, the first to {first}"
                )
            }
            Self::Early => format!(
                "rows belong to conversations that a walk had not yet stored when it was ended: {count} in all, the first to {first}"
            ),
            Self::Parted(other) => format!(
                "rows belong to conversations of another partition, in {}: {count} in all, the first to {first}",
                path(other)
            ),
            Self::Bereft => {
                format!(
                    "rows are live, though their conversation is deleted: {count} in all, the first of {first}"
                )
            }
        }
    }
}

impl Ended {
    fn of(manifest: &Manifest) -> Self {
        let parent = tables::ALL.iter().find(|table| matches!(table.partition, Partition::Time(_)));
        let name = parent.map_or("", |table| table.name);
        let synced = manifest.tables.get(name).and_then(|state| state.synced_at);
        let pending = manifest.pending.iter().filter(|pending| pending.table == name);
        Self {
            reset: manifest.tables.get(name).is_some_and(|state| state.reset.is_some()),
            synced_us: synced.map(jiff::Timestamp::as_microsecond),
            pending: pending.filter_map(|pending| pending.key.parse().ok()).collect(),
        }
    }

    fn orphan(&self, parent: i64, row_synced_us: i64) -> Kinship {
        let ended = self.synced_us.is_some_and(|synced| row_synced_us <= synced);
        if ended && !self.pending.contains(&parent) { Kinship::Orphan } else { Kinship::Early }
    }
}

fn read_parents(table: &Table, reader: &Reader, object: u32, pass: Pass) -> Result<Vec<Parent>> {
    let mut parents = Vec::new();
    for batch in reader.columns(&[table.key[0], "_deleted_at"])? {
        let batch = batch?;
        let ids = batch.column(0).as_primitive::<Int64Type>();
        let rows = (0..batch.num_rows()).filter(|row| pass.takes(ids.value(*row)));
        parents.extend(rows.map(|row| Parent {
            id: ids.value(row),
            object,
            deleted: batch.column(1).is_valid(row),
        }));
    }
    Ok(parents)
}

/// One object of a child table in one pass.
struct Scan {
    table: &'static Table,
    object: u32,
    home: Option<u32>,
    pass: Pass,
    parents: Arc<Vec<Parent>>,
    ended: Arc<Ended>,
    places: Vec<Place>,
    found: Found,
}

impl Scan {
    fn read(&mut self, reader: &Reader) -> Result<()> {
        for batch in reader.columns(&[self.table.key[0], PARENT, "_synced_at", "_deleted_at"])? {
            self.step(&batch?);
        }
        Ok(())
    }

    fn step(&mut self, batch: &RecordBatch) {
        let ids = batch.column(0).as_primitive::<Int64Type>();
        let owners = batch.column(1).as_primitive::<Int64Type>();
        let synced = batch.column(2).as_primitive::<TimestampMicrosecondType>();
        for row in 0..batch.num_rows() {
            let (id, owner) = (ids.value(row), owners.value(row));
            if self.pass.takes(id) {
                self.places.push((id, owner, self.object));
            }
            if self.pass.takes(owner) && owners.is_valid(row) {
                let kinship = self.kinship(owner, synced.value(row), batch.column(3).is_valid(row));
                if let Some(kinship) = kinship {
                    self.found.entry((self.object, kinship)).or_insert((0, owner)).0 += 1;
                }
            }
        }
    }

    fn kinship(&self, owner: i64, synced_us: i64, deleted: bool) -> Option<Kinship> {
        let start = self.parents.partition_point(|parent| parent.id < owner);
        let parents = self.parents[start..].iter().take_while(|parent| parent.id == owner);
        let Some(parent) = parents.clone().find(|parent| Some(parent.object) == self.home) else {
            let elsewhere = parents.clone().next();
            return Some(elsewhere.map_or_else(
                || self.ended.orphan(owner, synced_us),
                |parent| Kinship::Parted(parent.object),
            ));
        };
        (parent.deleted && !deleted).then_some(Kinship::Bereft)
    }
}
