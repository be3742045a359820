//! What a walk lists is found again, however it was cut and encoded.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{AsArray, Int64Array, RecordBatch};
use arrow::datatypes::Int64Type;

use super::{Arranged, Listed, Row};
use crate::columns::{assemble, times};
use crate::tables::CONVERSATION_LIST;

/// Id, when it changed, and whose it is, which tells apart the rows of one id.
type Told = (i64, Option<i64>, i64);

fn page(rows: &[Told]) -> RecordBatch {
    let ints = |values: Vec<i64>| Arc::new(Int64Array::from(values));
    let columns = vec![
        ("id", ints(rows.iter().map(|row| row.0).collect()) as _),
        ("updated_at", times(rows.iter().map(|row| row.1))),
        ("contact_id", ints(rows.iter().map(|row| row.2).collect()) as _),
    ];
    assemble(&CONVERSATION_LIST, rows.len(), columns).unwrap()
}

/// A list of many pages, some of whose rows come again, and what counts of each conversation.
async fn walked(rows: i64, ids: i64, sealed_every: i64) -> (Listed, BTreeMap<i64, (Option<i64>, i64)>) {
    let mut random = fastrand::Rng::with_seed(rows as u64);
    let (mut listed, mut model) = (Listed::default(), BTreeMap::new());
    for first in (0..rows).step_by(100) {
        let some: Vec<Told> = (first..(first + 100).min(rows))
            .map(|number| (random.i64(0..ids), random.bool().then(|| random.i64(0..9)), number))
            .collect();
        for (id, updated, contact) in &some {
            let known = model.entry(*id).or_insert((*updated, *contact));
            if *updated >= known.0 {
                *known = (*updated, *contact);
            }
        }
        listed.push(page(&some));
        if first % sealed_every == 0 {
            listed.seal().await.unwrap();
        }
    }
    (listed, model)
}

fn contacts(arranged: &Arranged, rows: &[Option<Row>]) -> Vec<Option<i64>> {
    let columns = arranged.take(rows).unwrap();
    let (_, column) = columns.iter().find(|(name, _)| *name == "contact_id").unwrap();
    column.as_primitive::<Int64Type>().iter().collect()
}

#[tokio::test]
async fn the_latest_row_of_each_conversation_is_found_again() {
    for (rows, ids, sealed_every) in [(90, 50, 1_000), (30_000, 17_000, 2_500), (200_000, 150_000, 20_000)] {
        let (listed, model) = walked(rows, ids, sealed_every).await;
        assert_eq!(listed.rows(), rows as u64);
        let index = listed.index().await.unwrap();
        let updated = |row: &Row| (row.updated_us != i64::MIN).then_some(row.updated_us);
        assert!(
            index.iter().map(|row| (row.id, updated(row))).eq(model.iter().map(|(id, row)| (*id, row.0)))
        );
        let wanted: Vec<u32> = (0..index.len() as u32).filter(|number| number % 3 > 0).collect();
        let arranged = Arranged::from(&listed, &index, &wanted).unwrap();
        let mut asked: Vec<Option<Row>> =
            wanted.iter().step_by(7).map(|number| Some(index[*number as usize])).collect();
        asked.insert(1, None);
        asked.reverse();
        let of = |row: &Option<Row>| row.map(|row| model[&row.id].1);
        assert_eq!(contacts(&arranged, &asked), asked.iter().map(of).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn what_was_encoded_is_the_same_when_it_is_read_again() {
    let (mut listed, _) = walked(1_000, 900, 300).await;
    listed.seal().await.unwrap();
    assert_eq!((listed.open_rows(), listed.pieces().iter().map(|piece| piece.rows).sum()), (0, 1_000));
    let mut again = Listed::default();
    for piece in listed.pieces() {
        again.push_piece(piece.bytes.clone()).unwrap();
    }
    assert_eq!(again.index().await.unwrap(), listed.index().await.unwrap());
}

#[test]
fn rows_that_came_sorted_stay_as_they_are() {
    let mut listed = Listed::default();
    listed.push(page(&[(1, Some(5), 10), (4, None, 40), (9, Some(1), 90)]));
    let index = listed.index_now().unwrap();
    let arranged = Arranged::from(&listed, &index, &[0, 1, 2]).unwrap();
    let asked = [Some(index[2]), None, Some(index[0])];
    assert_eq!(contacts(&arranged, &asked), [Some(90), None, Some(10)]);
    assert_eq!(size_of::<Row>(), 32);
}
