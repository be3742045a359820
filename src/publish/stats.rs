//! What lets readers pass over a file: its rows, and for each plain column the rows without a value and, for
//! numbers and times, the bounds. Texts have no bounds here: they may be of people, and whoever is forgotten
//! should stand in as few places as can be.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::data_file::{ColumnSummary, Reader};
use crate::schema::{Kind, Table};

/// The statistics of an object, as the JSON that Delta has for them.
pub fn stats(table: &Table, object: &Reader) -> String {
    let (mut nulls, mut least, mut greatest) = (Map::new(), Map::new(), Map::new());
    for column in object.summaries() {
        if let Some(count) = column.nulls {
            nulls.insert(column.name.clone(), count.into());
        }
        if let Some((low, high)) = bounds(table, &column) {
            least.insert(column.name.clone(), low);
            greatest.insert(column.name, high);
        }
    }
    json!({"numRecords": object.rows(), "minValues": least, "maxValues": greatest, "nullCount": nulls})
        .to_string()
}

fn bounds(table: &Table, column: &ColumnSummary) -> Option<(Value, Value)> {
    let (low, high) = column.range?;
    match table.column(&column.name)?.kind {
        Kind::Int => Some((low.into(), high.into())),
        Kind::Time => Some((time(low.div_euclid(1_000))?, time(-(-high).div_euclid(1_000))?)),
        _ => None,
    }
}

/// Delta keeps bounds of times to the millisecond.
fn time(ms: i64) -> Option<Value> {
    let at = Timestamp::from_millisecond(ms).ok()?;
    Some(at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::MESSAGES;

    #[test]
    fn bounds_of_times_are_widened_to_the_millisecond() {
        let column = ColumnSummary {
            name: "created_at".into(),
            nulls: Some(0),
            range: Some((1_741_305_600_000_001, 1_741_305_600_001_001)),
        };
        let (low, high) = bounds(&MESSAGES, &column).unwrap();
        assert_eq!((low, high), ("2025-03-07T00:00:00.000Z".into(), "2025-03-07T00:00:00.002Z".into()));
    }

    #[test]
    fn texts_have_no_bounds() {
        let column = ColumnSummary { name: "body".into(), nulls: Some(0), range: Some((1, 2)) };
        assert!(bounds(&MESSAGES, &column).is_none());
    }
}
