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

/// Places of one and the same finding that are named; the others are counted, and `--format json` has all.
const PLACES_NAMED: usize = 5;

fn text(lake: &str, found: &Verification) -> String {
    let mut text = String::new();
    for alike in found.findings.chunk_by(|one, other| sentence(one) == sentence(other)) {
        for finding in alike.iter().take(PLACES_NAMED) {
            let _ = writeln!(text, "{}: {}", word(finding.verdict), finding.place);
        }
        if alike.len() > PLACES_NAMED {
            let _ = writeln!(text, "  and {} more", count((alike.len() - PLACES_NAMED) as u64));
        }
        let _ = writeln!(text, "  {}\n  hint: {}", alike[0].what, alike[0].hint);
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

fn sentence(finding: &Finding) -> (Verdict, &str, &str) {
    (finding.verdict, &finding.what, &finding.hint)
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Proven => "proven",
        Verdict::Unfinished => "unfinished",
        Verdict::Broken => "broken",
    }
}
