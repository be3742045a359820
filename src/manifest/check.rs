//! What a manifest may say. It is read from a place that others can write, and its paths are opened, replaced
//! and deleted: so every path must be one that this program would make itself, and no number may be so large
//! that sums of it overflow.

use super::format::{Manifest, ObjectState};

/// No count and no size of one object reaches this: 256 TiB.
const COUNT_MAX: u64 = 1 << 48;

/// No commit, epoch or number of tries reaches this.
const STEPS_MAX: u64 = 1 << 31;

/// What this program would never have written, in one clause.
pub(super) fn flaw(manifest: &Manifest) -> Option<String> {
    let chunks = manifest.walk.iter().flat_map(|walk| &walk.chunks);
    let steps = [manifest.number, manifest.epoch];
    let tries = manifest.pending.iter().map(|pending| u64::from(pending.runs));
    let states = manifest.tables.values().flat_map(|state| [state.rows, state.deleted, state.missing]);
    let table = |path: &str| path.split('/').next().unwrap_or_default().to_owned();
    manifest
        .objects()
        .find(|(table, path, _)| !is_object(table, path))
        .map(|(table, path, _)| format!("it names {path:?} as an object of {table:?}"))
        .or_else(|| {
            let strange = manifest.dropping.keys().find(|path| !is_object(&table(path), path));
            strange.map(|path| format!("it is to drop {path:?}"))
        })
        .or_else(|| {
            let strange = manifest.doubted.iter().find(|path| !is_object(&table(path), path));
            strange.map(|path| format!("it doubts {path:?}"))
        })
        .or_else(|| {
            let strange = chunks.clone().find(|chunk| !is_chunk(&chunk.path));
            strange.map(|chunk| format!("it names {:?} as a piece of a walk", chunk.path))
        })
        .or_else(|| {
            let archive = manifest.archive.iter();
            let mut paths =
                archive.flat_map(|archive| archive.segments.iter().map(|one| &one.path).chain(&archive.redo));
            paths.find(|path| !is_segment(path)).map(|path| format!("it names {path:?} as a segment"))
        })
        .or_else(|| {
            let objects = manifest.objects().flat_map(|(_, _, object)| counts(object));
            let segments = manifest.archive.iter().flat_map(|archive| &archive.segments);
            let segments = segments.flat_map(|one| [one.bytes, one.pages, one.raw_bytes]);
            let counts = objects.chain(states).chain(chunks.map(|chunk| chunk.rows)).chain(segments);
            let absurd = counts.into_iter().find(|count| *count >= COUNT_MAX);
            absurd
                .or_else(|| steps.into_iter().chain(tries).find(|step| *step >= STEPS_MAX))
                .map(|count| format!("it counts {count}"))
        })
}

fn counts(object: &ObjectState) -> [u64; 3] {
    [object.rows, object.deleted, object.bytes]
}

/// `users/users.parquet`, or `messages/month=2025-03/messages.parquet`.
fn is_object(table: &str, path: &str) -> bool {
    let within = || {
        let (folder, file) = path.split_once('/')?;
        let (partition, file) = match file.split_once('/') {
            Some((partition, file)) => (Some(partition), file),
            None => (None, file),
        };
        let sound = folder == table && is_name(table) && partition.is_none_or(is_partition);
        Some(sound && file.strip_suffix(".parquet") == Some(table))
    };
    within().unwrap_or_default()
}

fn is_partition(text: &str) -> bool {
    text.split_once('=').is_some_and(|(column, value)| is_name(column) && is_name(value))
}

/// `_todo/<run>-000000.parquet`
fn is_chunk(path: &str) -> bool {
    let name = path.strip_prefix("_todo/").and_then(|name| name.strip_suffix(".parquet"));
    name.is_some_and(is_name)
}

/// `_raw/<commit>-<turn>-<sha256>.raw`
fn is_segment(path: &str) -> bool {
    let name = path.strip_prefix("_raw/").and_then(|name| name.strip_suffix(".raw"));
    name.is_some_and(is_name)
}

/// Letters, digits, `_` and `-`: nothing that a path, a shell or a URL reads as anything else.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_stand_in_the_folder_of_their_table() {
        assert!(is_object("users", "users/users.parquet"));
        assert!(is_object("messages", "messages/month=__HIVE_DEFAULT_PARTITION__/messages.parquet"));
        for path in [
            "users.parquet",
            "/users/users.parquet",
            "users//users.parquet",
            "../users/users.parquet",
            "users/../users.parquet",
            "users/month=../users.parquet",
            "users/month=%2e%2e/users.parquet",
            "users/month=2025-03/../users.parquet",
            "users/a/b/users.parquet",
            "users/month=2025-03\n/users.parquet",
            "users/month=2025\\03/users.parquet",
            "users/teams.parquet",
            "teams/teams.parquet",
            "_manifest/users.parquet",
            "",
        ] {
            assert!(!is_object("users", path), "{path}");
        }
        assert!(!is_object("..", "../...parquet"));
    }

    #[test]
    fn pieces_of_a_walk_stand_in_their_folder() {
        assert!(is_chunk("_todo/20250307T101500-ab12-000001.parquet"));
        for path in [
            "_todo/../users/users.parquet",
            "_todo/..parquet",
            "_todo/a/b.parquet",
            "users/users.parquet",
            "/_todo/a.parquet",
        ] {
            assert!(!is_chunk(path), "{path}");
        }
    }
}
