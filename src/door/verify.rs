//! `verify`: what was proved, and everything that was found, worst first.

use std::fmt::Write as _;
use std::sync::Arc;

use drift2parquet::error::Result;
use drift2parquet::progress::Progress;
use drift2parquet::report::Traffic;
use drift2parquet::store;
use drift2parquet::verify::{self, Finding, Verdict, Verification};

use super::args::Format;
use super::exit::Exit;
use super::figures::{count, size};
use super::stdout;
use super::talk::Talk;
use super::watch::Watch;

/// Proves the lake, or says what is wrong with it.
pub fn run(lake: &str, quick: bool, format: Format, talk: &Talk) -> Result<Exit> {
    let found = super::block_on(watched(lake, quick, talk))?;
    match format {
        Format::Json => stdout::json(&found)?,
        Format::Text => stdout::text(&text(lake, &found))?,
    }
    Ok(Exit::from_code(found.verdict.exit_code()))
}

async fn watched(lake: &str, quick: bool, talk: &Talk) -> Result<Verification> {
    let (store, progress) = (store::open(lake)?, Arc::new(Progress::default()));
    let _watch = Watch::begin(talk, Arc::clone(&progress), Arc::new(Traffic::default));
    verify::verify(&*store, quick, &progress).await
}

fn text(lake: &str, found: &Verification) -> String {
    let mut text = String::new();
    for finding in &found.findings {
        let Finding { place, what, hint, .. } = finding;
        let _ = writeln!(text, "{}: {place}\n  {what}\n  hint: {hint}", word(finding.verdict));
    }
    for note in &found.notes {
        let _ = writeln!(text, "note: {note}");
    }
    let counts = &found.counts;
    let _ = writeln!(
        text,
        "{}: {lake}, manifest {}: {} objects ({}, {} rows): {} proven, {} unfinished, {} broken{}",
        word(found.verdict),
        found.manifest,
        count(counts.objects),
        size(counts.bytes),
        count(counts.rows),
        count(counts.proven),
        count(counts.unfinished),
        count(counts.broken),
        if found.quick { "; rows were not read (--quick)" } else { "" }
    );
    text
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Proven => "proven",
        Verdict::Unfinished => "unfinished",
        Verdict::Broken => "broken",
    }
}
