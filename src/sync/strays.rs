//! After conversations were reset, rows of other tables lie there whose conversation is not known any more. Those
//! that the walk will not fetch into the same partition again are removed before anything is put, so that no key
//! ever stands twice and none is left without its conversation. The same may be after another hand has changed objects.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::RecordBatch;

use super::columns::{int_at, ints};
use super::ledger::Ledger;
use super::listed::Row;
use super::plan::Rules;
use super::writer::Writer;
use crate::archive::{Head, Home, Step};
use crate::error::Result;
use crate::fold::Picker;
use crate::lake::{Change, partition_of};
use crate::schema::Partition;
use crate::tables;

/// The column that names the conversation a row belongs to.
const PARENT: &str = "conversation_id";

/// Removes rows of conversations that a whole walk does not list, or lists for another partition.
pub(super) async fn drop(writer: &mut Writer, index: &[Row], ledger: &Ledger, rules: Rules) -> Result<()> {
    let homes = Homes::of(index, ledger, rules);
    if writer.lake.archives() {
        let step = Head::Strays { homes: homes.list(), all_listed: rules.full };
        writer.archive(Step::bare(step)).await?;
    }
    drop_all(writer, homes, rules.full).await
}

/// The same, by what an earlier run knew.
pub(super) async fn drop_again(writer: &mut Writer, known: Vec<Home>, all_listed: bool) -> Result<()> {
    let mut homes = Homes { names: HashMap::new(), of: Vec::with_capacity(known.len()) };
    for Home(id, partition) in &known {
        homes.add(*id, partition);
    }
    homes.of.sort_unstable();
    drop_all(writer, homes, all_listed).await
}

/// Removes rows of conversations that stand in another partition, or will be put into one: the conversations that
/// they belong to, or they themselves, were put there by another hand. None is removed whose conversation is not
/// known, since it is asked for by its id.
pub(super) async fn drop_parted(
    writer: &mut Writer,
    index: &[Row],
    ledger: &Ledger,
    rules: Rules,
) -> Result<()> {
    drop_all(writer, Homes::of(index, ledger, rules), false).await
}

async fn drop_all(writer: &mut Writer, homes: Homes, all_listed: bool) -> Result<()> {
    let homes = Arc::new(homes);
    let children = tables::ALL.iter().copied().filter(|table| table.partition == Partition::OfConversation);
    for table in children {
        for path in writer.lake.paths(table) {
            let Some(partition) = partition_of(&path) else { continue };
            let dropped = Some(strays(homes.clone(), &partition, all_listed));
            writer.fold(table, Some(&partition), Change { dropped, ..Change::default() }).await?;
        }
    }
    Ok(())
}

/// The partition that each known conversation stands in or will be put into.
struct Homes {
    names: HashMap<String, u32>,
    /// Sorted by id.
    of: Vec<(i64, u32)>,
}

impl Homes {
    fn of(index: &[Row], ledger: &Ledger, rules: Rules) -> Self {
        let mut homes = Self { names: HashMap::new(), of: Vec::with_capacity(index.len()) };
        for row in index.iter().filter(|row| ledger.get(row.id).is_none()) {
            homes.add(row.id, &rules.span.of(row.created.get()));
        }
        ledger.iter().for_each(|entry| homes.add(entry.id, ledger.partition(entry)));
        homes.of.sort_unstable();
        homes
    }

    fn add(&mut self, id: i64, partition: &str) {
        let next = self.names.len() as u32;
        let number = *self.names.entry(partition.to_owned()).or_insert(next);
        self.of.push((id, number));
    }

    fn list(&self) -> Vec<Home> {
        let mut names: Vec<(&str, u32)> =
            self.names.iter().map(|(name, number)| (name.as_str(), *number)).collect();
        names.sort_unstable_by_key(|(_, number)| *number);
        self.of.iter().map(|(id, number)| Home(*id, names[*number as usize].0.to_owned())).collect()
    }

    fn number(&self, partition: &str) -> Option<u32> {
        self.names.get(partition).copied()
    }

    fn get(&self, id: i64) -> Option<u32> {
        let place = self.of.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        Some(self.of[place].1)
    }
}

fn strays(homes: Arc<Homes>, partition: &str, all_listed: bool) -> Picker {
    let here = homes.number(partition);
    let is_stray = move |id: Option<i64>| match id.and_then(|id| homes.get(id)) {
        Some(home) => Some(home) != here,
        None => all_listed,
    };
    let picks = move |batch: &RecordBatch| {
        let ids = ints(batch, PARENT);
        (0..batch.num_rows()).map(|row| is_stray(int_at(ids, row))).collect()
    };
    Picker { columns: vec![PARENT], picks: Arc::new(picks) }
}
