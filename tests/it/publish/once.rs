//! What a publication copies and commits, and what it refuses.

use std::time::Duration;

use drift_simulator::Mutation;
use drift2parquet::clock::Clock;
use drift2parquet::error::ErrorKind;
use drift2parquet::publish::{Settings, publish};
use drift2parquet::tables::{CONTACTS, MESSAGES};

use super::delta::versions;
use super::{Place, account, publisher, start};
use crate::crash::live;

#[test]
fn the_newest_manifest_is_published_and_only_once() {
    live(async {
        let mut account = account(700);
        account.run_to_the_end().await;
        let mut place = Place::new();
        let first = place.publish(&account).await.unwrap();
        place.is_of(&account.manifest().await);
        assert!(first.tables.iter().all(|table| table.version == Some(0) && table.is_new_version));
        let before = place.files();
        let again = place.publish(&account).await.unwrap();
        assert!(again.tables.iter().all(|table| table.version == Some(0) && !table.is_new_version));
        assert!(place.files() == before, "publishing a manifest again writes nothing");
        // A run that finds nothing new makes manifests, but nothing to publish.
        account.run_to_the_end().await;
        place.publish(&account).await.unwrap();
        assert!(place.files() == before);
    });
}

#[test]
fn only_what_changed_is_copied_and_replaced_in_one_commit() {
    live(async {
        let mut account = account(701);
        account.run_to_the_end().await;
        let mut place = Place::new();
        place.publish(&account).await.unwrap();
        account.change([Mutation::AddMessage { conversation: 3 }, Mutation::AdvanceClock { ms: 7_200_000 }]);
        account.run_to_the_end().await;
        let told = place.publish(&account).await.unwrap();
        place.is_of(&account.manifest().await);
        let messages = told.tables.iter().find(|table| table.table == MESSAGES.name).unwrap();
        assert_eq!((messages.version, messages.added, messages.removed), (Some(1), 1, 1));
        let users = told.tables.iter().find(|table| table.table == "users").unwrap();
        assert_eq!((users.version, users.is_new_version), (Some(0), false));
        assert_eq!(versions(&place.files(), MESSAGES.name).len(), 2);
    });
}

#[cfg(unix)]
#[test]
fn in_a_directory_a_copy_is_a_second_name_of_the_file() {
    use std::os::unix::fs::MetadataExt;
    live(async {
        let mut account = account(702);
        account.run_to_the_end().await;
        let mut place = Place::new();
        place.publish(&account).await.unwrap();
        let names = |path: &std::path::Path| std::fs::metadata(path).unwrap().nlink();
        for path in account.manifest().await.tables[CONTACTS.name].objects.keys() {
            assert_eq!(names(&account.lake.path().join(path)), 2, "{path}");
        }
        account.is_proven().await;
    });
}

#[test]
fn statistics_are_those_of_the_rows() {
    live(async {
        let mut account = account(703);
        account.run_to_the_end().await;
        let mut place = Place::new();
        place.publish(&account).await.unwrap();
        let (mut rows, mut least, mut greatest) = (0, i64::MAX, i64::MIN);
        let log = &place.files()["messages/_delta_log/00000000000000000000.json"];
        for action in serde_json::Deserializer::from_slice(log).into_iter::<serde_json::Value>() {
            let Some(add) = action.unwrap().get("add").cloned() else { continue };
            let stats: serde_json::Value = serde_json::from_str(add["stats"].as_str().unwrap()).unwrap();
            rows += stats["numRecords"].as_u64().unwrap();
            least = least.min(stats["minValues"]["id"].as_i64().unwrap());
            greatest = greatest.max(stats["maxValues"]["id"].as_i64().unwrap());
            assert!(stats["minValues"]["created_at"].as_str().unwrap().ends_with('Z'));
            assert_eq!(stats["nullCount"]["id"], 0);
            assert!(stats["minValues"].get("body").is_none(), "texts have no bounds");
        }
        let ids = account.ids(&MESSAGES, "id", false);
        assert_eq!((rows, least, greatest), (ids.len() as u64, ids[0], *ids.last().unwrap()));
    });
}

#[test]
fn a_lake_that_is_not_complete_is_not_published() {
    live(async {
        let mut account = account(704);
        account.drift.set_faults("flip messages id object-for-string every=9".parse().unwrap());
        account.run().await;
        let mut place = Place::new();
        let refused = place.publish(&account).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Usage);
        assert!(place.files().keys().all(|path| path == "_lock"), "{:?}", place.files().keys());
        place.settings = Settings { allow_incomplete: true, ..Settings::default() };
        place.publish(&account).await.unwrap();
        place.is_of(&account.manifest().await);
    });
}

#[test]
fn nothing_is_published_into_a_lake_or_over_what_is_not_ours() {
    live(async {
        let mut account = account(705);
        account.run_to_the_end().await;
        let lake = account.lake.store();
        for below in ["", "delta", "messages"] {
            let target = drift2parquet::store::Directory::new(account.lake.path().join(below));
            let clock = Clock::starting_at(start());
            let told = publish(lake.as_ref(), &target, &publisher(1), clock, Settings::default()).await;
            assert_eq!(told.unwrap_err().kind(), ErrorKind::Usage, "{below}");
        }
        account.is_proven().await;
        let mut place = Place::new();
        place.publish(&account).await.unwrap();
        let commit = place.folder.path().join("users/_delta_log/00000000000000000000.json");
        let text = std::fs::read_to_string(&commit).unwrap();
        let whose = account.manifest().await.lake_id;
        for (other, told) in [
            (text.replace(&whose, "another"), "of another lake"),
            (text.replace("drift2parquet.lake", "owner"), "drift2parquet has not made"),
            (text.replace("\"minReaderVersion\":1", "\"minReaderVersion\":3"), "has upgraded"),
        ] {
            std::fs::write(&commit, other).unwrap();
            let before = place.files();
            let refused = place.publish(&account).await.unwrap_err();
            assert!(refused.to_string().contains(told), "{refused}");
            assert!(place.files() == before);
        }
    });
}

/// An object that was changed by hand is never published.
#[test]
fn what_is_not_as_the_manifest_says_is_not_published() {
    live(async {
        let mut account = account(707);
        account.run_to_the_end().await;
        let path = account.manifest().await.tables[MESSAGES.name].objects.keys().next().unwrap().clone();
        let file = account.lake.path().join(path);
        let (good, other) = (std::fs::read(&file).unwrap(), account.lake.path().join("users/users.parquet"));
        std::fs::copy(other, &file).unwrap();
        let mut place = Place::new();
        let refused = place.publish(&account).await.unwrap_err();
        assert!(refused.to_string().contains("changed while it was published"), "{refused}");
        assert!(place.files().keys().all(|path| !path.contains("_delta_log")), "no table was committed");
        // Another version with the same bytes, as a copied lake has them.
        std::fs::write(&file, good).unwrap();
        place.publish(&account).await.unwrap();
        place.is_of(&account.manifest().await);
    });
}

#[test]
fn the_retention_that_is_usual_is_a_week() {
    assert_eq!(Settings::default().retain, Duration::from_secs(604_800));
}
