//! What another hand has changed is made right again: rows that stand where they do not belong are taken home, those
//! that stand twice are removed, and Drift is asked again for everything that should be in such an object. What Drift
//! answers goes to the archive of raw pages as ever; that rows were moved does not, since the archive never had them
//! there. Of a conversation that was lost it tells by itself: the lake did not know it when it was fetched.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::RecordBatch;

use super::Run;
use super::claims::Claims;
use super::columns::{instants, int_at, ints, time_at};
use super::conversations::walked;
use super::listed::Row;
use super::moving::{Fate, Moving};
use super::strays::PARENT;
use super::writer::Writer;
use crate::cpu;
use crate::data_file::Reader;
use crate::error::Result;
use crate::fold::Picker;
use crate::lake::{Change, partition_of};
use crate::schema::{Partition, Span, Table};
use crate::tables::{CAMPAIGN_MEMBERS, CONVERSATIONS};

/// Tells of every object in doubt, whichever run has found it.
pub(super) fn tell(writer: &mut Writer) {
    for path in writer.lake.manifest.doubted.clone() {
        writer.warn(format!(
            "`{path}` was changed by another hand after a run had ended, and was taken as it is; Drift is asked again for what should be in it."
        ));
    }
}

/// Tells of what this run could not make right again.
pub(super) fn tell_of_rest(writer: &mut Writer) {
    for path in writer.lake.manifest.doubted.clone() {
        writer.warn(format!(
            "`{path}` is not known to be right again yet; run `sync` once more, with all tables, until it says nothing of it."
        ));
    }
}

/// The objects in doubt that a walk makes right again, which asks for all conversations of their partitions.
pub(super) fn of_walk(run: &Run, writer: &Writer) -> Vec<String> {
    walked(run).flat_map(|table| writer.lake.doubted(table)).collect()
}

/// The partitions of these objects.
pub(super) fn partitions(paths: &[String]) -> BTreeSet<String> {
    paths.iter().filter_map(|path| partition_of(path)).collect()
}

/// Takes conversations home that stand in an object in doubt and began in the span of another partition; one that
/// stands in another object, too, is removed.
pub(super) async fn take_home(writer: &mut Writer) -> Result<()> {
    let doubted = writer.lake.doubted(&CONVERSATIONS);
    if doubted.is_empty() {
        return Ok(());
    }
    let claims = Arc::new(claims(writer, &doubted).await?);
    let names = Arc::new(claims.names().to_vec());
    for (here, partition) in (0..).zip(partitions_in(&doubted)) {
        let (claims, columns) = (claims.clone(), vec![CONVERSATIONS.key[0]]);
        let judge = move |batch: &RecordBatch| {
            let ids = ints(batch, CONVERSATIONS.key[0]);
            (0..batch.num_rows()).map(|row| claims.fate(ids.value(row), here)).collect()
        };
        let (names, judge) = (names.clone(), Arc::new(judge));
        let moving = Moving { table: &CONVERSATIONS, partition, names, columns, judge };
        moving.carry_out_in_doubt(writer).await?;
    }
    Ok(())
}

fn partitions_in(paths: &[String]) -> Vec<String> {
    paths.iter().filter_map(|path| partition_of(path)).collect()
}

/// What all objects in doubt claim, less what stands in others; their partitions have the first numbers, in order.
async fn claims(writer: &mut Writer, doubted: &[String]) -> Result<Claims> {
    let mut claims = Claims::default();
    let span = writer.lake.manifest.span.unwrap_or_default();
    for partition in partitions_in(doubted) {
        claims.number(&partition);
    }
    for partition in partitions_in(doubted) {
        let found = writer.lake.open_partition(&CONVERSATIONS, Some(&partition)).await?;
        let Some(object) = found else { continue };
        claims = cpu::run_on(object.bytes(), move || claimed(claims, &object, &partition, span)).await?;
    }
    claims.settle();
    for path in writer.lake.paths(&CONVERSATIONS).iter().filter(|path| !doubted.contains(path)) {
        let object = writer.lake.open_named(&CONVERSATIONS, path).await?;
        claims = cpu::run_on(object.bytes(), move || {
            claims.concede(&ids_in(&object, CONVERSATIONS.key[0])?);
            Ok(claims)
        })
        .await?;
    }
    Ok(claims)
}

/// Adds what one object claims. A conversation of which nobody knows when it began belongs where it stands.
fn claimed(mut claims: Claims, object: &Reader, partition: &str, span: Span) -> Result<Claims> {
    let here = claims.number(partition);
    for batch in object.columns(&[CONVERSATIONS.key[0], "created_at"])? {
        let batch = batch?;
        let (ids, began) = (ints(&batch, CONVERSATIONS.key[0]), instants(&batch, "created_at"));
        for row in 0..batch.num_rows() {
            let home = time_at(began, row).map(|began| claims.number(&span.of(Some(began))));
            claims.add(ids.value(row), here, home.unwrap_or(here));
        }
    }
    Ok(claims)
}

