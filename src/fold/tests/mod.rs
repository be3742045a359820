//! Each rule of a fold by an example; all of them together against a model in `model`.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod model;

use arrow::array::{Array, AsArray};
use arrow::datatypes::TimestampMicrosecondType;
use bytes::Bytes;

use super::*;
use crate::data_file::samples::{Sample, batch, foreign, spelled};
use crate::data_file::{Encoded, open};
use crate::error::ErrorKind;
use crate::schema::Table;
use crate::tables::{self, CONVERSATIONS, MESSAGES};

const WALK: i64 = 9_000_000;

/// The object that holds these rows.
fn object(table: &Table, samples: &[Sample]) -> Encoded {
    let mut encoder = Encoder::new(table).unwrap();
    encoder.write(&batch(table, samples)).unwrap();
    encoder.finish().unwrap()
}

fn reader(table: &Table, object: &Encoded) -> Reader {
    open(table, Bytes::from(object.bytes.clone())).unwrap()
}

/// Folds into the object of `old` and asserts that exactly `expected` is the outcome.
fn assert_fold(old: &[Sample], changes: Changes<'_>, expected: &[Sample]) -> FoldCounts {
    let table = changes.table;
    let before = object(table, old);
    let folded = fold(Some(&reader(table, &before)), changes).unwrap();
    let after = object(table, expected);
    assert_eq!(folded.object.is_none(), before == after, "an object is made exactly when rows changed");
    assert!(folded.object.unwrap_or(before) == after, "{:?}", folded.counts);
    assert_eq!(folded.counts.rows, expected.len() as u64);
    assert_eq!(folded.counts.deleted, expected.iter().filter(|s| s.deleted_us.is_some()).count() as u64);
    folded.counts
}

fn upserts<'a>(table: &'a Table, samples: &[Sample]) -> Changes<'a> {
    Changes { upserts: vec![batch(table, samples)], ..Changes::none(table, WALK) }
}

fn row(id: i64, content: u64) -> Sample {
    Sample::new(&[id], content)
}

/// The same, as a later walk reads it.
fn later(sample: &Sample) -> Sample {
    Sample { synced_us: WALK, ..sample.clone() }
}

fn buried(sample: &Sample) -> Sample {
    Sample { synced_us: WALK, deleted_us: Some(WALK), ..sample.clone() }
}

fn long_gone(sample: &Sample) -> Sample {
    Sample { deleted_us: Some(77), ..sample.clone() }
}

fn users() -> &'static Table {
    tables::by_name("users").unwrap()
}

#[test]
fn a_first_object_is_sorted_and_the_last_of_each_identity_wins() {
    let read = [row(5, 1), row(2, 2), row(5, 3), row(9, 4), row(2, 5)];
    let folded = fold(None, upserts(users(), &read)).unwrap();
    assert_eq!(folded.object.unwrap(), object(users(), &[row(2, 5), row(5, 3), row(9, 4)]));
    let counts = folded.counts;
    assert_eq!((counts.rows, counts.inserted, counts.repeated), (3, 3, 2));
}

#[test]
fn nothing_comes_of_nothing() {
    let folded = fold(None, Changes::none(users(), WALK)).unwrap();
    assert_eq!(folded, Folded { object: None, counts: FoldCounts::default() });
    assert_fold(&[row(1, 1)], Changes::none(users(), WALK), &[row(1, 1)]);
}

#[test]
fn equal_rows_are_not_written_again() {
    for table in tables::ALL {
        let old: Vec<Sample> = (0..200).map(|n| Sample::new(&[n, n], n as u64)).collect();
        let read: Vec<Sample> = old.iter().map(later).rev().collect();
        let counts = assert_fold(&old, upserts(table, &read), &old);
        assert_eq!(counts.unchanged, 200, "{}", table.name);
    }
}

#[test]
fn new_rows_stand_before_between_and_after() {
    let (old, new) =
        ([row(2, 1), row(4, 1)], [row(5, 9), row(1, 9), row(3, 9), row(4, 8)].map(|s| later(&s)));
    let expected = [new[1].clone(), row(2, 1), new[2].clone(), new[3].clone(), new[0].clone()];
    let counts = assert_fold(&old, upserts(users(), &new), &expected);
    assert_eq!((counts.inserted, counts.updated, counts.unchanged), (3, 1, 1));
}

