//! `plan`: what a sync would cost, before it is begun.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use drift2parquet::error::Result;
use drift2parquet::forecast::{self, Estimate, Forecast, Kind, Meant};
use drift2parquet::progress::Progress;
use drift2parquet::sync;

use super::args::Format;
use super::exit::Exit;
use super::figures::{aligned, count, size, span};
use super::line;
use super::settings::Order;
use super::stdout;
use super::talk::Talk;
use super::watch::Watch;

/// Prints what a sync would cost.
pub fn run(order: &Order, format: Format, talk: &Talk) -> Result<Exit> {
    let forecast = super::block_on(asked(order, talk))?;
    match format {
        Format::Json => stdout::json(&forecast)?,
        Format::Text => stdout::text(&text(&order.lake.name, &forecast))?,
    }
    Ok(Exit::Done)
}

async fn asked(order: &Order, talk: &Talk) -> Result<Forecast> {
    let (client, store) = (line::client(&order.line)?, order.lake.open().await?);
    let asking = client.clone();
    let traffic = move || sync::traffic(&asking);
    let _watch = Watch::begin(talk, Arc::new(Progress::default()), Arc::new(traffic));
    forecast::forecast(&order.sync, order.line.max_rate, &client, &*store, order.now).await
}

fn text(lake: &str, forecast: &Forecast) -> String {
    let mut text = String::new();
    let _ =
        writeln!(text, "lake {lake}, Drift organization {}", forecast.org.as_deref().unwrap_or("unknown"));
    let counted = forecast.counted.map_or("an unknown number of".to_owned(), count);
    let _ = writeln!(
        text,
        "a sync now {}; Drift counts {counted} conversations, the lake holds {}",
        kind(forecast.kind),
        count(forecast.stored)
    );
    let _ = writeln!(
        text,
        "it fetches {} conversations with about {} messages: about {} of JSON\n",
        estimate(forecast.fetch),
        count(forecast.messages),
        size(forecast.json_bytes)
    );
    text.push_str(&aligned(&calls(forecast)));
    text.push('\n');
    text.push_str(&aligned(&lasts(forecast)));
    let _ = writeln!(
        text,
        "\nDrift's own limit is not known beforehand; sync finds it. An answer took {} ms.\n\
         told by {} requests, {} conversations of which were looked at",
        forecast.answer_ms,
        count(forecast.requests),
        count(forecast.sampled)
    );
    text
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::FirstLoad => "is the first load",
        Kind::Resumed => "goes on with a walk that an earlier run left",
        Kind::FullWalk => "walks the whole list, and fetches what changed",
        Kind::Incremental => "reads the list down to the bookmark",
    }
}

fn estimate(estimate: Estimate) -> String {
    let meant = match estimate.meant {
        Meant::About => "about",
        Meant::AtLeast => "at least",
        Meant::AtMost => "at most",
    };
    format!("{meant} {}", count(estimate.number))
}

fn calls(forecast: &Forecast) -> Vec<Vec<String>> {
    let mut rows = vec![vec!["calls for".to_owned(), "number".to_owned()]];
    rows.extend(forecast.calls.iter().map(|calls| vec![calls.what.to_owned(), count(calls.calls)]));
    rows.push(vec!["all".to_owned(), count(forecast.total_calls)]);
    rows
}

fn lasts(forecast: &Forecast) -> Vec<Vec<String>> {
    let mut rows = vec![vec!["at requests/s".to_owned(), "takes".to_owned()]];
    let row =
        |lasts: &forecast::Lasts| vec![format!("{}", lasts.rate), span(Duration::from_secs(lasts.seconds))];
    rows.extend(forecast.lasts.iter().map(row));
    rows
}
