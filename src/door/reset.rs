//! `reset`: what was dropped.

use drift2parquet::clock::Clock;
use drift2parquet::error::Result;
use drift2parquet::reset::{Dropped, reset};
use drift2parquet::tables;
use jiff::Timestamp;

use super::args::Format;
use super::exit::Exit;
use super::figures::count;
use super::place::Place;
use super::{run_id, stdout};

/// Drops a table of the lake.
pub fn run(lake: &Place, table: &str, format: Format, now: Timestamp) -> Result<Exit> {
    let table = tables::by_name(table).ok_or_else(|| super::tables::unknown(table))?;
    let dropping =
        async { reset(lake.open().await?, run_id::fresh(now), Clock::starting_at(now), table).await };
    let dropped = super::block_on(dropping)?;
    match format {
        Format::Json => stdout::json(&dropped)?,
        Format::Text => stdout::text(&text(&dropped))?,
    }
    Ok(Exit::Done)
}

fn text(dropped: &Dropped) -> String {
    format!(
        "{}: {} rows in {} objects dropped; the next `sync` reads it from the beginning\n",
        dropped.table,
        count(dropped.rows),
        count(dropped.deleted.len() as u64)
    )
}
