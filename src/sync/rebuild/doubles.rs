//! Over one table each key stands in one object: looked at once all is folded, since an archive may have been put
//! together by another hand, or tell of a lake that another hand had changed.
//!
//! Few rows can stand twice at all: of conversations those whose id lies in the range of another object, of contacts
//! those of another bucket, of messages and members of campaigns those whose conversation is not beside them. Only
//! these are held, part by part, and looked for in all objects.

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

/// Fails when a key of any table stands in two objects.
///
/// # Errors
/// [`Error::store`], which names the table, the key and both objects.
pub(super) async fn check(lake: &mut Lake) -> Result<()> {
    for table in tables::ALL.iter().copied().filter(|table| table.partition != Partition::Whole) {
        check_table(lake, table, HELD_MAX).await?;
    }
    Ok(())
}

async fn check_table(lake: &mut Lake, table: &'static Table, held_max: u64) -> Result<()> {
    let paths = lake.paths(table);
    let suspicions = suspicions(lake, table, &paths).await?;
    let mut count = 0;
    for (path, suspicion) in paths.iter().zip(suspicions.clone()) {
        let counted = move |count: &mut u64, key, parent| *count += u64::from(suspicion.has(key, parent));
        count = each_row(lake, table, path, count, counted).await?;
    }
    let of = count.div_ceil(held_max);
    for residue in 0..of {
        let mut held: Vec<Place> = Vec::new();
        for ((path, suspicion), object) in paths.iter().zip(suspicions.clone()).zip(0..) {
            let hold = move |held: &mut Vec<Place>, key: i64, parent| {
                if key.unsigned_abs() % of == residue && suspicion.has(key, parent) {
                    held.push((key, parent, object));
                }
            };
            held = each_row(lake, table, path, held, hold).await?;
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
    /// Those with keys up to the first, which other objects reach, or from the second on, where others begin.
    Within(Option<i64>, Option<i64>),
    /// Those of another bucket than this.
    Bucket(u16, String),
    /// Those of other conversations than these.
    Parted(Arc<Vec<i64>>),
}

impl Suspicion {
    fn has(&self, key: i64, parent: i64) -> bool {
        match self {
            Self::Within(reached, begun) => {
                reached.is_some_and(|last| key <= last) || begun.is_some_and(|first| key >= first)
            }
            Self::Bucket(count, bucket) => Partition::bucket(*count, key) != *bucket,
            Self::Parted(beside) => beside.binary_search(&parent).is_err(),
        }
    }
}

async fn suspicions(lake: &mut Lake, table: &'static Table, paths: &[String]) -> Result<Vec<Suspicion>> {
    let mut suspicions = Vec::with_capacity(paths.len());
    if let Partition::Time(_) = table.partition {
        return within(lake, table, paths).await;
    }
    for path in paths {
        let partition = partition_of(path).unwrap_or_default();
        suspicions.push(match table.partition {
            Partition::Bucket(count) => Suspicion::Bucket(count, partition),
            _ => Suspicion::Parted(Arc::new(conversations(lake, &partition).await?)),
        });
    }
    Ok(suspicions)
}

/// By how far objects reach: those that begin before an object reach into it, as does the next one that begins after it.
async fn within(lake: &mut Lake, table: &'static Table, paths: &[String]) -> Result<Vec<Suspicion>> {
    let mut ranges = Vec::with_capacity(paths.len());
    for (path, number) in paths.iter().zip(0..) {
        let ends = |range: &mut Option<(i64, i64)>, key: i64, _| {
            let (first, last) = range.unwrap_or((key, key));
            *range = Some((first.min(key), last.max(key)));
        };
        let range = each_row(lake, table, path, None, ends).await?;
        ranges.extend(range.map(|(first, last)| (first, last, number)));
    }
    Ok(overlaps(ranges, paths.len()))
}

fn overlaps(mut ranges: Vec<(i64, i64, usize)>, objects: usize) -> Vec<Suspicion> {
    ranges.sort_unstable();
    let mut suspicions = vec![Suspicion::Within(None, None); objects];
    let mut reached = None;
    for (place, (_, last, number)) in ranges.iter().enumerate() {
        let begun = ranges.get(place + 1).map(|next| next.0);
        suspicions[*number] = Suspicion::Within(reached, begun);
        reached = reached.max(Some(*last));
    }
    suspicions
}

/// The conversations of a partition, sorted as they stand there.
async fn conversations(lake: &mut Lake, partition: &str) -> Result<Vec<i64>> {
    let path = CONVERSATIONS.object_path(Some(partition));
    if !lake.paths(&CONVERSATIONS).contains(&path) {
        return Ok(Vec::new());
    }
    let add = |ids: &mut Vec<i64>, key, _| ids.push(key);
    each_row(lake, &CONVERSATIONS, &path, Vec::new(), add).await
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
    fn only_what_lies_in_the_range_of_another_object_is_suspected() {
        let suspicions = overlaps(vec![(30, 39, 2), (1, 9, 0), (5, 29, 1)], 4);
        let suspected = |object: usize, keys: &[i64]| {
            keys.iter().copied().filter(|key| suspicions[object].has(*key, 0)).collect::<Vec<_>>()
        };
        assert_eq!(suspected(0, &[1, 4, 5, 9]), [5, 9]);
        assert_eq!(suspected(1, &[5, 9, 10, 29]), [5, 9]);
        assert!(suspected(2, &[30, 39]).is_empty());
        assert!(suspected(3, &[1, 39]).is_empty());
    }
}
