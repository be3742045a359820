//! A table that is reset is gone with its state, and the next run brings it back exactly.

use std::time::Duration;

use drift_simulator::{Behaviour, FaultScript, Mutation, Table as Truth, WorldConfig};
use drift2parquet::tables::{ALL, CAMPAIGN_MEMBERS, CONVERSATIONS, MESSAGES};

use crate::account::Account;
use crate::counts::record;

#[tokio::test(start_paused = true)]
async fn every_table_comes_back_as_it_was() {
    let mut account = Account::small(500);
    account.run_to_the_end().await;
    let before = account.live().unwrap();
    for table in ALL {
        let rows = account.manifest().await.tables[table.name].rows;
        let dropped = account.reset(table.name).await;
        assert_eq!((dropped.table, dropped.rows), (table.name, rows));
        assert!(!account.lake.path().join(dropped.deleted[0].as_str()).exists());
        assert!(account.rows(table).is_empty(), "{}", table.name);
        assert!(account.manifest().await.dropping.is_empty());
        account.is_proven().await;
        account.wait(1);
        account.calls();
        account.run_to_the_end().await;
        let calls = account.calls();
        if [CONVERSATIONS.name, MESSAGES.name].contains(&table.name) {
            assert!(calls["messages"] >= account.ids(&CONVERSATIONS, "id", true).len() as u64, "{calls:?}");
        }
        assert_eq!(account.live().unwrap(), before, "{}", table.name);
        account.is_proven().await;
        account.calls();
        account.run_to_the_end().await;
        assert_eq!(account.calls().get("messages"), None, "{} is read once, not ever again", table.name);
    }
    record("reset", &[("tables", ALL.len() as u64)]);
}

#[tokio::test(start_paused = true)]
async fn what_drift_has_no_more_does_not_come_back_and_leaves_nothing_behind() {
    let mut account = Account::small(501);
    account.run_to_the_end().await;
    account.change([
        Mutation::EraseConversation { conversation: 4 },
        Mutation::DeleteMessage { conversation: 8, message: 0 },
    ]);
    account.wait(30);
    account.settings.full = true;
    account.run_to_the_end().await;
    account.settings.full = false;
    account.wait(1);
    for table in ["conversations", "messages"] {
        account.reset(table).await;
        account.is_proven().await;
        account.wait(1);
        account.run_to_the_end().await;
        assert_eq!(account.ids(&CONVERSATIONS, "id", true), account.true_ids(Truth::Conversations));
        assert_eq!(account.ids(&MESSAGES, "id", false), account.true_ids(Truth::Messages));
        account.is_proven().await;
    }
    assert_eq!(account.ids(&CONVERSATIONS, "id", false), account.true_ids(Truth::Conversations));
}

/// Drift lists other beginnings than when the conversations were first stored, so they move to other partitions.
#[tokio::test(start_paused = true)]
async fn conversations_that_move_to_other_partitions_take_their_rows_with_them() {
    let mut account = Account::small(502);
    account.drift.set_faults("flip list_rows createdAt null every=2".parse().unwrap());
    account.run_to_the_end().await;
    account.drift.set_faults(FaultScript::default());
    account.reset("conversations").await;
    account.wait(1);
    account.run_to_the_end().await;
    assert_eq!(account.ids(&CONVERSATIONS, "id", false), account.true_ids(Truth::Conversations));
    assert_eq!(account.ids(&MESSAGES, "id", false), account.true_ids(Truth::Messages));
    let members = account.ids(&CAMPAIGN_MEMBERS, "resultid", false);
    assert!(members.windows(2).all(|pair| pair[0] < pair[1]), "a key stands twice");
    account.is_proven().await;
}

#[tokio::test(start_paused = true)]
async fn a_walk_in_progress_is_dropped_and_a_stopped_run_goes_on() {
    let mut account = Account::of(WorldConfig::new(503, 600), Behaviour::default());
    account.drift.set_behaviour(|behaviour| behaviour.latency = Duration::from_millis(100));
    account.settings.concurrency = 4;
    for table in ["messages", "conversations"] {
        account.settings.max_time = Some(Duration::from_secs(15));
        assert_eq!(account.run().await.report.exit_code, 8);
        assert!(account.manifest().await.walk.is_some());
        account.reset(table).await;
        assert!(account.manifest().await.walk.is_none());
        assert!(account.verified().await.unwrap().verdict < drift2parquet::verify::Verdict::Broken);
        let left = std::fs::read_dir(account.lake.path().join("_todo")).map_or(0, Iterator::count);
        assert_eq!(left, 0, "the walk leaves nothing behind");
        account.wait(1);
    }
    account.settings.max_time = None;
    account.run_to_the_end().await;
    assert_eq!(account.ids(&CONVERSATIONS, "id", true), account.true_ids(Truth::Conversations));
    assert_eq!(account.ids(&MESSAGES, "id", true), account.true_ids(Truth::Messages));
    account.is_proven().await;
}

/// Bug: a table that had lost an object could not be reset, so that nothing but a new lake was left.
#[tokio::test(start_paused = true)]
async fn a_table_that_has_lost_an_object_or_has_a_damaged_one_comes_back() {
    let mut account = Account::small(504);
    account.run_to_the_end().await;
    let before = account.live().unwrap();
    for table in ALL {
        let path = account.manifest().await.tables[table.name].objects.keys().next().unwrap().clone();
        let place = account.lake.path().join(&path);
        std::fs::remove_file(&place).unwrap();
        let refused = account.attempt().await.unwrap_err();
        assert!(refused.advice().unwrap().contains("reset --table"), "{refused}");
        account.reset(table.name).await;
        account.wait(1);
        account.run_to_the_end().await;
        let place = account.lake.path().join(&path);
        std::fs::write(&place, "damaged").unwrap();
        assert!(account.attempt().await.is_err());
        account.reset(table.name).await;
        account.wait(1);
        account.run_to_the_end().await;
        assert_eq!(account.live().unwrap(), before, "{}", table.name);
        account.is_proven().await;
    }
}
