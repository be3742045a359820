//! `check`: token, rights, store, one line each; what is wrong comes with how it is mended.

use std::fmt::Write as _;

use drift2parquet::check::{self, Finding};
use drift2parquet::error::{Error, ErrorKind, Result};
use serde::Serialize;

use super::args::Format;
use super::exit::Exit;
use super::settings::Order;
use super::{line, run_id, stdout};

/// One line, for programs.
#[derive(Serialize)]
struct Line<'a> {
    part: &'a str,
    what: &'a str,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

/// Tries everything, and ends with the code of the first thing that failed.
pub fn run(order: &Order, format: Format) -> Result<Exit> {
    let findings = super::block_on(tried(order))?;
    let failed = findings.iter().find_map(|finding| finding.found.as_ref().err());
    match format {
        Format::Json => stdout::json(&findings.iter().map(line).collect::<Vec<_>>())?,
        Format::Text => stdout::text(&text(&findings))?,
    }
    Ok(failed.map_or(Exit::Done, Exit::of))
}

async fn tried(order: &Order) -> Result<Vec<Finding>> {
    let client = line::client(&order.line)?;
    let (mut findings, org) = check::drift(&client, &order.sync.tables).await;
    match order.lake.open().await {
        Ok(store) => {
            let tried = check::store(&*store, &run_id::fresh(order.now).id).await;
            let is_sound = tried.iter().all(|finding| finding.found.is_ok());
            findings.extend(tried);
            if is_sound {
                findings.extend(check::lake(&*store, org.as_deref()).await);
            }
        }
        Err(error) if error.kind() == ErrorKind::Internal => return Err(error),
        Err(error) => findings.push(unopened(error)),
    }
    Ok(findings)
}

fn unopened(error: Error) -> Finding {
    Finding { what: "open".to_owned(), part: "store", note: None, found: Err(error) }
}

fn line(finding: &Finding) -> Line<'_> {
    let error = finding.found.as_ref().err();
    Line {
        part: finding.part,
        what: &finding.what,
        ok: error.is_none(),
        note: finding.note.as_deref(),
        problem: error.map(ToString::to_string),
        hint: error.and_then(Error::advice),
    }
}

fn text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for line in findings.iter().map(line) {
        let (word, what) = (if line.ok { "ok" } else { "FAILED" }, line.what);
        let told = line.problem.as_deref().or(line.note);
        let told = told.map(|told| format!("  {told}")).unwrap_or_default();
        let _ = writeln!(text, "{word:<8}{:<7}{what}{told}", line.part);
        if let Some(hint) = line.hint {
            let _ = writeln!(text, "        hint: {hint}");
        }
    }
    text
}
