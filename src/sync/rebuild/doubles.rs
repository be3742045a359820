//! Over one table each key stands in one object: looked at once all is folded, since an archive may have been put
//! together by another hand, or tell of a lake that another hand had changed.
//!
//! Where every step told of each conversation in one and the same partition, none of what hangs on conversations can
//! stand twice, and nothing of it is read. Else few rows can stand twice at all: of conversations those whose id lies in the range of another object, of contacts
//! those of another bucket, of messages and members of campaigns those whose conversation is not beside them. Only
//! these are held, part by part, and looked for in all objects; so each object is read once, nearly always.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::columns::{int_at, ints};
use crate::cpu;
use crate::error::{Error, Result};
use crate::lake::{Lake, partition_of};
use crate::schema::{Partition, Table};
use crate::tables::{self, CONVERSATIONS};

/// The column that names the conversation a row belongs to.
const PARENT: &str = "conversation_id";

/// Rows that are held at a time.
const HELD_MAX: u64 = 1 << 20;

/// Key and conversation of a row, and the number of its object.
type Place = (i64, i64, u32);

/// The conversations of each partition, sorted as they stand there.
type Beside = BTreeMap<String, Arc<Vec<i64>>>;

/// Fails when a key of any table stands in two objects. Where conversations are not `divided` over partitions, only
/// tables are looked at that have no part in them.
///
/// # Errors
/// [`Error::store`], which names the table, the key and both objects.
pub(super) async fn check(lake: &mut Lake, divided: bool) -> Result<()> {
    let beside = if divided { conversations(lake).await? } else { Beside::new() };
    check_conversations(&beside)?;
    for table in tables::ALL.iter().copied() {
        let is_looked_at = match table.partition {
            Partition::Bucket(_) => true,
            Partition::OfConversation => divided,
            _ => false,
        };
        if is_looked_at {
            check_table(lake, table, &beside, HELD_MAX).await?;
        }
    }
    Ok(())
}

/// The conversations of all objects.
async fn conversations(lake: &mut Lake) -> Result<Beside> {
    let mut beside = Beside::new();
    for path in lake.paths(&CONVERSATIONS) {
        let add = |ids: &mut Vec<i64>, key, _| ids.push(key);
        let ids = each_row(lake, &CONVERSATIONS, &path, Vec::new(), add).await?;
        beside.insert(partition_of(&path).unwrap_or_default(), Arc::new(ids));
    }
    Ok(beside)
}

fn check_conversations(beside: &Beside) -> Result<()> {
    let all: Vec<(&String, &[i64])> = beside.iter().map(|(name, ids)| (name, ids.as_slice())).collect();
    let contested = contested(&all.iter().map(|(_, ids)| *ids).collect::<Vec<_>>());
    match contested.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        None => Ok(()),
        Some(pair) => {
            let path = |place: (i64, u32)| CONVERSATIONS.object_path(Some(all[place.1 as usize].0));
            Err(doubled(&CONVERSATIONS, pair[0].0, [&path(pair[0]), &path(pair[1])]))
        }
    }
}

/// The ids that lie in the range of another object, each with the number of its own, sorted.
fn contested(objects: &[&[i64]]) -> Vec<(i64, u32)> {
    let ranges =
        objects.iter().zip(0..).filter_map(|(ids, object)| Some((*ids.first()?, *ids.last()?, object)));
    let mut ranges: Vec<(i64, i64, u32)> = ranges.collect();
    ranges.sort_unstable();
    let (mut contested, mut reached) = (Vec::new(), None);
    for (place, (_, last, object)) in ranges.iter().enumerate() {
        // Those that begin before an object reach into it, as it may reach into the next.
        let begun = ranges.get(place + 1).map(|next| next.0);
        let is_contested =
            |id: &i64| reached.is_some_and(|last| *id <= last) || begun.is_some_and(|first| *id >= first);
        let ids = objects[*object as usize].iter().copied().filter(is_contested);
        contested.extend(ids.map(|id| (id, *object)));
        reached = reached.max(Some(*last));
    }
    contested.sort_unstable();
    contested
}

async fn check_table(lake: &mut Lake, table: &'static Table, beside: &Beside, held_max: u64) -> Result<()> {
    let paths = lake.paths(table);
    let suspicions: Vec<Suspicion> = paths.iter().map(|path| Suspicion::of(table, path, beside)).collect();
    let mut count = 0;
    for (path, suspicion) in paths.iter().zip(suspicions.clone()) {
        let counted = move |count: &mut u64, key, parent| *count += u64::from(suspicion.has(key, parent));
        count = each_row(lake, table, path, count, counted).await?;
    }
    let of = count.div_ceil(held_max);
    for residue in 0..of {
        let mut held: Vec<Place> = Vec::new();
        for ((path, suspicion), object) in paths.iter().zip(suspicions.clone()).zip(0..) {
            let take_up = move |held: &mut Vec<Place>, key: i64, parent| {
                if key.unsigned_abs() % of == residue && suspicion.has(key, parent) {
                    held.push((key, parent, object));
                }
            };
            held = each_row(lake, table, path, held, take_up).await?;
        }
        held.sort_unstable();
        look_for(lake, table, &paths, Arc::new(held)).await?;
    }
    Ok(())
}

