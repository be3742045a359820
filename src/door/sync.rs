//! `sync`: hands the settings to the library, watches the run, and tells how it ended.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use drift2parquet::error::{Error, Result};
use drift2parquet::progress::Progress;
use drift2parquet::report::{Outcome, Report};
use drift2parquet::stop::Stop;
use serde_json::{Map, json};

use super::args::LogFormat;
use super::exit::Exit;
use super::settings::{Order, ReportTo};
use super::talk::Talk;
use super::watch::{ReadTraffic, Watch};
use super::{signals, stdout, summary};

/// How a run ended: what it did, and what stopped it, if something did.
type Ended = (Report, Option<Error>);

/// Brings the lake up to date.
pub fn run(order: &Order, talk: &Talk) -> Result<Exit> {
    warn_of_plain_http(order);
    let (report, error) = match super::block_on(watched(order, talk)) {
        Ok(ended) => ended,
        Err(error) => (failure(order, &error), Some(error)),
    };
    let delivered = deliver(order, &report);
    if error.is_none() || report.duration_ms > 0 {
        tell(&report, talk);
    }
    match error {
        Some(error) => Err(error),
        None => delivered.map(|()| exit(order, &report)),
    }
}

/// A token that travels in the clear is worth a word, except to this machine itself.
fn warn_of_plain_http(order: &Order) {
    let here = match order.api_url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if order.api_url.scheme() == "http" && !here {
        tracing::warn!("the token travels unencrypted, since --api-url begins with http://");
    }
}

async fn watched(order: &Order, talk: &Talk) -> Result<Ended> {
    let (stop, progress) = (Stop::default(), Arc::new(Progress::default()));
    signals::listen(stop.clone(), talk.clone())?;
    export(order, talk, progress, stop).await
}

// SEAM: `api::Client` and `sync::sync` are connected here; this must not reach main unfilled.
//
// let client = api::Client::new(…order.api_url, order.credentials, order.max_rate, order.sync.concurrency…);
// let store = drift2parquet::store::open(&order.lake)?;
// let numbers = client.clone();
// let _watch = Watch::begin(talk, Arc::clone(&progress), Arc::new(move || numbers.stats()));
// let run = RunId { id, version: env!("CARGO_PKG_VERSION").into() };
// let ended = sync::sync(order.sync.clone(), client, store, run, Clock::starting_at(order.now), progress, stop).await?;
// Ok((ended.report, ended.error))
#[allow(clippy::unused_async, reason = "a seam")]
async fn export(order: &Order, talk: &Talk, progress: Arc<Progress>, stop: Stop) -> Result<Ended> {
    let traffic: ReadTraffic = Arc::new(drift2parquet::report::Traffic::default);
    let _watch = Watch::begin(talk, progress, traffic);
    let _ = (order.now, &order.credentials, &order.lake, &order.sync, order.max_rate, stop);
    Err(Error::internal("sync is not connected yet"))
}

/// The report goes to where it was asked for, also when the run failed.
fn deliver(order: &Order, report: &Report) -> Result<()> {
    match &order.report {
        None => Ok(()),
        Some(ReportTo::Stdout) => stdout::json(report),
        Some(ReportTo::File(path)) => write(path, report),
    }
}

/// The report of a run that could not even begin.
fn failure(order: &Order, error: &Error) -> Report {
    Report {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        outcome: Outcome::Failed,
        exit_code: Exit::of(error).code(),
        started_at: order.now,
        error: Some(error.to_string()),
        ..Report::default()
    }
}

/// In one step, so that a reader never meets half a report.
fn write(path: &Path, report: &Report) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let text = serde_json::to_vec_pretty(report)
        .map_err(|cause| Error::internal("cannot write the report").caused_by(cause))?;
    let staged = folder.join(format!(".drift2parquet-report-{}", std::process::id()));
    let written = std::fs::File::create(&staged)
        .and_then(|mut file| file.write_all(&text).and_then(|()| file.write_all(b"\n")))
        .and_then(|()| std::fs::rename(&staged, path));
    written.map_err(|cause| {
        Error::store("cannot write the report")
            .caused_by(cause)
            .at("file", path.display())
            .hint("the lake is as the run left it; its own copy of the report lies in `_reports`")
    })
}

fn tell(report: &Report, talk: &Talk) {
    match talk.voice.format {
        _ if talk.voice.quiet => {}
        LogFormat::Text => talk.write(&summary::text(report)),
        LogFormat::Json => {
            talk.object("INFO", "the run has ended", Map::from_iter([("report".to_owned(), json!(report))]));
        }
    }
}

fn exit(order: &Order, report: &Report) -> Exit {
    match Exit::from_code(report.exit_code) {
        Exit::Incomplete if order.allow_incomplete => Exit::Done,
        exit => exit,
    }
}