#[test]
fn the_ledger_is_stored_and_is_no_new_version() {
    let old = [row(1, 1), row(2, 2), long_gone(&row(3, 3))];
    let moved = |sample: &Sample| Sample { ledger: 44, ..sample.clone() };
    let mut read = old.clone().map(|sample| later(&moved(&sample)));
    read[2].deleted_us = Some(WALK);
    let counts = assert_fold(&old, upserts(&CONVERSATIONS, &read), &old.clone().map(|s| moved(&s)));
    assert_eq!((counts.relisted, counts.updated), (3, 0));
}

#[test]
fn in_derived_tables_every_column_counts() {
    let members = tables::by_name("campaign_members").unwrap();
    let read = [later(&row(1, 2))];
    let counts = assert_fold(&[row(1, 1)], upserts(members, &read), &read);
    assert_eq!(counts.updated, 1);
}

#[test]
fn a_row_that_is_read_again_is_revived() {
    let old = [long_gone(&row(1, 1)), long_gone(&row(2, 2))];
    let read = [later(&row(1, 1))];
    let counts = assert_fold(&old, upserts(users(), &read), &[read[0].clone(), old[1].clone()]);
    assert_eq!((counts.revived, counts.unchanged), (1, 1));
}

#[test]
fn an_upsert_may_bear_its_tombstone() {
    let old = [row(1, 1), long_gone(&row(2, 2)), long_gone(&row(3, 3))];
    let read = [buried(&row(1, 9)), buried(&row(2, 9)), buried(&row(3, 3)), buried(&row(4, 4))];
    let mut expected = read.clone();
    expected[1].deleted_us = Some(77);
    expected[2] = old[2].clone();
    let counts = assert_fold(&old, upserts(users(), &read), &expected);
    assert_eq!((counts.tombstoned, counts.updated, counts.unchanged, counts.inserted), (1, 1, 1, 1));
}

/// A seed of the ledger of conversations of which this is true, for each of its columns.
fn ledger_where(is_right: impl Fn(&str, bool) -> bool) -> u64 {
    let suits = |ledger: &u64| {
        let rows = batch(&CONVERSATIONS, &[Sample { ledger: *ledger, ..row(1, 1) }]);
        let ledger = ["_listed_at", "_messages_as_of", "_walked_at", "_missing"];
        ledger.iter().all(|name| is_right(name, rows.column_by_name(name).unwrap().is_null(0)))
    };
    (2..10_000).find(suits).unwrap()
}

#[test]
fn a_stub_never_blanks_what_is_stored() {
    let full = ledger_where(|_, is_null| !is_null);
    let old = [row(1, 1), long_gone(&row(2, 2)), row(3, 3)];
    let stub = |id| Sample { ledger: full, ..buried(&row(id, 99)) };
    let stubs = [stub(1), stub(2), stub(3), stub(4)];
    let read = later(&row(3, 5));
    let changes = Changes {
        upserts: vec![batch(&CONVERSATIONS, std::slice::from_ref(&read))],
        stubs: Some(batch(&CONVERSATIONS, &stubs)),
        ..Changes::none(&CONVERSATIONS, WALK)
    };
    let moved = |sample: Sample| Sample { ledger: full, ..sample };
    let expected = [moved(buried(&old[0])), moved(old[1].clone()), read, stub(4)];
    let counts = assert_fold(&old, changes, &expected);
    assert_eq!((counts.tombstoned, counts.relisted, counts.updated, counts.repeated), (1, 1, 1, 1));
}

#[test]
fn what_a_stub_does_not_say_of_the_ledger_stays() {
    let (full, sparse) = (
        ledger_where(|_, is_null| !is_null),
        ledger_where(|name, is_null| is_null == (name != "_listed_at")),
    );
    let [old, stub] = [full, sparse].map(|ledger| Sample { ledger, ..row(1, 1) });
    let stubs = Some(batch(&CONVERSATIONS, &[buried(&stub)]));
    let changes = Changes { stubs, ..Changes::none(&CONVERSATIONS, WALK) };
    let before = reader(&CONVERSATIONS, &object(&CONVERSATIONS, std::slice::from_ref(&old)));
    let folded = fold(Some(&before), changes).unwrap().object.unwrap();
    let after = reader(&CONVERSATIONS, &folded).batches().next().unwrap().unwrap();
    let [old, stub] = [old, stub].map(|sample| batch(&CONVERSATIONS, &[sample]));
    assert_eq!(after.column_by_name("_listed_at"), stub.column_by_name("_listed_at"));
    for name in ["_messages_as_of", "_walked_at", "_missing"] {
        assert_eq!(after.column_by_name(name), old.column_by_name(name));
    }
}

