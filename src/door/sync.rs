//! `sync`: hands the settings to the library, watches the run, and tells how it ended; with `--every` again and
//! again.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use drift2parquet::clock::Clock;
use drift2parquet::error::{Error, Result};
use drift2parquet::lake;
use drift2parquet::progress::Progress;
use drift2parquet::report::{Outcome, Report};
use drift2parquet::stop::Stop;
use drift2parquet::store::{self, Store};
use drift2parquet::sync::{self, Ended};
use jiff::Timestamp;
use serde_json::{Map, json};

use super::args::LogFormat;
use super::exit::Exit;
use super::settings::{Order, ReportTo};
use super::talk::Talk;
use super::watch::{ReadTraffic, Watch};
use super::{every, line, run_id, signals, stdout, summary};

/// Brings the lake up to date, once or at every slot of the schedule. What is to be done is asked of `order` for
/// each run anew: days before today move on, and files that hold a token may have been written again.
pub fn run(order: impl Fn(Timestamp) -> Result<Order>, talk: &Talk) -> Result<Exit> {
    let first = order(Timestamp::now())?;
    super::block_on(async {
        let stop = Stop::default();
        signals::listen(stop.clone(), talk.clone(), "committing what was fetched")?;
        match first.every {
            None => once(&first, &stop, talk).await,
            Some(schedule) => {
                let mut last = None;
                let again = async || again(&order, &mut last, &stop, talk).await;
                Ok(every::repeat(&schedule, Timestamp::now, &stop, again).await)
            }
        }
    })
}

/// One run of several, which tells its own error: the next may do better.
async fn again(
    order: impl Fn(Timestamp) -> Result<Order>,
    last: &mut Option<Order>,
    stop: &Stop,
    talk: &Talk,
) -> Exit {
    let run = async {
        let mut order = order(Timestamp::now())?;
        if let Some(last) = last {
            order.line.follow(&last.line);
        }
        once(last.insert(order), stop, talk).await
    };
    run.await.unwrap_or_else(|error| {
        talk.error(&error);
        Exit::of(&error)
    })
}

async fn once(order: &Order, stop: &Stop, talk: &Talk) -> Result<Exit> {
    let ended = watched(order, stop, talk).await;
    let delivered = deliver(order, &ended);
    let Ended { report, error } = ended?;
    tell(&report, talk);
    // What stopped the run matters more than a report that could not be delivered.
    error.map_or(delivered, Err)?;
    let exit = exit(order, &report);
    publish(order, exit, talk).await?;
    Ok(exit)
}

/// Publishes the lake where that was asked for. One that is not complete stays as it was published last.
async fn publish(order: &Order, exit: Exit, talk: &Talk) -> Result<()> {
    match &order.publication {
        None => Ok(()),
        Some(publication) if exit == Exit::Done => {
            super::publish::after(&order.lake, publication, order.now, talk).await
        }
        Some(_) => {
            talk.note("nothing is published, since the run is not complete");
            Ok(())
        }
    }
}

async fn watched(order: &Order, stop: &Stop, talk: &Talk) -> Result<Ended> {
    let ((stop, _following), progress) = (stop.follower(), Arc::new(Progress::default()));
    let client = line::client(&order.line)?;
    let (store, id) = (order.lake.open().await?, run_id::fresh(order.now));
    if !order.accept_unsafe_store {
        trust(&*store, &id.id).await?;
    }
    let traffic: ReadTraffic = {
        let client = client.clone();
        Arc::new(move || sync::traffic(&client))
    };
    let _watch = Watch::begin(talk, Arc::clone(&progress), traffic);
    let clock = Clock::starting_at(order.now);
    let ended = sync::sync(order.sync.clone(), client.clone(), store, id, clock, progress, stop).await;
    order.line.drift_known.store(client.knows_drift(), Ordering::Relaxed);
    ended
}

/// Makes sure, before the first run of a lake, that the store keeps to the conditions which keep two runs apart.
async fn trust(store: &dyn Store, id: &str) -> Result<()> {
    if store.relies_on_conditions() && lake::newest(store).await?.is_none() {
        store::prove(store, id).await?;
    }
    Ok(())
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
