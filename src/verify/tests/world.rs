//! A small lake in a directory of its own, and hands that may do anything to it.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, TimestampMicrosecondArray};
use bytes::Bytes;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::clock::Clock;
use crate::data_file::samples::{Sample, batch};
use crate::data_file::{Encoder, open};
use crate::lake::{Change, Lake, RunId, table_of};
use crate::manifest::{Manifest, ObjectState, RunStatus, TodoChunk, WalkState};
use crate::progress::Progress;
use crate::schema::{Span, Table};
use crate::store::Directory;
use crate::tables::{self, CAMPAIGN_MEMBERS, CONVERSATION_LIST, CONVERSATIONS, MESSAGES};
use crate::verify::{Verification, verify_by};

pub(super) const JANUARY: &str = "month=2025-01";
pub(super) const FEBRUARY: &str = "month=2025-02";
/// 2025-01-10 and 2025-02-10.
const BEGAN_US: [(&str, i64); 2] = [(JANUARY, 1_736_467_200_000_000), (FEBRUARY, 1_739_145_600_000_000)];
/// When the rows of the healthy lake were read.
pub(super) const SYNCED_US: i64 = 1_740_000_000_000_000;

/// A lake and where it lies.
#[derive(Debug)]
pub(super) struct World {
    root: tempfile::TempDir,
}

impl World {
    /// A lake with rows in all kinds of tables, whose last run ended well: 20 conversations a month, three
    /// messages each.
    pub(super) async fn healthy() -> Self {
        let world = Self { root: tempfile::tempdir().unwrap() };
        let mut lake = world.open("r1").await;
        lake.manifest.span = Some(Span::Month);
        for (month, (partition, _)) in (0..).zip(BEGAN_US) {
            let ids = month * 20..(month + 1) * 20;
            fold(&mut lake, &MESSAGES, Some(partition), messages(ids.clone())).await;
            fold(&mut lake, &CONVERSATIONS, Some(partition), conversations(partition, ids.clone())).await;
            fold(&mut lake, &CAMPAIGN_MEMBERS, Some(partition), members(ids)).await;
        }
        for bucket in [0, 7] {
            let rows = (0..30).map(|n| sample(&[n * 16 + bucket]));
            fold(&mut lake, contacts(), Some(&format!("bucket={bucket:02}")), batch_of(contacts(), rows))
                .await;
        }
        for name in ["users", "accounts", "landing_pages"] {
            let table = tables::by_name(name).unwrap();
            fold(&mut lake, table, None, batch_of(table, (0..40).map(|n| sample(&[n, n])))).await;
        }
        lake.put_empty(tables::by_name("meetings").unwrap(), None).await.unwrap();
        lake.table(&CONVERSATIONS).synced_at = Timestamp::from_microsecond(SYNCED_US).ok();
        lake.close(RunStatus::Done).await.unwrap();
        world
    }

    /// The same lake in a directory of its own; building one takes long.
    pub(super) fn copy(&self) -> Self {
        let world = Self { root: tempfile::tempdir().unwrap() };
        world.take_over(self);
        world
    }

    /// Takes over every file of another lake.
    pub(super) fn take_over(&self, other: &Self) {
        for (path, ..) in other.listing() {
            let name = path.strip_prefix(other.root.path()).unwrap();
            self.write(name.to_str().unwrap(), fs::read(&path).unwrap());
        }
    }

    /// The lake, opened by a run that has not ended.
    pub(super) async fn open(&self, run: &str) -> Lake {
        let run = RunId { id: run.into(), version: "0".into(), seed: 1 };
        let clock = Clock::starting_at(Timestamp::UNIX_EPOCH);
        Lake::open(Arc::new(self.store()), run, Some("1".into()), clock, false).await.unwrap()
    }

    pub(super) fn store(&self) -> Directory {
        Directory::new(self.root.path())
    }

    /// Verifies with passes so small that there are many.
    pub(super) async fn verify(&self, quick: bool) -> Verification {
        let before = self.listing();
        let found = verify_by(&self.store(), quick, &Progress::default(), 25).await.unwrap();
        assert_eq!(before, self.listing(), "a verification writes nothing");
        found
    }

    fn listing(&self) -> Vec<(PathBuf, u64, std::time::SystemTime)> {
        let mut files = Vec::new();
        let mut folders = vec![self.root.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for file in fs::read_dir(folder).unwrap() {
                let (path, meta) = (file.as_ref().unwrap().path(), file.unwrap().metadata().unwrap());
                if meta.is_dir() {
                    folders.push(path);
                } else {
                    files.push((path, meta.len(), meta.modified().unwrap()));
                }
            }
        }
        files.sort();
        files
    }

    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    pub(super) fn read(&self, path: &str) -> Vec<u8> {
        fs::read(self.path(path)).unwrap()
    }