#[test]
fn the_set_of_a_parent_is_replaced() {
    let message = |id, parent, content| Sample::new(&[id, parent], content);
    let old = [message(1, 7, 1), message(2, 8, 1), message(3, 7, 1), long_gone(&message(4, 7, 1))];
    let read = [message(1, 7, 1), message(6, 7, 1)].map(|s| later(&s));
    let replaced = Matching { column: "conversation_id", values: Values::Ints(&[7]) };
    let changes = Changes { replaced: Some(replaced), ..upserts(&MESSAGES, &read) };
    let expected = [old[0].clone(), old[1].clone(), buried(&old[2]), old[3].clone(), read[1].clone()];
    let counts = assert_fold(&old, changes, &expected);
    assert_eq!((counts.tombstoned, counts.inserted, counts.unchanged), (1, 1, 3));
}

#[test]
fn a_message_under_two_conversations_is_kept_twice_and_counted() {
    let read = [Sample::new(&[1, 8], 1), Sample::new(&[1, 7], 1), Sample::new(&[2, 7], 1)];
    let folded = fold(None, upserts(&MESSAGES, &read)).unwrap();
    assert_eq!((folded.counts.rows, folded.counts.duplicates, folded.counts.repeated), (3, 1, 0));
    let again = fold(Some(&reader(&MESSAGES, &folded.object.unwrap())), Changes::none(&MESSAGES, WALK));
    assert_eq!(again.unwrap().counts.duplicates, 1);
}

#[test]
fn the_gone_are_tombstoned_once() {
    let old = [row(1, 1), row(2, 2), long_gone(&row(3, 3))];
    let all = Changes { gone: Gone::AllAbsent, ..upserts(users(), &[later(&row(1, 1))]) };
    assert_fold(&old, all, &[old[0].clone(), buried(&old[1]), old[2].clone()]);
    let of = Matching { column: "id", values: Values::Ints(&[3, 99, 1]) };
    let some = Changes { gone: Gone::Of(of), ..Changes::none(users(), WALK) };
    assert_fold(&old, some, &[buried(&old[0]), old[1].clone(), old[2].clone()]);
}

#[test]
fn text_keys_are_matched_and_sorted_too() {
    let accounts = tables::by_name("accounts").unwrap();
    let gone = [spelled(2), spelled(100)];
    let of = Matching { column: "account_id", values: Values::Texts(&gone) };
    let changes = Changes { gone: Gone::Of(of), ..upserts(accounts, &[later(&row(11, 4))]) };
    let old = [row(1, 1), row(2, 2), row(10, 3)];
    assert_fold(&old, changes, &[old[0].clone(), buried(&old[1]), old[2].clone(), later(&row(11, 4))]);
}

#[test]
fn composite_keys_are_one_identity() {
    let pages = tables::by_name("landing_pages").unwrap();
    let page = |playbook, url, content| Sample::new(&[playbook, url], content);
    let old = [page(1, 1, 1), page(1, 2, 2), page(2, 1, 3)];
    let read = [page(2, 1, 3), page(2, 0, 4), page(1, 1, 1)].map(|s| later(&s));
    let changes = Changes { gone: Gone::AllAbsent, ..upserts(pages, &read) };
    let expected = [old[0].clone(), buried(&old[1]), read[1].clone(), old[2].clone()];
    assert_eq!(assert_fold(&old, changes, &expected).duplicates, 0);
}

#[test]
fn absence_means_nothing_outside_the_window() {
    let meetings = tables::by_name("meetings").unwrap();
    let old: Vec<Sample> = (0..40).map(|n| row(n, n as u64)).collect();
    let starts = batch(meetings, &old).column_by_name("slot_start").unwrap().clone();
    let starts: Vec<Option<i64>> = starts.as_primitive::<TimestampMicrosecondType>().iter().collect();
    let from_us = starts[1].unwrap();
    let window = from_us..from_us + 400_000_000;
    let gone = Gone::AbsentWithin { column: "slot_start", from_us, to_us: window.end };
    let is_gone = |at: usize| starts[at].is_some_and(|start| window.contains(&start));
    let expected: Vec<Sample> =
        old.iter().enumerate().map(|(at, s)| if is_gone(at) { buried(s) } else { s.clone() }).collect();
    let counts = assert_fold(&old, Changes { gone, ..Changes::none(meetings, WALK) }, &expected);
    assert!(counts.tombstoned > 0 && counts.unchanged > 0);
}

