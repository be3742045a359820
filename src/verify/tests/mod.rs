//! Healthy lakes are proven, whatever a killed run leaves is unfinished, and every damage is found and named.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod beside;
#[allow(clippy::disallowed_methods, reason = "the environment names the file that the suites count in")]
#[path = "../../../tests/it/counts.rs"]
mod counts;
mod damage;
mod world;

use std::sync::Arc;

use arrow::array::{AsArray, Int64Array};

use self::world::*;
use super::{Verdict, verify};
use crate::error::ErrorKind;
use crate::manifest::{Pending, RunStatus};
use crate::progress::Progress;
use crate::store::Directory;
use crate::tables::{CAMPAIGN_MEMBERS, CONVERSATIONS, MESSAGES};

#[tokio::test]
async fn a_healthy_lake_is_proven_without_any_finding() {
    let world = World::healthy().await;
    for quick in [false, true] {
        let found = world.verify(quick).await;
        assert_eq!((found.verdict, found.verdict.exit_code()), (Verdict::Proven, 0));
        assert!(found.findings.is_empty() && found.notes.is_empty(), "{found:#?}");
        assert_eq!((found.counts.objects, found.counts.proven), (12, 12));
        assert_eq!(found.counts.rows, 20 * 2 * 5 + 60 + 120);
        assert!(serde_json::to_string(&found).unwrap().contains(r#""verdict":"proven""#));
    }
}

#[tokio::test]
async fn a_copied_lake_is_the_same_lake() {
    let world = World::healthy().await;
    for (_, path, _) in manifest(&world).objects() {
        world.write(path, world.read(path));
    }
    for quick in [false, true] {
        assert_eq!(world.verify(quick).await.verdict, Verdict::Proven);
    }
}

#[tokio::test]
async fn no_lake_is_a_matter_of_usage_and_names_the_place() {
    let root = tempfile::tempdir().unwrap();
    let place = root.path().join("nothing");
    let error = verify(&Directory::new(&place), false, &Progress::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.to_string().contains("nothing"), "{error}");
    assert!(!place.exists());
}

#[tokio::test]
async fn a_newer_format_is_a_matter_of_updating() {
    let world = World::healthy().await;
    world.edit_manifest(|manifest| manifest.format += 1);
    let error = verify(&world.store(), false, &Progress::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
}

/// Killed after the messages, after the conversations, and after a new partition.
#[tokio::test]
async fn what_a_killed_run_leaves_is_unfinished_and_never_broken() {
    for steps in 0..4 {
        let world = World::healthy().await;
        let mut lake = world.open("r2").await;
        let later = |rows| later(&rows);
        if steps > 0 {
            fold(&mut lake, &MESSAGES, Some(JANUARY), later(messages(100..105))).await;
        }
        if steps > 1 {
            fold(&mut lake, &CONVERSATIONS, Some(JANUARY), later(conversations(JANUARY, 100..105))).await;
        }
        if steps > 2 {
            let partition = "month=2025-03";
            fold(&mut lake, &MESSAGES, Some(partition), later(messages(200..205))).await;
        }
        drop(lake);
        for quick in [false, true] {
            let found = world.verify(quick).await;
            let expected = if steps == 0 { Verdict::Proven } else { Verdict::Unfinished };
            assert_eq!(found.verdict, expected, "{steps}: {found:#?}");
        }
    }
}

/// The run after a kill adopts messages without their conversation, and may stop before it is fetched.
#[tokio::test]
async fn orphans_of_a_walk_that_never_ended_are_unfinished() {
    let world = World::healthy().await;
    let mut lake = world.open("r2").await;
    fold(&mut lake, &MESSAGES, Some(JANUARY), later(&messages(100..105))).await;
    drop(lake);
    let mut lake = world.open("r3").await;
    lake.close(RunStatus::Done).await.unwrap();
    drop(lake);
    let found = world.verify(false).await;
    assert_eq!(found.verdict, Verdict::Unfinished, "{found:#?}");
    assert!(found.findings[0].what.contains("not yet stored when it was ended: 15 in all"));
}

#[tokio::test]
async fn orphans_of_a_pending_conversation_are_unfinished() {
    let world = World::healthy().await;
    let path = object(&CONVERSATIONS, JANUARY);
    world.put_and_agree(&path, &world.rows(&path).slice(1, 19));
    let pending = Pending { table: "conversations".into(), key: "0".into(), reason: "503".into(), runs: 1 };
    world.edit_manifest(|manifest| manifest.pending.push(pending));
    assert_eq!(world.verify(false).await.verdict, Verdict::Unfinished);
}

#[tokio::test]
async fn one_id_under_two_conversations_is_drifts_own_duplicate() {
    let world = World::healthy().await;
    for (path, row) in [(object(&MESSAGES, JANUARY), 59), (object(&MESSAGES, FEBRUARY), 0)] {
        let rows = world.rows(&path);
        let mut ids: Vec<i64> =
            rows.column(0).as_primitive::<arrow::datatypes::Int64Type>().values().to_vec();
        ids[row] = 1_059;
        world.put_and_agree(&path, &with(&rows, "id", Arc::new(Int64Array::from(ids))));
    }
    let found = world.verify(false).await;
    assert_eq!(found.verdict, Verdict::Proven, "{found:#?}");
    assert!(found.notes.iter().any(|note| note.contains("duplicate in the API")), "{found:#?}");
}

#[tokio::test]
async fn a_time_that_moved_to_another_month_is_a_note() {
    let world = World::healthy().await;
    let path = object(&CONVERSATIONS, JANUARY);
    let moved = conversations(FEBRUARY, 0..20);
    world.put_and_agree(&path, &moved);
    let found = world.verify(false).await;
    assert_eq!(found.verdict, Verdict::Proven, "{found:#?}");
    assert!(found.notes[0].contains("another time"), "{found:#?}");
}

#[tokio::test]
async fn live_rows_of_a_deleted_conversation_are_a_note() {
    let world = World::healthy().await;
    let path = object(&CONVERSATIONS, JANUARY);
    let rows = world.rows(&path);
    let deleted = rows.column_by_name("_synced_at").unwrap().clone();
    world.put_and_agree(&path, &with(&rows, "_deleted_at", deleted));
    let found = world.verify(false).await;
    assert_eq!(found.verdict, Verdict::Proven, "{found:#?}");
    assert!(found.notes.iter().any(|note| note.contains("deleted: 60 in all")), "{found:#?}");
}

#[tokio::test]
async fn a_walk_in_progress_and_foreign_files_beside_the_data_are_notes() {
    let world = World::healthy().await;
    world.begin_walk();
    for path in ["notes.txt", "mine/x.parquet", "users/.DS_Store", "_tmp/1-1", "_todo/old-000000.parquet"] {
        world.write(path, "x");
    }
    world.remove("_manifest/latest.json");
    let found = world.verify(false).await;
    assert_eq!(found.verdict, Verdict::Proven, "{found:#?}");
    assert_eq!(found.notes.len(), 5, "{found:#?}");
}

fn manifest(world: &World) -> crate::manifest::Manifest {
    serde_json::from_slice(&world.read(&world.newest())).unwrap()
}

/// The rows as a walk after the last complete one reads them.
fn later(rows: &arrow::record_batch::RecordBatch) -> arrow::record_batch::RecordBatch {
    let times = vec![SYNCED_US + 1; rows.num_rows()];
    let times = arrow::array::TimestampMicrosecondArray::from(times).with_timezone("UTC");
    assert!(!times.is_empty());
    with(rows, "_synced_at", Arc::new(times))
}

#[tokio::test]
async fn members_need_their_conversation() {
    let world = World::healthy().await;
    let path = object(&CAMPAIGN_MEMBERS, JANUARY);
    let rows = world.rows(&path);
    let owners = Arc::new(Int64Array::from_iter_values(500..520));
    world.put_and_agree(&path, &with(&rows, "conversation_id", owners));
    assert_eq!(world.verify(false).await.verdict, Verdict::Broken);
}
