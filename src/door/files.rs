//! `files`: the live objects, for tools that want a list instead of a glob.

use drift2parquet::error::{Error, Result};
use drift2parquet::{status, tables};
use serde::Serialize;

use super::args::Format;
use super::exit::Exit;
use super::place::Place;
use super::stdout;

#[derive(Serialize)]
struct File<'a> {
    table: &'a str,
    path: &'a str,
    uri: String,
    rows: u64,
    bytes: u64,
    sha256: &'a str,
}

/// Prints the objects of all tables, or of one.
pub fn run(lake: &Place, table: Option<&str>, format: Format) -> Result<Exit> {
    if let Some(name) = table.filter(|name| tables::by_name(name).is_none()) {
        return Err(super::tables::unknown(name));
    }
    let (store, manifest) = super::block_on(async {
        let store = lake.open().await?;
        let manifest = status::newest(&*store, &lake.name).await?;
        Ok((store, manifest))
    })?;
    let wanted = |name: &str| table.is_none_or(|table| table == name);
    let files: Vec<File> = manifest
        .objects()
        .filter(|(name, ..)| wanted(name))
        .map(|(table, path, object)| File {
            table,
            path,
            uri: store.uri(path),
            rows: object.rows,
            bytes: object.bytes,
            sha256: &object.sha256,
        })
        .collect();
    print(&files, format).map(|()| Exit::Done)
}

fn print(files: &[File], format: Format) -> Result<(), Error> {
    match format {
        Format::Json => stdout::json(&files),
        Format::Text => stdout::text(&lines(files)),
    }
}

fn lines(files: &[File]) -> String {
    let mut text = String::new();
    for file in files {
        text.push_str(&file.uri);
        text.push('\n');
    }
    text
}
