//! The sum that proves completeness: every distinct id of a finished walk is stored, pending, set aside or
//! forgotten. It is counted from what the lake holds, not from what the run believes to have put.

use std::collections::HashSet;
use std::sync::Arc;

use super::Run;
use super::build::Context;
use super::children::Tally;
use super::ledger::{Standing, standing};
use super::plan::Rules;
use super::writer::Writer;
use crate::api::Answer;
use crate::decode::skim;
use crate::error::{Error, Result};
use crate::report::Completeness;
use crate::tables::{CONVERSATIONS, STATS};

/// What a finished walk proved.
#[derive(Debug, Default)]
pub(super) struct Proof {
    /// Conversations listed, whatever `--since` leaves out; only known after a full walk.
    listed: Option<u64>,
    /// What Drift itself counts.
    stats: Option<u64>,
    /// The list has more than it showed.
    pub is_cut_short: bool,
    /// What leaves the walk incomplete.
    pub trouble: Option<Error>,
}

impl Proof {
    /// Whether Drift counts another number than it listed.
    pub fn differs_from_stats(&self) -> bool {
        self.listed.zip(self.stats).is_some_and(|(listed, stats)| listed != stats)
    }
}

/// Counts, and after a full walk compares with what Drift counts; `left_out` were listed and are forgotten.
pub(super) async fn prove(
    run: &Run,
    writer: &mut Writer,
    context: &Arc<Context>,
    rules: &Rules,
    tally: &Tally,
    left_out: u64,
    counted: Option<u64>,
) -> Result<Proof> {
    let read_before = &context.ledger.standing;
    let sum = if read_before.is_of(&writer.lake) {
        sum(writer, context, rules, tally, read_before, left_out)
    } else {
        let stored = standing(&mut writer.lake, context.clone()).await?;
        sum(writer, context, rules, tally, &stored, left_out)
    };
    if !sum.holds {
        writer.warn(format!(
            "{} listed conversations are neither stored nor pending: please report this as a bug.",
            sum.listed - sum.live - sum.missing - sum.pending - sum.set_aside - sum.forgotten
        ));
    }
    writer.report.completeness = Some(sum);
    let mut proof = Proof::default();
    if rules.full && rules.since_us.is_none() {
        proof.listed = Some(context.index.len() as u64 + left_out);
        proof.stats = match counted {
            Some(counted) => Some(counted),
            None => writer.meanwhile(async { Ok(stats(run).await) }).await?,
        };
        compare(writer, &proof);
    }
    Ok(proof)
}

fn sum(
    writer: &Writer,
    context: &Context,
    rules: &Rules,
    tally: &Tally,
    stored: &Standing,
    left_out: u64,
) -> Completeness {
    let pending = writer.pending_keys(&CONVERSATIONS);
    let pending: HashSet<i64> = pending.iter().filter_map(|key| key.parse().ok()).collect();
    let mut sum = Completeness { listed: left_out, forgotten: left_out, ..Completeness::default() };
    for (number, row) in context.index.iter().enumerate().filter(|(_, row)| rules.includes(row)) {
        sum.listed += 1;
        match stored.is_stored(number) {
            _ if tally.forgotten.contains(&row.id) => sum.forgotten += 1,
            _ if tally.aside.contains(&row.id) => sum.set_aside += 1,
            _ if pending.contains(&row.id) => sum.pending += 1,
            true if stored.is_deleted(number) => sum.missing += 1,
            true => sum.live += 1,
            false => {}
        }
    }
    sum.holds = sum.listed == sum.live + sum.missing + sum.pending + sum.set_aside + sum.forgotten;
    sum
}

/// Drift's own count, if it gives one.
///
/// # Errors
/// Those of the call.
pub(super) async fn counted(run: &Run) -> Result<Option<u64>> {
    Ok(match run.get(&STATS, None, &[]).await? {
        Some(Answer::Page(page, _)) => skim::sum(&page.body, STATS.rows.path()),
        _ => None,
    })
}

/// The same, where a difference is only told of.
async fn stats(run: &Run) -> Option<u64> {
    counted(run).await.unwrap_or_else(|error| {
        tracing::info!(%error, "Drift gave no counts to compare with");
        None
    })
}

fn compare(writer: &mut Writer, proof: &Proof) {
    writer.report.walk.get_or_insert_default().stats = proof.stats;
    if let (true, Some(listed), Some(stats)) = (proof.differs_from_stats(), proof.listed, proof.stats) {
        writer.warn(format!("Drift listed {listed} conversations but counts {stats}."));
    }
}
