//! Rows that belong to conversations are taken to the partition where their conversation stands, or will stand. What
//! stands there already is not replaced, since that may be the newer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::RecordBatch;

use super::{Homes, PARENT};
use crate::columns::{int_at, ints};
use crate::cpu;
use crate::data_file::Reader;
use crate::error::Result;
use crate::schema::Table;
use crate::sync::moving::{Fate, Moving};
use crate::sync::writer::Writer;

/// Key and conversation of rows, sorted.
type Identities = Vec<(i64, i64)>;

/// The rows of one object that belong elsewhere, if there are any.
pub(super) async fn moving(
    writer: &mut Writer,
    table: &'static Table,
    partition: &str,
    homes: &Arc<Homes>,
) -> Result<Option<Moving>> {
    let here = homes.partitions.known(partition);
    let Some(object) = writer.lake.open_partition(table, Some(partition)).await? else {
        return Ok(None);
    };
    let known = homes.clone();
    let away = cpu::run_on(object.bytes(), move || away(&object, &known, here)).await?;
    if away.is_empty() {
        return Ok(None);
    }
    let names = Arc::new(homes.partitions.names().to_vec());
    let mut standing = BTreeMap::new();
    for home in away {
        standing.insert(home, identities(writer, table, &names[home as usize]).await?);
    }
    Ok(Some(Moving {
        table,
        partition: partition.to_owned(),
        names,
        columns: vec![table.key[0], PARENT],
        judge: judge(table, homes.clone(), here, standing),
    }))
}

/// Where rows of this object belong, but here.
fn away(object: &Reader, homes: &Homes, here: Option<u32>) -> Result<BTreeSet<u32>> {
    let mut away = BTreeSet::new();
    for batch in object.columns(&[PARENT])? {
        let batch = batch?;
        let parents = ints(&batch, PARENT).iter().flatten();
        away.extend(parents.filter_map(|parent| homes.get(parent)).filter(|home| Some(*home) != here));
    }
    Ok(away)
}

/// What stands in a partition.
async fn identities(writer: &mut Writer, table: &'static Table, partition: &str) -> Result<Identities> {
    let found = writer.lake.open_partition(table, Some(partition)).await?;
    let Some(object) = found else { return Ok(Identities::new()) };
    cpu::run_on(object.bytes(), move || {
        let mut found = Identities::with_capacity(object.rows() as usize);
        for batch in object.columns(&[table.key[0], PARENT])? {
            found.extend(identities_in(table, &batch?));
        }
        found.sort_unstable();
        Ok(found)
    })
    .await
}

fn identities_in(table: &Table, batch: &RecordBatch) -> Identities {
    let (keys, parents) = (ints(batch, table.key[0]), ints(batch, PARENT));
    let identity = |row| (keys.value(row), int_at(parents, row).unwrap_or_default());
    (0..batch.num_rows()).map(identity).collect()
}

type Judge = dyn Fn(&RecordBatch) -> Vec<Fate> + Send + Sync;

fn judge(
    table: &'static Table,
    homes: Arc<Homes>,
    here: Option<u32>,
    standing: BTreeMap<u32, Identities>,
) -> Arc<Judge> {
    let fate = move |identity: (i64, i64)| match homes.get(identity.1) {
        Some(home) if Some(home) != here => match standing.get(&home) {
            Some(there) if there.binary_search(&identity).is_ok() => Fate::Drop,
            _ => Fate::Move(home),
        },
        _ => Fate::Stay,
    };
    Arc::new(move |batch: &RecordBatch| identities_in(table, batch).into_iter().map(&fate).collect())
}