    pub(super) fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        fs::write(self.path(path), bytes).unwrap();
    }

    pub(super) fn remove(&self, path: &str) {
        fs::remove_file(self.path(path)).unwrap();
    }

    /// The path of the newest manifest.
    pub(super) fn newest(&self) -> String {
        let names = fs::read_dir(self.path("_manifest")).unwrap();
        let names = names.map(|name| name.unwrap().file_name().into_string().unwrap());
        format!("_manifest/{}", names.filter(|name| !name.starts_with('l')).max().unwrap())
    }

    pub(super) fn edit_manifest(&self, edit: impl FnOnce(&mut Manifest)) {
        let path = self.newest();
        let mut manifest: Manifest = serde_json::from_slice(&self.read(&path)).unwrap();
        edit(&mut manifest);
        let text = serde_json::to_vec_pretty(&manifest).unwrap();
        self.write(&path, &text);
        self.write("_manifest/latest.json", &text);
    }

    /// Puts other rows in place of an object's, and tells nobody.
    pub(super) fn put(&self, path: &str, rows: &RecordBatch) {
        let mut encoder = Encoder::new(table_of(path).unwrap()).unwrap();
        encoder.write(rows).unwrap();
        self.write(path, encoder.finish().unwrap().bytes);
    }

    /// Puts other rows in place of an object's, and makes the manifest agree in every number.
    pub(super) fn put_and_agree(&self, path: &str, rows: &RecordBatch) {
        self.put(path, rows);
        self.agree(path);
    }

    pub(super) fn agree(&self, path: &str) {
        let table = table_of(path).unwrap();
        let bytes = self.read(path);
        let rows = self.rows(path);
        let deleted = rows.column_by_name("_deleted_at").unwrap();
        let state = ObjectState {
            rows: rows.num_rows() as u64,
            deleted: (deleted.len() - deleted.null_count()) as u64,
            bytes: bytes.len() as u64,
            sha256: hex::encode(Sha256::digest(&bytes)),
            etag: crate::store::Etag("another".into()),
        };
        self.edit_manifest(|manifest| {
            let table = manifest.tables.get_mut(table.name).unwrap();
            table.objects.insert(path.to_owned(), state);
            table.rows = table.objects.values().map(|object| object.rows).sum();
            table.deleted = table.objects.values().map(|object| object.deleted).sum();
        });
    }

    /// All rows of an object.
    pub(super) fn rows(&self, path: &str) -> RecordBatch {
        let table = table_of(path).unwrap();
        let reader = open(table, Bytes::from(self.read(path))).unwrap();
        let batches: Vec<RecordBatch> = reader.batches().map(Result::unwrap).collect();
        arrow::compute::concat_batches(&table.schema(), &batches).unwrap()
    }

    /// A walk in progress with one chunk.
    pub(super) fn begin_walk(&self) {
        let rows = batch(&CONVERSATION_LIST, &[sample(&[1]), sample(&[2])]);
        let mut encoder = Encoder::new(&CONVERSATION_LIST).unwrap();
        encoder.write(&rows).unwrap();
        let bytes = encoder.finish().unwrap().bytes;
        self.write(CHUNK, &bytes);
        let sha256 = hex::encode(Sha256::digest(&bytes));
        self.edit_manifest(|manifest| {
            manifest.walk = Some(WalkState {
                since: None,
                run: "r1".into(),
                started_at: Timestamp::UNIX_EPOCH,
                full: true,
                refetch: false,
                listed: true,
                ordered: true,
                generation: None,
                cursor: None,
                chunks: vec![TodoChunk { path: CHUNK.into(), rows: 2, sha256 }],
                forgotten: std::collections::BTreeSet::new(),
            });
        });
    }
}

pub(super) const CHUNK: &str = "_todo/r1-000000.parquet";

pub(super) fn contacts() -> &'static Table {
    tables::by_name("contacts").unwrap()
}

pub(super) fn object(table: &Table, partition: &str) -> String {
    table.object_path(Some(partition))
}

pub(super) fn sample(sort: &[i64]) -> Sample {
    Sample { synced_us: SYNCED_US, ..Sample::new(sort, sort[0] as u64 + 1) }
}

pub(super) fn batch_of(table: &Table, samples: impl Iterator<Item = Sample>) -> RecordBatch {
    batch(table, &samples.collect::<Vec<_>>())
}

pub(super) fn conversations(partition: &str, ids: std::ops::Range<i64>) -> RecordBatch {
    let began = BEGAN_US.iter().find(|(known, _)| *known == partition).unwrap().1;
    let rows = batch_of(&CONVERSATIONS, ids.map(|id| sample(&[id])));
    let times = TimestampMicrosecondArray::from(vec![began; rows.num_rows()]).with_timezone("UTC");
    with(&rows, "created_at", Arc::new(times))
}

/// Three messages of each conversation.
pub(super) fn messages(conversations: std::ops::Range<i64>) -> RecordBatch {
    let each = conversations.flat_map(|id| (0..3).map(move |n| sample(&[1_000 + id * 3 + n, id])));
    batch_of(&MESSAGES, each)
}

fn members(conversations: std::ops::Range<i64>) -> RecordBatch {
    let rows = batch_of(&CAMPAIGN_MEMBERS, conversations.clone().map(|id| sample(&[id])));
    with(&rows, "conversation_id", Arc::new(Int64Array::from_iter_values(conversations)))
}

/// The rows with another column.
pub(super) fn with(rows: &RecordBatch, name: &str, column: ArrayRef) -> RecordBatch {
    let mut columns = rows.columns().to_vec();
    columns[rows.schema().index_of(name).unwrap()] = column;
    RecordBatch::try_new(rows.schema(), columns).unwrap()
}

pub(super) async fn fold(lake: &mut Lake, table: &'static Table, partition: Option<&str>, rows: RecordBatch) {
    let change = Change { upserts: vec![rows], walk_us: SYNCED_US, ..Change::default() };
    lake.fold(table, partition, change).await.unwrap();
}
