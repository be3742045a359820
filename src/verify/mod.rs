//! Proves a lake: what lies there is what the manifest says, and what the manifest says is right in itself.
//!
//! ```text
//!  manifests ─► files ─► each object: bytes, schema, rows ─► between objects: keys, parents ─► verdict
//! ```
//!
//! Promises: nothing is written and no lock is taken, so it may run beside a `sync`; everything that is
//! wrong is told, not only the first; what a run that was killed can leave is *unfinished*, never *broken*.
//! It cannot prove that Drift listed everything; [`against`] asks Drift about a sample.
//!
//! Holds two objects' row groups at a time, and the keys of one pass (see `across`).

mod across;
mod against;
mod archive;
mod chain;
mod doubles;
mod files;
mod forgotten;
mod json;
mod object;
mod rows;
#[cfg(test)]
mod tests;
mod todo;
mod verdict;

use futures::{StreamExt, stream};

pub use self::against::{Against, against};
use self::object::{Judged, Rules};
pub use self::verdict::{Counts, Finding, ObjectVerdict, Verdict, Verification};
use crate::error::Result;
use crate::manifest::{Log, Manifest};
use crate::progress::{Phase, Progress};
use crate::store::Store;

/// Objects that are read side by side.
const OBJECTS_AT_ONCE: usize = 2;
/// A run that commits meanwhile is answered by looking again, so often at most.
const LOOKS_MAX: u32 = 3;

/// Verifies the lake in `store`; `quick` reads footers but no rows.
///
/// # Errors
/// [`crate::error::Error::usage`] when there is no lake or a newer program wrote it,
/// [`crate::error::Error::store`] when the store itself does not answer.
pub async fn verify(store: &dyn Store, quick: bool, progress: &Progress) -> Result<Verification> {
    verify_by(store, quick, progress, across::KEYS_A_PASS).await
}

async fn verify_by(store: &dyn Store, quick: bool, progress: &Progress, keys: u64) -> Result<Verification> {
    let mut looks = 1;
    loop {
        let mut found = look(store, quick, progress, keys).await?;
        let moved = Log::new(store).numbers().await?.last().is_some_and(|last| *last > found.manifest);
        if found.verdict == Verdict::Proven || !moved {
            return Ok(found);
        }
        if looks == LOOKS_MAX {
            let note = "a run committed while the lake was verified; verify again when it has ended";
            found.notes.push(note.to_owned());
            return Ok(found);
        }
        looks += 1;
    }
}

/// Verifies once, by the manifest that is the newest now.
async fn look(store: &dyn Store, quick: bool, progress: &Progress, keys: u64) -> Result<Verification> {
    let mut found = Verification { quick, ..Verification::default() };
    // The manifest first: an object that is put after it was read differs from it only while a run is on.
    let listed = store.list("_manifest").await?;
    let Some(manifest) = chain::newest(store, &listed, &mut found).await? else {
        return Ok(found.conclude());
    };
    found.manifest = manifest.number;
    chain::check(store, &listed, &manifest, quick, &mut found).await?;
    chain::check_sums(&manifest, &mut found);
    let entries = store.list("").await?;
    let subjects = files::sort_out(&manifest, &entries, &mut found);
    let judged = judge_all(store, subjects, Rules::of(&manifest, quick), progress).await;
    todo::check(store, &manifest, &mut found).await;
    archive::check(store, &manifest, quick, &mut found).await;
    if !quick {
        forgotten::check(store, &manifest, &listed, &judged, &mut found).await?;
        across::check(store, &manifest, &judged, keys, &mut found).await?;
    }
    for judged in judged {
        found.take(judged);
    }
    Ok(found.conclude())
}

async fn judge_all(
    store: &dyn Store,
    subjects: Vec<files::Subject>,
    rules: Rules,
    progress: &Progress,
) -> Vec<Judged> {
    progress.begin(Phase::Verifying, subjects.len() as u64);
    let judging = subjects.into_iter().map(|subject| async move {
        let judged = object::judge(store, subject, rules).await;
        progress.advance(1);
        progress.rows(judged.verdict.rows);
        judged
    });
    stream::iter(judging).buffered(OBJECTS_AT_ONCE).collect().await
}

impl Rules {
    fn of(manifest: &Manifest, quick: bool) -> Self {
        let ended_cleanly = manifest.run.status.ended_cleanly();
        Self { quick, ended_cleanly, span: manifest.span }
    }
}

impl Verification {
    fn take(&mut self, judged: Judged) {
        self.objects.push(judged.verdict);
        self.findings.extend(judged.findings);
        self.notes.extend(judged.notes);
    }
}
