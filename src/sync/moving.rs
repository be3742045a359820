//! Rows that stand in the object of another partition than their own are taken home. They are put there before they
//! are dropped where they were: a crash between the two leaves a row twice for the next run to go over, which is
//! better than a row that Drift may not have any more and nobody has.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;

use super::columns::broken;
use super::writer::Writer;
use crate::cpu;
use crate::data_file::{Reader, bytes_of};
use crate::error::Result;
use crate::fold::Picker;
use crate::lake::Change;
use crate::schema::Table;

/// So many bytes of rows are on their way at a time.
const PIECE_BYTES: u64 = 16 << 20;

/// What becomes of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It stands where it belongs.
    Stay,
    /// It stands elsewhere, too.
    Drop,
    /// It goes to the partition of this number.
    Move(u32),
}

impl Fate {
    fn home(self) -> Option<u32> {
        if let Self::Move(home) = self { Some(home) } else { None }
    }
}

/// Tells what becomes of each row of a batch.
type Judge = dyn Fn(&RecordBatch) -> Vec<Fate> + Send + Sync;

/// Rows of one object that are taken home.
#[derive(Clone)]
pub(super) struct Moving {
    pub table: &'static Table,
    /// Where they stand.
    pub partition: String,
    /// Where they may go, by number.
    pub names: Arc<Vec<String>>,
    /// The columns that the judge looks at.
    pub columns: Vec<&'static str>,
    pub judge: Arc<Judge>,
}

/// Rows on their way, by the number of their partition, and the batch after the last that was looked at, if there may
/// be more.
type Piece = (BTreeMap<u32, Vec<RecordBatch>>, Option<usize>);

impl Moving {
    /// Takes them home. What takes rows in is in doubt from before it does, since these may be old: a run that dies
    /// meanwhile must not leave them there as if they were known to be right.
    pub async fn carry_out_in_doubt(self, writer: &mut Writer) -> Result<()> {
        let known = writer.lake.manifest.doubted.len();
        for home in self.destinations(writer).await? {
            writer.lake.doubt_beside(self.table.object_path(Some(&self.names[home as usize])));
        }
        if writer.lake.manifest.doubted.len() > known {
            writer.checkpoint().await?;
        }
        self.carry_out(writer).await
    }

    /// Takes them home.
    pub async fn carry_out(self, writer: &mut Writer) -> Result<()> {
        let mut next = Some(0);
        while let Some(from) = next {
            let found = writer.lake.open_partition(self.table, Some(&self.partition)).await?;
            let Some(object) = found else { return Ok(()) };
            let moving = self.clone();
            let (rows, more) = cpu::run_on(object.bytes(), move || moving.piece(&object, from)).await?;
            for (home, upserts) in rows {
                let home = &self.names[home as usize];
                let change = Change { upserts, ..Change::default() };
                // Not counted as inserted: Drift has brought nothing new.
                writer.lake.fold(self.table, Some(home), change).await?;
            }
            next = more;
        }
        let (partition, table) = (self.partition.clone(), self.table);
        let change = Change { dropped: Some(self.picker()), ..Change::default() };
        writer.fold(table, Some(&partition), change).await.map(drop)
    }

    /// Where rows go.
    async fn destinations(&self, writer: &mut Writer) -> Result<BTreeSet<u32>> {
        let found = writer.lake.open_partition(self.table, Some(&self.partition)).await?;
        let Some(object) = found else { return Ok(BTreeSet::new()) };
        let moving = self.clone();
        cpu::run_on(object.bytes(), move || moving.destinations_in(&object)).await
    }

    /// Those of its rows that do not stay.
    fn picker(self) -> Picker {
        let judge = self.judge;
        let picks = move |batch: &RecordBatch| judge(batch).iter().map(|fate| *fate != Fate::Stay).collect();
        Picker { columns: self.columns, picks: Arc::new(picks) }
    }

    /// It takes few columns to tell.
    fn destinations_in(&self, object: &Reader) -> Result<BTreeSet<u32>> {
        let mut homes = BTreeSet::new();
        for batch in object.columns(&self.columns)? {
            homes.extend((self.judge)(&batch?).into_iter().filter_map(Fate::home));
        }
        Ok(homes)
    }

    fn piece(&self, object: &Reader, from: usize) -> Result<Piece> {
        let (mut rows, mut bytes): (BTreeMap<u32, Vec<RecordBatch>>, _) = (BTreeMap::new(), 0);
        if self.destinations_in(object)?.is_empty() {
            return Ok((rows, None));
        }
        for (number, batch) in object.batches().enumerate() {
            let batch = batch?;
            if number < from {
                continue;
            }
            for (home, moved) in self.moved(&batch)? {
                bytes += bytes_of(&moved);
                rows.entry(home).or_default().push(moved);
            }
            if bytes >= PIECE_BYTES {
                return Ok((rows, Some(number + 1)));
            }
        }
        Ok((rows, None))
    }

    /// The rows of a batch that go somewhere.
    fn moved(&self, batch: &RecordBatch) -> Result<Vec<(u32, RecordBatch)>> {
        let fates = (self.judge)(batch);
        let homes: BTreeSet<u32> = fates.iter().copied().filter_map(Fate::home).collect();
        let to = |number: u32| {
            let mask: BooleanArray = fates.iter().map(|fate| Some(*fate == Fate::Move(number))).collect();
            Ok((number, filter_record_batch(batch, &mask).map_err(broken)?))
        };
        homes.into_iter().map(to).collect()
    }
}
