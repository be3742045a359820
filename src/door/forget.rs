//! `forget`: what was erased, or would be, and what is out of reach.

use std::fmt::Write as _;

use drift2parquet::clock::Clock;
use drift2parquet::erase::Wanted;
use drift2parquet::error::Result;
use drift2parquet::forget::{Forgetting, forget};
use jiff::Timestamp;

use super::args::Format;
use super::exit::Exit;
use super::figures::count;
use super::place::Place;
use super::talk::Talk;
use super::{run_id, stdout};

/// A lake does not know where it was published.
const PUBLISHED: &str = "if this lake is published as Delta tables, these still hold what was erased: run \
    `drift2parquet publish --to URL --retain 0s` now";

/// Erases what is wanted from the lake.
pub fn run(
    lake: &Place,
    wanted: &Wanted,
    dry_run: bool,
    format: Format,
    now: Timestamp,
    talk: &Talk,
) -> Result<Exit> {
    let forgetting = async {
        forget(lake.open().await?, run_id::fresh(now), Clock::starting_at(now), wanted, dry_run).await
    };
    let told = super::block_on(forgetting)?;
    match format {
        Format::Json => stdout::json(&told)?,
        Format::Text => stdout::text(&text(&told))?,
    }
    for id in &told.not_in_lake {
        talk.note(&format!(
            "{id} was not in the lake{}",
            if dry_run { "" } else { "; no later run brings it in" }
        ));
    }
    if !dry_run && told.older_versions.is_empty() {
        talk.note("backups and snapshots of this lake, if there are any, still hold what was erased");
    }
    if !dry_run && !told.rewritten.is_empty() {
        talk.note(PUBLISHED);
    }
    if !told.older_versions.is_empty() {
        talk.note("if the bucket keeps versions, older ones of the objects named `older` still hold what was erased");
    }
    Ok(Exit::Done)
}

fn text(told: &Forgetting) -> String {
    let mut text = String::new();
    for (table, rows) in &told.rows {
        let _ = writeln!(text, "{table}\t{} rows", count(*rows));
    }
    if told.records > 0 {
        let _ = writeln!(text, "_quarantine\t{} records", count(told.records));
    }
    for path in &told.older_versions {
        let _ = writeln!(text, "older\t{path}");
    }
    let _ = writeln!(
        text,
        "{}: {} contacts, {} conversations{}; {} files {}, {} deleted",
        if told.dry_run { "would be forgotten" } else { "forgotten" },
        count(told.contacts),
        count(told.conversations),
        unknown(told),
        count(told.rewritten.len() as u64),
        if told.dry_run { "to rewrite" } else { "rewritten" },
        count(told.deleted.len() as u64),
    );
    text
}

/// Whoever is not there is barred all the same, which is less than one may have meant.
fn unknown(told: &Forgetting) -> String {
    match told.not_in_lake.len() as u64 {
        0 => String::new(),
        some => format!(", {} of which not in the lake", count(some)),
    }
}
