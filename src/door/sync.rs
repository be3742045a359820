//! `sync`: hands the settings to the library, watches the run, and tells how it ended.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use drift2parquet::clock::Clock;
use drift2parquet::error::{Error, Result};
use drift2parquet::progress::Progress;
use drift2parquet::report::{Outcome, Report};
use drift2parquet::stop::Stop;
use drift2parquet::sync::{self, Ended};
use serde_json::{Map, json};

use super::args::LogFormat;
use super::exit::Exit;
use super::settings::{Order, ReportTo};
use super::talk::Talk;
use super::watch::{ReadTraffic, Watch};
use super::{line, run_id, signals, stdout, summary};

/// Brings the lake up to date.
pub fn run(order: &Order, talk: &Talk) -> Result<Exit> {
    let ended = super::block_on(watched(order, talk));
    let delivered = deliver(order, &ended);
    let Ended { report, error } = ended?;
    tell(&report, talk);
    // What stopped the run matters more than a report that could not be delivered.
    error.map_or(delivered, Err).map(|()| exit(order, &report))
}

async fn watched(order: &Order, talk: &Talk) -> Result<Ended> {
    let (stop, progress) = (Stop::default(), Arc::new(Progress::default()));
    signals::listen(stop.clone(), talk.clone())?;
    let client = line::client(&order.line)?;
    let store = drift2parquet::store::open(&order.lake)?;
    let traffic: ReadTraffic = {
        let client = client.clone();
        Arc::new(move || sync::traffic(&client))
    };
    let _watch = Watch::begin(talk, Arc::clone(&progress), traffic);
    let clock = Clock::starting_at(order.now);
    sync::sync(order.sync.clone(), client, store, run_id::fresh(order.now), clock, progress, stop).await
}

/// The report goes to where it was asked for, also when the run failed.
fn deliver(order: &Order, ended: &Result<Ended>) -> Result<()> {
    let Some(to) = &order.report else { return Ok(()) };
    let failed;
    let report = match ended {
        Ok(ended) => &ended.report,
        Err(error) => {
            failed = failure(order, error);
            &failed
        }
    };
    match to {
        ReportTo::Stdout => stdout::json(report),
        ReportTo::File(path) => write(path, report),
    }
}

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
