//! Which conversations Drift is asked about: a fair sample of all that are stored, drawn in one pass.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};

use crate::config::SETTLES_AFTER;
use crate::cpu;
use crate::error::Result;
use crate::lake::open_object;
use crate::manifest::Manifest;
use crate::store::Store;
use crate::tables::CONVERSATIONS;

const COLUMNS: [&str; 6] = ["id", "updated_at", "_listed_at", "_messages_as_of", "_walked_at", "_deleted_at"];

/// A stored conversation, as far as its ledger says. Times are epoch microseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stored {
    pub id: i64,
    /// Which object it stands in.
    object: u32,
    /// The latest change that is stored.
    pub changed_us: Option<i64>,
    /// Whether its messages are stored as of that change, and no later one was to be expected.
    pub settled: bool,
    /// Whether it is stored as erased.
    pub deleted: bool,
}

/// A sample of what is stored.
pub(super) struct Sample {
    size: usize,
    random: fastrand::Rng,
    seen: usize,
    objects: Vec<String>,
    wanted: BTreeSet<i64>,
    /// The conversations to ask about.
    pub chosen: Vec<Stored>,
    /// Those of the wanted ids that are stored.
    pub known: BTreeSet<i64>,
}

impl Sample {
    /// At most `size` conversations; which of the `wanted` ids are stored is noted on the way.
    pub fn new(size: usize, random: fastrand::Rng, wanted: BTreeSet<i64>) -> Self {
        let (chosen, known) = (Vec::new(), BTreeSet::new());
        Self { size, random, seen: 0, objects: Vec::new(), wanted, chosen, known }
    }

    /// Reads the ledger columns of all conversations, one object at a time.
    pub async fn read(&mut self, store: &dyn Store, manifest: &Manifest) -> Result<()> {
        let Some(table) = manifest.tables.get(CONVERSATIONS.name) else { return Ok(()) };
        for path in table.objects.keys() {
            let Some((reader, _)) = open_object(store, &CONVERSATIONS, path).await? else { continue };
            let object = self.objects.len() as u32;
            self.objects.push(path.clone());
            let batches: Vec<RecordBatch> =
                cpu::run_on(reader.bytes(), move || reader.columns(&COLUMNS)?.collect::<Result<_>>()).await?;
            for batch in batches {
                (0..batch.num_rows()).for_each(|row| self.see(stored(&batch, row, object)));
            }
        }
        Ok(())
    }

    /// Every conversation has the same chance to be among the chosen (reservoir sampling, Vitter 1985).
    fn see(&mut self, stored: Stored) {
        if self.wanted.contains(&stored.id) {
            self.known.insert(stored.id);
        }
        if self.chosen.len() < self.size {
            self.chosen.push(stored);
        } else {
            let place = self.random.usize(0..=self.seen);
            if let Some(chosen) = self.chosen.get_mut(place) {
                *chosen = stored;
            }
        }
        self.seen += 1;
    }

    /// The chosen conversations by the path of their object.
    pub fn by_object(&self) -> BTreeMap<String, Vec<Stored>> {
        let mut by_object = BTreeMap::<String, Vec<Stored>>::new();
        for stored in &self.chosen {
            by_object.entry(self.objects[stored.object as usize].clone()).or_default().push(*stored);
        }
        by_object
    }
}

fn stored(batch: &RecordBatch, row: usize, object: u32) -> Stored {
    let time = |name: &str| {
        let column = batch.column_by_name(name).expect("the columns that were asked for");
        let column = column.as_primitive::<TimestampMicrosecondType>();
        column.is_valid(row).then(|| column.value(row))
    };
    let ids =
        batch.column_by_name("id").expect("the columns that were asked for").as_primitive::<Int64Type>();
    let changed_us = time("_listed_at").max(time("updated_at"));
    let settled_us = changed_us.map(|us| us.saturating_add(SETTLES_AFTER.as_micros() as i64));
    Stored {
        id: ids.value(row),
        object,
        changed_us,
        settled: time("_messages_as_of") >= changed_us && time("_walked_at") >= settled_us,
        deleted: time("_deleted_at").is_some(),
    }
}
