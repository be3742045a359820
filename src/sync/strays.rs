//! After conversations were reset, rows of other tables lie there whose conversation is not known any more. Those
//! that the walk will not fetch into the same partition again are removed before anything is put, so that no key
//! ever stands twice and none is left without its conversation. The same may be after another hand has changed objects.

mod children;

use std::sync::Arc;

use arrow::array::RecordBatch;

use super::columns::{int_at, ints};
use super::ledger::Ledger;
use super::listed::Row;
use super::numbered::Numbered;
use super::plan::Rules;
use super::writer::Writer;
use crate::archive::{Head, Home, Step};
use crate::error::Result;
use crate::fold::Picker;
use crate::lake::{Change, partition_of};
use crate::schema::{Partition, Table};
use crate::tables;

/// The column that names the conversation a row belongs to.
pub(super) const PARENT: &str = "conversation_id";

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
    drop_all(writer, Homes::listed(&known), all_listed).await
}

/// Takes rows home whose conversation stands in another partition, or will be put into one: the conversations that they
/// belong to, or they themselves, were put there by another hand. None is touched whose conversation is not known,
/// since it is asked for by its id.
pub(super) async fn take_home(
    writer: &mut Writer,
    index: &[Row],
    ledger: &Ledger,
    rules: Rules,
) -> Result<()> {
    let homes = Arc::new(Homes::of(index, ledger, rules));
    for table in children() {
        for path in writer.lake.paths(table) {
            let Some(partition) = partition_of(&path) else { continue };
            if let Some(moving) = children::moving(writer, table, &partition, &homes).await? {
                moving.carry_out_in_doubt(writer).await?;
            }
        }
    }
    Ok(())
}

/// Lets the rows of one partition follow their conversations, which have gone elsewhere.
pub(super) async fn follow(writer: &mut Writer, partition: &str, gone: &[Home]) -> Result<()> {
    let homes = Arc::new(Homes::listed(gone));
    for table in children() {
        if let Some(moving) = children::moving(writer, table, partition, &homes).await? {
            moving.carry_out(writer).await?;
        }
    }
    Ok(())
}

async fn drop_all(writer: &mut Writer, homes: Homes, all_listed: bool) -> Result<()> {
    let homes = Arc::new(homes);
    for table in children() {
        for path in writer.lake.paths(table) {
            let Some(partition) = partition_of(&path) else { continue };
            let dropped = Some(strays(homes.clone(), &partition, all_listed));
            writer.fold(table, Some(&partition), Change { dropped, ..Change::default() }).await?;
        }
    }
    Ok(())
}

/// The tables whose rows belong to conversations.
fn children() -> impl Iterator<Item = &'static Table> {
    tables::ALL.iter().copied().filter(|table| table.partition == Partition::OfConversation)
}

/// The partition that each known conversation stands in or will be put into.
#[derive(Default)]
struct Homes {
    partitions: Numbered,
    /// Sorted by id.
    of: Vec<(i64, u32)>,
}

impl Homes {
    fn of(index: &[Row], ledger: &Ledger, rules: Rules) -> Self {
        let mut homes = Self { of: Vec::with_capacity(index.len()), ..Self::default() };
        for row in index.iter().filter(|row| ledger.get(row.id).is_none()) {
            homes.add(row.id, &rules.span.of(row.created.get()));
        }
        ledger.iter().for_each(|entry| homes.add(entry.id, ledger.partition(entry)));
        homes.of.sort_unstable();
        homes
    }

    fn listed(known: &[Home]) -> Self {
        let mut homes = Self::default();
        for Home(id, partition) in known {
            homes.add(*id, partition);
        }
        homes.of.sort_unstable();
        homes
    }

    fn add(&mut self, id: i64, partition: &str) {
        let number = self.partitions.number(partition);
        self.of.push((id, number));
    }

    fn list(&self) -> Vec<Home> {
        let home = |(id, number): &(i64, u32)| Home(*id, self.partitions.name(*number).to_owned());
        self.of.iter().map(home).collect()
    }

    fn get(&self, id: i64) -> Option<u32> {
        let place = self.of.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        Some(self.of[place].1)
    }
}

fn strays(homes: Arc<Homes>, partition: &str, all_listed: bool) -> Picker {
    let here = homes.partitions.known(partition);
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
