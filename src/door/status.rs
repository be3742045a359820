//! `status`: what the lake holds, on one screen.

use std::fmt::Write as _;
use std::time::Duration;

use drift2parquet::error::Result;
use drift2parquet::manifest::RunStatus;
use drift2parquet::report::{Outcome, Report};
use drift2parquet::status::{self, Status, TableStatus};
use jiff::Timestamp;

use super::args::Format;
use super::exit::Exit;
use super::figures::{aligned, count, size, span, took};
use super::place::Place;
use super::stdout;

/// Prints what the lake holds.
pub fn run(lake: &Place, format: Format, now: Timestamp) -> Result<Exit> {
    let status = super::block_on(async { status::status(&*lake.open().await?, &lake.name, now).await })?;
    match format {
        Format::Json => stdout::json(&status)?,
        Format::Text => stdout::text(&text(&lake.name, &status, now))?,
    }
    Ok(Exit::Done)
}

fn text(lake: &str, status: &Status, now: Timestamp) -> String {
    let mut text = String::new();
    let org = status.org.as_deref().unwrap_or("unknown");
    let _ = writeln!(text, "lake {lake}, Drift organization {org}, manifest {}", status.manifest);
    let history = status.since.map_or("all".to_owned(), |since| format!("changes since {}", day(since)));
    let _ = writeln!(text, "history: {history}; {}", complete(status, now));
    let _ = writeln!(text, "{}\n", standing(status, now));
    text.push_str(&aligned(&tables(&status.tables)));
    if status.pending > 0 {
        let _ = writeln!(text, "\n{} rows are pending; run `sync` to try them again", count(status.pending));
    }
    text.push_str(&doubts(&status.doubted));
    text.push_str(&runs(&status.runs, &status.unreadable_reports));
    text
}

/// So many objects are named; `--format json` has all.
const DOUBTS_NAMED: usize = 10;

fn doubts(doubted: &[String]) -> String {
    if doubted.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "\n{} objects were changed by another hand; run `sync`, which asks Drift again for what should be there\n",
        count(doubted.len() as u64)
    );
    for path in doubted.iter().take(DOUBTS_NAMED) {
        let _ = writeln!(text, "  {path}");
    }
    if doubted.len() > DOUBTS_NAMED {
        let _ = writeln!(text, "  and {} more", count((doubted.len() - DOUBTS_NAMED) as u64));
    }
    text
}

fn complete(status: &Status, now: Timestamp) -> String {
    match &status.last_complete {
        None => "no run has been complete yet".to_owned(),
        Some(run) => format!("last complete run {}", ago(run.ended_at.unwrap_or(run.started_at), now)),
    }
}

/// What the newest commit says about the run that made it.
fn standing(status: &Status, now: Timestamp) -> String {
    let run = match status.run.status {
        _ if status.held => "a run holds the lake now",
        RunStatus::Running => "the last run did not end cleanly; `sync` goes on from there",
        RunStatus::Stopped => "the last run was stopped; `sync` goes on from there",
        RunStatus::Failed => "the last run failed; `sync` goes on from there",
        RunStatus::Incomplete => "the last run was not complete: rows are pending or set aside, or in doubt",
        RunStatus::Done => "nothing is under way",
    };
    match &status.walk {
        None => run.to_owned(),
        Some(walk) => {
            let part = if walk.listed { "all listed" } else { "still listing" };
            let started = ago(walk.started_at, now);
            format!("{run}; walk of {} conversations begun {started}, {part}", count(walk.rows))
        }
    }
}

fn tables(tables: &[TableStatus]) -> Vec<Vec<String>> {
    let title = ["table", "rows", "deleted", "missing", "pending", "objects", "size", "bookmark", "age"];
    let mut rows = vec![title.map(str::to_owned).to_vec()];
    rows.extend(tables.iter().map(table));
    rows
}

fn table(table: &TableStatus) -> Vec<String> {
    vec![
        table.table.clone(),
        count(table.rows),
        count(table.deleted),
        count(table.missing),
        count(table.pending),
        count(table.objects),
        size(table.bytes),
        table.bookmark.map_or("-".to_owned(), minute),
        table.age_s.map_or("-".to_owned(), |age| span(Duration::from_secs(age.max(0).unsigned_abs()))),
    ]
}

fn runs(runs: &[Report], unreadable: &[String]) -> String {
    let mut text = String::new();
    if !runs.is_empty() {
        text.push_str("\nlast runs\n");
    }
    for run in runs {
        let _ = writeln!(text, "  {}", run_line(run));
    }
    for path in unreadable {
        let _ = writeln!(text, "  {path} cannot be read");
    }
    text
}

fn run_line(run: &Report) -> String {
    let new: u64 = run.tables.values().map(|table| table.inserted).sum();
    let changed: u64 = run.tables.values().map(|table| table.updated).sum();
    let outcome = match run.outcome {
        Outcome::Running => "running",
        Outcome::Done => "done",
        Outcome::Incomplete => "incomplete",
        Outcome::OutOfTime => "out of time",
        Outcome::Interrupted => "interrupted",
        Outcome::Failed => "failed",
    };
    let error = run.error.as_deref().map_or(String::new(), |error| format!(": {error}"));
    format!(
        "{}  {outcome} in {}, {} requests, {} rows new, {} changed{error}",
        minute(run.started_at),
        took(run.duration_ms),
        count(run.traffic.requests),
        count(new),
        count(changed)
    )
}

fn ago(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second() - at.as_second();
    if seconds < 0 {
        return format!("at {}", minute(at));
    }
    format!("{} ago", span(Duration::from_secs(seconds.unsigned_abs())))
}

fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%MZ").to_string()
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}
