//! The main job: an account becomes a lake, and a second run brings only what changed.

use std::time::Duration;

use drift_simulator::{Behaviour, FaultScript, Mutation, MutationCounts, Table as Truth, WorldConfig};
use drift2parquet::config::{Selection, Since};
use drift2parquet::error::ErrorKind;
use drift2parquet::schema::{PartitionBy, Span};
use drift2parquet::stop::Stop;
use drift2parquet::tables::{CAMPAIGNS, CONVERSATIONS, MESSAGES, by_name};

use crate::account::Account;

#[tokio::test(start_paused = true)]
async fn a_first_load_holds_every_conversation_and_message_once() {
    let mut account = Account::small(1);
    let report = account.run_to_the_end().await;
    assert_eq!(account.ids(&CONVERSATIONS, "id", true), account.true_ids(Truth::Conversations));
    assert_eq!(account.ids(&MESSAGES, "id", true), account.true_ids(Truth::Messages));
    assert_eq!(account.ids(by_name("contacts").unwrap(), "id", true), account.true_ids(Truth::Contacts));
    assert!(report.completeness.unwrap().holds);
    assert!(report.warnings.is_empty(), "{:?}", report.warnings);
}

#[tokio::test(start_paused = true)]
async fn a_second_run_over_an_unchanged_account_rewrites_nothing() {
    let mut account = Account::small(2);
    account.run_to_the_end().await;
    let before = account.objects();
    let number = account.manifest().await.number;
    account.calls();
    account.run_to_the_end().await;
    let calls = account.calls();
    assert_eq!(account.objects(), before);
    assert_eq!(account.manifest().await.number, number + 2, "lease and end");
    assert_eq!(calls.get("conversation"), None, "{calls:?}");
    assert_eq!(calls.get("messages"), None, "{calls:?}");
    assert_eq!(calls.get("contact"), None, "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn an_incremental_run_fetches_only_what_changed() {
    let mut account = Account::small(3);
    account.run_to_the_end().await;
    account.wait(1);
    account.calls();
    account.change([
        Mutation::AddMessage { conversation: 4 },
        Mutation::AddConversations { count: 2 },
        Mutation::Bump { conversation: 9 },
    ]);
    account.wait(1);
    account.run_to_the_end().await;
    let calls = account.calls();
    assert_eq!(calls["conversation"], 4, "{calls:?}");
    assert_eq!(account.ids(&CONVERSATIONS, "id", true), account.true_ids(Truth::Conversations));
    assert_eq!(account.ids(&MESSAGES, "id", true), account.true_ids(Truth::Messages));
}

#[tokio::test(start_paused = true)]
async fn only_the_selected_tables_are_asked_for() {
    let mut account = Account::small(4);
    account.settings.tables = Selection::only(&["users".to_owned()]).unwrap();
    account.run_to_the_end().await;
    let calls = account.calls();
    assert_eq!(calls["total"], 2, "token_info and the list: {calls:?}");
    assert!(account.manifest().await.tables["users"].rows > 0);
}

#[tokio::test(start_paused = true)]
async fn a_table_that_is_added_later_gets_its_whole_backfill() {
    let mut account = Account::small(5);
    account.settings.tables = Selection::only(&["conversations".to_owned()]).unwrap();
    account.run_to_the_end().await;
    assert!(account.ids(&MESSAGES, "id", false).is_empty());
    account.settings.tables = Selection::all();
    account.run_to_the_end().await;
    assert_eq!(account.ids(&MESSAGES, "id", true), account.true_ids(Truth::Messages));
}

#[tokio::test(start_paused = true)]
async fn one_in_flight_and_sixty_four_give_the_same_bytes() {
    let mut one = Account::small(6);
    one.settings.concurrency = 1;
    one.run_to_the_end().await;
    let mut many = one.with_new_lake();
    many.settings.concurrency = 64;
    many.run_to_the_end().await;
    assert!(one.objects() == many.objects(), "the same account must give the same bytes");
}

#[tokio::test(start_paused = true)]
async fn an_erased_conversation_takes_its_messages_with_it() {
    let mut account = Account::small(7);
    account.run_to_the_end().await;
    account.change([Mutation::EraseConversation { conversation: 5 }]);
    account.wait(30);
    account.settings.full = true;
    account.run_to_the_end().await;
    assert_eq!(account.ids(&CONVERSATIONS, "id", true), account.true_ids(Truth::Conversations));
    assert_eq!(account.ids(&MESSAGES, "id", true), account.true_ids(Truth::Messages));
    assert!(account.ids(&CONVERSATIONS, "id", false).len() > account.ids(&CONVERSATIONS, "id", true).len());
}

/// The least calls a full load can make: pages of the list (and one look at its head again), one detail and
/// the pages of messages for each conversation, one call for each contact, the plain lists, the counts.
#[tokio::test(start_paused = true)]
async fn a_first_load_makes_hardly_more_calls_than_it_must() {
    let mut account = Account::of(WorldConfig::new(8, 1_000), Behaviour::default());
    account.run_to_the_end().await;
    let calls = account.calls();
    let conversations = account.true_ids(Truth::Conversations).len() as u64;
    let asked_again = u64::from(conversations.is_multiple_of(100));
    assert_eq!(calls["conversations"], conversations.div_ceil(100) + 1 + asked_again, "{calls:?}");
    assert_eq!(calls["conversation"], conversations, "{calls:?}");
    assert!(calls["contact"] <= conversations);
    assert_eq!(calls["stats"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_stopped_commits_and_the_next_ends_the_same() {
    let mut straight = Account::of(WorldConfig::new(9, 1_500), Behaviour::default());
    straight.drift.set_behaviour(|behaviour| behaviour.latency = Duration::from_millis(100));
    straight.settings.concurrency = 4;
    let mut broken = straight.with_new_lake();
    straight.run_to_the_end().await;
    broken.settings.max_time = Some(Duration::from_secs(20));
    let mut exits = Vec::new();
    loop {
        let ended = broken.run().await;
        assert!(ended.error.is_none());
        exits.push(ended.report.exit_code);
        if ended.report.exit_code != 8 {
            break;
        }
        assert!(exits.len() < 30, "it never ends");
    }
    assert!(exits.len() > 2, "{exits:?}");
    assert_eq!(exits.last(), Some(&0));
    assert!(straight.objects() == broken.objects(), "a walk that was resumed gives the same bytes");
}

#[tokio::test(start_paused = true)]
async fn a_load_of_a_live_account_misses_nothing_that_was_there_at_its_start() {
    let behaviour = Behaviour { bumps_between_pages: 3, ..Behaviour::default() };
    let mut account = Account::of(WorldConfig::new(10, 700), behaviour);
    let report = account.run_to_the_end().await;
    assert!(report.walk.unwrap().ordered, "rows that are shown again do not contradict the order");
    assert_eq!(account.ids(&CONVERSATIONS, "id", true), account.true_ids(Truth::Conversations));
}

/// Bug: the last page of a list of whole pages is asked for twice, which was taken for a list out of order,
/// so that every run walked the whole list.
#[tokio::test(start_paused = true)]
async fn a_list_of_whole_pages_is_in_order_and_stops_early() {
    let mut account = Account::of(WorldConfig::new(11, 1_000), Behaviour::default());
    let report = account.run_to_the_end().await;
    assert!(report.walk.unwrap().ordered);
    account.calls();
    account.run_to_the_end().await;
    let calls = account.calls();
    assert!(calls["conversations"] <= 5, "{calls:?}");
    assert_eq!(calls.get("stats"), None, "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_memory_cannot_hold_stays_pending_and_names_what_it_needs() {
    let world = WorldConfig { mean_messages: 120, ..WorldConfig::small(14) };
    let mut account = Account::of(world, Behaviour::default());
    account.settings.memory = 64 << 10;
    let ended = account.run().await;
    assert!(ended.error.is_none(), "{:?}", ended.error);
    assert_eq!(ended.report.exit_code, 7);
    assert!(
        ended.report.warnings.iter().any(|warning| warning.contains("--memory")),
        "{:?}",
        ended.report.warnings
    );
    assert!(ended.report.completeness.unwrap().holds);
    account.settings.memory = 256 << 20;
    account.run_to_the_end().await;
    assert_eq!(account.ids(&MESSAGES, "id", true), account.true_ids(Truth::Messages));
}

#[tokio::test(start_paused = true)]
async fn a_load_too_large_for_memory_is_refused_before_anything_is_fetched() {
    let mut account =
        Account::of(WorldConfig { months: 1, ..WorldConfig::new(15, 400) }, Behaviour::default());
    account.settings.memory = 1 << 20;
    let error = account.run().await.error.unwrap();
    assert_eq!(error.kind().exit_code(), 2);
    assert!(error.advice().unwrap().contains("--memory 2MiB"), "{:?}", error.advice());
    assert_eq!(account.calls().get("conversation"), None);
    account.settings.partition_by = PartitionBy::Day;
    account.run_to_the_end().await;
}

/// Bug: on a clock that stood still during the first load, the walk a day later was not a whole one.
#[tokio::test(start_paused = true)]
async fn a_day_after_the_first_load_the_whole_list_is_walked_again_and_finds_what_was_erased() {
    let mut account = Account::of(WorldConfig::new(16, 900), Behaviour::default());
    account.run_to_the_end().await;
    account.change([Mutation::EraseConversation { conversation: 3 }, Mutation::Bump { conversation: 8 }]);
    account.wait(25);
    let report = account.run_to_the_end().await;
    assert!(report.walk.unwrap().full);
    assert_eq!(account.ids(&CONVERSATIONS, "id", true), account.true_ids(Truth::Conversations));
    account.wait(25);
    assert!(!account.run_to_the_end().await.walk.unwrap().full, "once is enough until --full-every");
}

/// Bug: the bound was the lake's before the backfill was done, so that an interrupted one was never finished.
#[tokio::test(start_paused = true)]
async fn a_backfill_by_an_earlier_bound_is_finished_although_it_was_interrupted() {
    let mut account = Account::of(WorldConfig::new(17, 400), Behaviour::default());
    account.settings.since = Some(Since::From(1_790_000_000_000_000)); // 2026-09-21
    account.run_to_the_end().await;
    let few = account.ids(&CONVERSATIONS, "id", true).len();
    assert!(few > 0 && few < 400, "{few}");
    account.settings.since = Some(Since::All);
    account.drift.set_faults("conversations from=1 503-json".parse().unwrap());
    assert!(account.run().await.error.is_some());
    account.drift.set_faults(FaultScript::default());
    account.settings.since = None;
    account.run_to_the_end().await;
    account.settings.since = Some(Since::All);
    account.run_to_the_end().await;
    assert_eq!(account.ids(&CONVERSATIONS, "id", true), account.true_ids(Truth::Conversations));
    assert_eq!(account.manifest().await.since, None);
}

/// `--since 1y` every night: the day it means moves on, the lake's bound does not, and nobody need be warned.
#[tokio::test(start_paused = true)]
async fn a_bound_that_moves_with_the_day_stays_where_it_was_without_a_warning() {
    let mut account = Account::small(15);
    account.settings.since = Some(Since::Ago(1_790_000_000_000_000));
    account.run_to_the_end().await;
    let bound = account.manifest().await.since;
    account.settings.since = Some(Since::Ago(1_790_086_400_000_000));
    let report = account.run_to_the_end().await;
    assert_eq!((account.manifest().await.since, report.warnings), (bound, vec![]));
    account.settings.since = Some(Since::From(1_790_086_400_000_000));
    assert_eq!(account.run_to_the_end().await.warnings.len(), 1, "a day is meant as it is written");
}

/// Bug: a run killed before its first commit after the layout was chosen left objects of that layout, and the
/// next run chose another.
#[tokio::test(start_paused = true)]
async fn the_layout_is_committed_before_the_first_object_is_put() {
    let mut account = Account::of(WorldConfig::new(18, 300), Behaviour::default());
    account.settings.partition_by = PartitionBy::Day;
    account.drift.set_behaviour(|behaviour| behaviour.latency = Duration::from_millis(100));
    account.settings.max_time = Some(Duration::from_secs(6));
    account.run().await;
    assert_eq!(account.manifest().await.span, Some(Span::Day));
    account.settings = drift2parquet::config::SyncSettings::default();
    account.run_to_the_end().await;
    assert!(account.objects().keys().all(|path| !path.contains("month=")));
}

/// A list that cannot be held is refused before any conversation is asked for, and a run with more memory ends.
#[tokio::test(start_paused = true)]
async fn a_list_beyond_the_memory_is_refused_before_anything_is_fetched() {
    let mut account = Account::of(WorldConfig::new(34, 4_000), Behaviour::default());
    let usual = std::mem::replace(&mut account.settings.memory, 64 << 10);
    let ended = account.try_run(&Stop::default()).await;
    let error = ended.map_or_else(Some, |ended| ended.error).unwrap();
    assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    assert!(error.to_string().contains("conversations are listed, more than can be held"), "{error}");
    assert!(account.objects().keys().all(|path| !path.starts_with("conversations/")));
    let advised = error.advice().unwrap().split(' ').find_map(|word| word.strip_suffix("MiB"));
    let advised: u64 = advised.unwrap().parse().unwrap();
    assert!(advised << 20 <= usual, "{advised} MiB");
    account.settings.memory = usual;
    account.run_to_the_end().await;
}

/// Bug: at a low rate the details of many conversations were asked for before the first messages, so that a run with
/// little time had many halves and nothing whole, and the next one began anew.
#[tokio::test(start_paused = true)]
async fn runs_with_little_time_at_a_low_rate_come_to_an_end() {
    let mut account = Account::of(WorldConfig::new(33, 200), Behaviour::default());
    account.max_rate = Some(4.0);
    account.settings.max_time = Some(Duration::from_secs(9));
    let mut rows = 0;
    for _ in 0..4 {
        let report = account.run().await.report;
        assert_eq!(report.exit_code, 8);
        assert!(report.tables["conversations"].rows > rows, "{report:#?}");
        rows = report.tables["conversations"].rows;
    }
}

/// Bug: a run without messages moved the only bookmark, and what had not settled was forgotten.
#[tokio::test(start_paused = true)]
async fn messages_that_came_late_are_found_although_a_run_without_messages_came_between() {
    let mut account = Account::of(WorldConfig::new(19, 1_500), Behaviour::default());
    account.run_to_the_end().await;
    account.change([Mutation::AddLateMessage { conversation: 40, after_ms: 300_000 }]);
    account.run_to_the_end().await;
    account.wait(2);
    account.drift.mutate(1, MutationCounts { bumped: 600, ..MutationCounts::default() });
    account.wait(3);
    account.settings.tables = Selection::only(&["conversations".to_owned()]).unwrap();
    account.run_to_the_end().await;
    account.settings.tables = Selection::all();
    account.wait(3);
    account.run_to_the_end().await;
    assert_eq!(account.ids(&MESSAGES, "id", true), account.true_ids(Truth::Messages));
}

/// Bug: a piece of the walk in progress that was damaged blocked the lake.
#[tokio::test(start_paused = true)]
async fn a_damaged_walk_is_begun_anew() {
    let mut account = Account::of(WorldConfig::new(20, 600), Behaviour::default());
    account.drift.set_behaviour(|behaviour| behaviour.latency = Duration::from_millis(100));
    account.settings.max_time = Some(Duration::from_secs(8));
    assert_eq!(account.run().await.report.exit_code, 8);
    let todo = account.lake.path().join("_todo");
    for chunk in std::fs::read_dir(todo).unwrap() {
        std::fs::write(chunk.unwrap().path(), "torn").unwrap();
    }
    account.settings.max_time = None;
    let report = account.run_to_the_end().await;
    assert!(report.warnings.iter().any(|warning| warning.contains("walked anew")), "{:?}", report.warnings);
    assert_eq!(account.ids(&CONVERSATIONS, "id", true), account.true_ids(Truth::Conversations));
}

/// Bug: rows of derived tables were stamped 1970 when the list of conversations was refused.
#[tokio::test(start_paused = true)]
async fn rows_are_stamped_with_the_run_when_there_was_no_walk() {
    let mut account = Account::of(WorldConfig::new(21, 100), Behaviour::default());
    account.run_to_the_end().await;
    account.drift.set_faults("conversations from=1 403-json".parse().unwrap());
    account.drift.mutate(3, MutationCounts { others: 40, ..MutationCounts::default() });
    account.wait(1);
    account.run().await;
    for batch in account.rows(&CAMPAIGNS) {
        let synced = batch.column_by_name("_synced_at").unwrap();
        let synced =
            arrow::array::AsArray::as_primitive::<arrow::datatypes::TimestampMicrosecondType>(synced);
        assert!(synced.values().iter().all(|time| *time > 1_700_000_000_000_000));
    }
}

/// Bug: an object that another hand had changed after a clean end was taken in silence, with what it lacked.
#[tokio::test(start_paused = true)]
async fn an_object_that_another_hand_changed_is_told_of_and_made_right() {
    let mut account = Account::small(31);
    account.run_to_the_end().await;
    let before = account.objects();
    account.wait(1);
    account.change((0..40).map(|conversation| Mutation::AddMessage { conversation }));
    account.wait(1);
    account.run_to_the_end().await;
    let live = account.live().unwrap();
    let older = |path: &&String| path.starts_with("messages/") && account.objects()[*path] != before[*path];
    let path = before.keys().find(older).unwrap();
    std::fs::write(account.lake.path().join(path), &before[path]).unwrap();
    let report = account.run().await.report;
    assert_eq!(report.exit_code, 7, "it may lack rows, so it is not complete");
    assert!(report.warnings.iter().any(|warning| warning.contains(path.as_str())), "{:?}", report.warnings);
    account.wait(1);
    assert!(account.run_to_the_end().await.warnings.is_empty());
    assert_eq!(account.live().unwrap()["messages"], live["messages"]);
}

/// Bug: a wish for another layout than the lake has was passed over without a word.
#[tokio::test(start_paused = true)]
async fn another_layout_than_the_lakes_is_told_of() {
    let mut account = Account::small(32);
    account.run_to_the_end().await;
    account.settings.partition_by = PartitionBy::Day;
    let warnings = account.run_to_the_end().await.warnings;
    assert!(warnings.iter().any(|warning| warning.contains("partitioned by month")), "{warnings:?}");
    account.settings.partition_by = PartitionBy::Month;
    assert!(account.run_to_the_end().await.warnings.is_empty());
}
