//! The main job: an account becomes a lake, and a second run brings only what changed.

use drift_simulator::{Mutation, Table as Truth};
use drift2parquet::config::Selection;
use drift2parquet::tables::{CONVERSATIONS, MESSAGES, by_name};

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
