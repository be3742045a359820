//! `tables`: what the lake's tables and columns are, straight from the declarations.

use std::fmt::Write as _;

use drift2parquet::error::{Error, Result};
use drift2parquet::schema::{Column, Partition, Span, Table, markdown};
use drift2parquet::tables;
use serde::Serialize;

use super::args::TablesFormat;
use super::exit::Exit;
use super::stdout;

/// Prints these tables, or all.
pub fn run(names: &[String], format: TablesFormat) -> Result<Exit> {
    let chosen = chosen(names)?;
    match format {
        TablesFormat::Text => stdout::text(&text(&chosen))?,
        TablesFormat::Json => stdout::json(&chosen.iter().map(|table| described(table)).collect::<Vec<_>>())?,
        TablesFormat::Markdown => stdout::text(&markdown(&chosen))?,
    }
    Ok(Exit::Done)
}

/// A name that is no table.
pub fn unknown(name: &str) -> Error {
    let names: Vec<_> = tables::ALL.iter().map(|table| table.name).collect();
    Error::usage(format!("there is no table `{name}`")).hint(format!("the tables are {}", names.join(", ")))
}

fn chosen(names: &[String]) -> Result<Vec<&'static Table>> {
    if names.is_empty() {
        return Ok(tables::ALL.to_vec());
    }
    names.iter().map(|name| tables::by_name(name).ok_or_else(|| unknown(name))).collect()
}

fn text(tables: &[&Table]) -> String {
    let mut text = String::new();
    for (index, table) in tables.iter().enumerate() {
        let space = if index == 0 { "" } else { "\n" };
        let partition = partition(table.partition);
        let _ = writeln!(text, "{space}{}  key {}, {partition}", table.name, table.key.join(" + "));
        let _ = writeln!(text, "  {}\n", table.about);
        columns(&mut text, table);
    }
    text
}

fn columns(text: &mut String, table: &Table) {
    let cells: Vec<(&Column, String)> =
        table.all_columns().map(|column| (column, brief(&column.kind.word()))).collect();
    let names = cells.iter().map(|(column, _)| column.name.len()).max().unwrap_or(0);
    let kinds = cells.iter().map(|(_, kind)| kind.chars().count()).max().unwrap_or(0);
    for (column, kind) in &cells {
        let _ = writeln!(text, "    {:<names$}  {kind:<kinds$}  {}", column.name, column.about);
    }
}

/// The fields of a nested record would push everything else off the line; JSON and markdown have them.
fn brief(kind: &str) -> String {
    kind.find("Struct<").map_or_else(|| kind.to_owned(), |start| format!("{}Struct>", &kind[..start]))
}

fn partition(partition: Partition) -> String {
    match partition {
        Partition::Whole => "one object".to_owned(),
        Partition::Time(column) => format!("by month of {column}"),
        Partition::OfConversation => "by month of its conversation".to_owned(),
        Partition::Bucket(count) => format!("in {count} buckets of its key"),
    }
}

#[derive(Serialize)]
struct TableText {
    name: &'static str,
    about: &'static str,
    derived: bool,
    key: &'static [&'static str],
    partition: Option<&'static str>,
    brings: &'static [&'static str],
    columns: Vec<ColumnText>,
}

#[derive(Serialize)]
struct ColumnText {
    name: &'static str,
    r#type: String,
    nullable: bool,
    api: Option<String>,
    about: &'static str,
}

fn described(table: &Table) -> TableText {
    TableText {
        name: table.name,
        about: table.about,
        derived: table.is_derived(),
        key: table.key,
        partition: table.partition.column(Span::default()),
        brings: table.brings,
        columns: table.all_columns().map(|column| described_column(table, column)).collect(),
    }
}

fn described_column(table: &Table, column: &Column) -> ColumnText {
    ColumnText {
        name: column.name,
        r#type: column.kind.word(),
        nullable: !table.key.contains(&column.name),
        api: column.api_name(),
        about: column.about,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_kinds_are_brief() {
        assert_eq!(brief("List<Struct<id: Int64>>"), "List<Struct>");
        assert_eq!(brief("List<Int64>"), "List<Int64>");
    }

    #[test]
    fn one_table_can_be_asked_for() {
        assert_eq!(chosen(&["users".into()]).unwrap().len(), 1);
        assert_eq!(chosen(&["user".into()]).unwrap_err().kind().exit_code(), 2);
    }
}
