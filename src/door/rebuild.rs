//! `rebuild`: what was made again, and how it compares with the lake it was made from.

use std::fmt::Write as _;
use std::sync::Arc;

use drift2parquet::clock::Clock;
use drift2parquet::error::Result;
use drift2parquet::progress::Progress;
use drift2parquet::stop::Stop;
use drift2parquet::sync::rebuild::{Rebuilt, Settings, rebuild};
use jiff::Timestamp;

use super::args::Format;
use super::exit::Exit;
use super::figures::count;
use super::place::Place;
use super::talk::Talk;
use super::{run_id, signals, stdout};

/// What is to be made again, and where.
pub struct Order {
    /// The lake with the archive.
    pub from: Place,
    /// Where the new one is to lie.
    pub into: Place,
    /// The limit on memory, in bytes.
    pub memory: u64,
    /// Whether the new lake does without the archive.
    pub without_archive: bool,
    /// Now.
    pub now: Timestamp,
}

/// Makes the lake again; a signal ends that, and what was made so far is removed.
pub fn run(order: &Order, format: Format, talk: &Talk) -> Result<Exit> {
    let stop = Stop::default();
    let rebuilt = super::block_on(made(order, &stop, talk))?;
    let Some(rebuilt) = rebuilt else {
        talk.note("what was made so far was removed");
        return Ok(stop.asked().map_or(Exit::Internal, |reason| Exit::from_code(reason.exit_code())));
    };
    match format {
        Format::Json => stdout::json(&rebuilt)?,
        Format::Text => stdout::text(&text(&rebuilt))?,
    }
    Ok(Exit::Done)
}

async fn made(order: &Order, stop: &Stop, talk: &Talk) -> Result<Option<Rebuilt>> {
    signals::listen(stop.clone(), talk.clone(), "removing what was made so far")?;
    let (run, clock) = (run_id::fresh(order.now), Clock::starting_at(order.now));
    let progress = Arc::new(Progress::default());
    let settings = Settings { memory: order.memory, keep_archive: !order.without_archive };
    let (source, target) = (order.from.open().await?, order.into.open().await?);
    rebuild(source, target, run, clock, settings, progress, stop.clone()).await
}

fn text(rebuilt: &Rebuilt) -> String {
    let mut text = format!(
        "{} rows in {} objects from {} pages in {} segments\n",
        count(rebuilt.rows),
        count(rebuilt.objects),
        count(rebuilt.pages),
        count(rebuilt.segments)
    );
    if rebuilt.identical > 0 || !rebuilt.different.is_empty() {
        let identical = count(rebuilt.identical);
        let _ = writeln!(text, "{identical} objects are byte for byte those of the old lake");
    }
    for path in &rebuilt.different {
        let _ = writeln!(text, "{path} differs from what the old manifest names");
    }
    text
}
