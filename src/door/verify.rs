//! `verify`: what was proved, and everything that was found, worst first.

use std::fmt::Write as _;
use std::sync::Arc;

use drift2parquet::error::Result;
use drift2parquet::progress::Progress;
use drift2parquet::sync;
use drift2parquet::verify::{self, Against, Finding, Verdict, Verification};

use super::args::Format;
use super::exit::Exit;
use super::figures::{count, size};
use super::line;
use super::settings::{Line, Proof};
use super::stdout;
use super::talk::Talk;
use super::watch::Watch;

/// Proves the lake, or says what is wrong with it.
pub fn run(proof: &Proof, format: Format, talk: &Talk) -> Result<Exit> {
    let found = super::block_on(watched(proof, talk))?;
    match format {
        Format::Json => stdout::json(&found)?,
        Format::Text => stdout::text(&text(&proof.lake.name, &found))?,
    }
    Ok(Exit::from_code(found.verdict.exit_code()))
}

async fn watched(proof: &Proof, talk: &Talk) -> Result<Verification> {
    let (store, progress) = (proof.lake.open().await?, Arc::new(Progress::default()));
    let asking = proof.against.as_ref().map(|(sample, line)| Ok((*sample, line, line::client(line)?)));
    let asking: Option<(_, &Line, _)> = asking.transpose()?;
    let client = asking.as_ref().map(|(_, _, client)| client.clone());
    let traffic = move || client.as_ref().map(sync::traffic).unwrap_or_default();
    let _watch = Watch::begin(talk, Arc::clone(&progress), Arc::new(traffic));
    let mut found = verify::verify(&*store, proof.quick, &progress).await?;
    if let Some((sample, line, client)) = asking {
        let random = fastrand::Rng::with_seed(line.seed);
        verify::against(client, line.hash_key.as_ref(), &*store, sample, random, &progress, &mut found)
            .await?;
    }
    Ok(found)
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
    if let Some(against) = &found.against {
        let _ = writeln!(text, "{}", told(against));
    }
    let counts = &found.counts;
    let _ = writeln!(
        text,
        "{}: {lake}, manifest {}: {} objects ({}, {} rows): {} proven, {} unfinished, {} broken{}{}",
        word(found.verdict),
        found.manifest,
        count(counts.objects),
        size(counts.bytes),
        count(counts.rows),
        count(counts.proven),
        count(counts.unfinished),
        count(counts.broken),
        beside(found),
        if found.quick { "; rows were not read (--quick)" } else { "" }
    );
    text
}

/// Findings about something else than an object, such as the archive or a manifest, which no count of objects tells.
fn beside(found: &Verification) -> String {
    let is_object = |place: &str| found.objects.binary_search_by(|one| one.path.as_str().cmp(place)).is_ok();
    let others = || found.findings.iter().filter(|finding| !is_object(&finding.place));
    let of = |verdict| match others().filter(|finding| finding.verdict == verdict).count() {
        0 => String::new(),
        some => format!("; {} {} beside the objects", count(some as u64), word(verdict)),
    };
    of(Verdict::Unfinished) + &of(Verdict::Broken)
}

/// What Drift answered, in two lines.
fn told(against: &Against) -> String {
    format!(
        "Drift was asked about {} conversations: {} equal, with {} messages; {} changed since or not settled yet, {} gone since, {} different\n\
         Drift's list begins with {} conversations that must be in the lake: {} of them are not",
        count(against.asked),
        count(against.equal),
        count(against.messages),
        count(against.changed_since),
        count(against.gone_since),
        count(against.differing),
        count(against.listed),
        count(against.not_stored),
    )
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