/// The ids in a column.
fn ids_in(object: &Reader, column: &str) -> Result<Vec<i64>> {
    let mut found = Vec::new();
    for batch in object.columns(&[column])? {
        found.extend(ints(&batch?, column).iter().flatten());
    }
    Ok(found)
}

/// Removes members of campaigns from objects in doubt whose conversation does not stand in their partition.
pub(super) async fn drop_parted_members(writer: &mut Writer) -> Result<()> {
    for partition in partitions_in(&writer.lake.doubted(&CAMPAIGN_MEMBERS)) {
        drop_strangers(writer, &partition, |_| true).await?;
    }
    Ok(())
}

/// Removes members of a partition whose conversation does not stand in it, of those that `may` be removed.
async fn drop_strangers(
    writer: &mut Writer,
    partition: &str,
    may: impl Fn(i64) -> bool + Send + Sync + 'static,
) -> Result<()> {
    let mut known = Vec::new();
    if let Some(object) = writer.lake.open_partition(&CONVERSATIONS, Some(partition)).await? {
        known = cpu::run_on(object.bytes(), move || ids_in(&object, CONVERSATIONS.key[0])).await?;
    }
    let dropped = Some(picked(PARENT, move |id| known.binary_search(&id).is_err() && may(id)));
    writer.fold(&CAMPAIGN_MEMBERS, Some(partition), Change { dropped, ..Change::default() }).await.map(drop)
}

/// Removes members of campaigns from the partitions of conversations in doubt where their conversation was lost, if
/// Drift still lists it. They are computed again with it, all alike, however many fetches it takes until all
/// conversations are there. Of a conversation that Drift does not have any more, its member may be all that is left.
pub(super) async fn drop_lost_members(writer: &mut Writer, listed: &[Row]) -> Result<()> {
    let listed: Arc<Vec<i64>> = Arc::new(listed.iter().map(|row| row.id).collect());
    for partition in partitions_in(&writer.lake.doubted(&CONVERSATIONS)) {
        if writer.lake.open_partition(&CAMPAIGN_MEMBERS, Some(&partition)).await?.is_some() {
            let listed = listed.clone();
            let is_listed = move |id| listed.binary_search(&id).is_ok();
            drop_strangers(writer, &partition, is_listed).await?;
        }
    }
    Ok(())
}

/// Takes rows home that stand in an object in doubt and whose key belongs to another bucket; one that stands there, too,
/// is removed.
pub(super) async fn take_into_buckets(writer: &mut Writer, table: &'static Table) -> Result<()> {
    let Partition::Bucket(count) = table.partition else { return Ok(()) };
    let names: Vec<String> = (0..count).map(|bucket| Partition::bucket(count, bucket.into())).collect();
    let names = Arc::new(names);
    for partition in partitions_in(&writer.lake.doubted(table)) {
        let at_home = Arc::new(at_home(writer, table, &partition, count).await?);
        let here = partition.clone();
        let judge = move |batch: &RecordBatch| {
            let keys = ints(batch, table.key[0]);
            (0..batch.num_rows())
                .map(|row| fate_in_buckets(keys.value(row), count, &here, &at_home))
                .collect()
        };
        let (names, judge) = (names.clone(), Arc::new(judge));
        let moving = Moving { table, partition, names, columns: vec![table.key[0]], judge };
        moving.carry_out_in_doubt(writer).await?;
    }
    Ok(())
}

/// The keys in each of the buckets that rows of this partition belong to, but itself, sorted as they stand there.
async fn at_home(
    writer: &mut Writer,
    table: &'static Table,
    partition: &str,
    count: u16,
) -> Result<BTreeMap<String, Vec<i64>>> {
    let mut at_home = BTreeMap::new();
    for key in keys_of(writer, table, partition).await? {
        let home = Partition::bucket(count, key);
        if home != partition && !at_home.contains_key(&home) {
            let keys = keys_of(writer, table, &home).await?;
            at_home.insert(home, keys);
        }
    }
    Ok(at_home)
}

async fn keys_of(writer: &mut Writer, table: &'static Table, partition: &str) -> Result<Vec<i64>> {
    let found = writer.lake.open_partition(table, Some(partition)).await?;
    let Some(object) = found else { return Ok(Vec::new()) };
    cpu::run_on(object.bytes(), move || ids_in(&object, table.key[0])).await
}

fn fate_in_buckets(key: i64, count: u16, here: &str, at_home: &BTreeMap<String, Vec<i64>>) -> Fate {
    match at_home.get(&Partition::bucket(count, key)) {
        _ if Partition::bucket(count, key) == here => Fate::Stay,
        Some(keys) if keys.binary_search(&key).is_ok() => Fate::Drop,
        _ => Fate::Move(key.rem_euclid(i64::from(count)) as u32),
    }
}

/// Picks rows by an integer column.
fn picked(column: &'static str, picks: impl Fn(i64) -> bool + Send + Sync + 'static) -> Picker {
    let picks = move |batch: &RecordBatch| {
        let values = ints(batch, column);
        (0..batch.num_rows()).map(|row| int_at(values, row).is_some_and(&picks)).collect()
    };
    Picker { columns: vec![column], picks: Arc::new(picks) }
}