/// Fails when one of these rows stands in another object, too.
async fn look_for(
    lake: &mut Lake,
    table: &'static Table,
    paths: &[String],
    held: Arc<Vec<Place>>,
) -> Result<()> {
    for (path, object) in paths.iter().zip(0..) {
        let held = held.clone();
        let find = move |found: &mut Option<Place>, key, parent| {
            let start = held.partition_point(|place| (place.0, place.1) < (key, parent));
            let same = held[start..].iter().take_while(|place| (place.0, place.1) == (key, parent));
            *found = found.take().or(same.copied().find(|place| place.2 != object));
        };
        if let Some((key, _, other)) = each_row(lake, table, path, None, find).await? {
            return Err(doubled(table, key, [path, &paths[other as usize]]));
        }
    }
    Ok(())
}

fn doubled(table: &Table, key: i64, objects: [&String; 2]) -> Error {
    Error::store("a key stands in two objects of a table")
        .at("table", table.name)
        .at("key", key)
        .at("object", objects[0])
        .at("other object", objects[1])
        .hint(
            "what was made is removed, and the old lake is as it was; run `verify` on that, and restore its `_raw` from \
             a backup if segments of another lake lie there",
        )
}

/// Which rows of an object may stand in another one, too.
#[derive(Debug, Clone)]
enum Suspicion {
    /// Those of another bucket than this.
    Bucket(u16, String),
    /// Those of other conversations than these.
    Parted(Arc<Vec<i64>>),
}

impl Suspicion {
    fn of(table: &Table, path: &str, beside: &Beside) -> Self {
        let partition = partition_of(path).unwrap_or_default();
        match table.partition {
            Partition::Bucket(count) => Self::Bucket(count, partition),
            _ => Self::Parted(beside.get(&partition).cloned().unwrap_or_default()),
        }
    }

    fn has(&self, key: i64, parent: i64) -> bool {
        match self {
            Self::Bucket(count, bucket) => Partition::bucket(*count, key) != *bucket,
            Self::Parted(beside) => beside.binary_search(&parent).is_err(),
        }
    }
}

/// Notes the key of each row of an object, with its conversation where it has one.
async fn each_row<T: Send + 'static>(
    lake: &mut Lake,
    table: &'static Table,
    path: &str,
    mut noted: T,
    note: impl Fn(&mut T, i64, i64) + Send + 'static,
) -> Result<T> {
    let object = lake.open_named(table, path).await?;
    let mut columns = vec![table.key[0]];
    columns.extend(table.column(PARENT).map(|column| column.name));
    cpu::run_on(object.bytes(), move || {
        for batch in object.columns(&columns)? {
            let batch = batch?;
            let keys = ints(&batch, columns[0]);
            let parents = columns.get(1).map(|parent| ints(&batch, parent));
            for row in 0..batch.num_rows() {
                let parent = parents.and_then(|parents| int_at(parents, row));
                note(&mut noted, keys.value(row), parent.unwrap_or_default());
            }
        }
        Ok(noted)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_in_the_range_of_another_object_is_contested() {
        let objects: [&[i64]; 4] = [&[1, 4, 5, 9], &[5, 8, 10, 29], &[30, 39], &[]];
        assert_eq!(contested(&objects), [(5, 0), (5, 1), (8, 1), (9, 0)]);
        assert_eq!(contested(&[&[1, 100], &[2, 3], &[50, 51]]), [(2, 1), (3, 1), (50, 2), (51, 2), (100, 0)]);
    }

    #[test]
    fn a_conversation_in_two_partitions_is_told_with_both() {
        let beside = |may: &[i64], june: &[i64]| {
            Beside::from(
                [("may", may), ("june", june)].map(|(name, ids)| (name.to_owned(), Arc::new(ids.to_vec()))),
            )
        };
        assert!(check_conversations(&beside(&[1, 3, 7], &[2, 6, 9])).is_ok());
        let error = check_conversations(&beside(&[1, 3, 7], &[2, 3])).unwrap_err();
        assert_eq!((error.place("table"), error.place("key")), (Some("conversations"), Some("3")));
        assert_eq!(error.place("object"), Some("conversations/june/conversations.parquet"));
        assert_eq!(error.place("other object"), Some("conversations/may/conversations.parquet"));
    }
}
