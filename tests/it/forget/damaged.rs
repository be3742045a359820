//! Lakes that another hand has damaged: each table can be reset in its turn, errors name what is damaged, and
//! folders that are none of ours do no harm.

use std::fs;

use drift_simulator::{Behaviour, Table as Truth, WorldConfig};
use drift2parquet::tables::{CONVERSATIONS, MESSAGES};

use super::reset_on;
use crate::account::Account;

impl Account {
    async fn first_object(&self, table: &str) -> std::path::PathBuf {
        let manifest = self.manifest().await;
        self.lake.path().join(manifest.tables[table].objects.keys().next().unwrap())
    }
}

/// Bug: where two tables had lost objects, neither could be reset, for the sake of the other.
#[tokio::test(start_paused = true)]
async fn two_tables_that_lost_objects_come_back() {
    let mut account = Account::small(910);
    account.run_to_the_end().await;
    for table in ["conversations", "messages"] {
        fs::remove_file(account.first_object(table).await).unwrap();
    }
    let refused = account.attempt().await.unwrap_err();
    assert!(refused.advice().unwrap().contains("reset --table"), "{refused}");
    for table in ["messages", "conversations"] {
        reset_on(account.store(), 1, table).await.unwrap();
    }
    account.wait(1);
    account.run_to_the_end().await;
    assert_eq!(account.ids(&CONVERSATIONS, "id", true), account.true_ids(Truth::Conversations));
    assert_eq!(account.ids(&MESSAGES, "id", true), account.true_ids(Truth::Messages));
    account.is_proven().await;
}

/// The same of objects that cannot be read; and bug: the error did not name the object, nor what to do.
#[tokio::test(start_paused = true)]
async fn damaged_tables_are_named_and_come_back_one_after_the_other() {
    let mut account = Account::small(911);
    account.run_to_the_end().await;
    let tables = ["conversations", "messages", "users"];
    for table in tables {
        fs::write(account.first_object(table).await, "damaged").unwrap();
    }
    let refused = account.attempt().await.unwrap_err();
    assert!(refused.place("object").is_some_and(|path| path.starts_with("conversations/")), "{refused}");
    assert!(refused.advice().unwrap().contains("reset --table"), "{refused}");
    for table in tables.iter().rev() {
        reset_on(account.store(), 1, table).await.unwrap();
    }
    account.wait(1);
    account.run_to_the_end().await;
    assert_eq!(account.ids(&CONVERSATIONS, "id", true), account.true_ids(Truth::Conversations));
    assert_eq!(account.ids(&MESSAGES, "id", true), account.true_ids(Truth::Messages));
    account.is_proven().await;
}

/// Bug: such a folder was adopted as a partition, and the manifest that named it was refused ever after.
#[tokio::test(start_paused = true)]
async fn a_folder_of_another_hand_is_no_partition() {
    for (seed, folder) in (940..).zip(["backup", "month=2025-03.bak", "month=2025-03 (copy)", "bucket=00"]) {
        let mut account = Account::small(seed);
        account.run_to_the_end().await;
        let strange = account.lake.path().join("messages").join(folder);
        fs::create_dir(&strange).unwrap();
        fs::copy(account.first_object("messages").await, strange.join("messages.parquet")).unwrap();
        let rows = account.manifest().await.tables["messages"].rows;
        for _ in 0..2 {
            account.wait(1);
            account.run_to_the_end().await;
            assert_eq!(account.manifest().await.tables["messages"].rows, rows, "{folder}");
        }
        reset_on(account.store(), 1, "messages").await.unwrap();
        assert!(strange.join("messages.parquet").exists(), "what is not ours is not deleted");
    }
}

/// Bug: where all manifests were lost, the next run began anew over the data: another account was mixed in, and who
/// had been forgotten came back.
#[tokio::test(start_paused = true)]
async fn data_without_any_manifest_is_refused_and_stays_as_it_is() {
    let mut account = Account::small(950);
    account.run_to_the_end().await;
    let manifests = account.lake.files("_manifest");
    fs::remove_dir_all(account.lake.path().join("_manifest")).unwrap();
    let before = account.lake.files("");
    let world = WorldConfig { org_id: 7, ..WorldConfig::small(951) };
    let mut other = Account::of(world, Behaviour::default()).with_lake(account.lake);
    let refused = other.attempt().await.unwrap_err();
    assert_eq!(refused.kind().exit_code(), 5, "{refused}");
    for way in ["restore `_manifest`", "rebuild", "move everything here away"] {
        assert!(refused.advice().unwrap().contains(way), "{:?}", refused.advice());
    }
    assert_eq!(other.lake.files(""), before, "nothing was changed");
    let mut account = Account::small(950).with_lake(other.lake);
    fs::create_dir(account.lake.path().join("_manifest")).unwrap();
    for (path, bytes) in &manifests {
        fs::write(account.lake.path().join(path), bytes).unwrap();
    }
    account.run_to_the_end().await;
    account.is_proven().await;
}
