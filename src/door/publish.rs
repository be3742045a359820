//! `publish`, alone or after a `sync`: what was published.

use std::fmt::Write as _;

use drift2parquet::clock::Clock;
use drift2parquet::error::Result;
use drift2parquet::publish::{Published, PublishedTable, publish};
use jiff::Timestamp;

use super::args::Format;
use super::exit::Exit;
use super::figures::{count, size};
use super::place::Place;
use super::settings::Publication;
use super::talk::Talk;
use super::{run_id, stdout};

/// Publishes the lake.
pub fn run(lake: &Place, publication: &Publication, format: Format, now: Timestamp) -> Result<Exit> {
    let published = super::block_on(publish_to(lake, publication, now))?;
    match format {
        Format::Json => stdout::json(&published)?,
        Format::Text => stdout::text(&text(&published))?,
    }
    Ok(Exit::Done)
}

/// Publishes the lake after a run, whose own words on stdout stay alone there.
pub async fn after(lake: &Place, publication: &Publication, now: Timestamp, talk: &Talk) -> Result<()> {
    let published = publish_to(lake, publication, now).await;
    let published = published.map_err(|error| error.at("publication", &publication.to.name))?;
    talk.note(&sum(&published));
    Ok(())
}

async fn publish_to(lake: &Place, publication: &Publication, now: Timestamp) -> Result<Published> {
    let (from, to) = (lake.open().await?, publication.to.open().await?);
    // A run may have taken hours since `now`.
    let clock = Clock::starting_at(Timestamp::now());
    publish(from.as_ref(), to.as_ref(), &run_id::fresh(now), clock, publication.settings).await
}

fn text(published: &Published) -> String {
    let mut text = String::new();
    for table in &published.tables {
        let version = table.version.map_or_else(|| "none".to_owned(), |version| version.to_string());
        let _ = writeln!(text, "{}\tversion {version}\t{}", table.table, changes(table));
    }
    let _ = writeln!(text, "{}", sum(published));
    text
}

fn changes(table: &PublishedTable) -> String {
    let mut words = vec![if table.is_new_version {
        format!(
            "{} files added ({}), {} removed",
            count(table.added),
            size(table.bytes),
            count(table.removed)
        )
    } else {
        "as it was".to_owned()
    }];
    if table.deleted > 0 {
        words.push(format!("{} old files deleted", count(table.deleted)));
    }
    words.join(", ")
}

fn sum(published: &Published) -> String {
    let of = |figure: fn(&PublishedTable) -> u64| published.tables.iter().map(figure).sum::<u64>();
    format!(
        "published manifest {} to {}: {} of {} tables changed, {} files ({}) added, {} deleted",
        published.manifest,
        published.to,
        count(of(|table| table.is_new_version.into())),
        count(published.tables.len() as u64),
        count(of(|table| table.added)),
        size(of(|table| table.bytes)),
        count(of(|table| table.deleted)),
    )
}
