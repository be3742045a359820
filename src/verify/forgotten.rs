//! What was forgotten stands nowhere any more: no row, no pending key, no listed conversation, no commit that
//! was to be deleted. While an erasure is under way, it may.

use std::sync::Arc;

use crate::erase::{self, count, picker};
use crate::error::Result;
use crate::manifest::{Forgotten, Manifest, number_of};
use crate::schema::Table;
use crate::store::{Entry, Store};
use crate::tables::CONVERSATION_LIST;

use super::chain::path_of;
use super::object::Judged;
use super::verdict::{Finding, Verification};

const AGAIN: &str = "run `forget` again, for any id; it erases all that is forgotten";
const FINISH: &str = "run `sync` or `forget`, which finishes it";

/// Checks a lake in which something was forgotten.
pub(super) async fn check(
    store: &dyn Store,
    manifest: &Manifest,
    entries: &[Entry],
    judged: &[Judged],
    found: &mut Verification,
) -> Result<()> {
    let path = path_of(manifest.number);
    if manifest.erasing.is_some() {
        found.findings.push(Finding::unfinished(&path, "an erasure was begun and has not ended", FINISH));
        return Ok(());
    }
    let forgotten = Arc::new(Forgotten::of(manifest));
    let standing = entries.iter().filter_map(|entry| number_of(&entry.path));
    for number in standing.filter(|number| manifest.erased_commits.contains(number)) {
        let what = "names somebody who was forgotten, and was to be deleted";
        found.findings.push(tell(manifest, &path_of(number), what));
    }
    if forgotten.is_empty() {
        return Ok(());
    }
    if manifest.pending.iter().any(|pending| erase::is_forgotten(pending, &forgotten)) {
        found.findings.push(tell(manifest, &path, "a pending key was forgotten"));
    }
    let objects = judged.iter().filter(|judged| judged.readable);
    let objects = objects.map(|judged| (judged.table, judged.verdict.path.as_str()));
    let chunks = manifest.walk.iter().flat_map(|walk| &walk.chunks);
    let chunks = chunks.map(|chunk| (&CONVERSATION_LIST, chunk.path.as_str()));
    for (table, path) in objects.chain(chunks) {
        let rows = rows(store, table, path, &forgotten).await?;
        if rows > 0 {
            let what = format!("has rows of somebody who was forgotten: {rows} in all");
            found.findings.push(tell(manifest, path, &what));
        }
    }
    Ok(())
}

/// What cannot be read is a finding already, and says nothing here.
async fn rows(
    store: &dyn Store,
    table: &'static Table,
    path: &str,
    forgotten: &Arc<Forgotten>,
) -> Result<u64> {
    match count(store, table, path, picker(table, forgotten, crate::manifest::Erasing::default())).await {
        Err(error) => {
            tracing::debug!(path, %error, "not searched for what was forgotten");
            Ok(0)
        }
        counted => counted,
    }
}

fn tell(manifest: &Manifest, place: &str, what: &str) -> Finding {
    if manifest.run.status.ended_cleanly() {
        Finding::broken(place, what, AGAIN)
    } else {
        Finding::unfinished(place, what, FINISH)
    }
}
