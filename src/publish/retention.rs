//! What is deleted from a publication, and when: files that a version has not had for longer than they are kept,
//! files that no version ever had, and the log of versions that nobody can read any more.

use std::time::Duration;

use jiff::Timestamp;

use super::log::{Listing, Log};
use super::names::{Holds, born};
use super::state::State;
use crate::error::Result;

/// A file that no version names may be one that somebody else is about to commit. Nobody copies for longer.
const UNNAMED_MIN: Duration = Duration::from_secs(3_600);

/// A checkpoint is written at each version that this divides: readers read at most so many commits.
const CHECKPOINT_EVERY: u64 = 10;

/// Files that may go, by their paths in the table. Files of somebody else never do.
pub fn expired(state: &State, listing: &Listing, now: Timestamp, retain: Duration) -> Vec<String> {
    let ours = listing.files.iter().filter(|path| Holds::at(path).is_some());
    let unread = ours.filter(|path| !state.live.contains_key(*path));
    unread.filter(|path| is_expired(state, path, now, retain)).cloned().collect()
}

fn is_expired(state: &State, path: &str, now: Timestamp, retain: Duration) -> bool {
    let gone = state.gone.get(path).map(|remove| remove.deletion_timestamp.unwrap_or_default());
    match gone.and_then(|ms| Timestamp::from_millisecond(ms).ok()) {
        Some(gone) => is_older(gone, now, retain),
        None => born(path).is_some_and(|born| is_older(born, now, retain.max(UNNAMED_MIN))),
    }
}

fn is_older(then: Timestamp, now: Timestamp, age: Duration) -> bool {
    now.duration_since(then).as_millis() >= age.as_millis() as i128
}

/// Whether a checkpoint of the newest version is due: one in so many; and where nothing is to be kept, always.
pub fn wants_checkpoint(state: &State, listing: &Listing, retain: Duration) -> bool {
    let Some(version) = state.version else { return false };
    let newest = listing.checkpoints.last().copied();
    let due = version > 0 && version % CHECKPOINT_EVERY == 0;
    let behind = newest.map_or(version, |newest| version - newest) >= CHECKPOINT_EVERY;
    newest != Some(version) && (due || behind || (retain.is_zero() && version > 0))
}

/// The newest version with a checkpoint that is older than what is kept: versions before it cannot be read any
/// more, since their files are gone.
pub async fn oldest_kept(
    log: Log<'_>,
    listing: &Listing,
    now: Timestamp,
    retain: Duration,
) -> Result<Option<u64>> {
    let mut kept = None;
    for version in listing.checkpoints.intersection(&listing.commits) {
        if !is_older(committed(log, *version, now).await?, now, retain) {
            break;
        }
        kept = Some(*version);
    }
    Ok(kept)
}

/// When a version was committed; now where it does not say.
async fn committed(log: Log<'_>, version: u64, now: Timestamp) -> Result<Timestamp> {
    let actions = log.commit(version).await?;
    let info = actions.into_iter().find_map(|action| action.commit_info);
    let ms = info.and_then(|info| info.get("timestamp")?.as_i64());
    Ok(ms.and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or(now))
}
