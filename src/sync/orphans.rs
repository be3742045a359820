//! Messages that a run which died has put, but whose conversation it has not. Mostly the list brings the
//! conversation again; when it was erased meanwhile nothing but these messages tells of it, so it is asked
//! for by its id.

use std::collections::{BTreeMap, BTreeSet};

use super::columns::{int_at, ints};
use super::ledger::Ledger;
use super::writer::Writer;
use crate::error::Result;
use crate::lake::{partition_of, table_of};
use crate::manifest::Subject;
use crate::tables::CONVERSATIONS;
use crate::{cpu, data_file};

/// Conversations that the lake does not have though it has rows of theirs, each with the partition of those.
#[derive(Debug, Default)]
pub(super) struct Orphans {
    /// Ids of conversations, with their partitions.
    pub parents: BTreeMap<i64, String>,
    /// The objects that were looked through.
    objects: BTreeSet<String>,
}

impl Orphans {
    /// Looks through the objects that were `adopted` and not gone over since; the ledger knows every conversation.
    pub async fn read(writer: &mut Writer, objects: BTreeSet<String>, ledger: &Ledger) -> Result<Self> {
        let mut orphans = BTreeMap::new();
        for path in &objects {
            let (Some(table), Some(partition)) = (table_of(path), partition_of(path)) else { continue };
            let Some(object) = writer.lake.open_partition(table, Some(&partition)).await? else { continue };
            let parents = cpu::run_on(object.bytes(), move || read_parents(&object)).await?;
            let is_forgotten = |id: i64| writer.forgotten.contains(Subject::Conversation(id));
            let unknown = parents.into_iter().filter(|id| ledger.get(*id).is_none() && !is_forgotten(*id));
            orphans.extend(unknown.map(|id| (id, partition.clone())));
        }
        Ok(Self { parents: orphans, objects })
    }

    /// All have been asked for; those that failed are pending, and are looked for again by the next run, as are
    /// those of objects that were put late and adopted since.
    pub fn settle(&self, writer: &mut Writer) {
        let pending = writer.pending_keys(&CONVERSATIONS);
        if !self.parents.keys().any(|id| pending.contains(&id.to_string())) {
            writer.lake.manifest.adopted.retain(|path| !self.objects.contains(path));
        }
    }
}

fn read_parents(object: &data_file::Reader) -> Result<Vec<i64>> {
    let mut parents = Vec::new();
    for batch in object.columns(&["conversation_id"])? {
        let batch = batch?;
        let ids = ints(&batch, "conversation_id");
        parents.extend((0..batch.num_rows()).filter_map(|row| int_at(ids, row)));
        parents.dedup();
    }
    Ok(parents)
}