#[test]
fn dropped_rows_leave_the_object_and_may_leave_it_empty() {
    let old = [row(1, 1), row(2, 2), long_gone(&row(3, 3))];
    let of = Matching { column: "id", values: Values::Ints(&[2, 4]) };
    let changes = Changes { dropped: Dropped::Of(of), ..upserts(users(), &[row(4, 4)]) };
    assert_eq!(assert_fold(&old, changes, &[old[0].clone(), old[2].clone()]).dropped, 1);
    let deleted = Changes { dropped: Dropped::Deleted, ..Changes::none(users(), WALK) };
    assert_fold(&old, deleted, &old[..2]);
    let all = Matching { column: "id", values: Values::Ints(&[1, 2, 3]) };
    let changes = Changes { dropped: Dropped::Of(all), ..Changes::none(users(), WALK) };
    assert_eq!(assert_fold(&old, changes, &[]).dropped, 3);
}

#[test]
fn picked_rows_leave_the_object_stored_or_incoming() {
    let old = [row(1, 1), row(2, 2), row(3, 3)];
    let even = |batch: &RecordBatch| {
        let ids = batch.column_by_name("id").unwrap().as_primitive::<arrow::datatypes::Int64Type>();
        ids.values().iter().map(|id| id % 2 == 0).collect()
    };
    let picker = Picker { columns: vec!["id"], picks: std::sync::Arc::new(even) };
    let changes = Changes { dropped: Dropped::Picked(&picker), ..upserts(users(), &[row(4, 4)]) };
    assert_eq!(assert_fold(&old, changes, &[old[0].clone(), old[2].clone()]).dropped, 1);
    let nobody = Changes { dropped: Dropped::Picked(&picker), ..Changes::none(users(), WALK) };
    assert_fold(&[old[0].clone(), old[2].clone()], nobody, &[old[0].clone(), old[2].clone()]);
}

#[test]
fn a_change_deep_in_a_large_object_is_found() {
    let old: Vec<Sample> = (0..70_000).map(|n| row(n, n as u64)).collect();
    let mut expected = old.clone();
    expected[69_999] = later(&row(69_999, 1));
    let changes = upserts(users(), &expected[69_999..]);
    let counts = assert_fold(&old, changes, &expected);
    assert_eq!((counts.updated, counts.unchanged), (1, 69_999));
    assert_fold(&old, upserts(users(), &old[40_000..]), &old);
}

#[test]
fn an_older_object_is_rewritten_even_when_no_row_changed() {
    let rows = batch(&CONVERSATIONS, &[row(1, 1), row(2, 2)]);
    let older = rows.project(&(0..rows.num_columns()).filter(|at| *at != 13).collect::<Vec<_>>()).unwrap();
    assert_eq!(rows.schema().field(13).name(), "_missing");
    let older = open(&CONVERSATIONS, foreign(&older)).unwrap();
    let folded = fold(Some(&older), Changes::none(&CONVERSATIONS, WALK)).unwrap();
    assert_eq!(folded.counts.unchanged, 2);
    assert_eq!(reader(&CONVERSATIONS, &folded.object.unwrap()).differences(), []);
}

#[test]
fn objects_out_of_order_are_refused() {
    for rows in [[row(2, 1), row(1, 1)], [row(1, 1), row(1, 2)]] {
        let broken = reader(users(), &object(users(), &rows));
        let error = fold(Some(&broken), upserts(users(), &[row(7, 7)])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Store);
    }
}

#[test]
fn callers_mistakes_are_bugs() {
    let wrong =
        Changes { upserts: vec![RecordBatch::new_empty(MESSAGES.schema())], ..Changes::none(users(), 1) };
    assert_eq!(fold(None, wrong).unwrap_err().kind(), ErrorKind::Internal);
    let of = Matching { column: "name", values: Values::Ints(&[1]) };
    let wrong = Changes { gone: Gone::Of(of), ..Changes::none(users(), 1) };
    assert_eq!(fold(None, wrong).unwrap_err().kind(), ErrorKind::Internal);
}
