//! From a declared table to the schema of its Delta table.

use serde_json::{Value, json};

use super::actions::PartitionValues;
use crate::schema::{Column, Kind, NULL_PARTITION, Span, Table};

/// The schema, as the JSON that Delta has for it: the table's columns with their sentences, and the partition
/// column, which stands in no file.
pub fn schema_string(table: &Table, span: Span) -> String {
    let columns = table.all_columns().map(|column| field(column, !table.key.contains(&column.name)));
    let partition = table.partition.column(span).map(|name| {
        let about = "Which part of the table the row lies in.";
        json!({"name": name, "type": partition_type(name), "nullable": true, "metadata": {"comment": about}})
    });
    json!({"type": "struct", "fields": columns.chain(partition).collect::<Vec<_>>()}).to_string()
}

fn field(column: &Column, nullable: bool) -> Value {
    json!({
        "name": column.name,
        "type": type_of(column.kind),
        "nullable": nullable,
        "metadata": {"comment": column.about},
    })
}

fn type_of(kind: Kind) -> Value {
    match kind {
        Kind::Int => json!("long"),
        Kind::Text | Kind::Scalar | Kind::Json => json!("string"),
        Kind::Flag => json!("boolean"),
        Kind::Number => json!("double"),
        Kind::Time => json!("timestamp"),
        Kind::Ints => array(&json!("long")),
        Kind::Texts => array(&json!("string")),
        Kind::Records(fields) => array(&record(fields)),
        Kind::Record(fields) => record(fields),
    }
}

fn array(item: &Value) -> Value {
    json!({"type": "array", "elementType": item, "containsNull": true})
}

fn record(fields: &[Column]) -> Value {
    json!({"type": "struct", "fields": fields.iter().map(|one| field(one, true)).collect::<Vec<_>>()})
}

/// Days are dates and buckets numbers; no type holds a month alone.
fn partition_type(column: &str) -> &'static str {
    match column {
        "day" => "date",
        "bucket" => "integer",
        _ => "string",
    }
}

/// The value of a partition such as `bucket=07`, as Delta writes values of its type.
pub fn partition_values(partition: Option<&str>) -> PartitionValues {
    let Some((column, value)) = partition.and_then(|partition| partition.split_once('=')) else {
        return PartitionValues::new();
    };
    let value = match (partition_type(column), value) {
        (_, NULL_PARTITION) => None,
        ("integer", value) => value.parse::<i32>().ok().map(|number| number.to_string()),
        (_, value) => Some(value.to_owned()),
    };
    [(column.to_owned(), value)].into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::{self, MESSAGES};

    #[test]
    fn values_of_partitions_have_the_form_of_their_type() {
        let value = |partition: &str| partition_values(Some(partition)).into_values().next().unwrap();
        assert_eq!(value("bucket=07").as_deref(), Some("7"));
        assert_eq!(value("month=2025-03").as_deref(), Some("2025-03"));
        assert_eq!(value("day=2025-03-07").as_deref(), Some("2025-03-07"));
        assert_eq!(value("month=__HIVE_DEFAULT_PARTITION__"), None);
        assert!(partition_values(None).is_empty());
    }

    #[test]
    fn every_column_is_there_with_its_sentence() {
        for table in tables::ALL {
            let schema: Value = serde_json::from_str(&schema_string(table, Span::Month)).unwrap();
            let fields = schema["fields"].as_array().unwrap();
            for (column, field) in table.all_columns().zip(fields) {
                assert_eq!(
                    (&field["name"], &field["metadata"]["comment"]),
                    (&column.name.into(), &column.about.into())
                );
            }
            let partition = usize::from(table.partition.column(Span::Month).is_some());
            assert_eq!(fields.len(), table.all_columns().count() + partition);
        }
        let by_day: Value = serde_json::from_str(&schema_string(&MESSAGES, Span::Day)).unwrap();
        let last = by_day["fields"].as_array().unwrap().last().unwrap().clone();
        assert_eq!((&last["name"], &last["type"]), (&"day".into(), &"date".into()));
    }
}
