//! `views.sql`: one view a table with its current rows, for `DuckDB` and for Spark.

use std::fmt::Write as _;

use bytes::Bytes;

use super::writer::Writer;
use crate::error::Result;
use crate::schema::Table;
use crate::tables;

/// Where they are written, for a lake as a whole.
pub(super) const PATH: &str = "views.sql";

/// Writes the views, unless they stand there already.
pub(super) async fn put(writer: &mut Writer) -> Result<()> {
    let in_lake: Vec<&Table> =
        tables::ALL.iter().copied().filter(|table| !writer.lake.paths(table).is_empty()).collect();
    let text = Bytes::from(views(&in_lake, &writer.lake.store().uri("")));
    let store = writer.lake.store();
    match store.get(PATH).await? {
        Some(stored) if stored.bytes == text => Ok(()),
        _ => store.overwrite(PATH, text).await,
    }
}

fn views(tables: &[&Table], root: &str) -> String {
    let root = root.trim_end_matches('/');
    let mut text = String::from(
        "-- Views of the current rows (those that Drift still has), one for each table.\n\
         -- DuckDB: run this file. Spark SQL: run the statements in the comment at its end.\n\n",
    );
    for table in tables {
        let (name, glob) = (table.name, glob(table));
        let source = quoted(&format!("{}/{name}/{glob}", literal(root)));
        let _ = writeln!(
            text,
            "CREATE OR REPLACE VIEW {name} AS SELECT * FROM read_parquet({source}) WHERE _deleted_at IS NULL;"
        );
    }
    text.push_str("\n/* Spark SQL\n");
    for name in tables.iter().map(|table| table.name) {
        let source = escaped(&format!("{root}/{name}")).replace('`', "``");
        let _ = writeln!(
            text,
            "CREATE OR REPLACE TEMPORARY VIEW {name} AS SELECT * FROM parquet.`{source}` WHERE _deleted_at IS NULL;"
        );
    }
    text + "*/\n"
}

/// Partitioned tables lie one folder deeper.
fn glob(table: &Table) -> &'static str {
    if table.partition == crate::schema::Partition::Whole { "*.parquet" } else { "**/*.parquet" }
}

/// A path in which no character stands for others, to `DuckDB`.
fn literal(path: &str) -> String {
    let one = |letter: char| match letter {
        '[' | '*' | '?' => format!("[{letter}]"),
        _ => letter.to_string(),
    };
    path.chars().map(one).collect()
}

/// A path in which no character stands for others, to Spark: Hadoop's globs know the backslash. No star stands beside a
/// slash, since the two would begin or end a comment.
fn escaped(path: &str) -> String {
    let one = |letter: char| match letter {
        '*' => "[\\*]".to_owned(),
        '[' | ']' | '{' | '}' | '?' | '\\' => format!("\\{letter}"),
        _ => letter.to_string(),
    };
    path.chars().map(one).collect()
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_quotes_stay_inside_their_quotes() {
        let text = views(&[&tables::CONVERSATIONS], "/it's");
        assert!(text.contains("read_parquet('/it''s/conversations/**/*.parquet')"));
    }

    #[test]
    fn names_with_glob_characters_are_meant_as_they_stand() {
        let text = views(&[&tables::CONVERSATIONS], "/a[1]{b,c}*?");
        assert!(text.contains("read_parquet('/a[[]1]{b,c}[*][?]/conversations/**/*.parquet')"));
        assert!(text.contains(r"parquet.`/a\[1\]\{b,c\}[\*]\?/conversations`"));
    }

    /// Bug: such a path ended the comment with Spark's statements, or began another within it.
    #[test]
    fn no_name_ends_the_comment_or_begins_one() {
        for root in ["/a*", "/*a", "/a*/b", "/a/*/*"] {
            let text = views(&[&tables::CONVERSATIONS], root);
            let (_, comment) = text.split_once("/* Spark SQL").unwrap();
            assert!(comment.find("*/") == Some(comment.len() - 3) && !comment.contains("/*"), "{text}");
            assert_eq!(comment.matches("CREATE OR REPLACE").count(), 1, "{text}");
        }
    }
}
