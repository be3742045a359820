//! After conversations were reset, rows of other tables lie there whose conversation is not known any more. Those
//! that the walk will not fetch into the same partition again are removed before anything is put, so that no key
//! ever stands twice and none is left without its conversation.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;

use super::columns::{int_at, ints};
use super::ledger::Ledger;
use super::listed::Row;
use super::plan::Rules;
use super::writer::Writer;
use crate::error::Result;
use crate::fold::Picker;
use crate::lake::{Change, partition_of};
use crate::schema::Partition;
use crate::tables;

/// The column that names the conversation a row belongs to.
const PARENT: &str = "conversation_id";

/// Removes rows of conversations that a whole walk does not list, or lists for another partition.
pub(super) async fn drop(writer: &mut Writer, index: &[Row], ledger: &Ledger, rules: Rules) -> Result<()> {
    let homes = Arc::new(homes(index, ledger, rules));
    let children = tables::ALL.iter().copied().filter(|table| table.partition == Partition::OfConversation);
    for table in children {
        for path in writer.lake.paths(table) {
            let Some(partition) = partition_of(&path) else { continue };
            let dropped = Some(strays(homes.clone(), partition.clone(), rules.full));
            writer.fold(table, Some(&partition), Change { dropped, ..Change::default() }).await?;
        }
    }
    Ok(())
}

/// The partition that each known conversation stands in or will be put into.
fn homes(index: &[Row], ledger: &Ledger, rules: Rules) -> BTreeMap<i64, String> {
    let listed = index.iter().map(|row| (row.id, rules.span.of(row.created_us)));
    let stored = ledger.iter().map(|entry| (entry.id, ledger.partition(entry).to_owned()));
    listed.chain(stored).collect()
}

fn strays(homes: Arc<BTreeMap<i64, String>>, partition: String, all_listed: bool) -> Picker {
    let is_stray = move |id: Option<i64>| match id.and_then(|id| homes.get(&id)) {
        Some(home) => *home != partition,
        None => all_listed,
    };
    let picks = move |batch: &RecordBatch| {
        let ids = ints(batch, PARENT);
        (0..batch.num_rows()).map(|row| is_stray(int_at(ids, row))).collect()
    };
    Picker { columns: vec![PARENT], picks: Arc::new(picks) }
}
