//! A page whose envelope is sound and whose records nobody can read: only its key is pending, and everything
//! else is committed.

use std::sync::Arc;

use drift_simulator::{Behaviour, Mutation, Table as Truth, WorldConfig};
use drift2parquet::api::{Request, Response};
use drift2parquet::config::Selection;
use drift2parquet::report::Report;
use drift2parquet::tables::{CONVERSATIONS, MESSAGES, by_name};

use crate::account::Account;

/// Bare words and numbers that the scanner of envelopes steps over, and no parser reads.
const UNREADABLE: [&str; 4] = ["undefined", "007", "1.", "--1"];

fn account(tables: &[&str]) -> Account {
    let world = WorldConfig { conversations: 12, months: 1, ..WorldConfig::small(43) };
    let mut account = Account::of(world, Behaviour::default());
    let tables: Vec<String> = tables.iter().map(|table| (*table).to_owned()).collect();
    account.settings.tables = Selection::only(&tables).unwrap();
    account
}

/// Makes the first record of answers to paths that `strikes` unreadable.
fn spoil(account: &mut Account, word: &'static str, strikes: impl Fn(&str) -> bool + Send + Sync + 'static) {
    let edit = move |request: &Request, response: &mut Response| {
        let path = request.path_and_query().split('?').next().unwrap();
        let Ok(text) = std::str::from_utf8(&response.body) else { return };
        let record = text.find(r#""id""#).filter(|_| strikes(path));
        if let Some(record) = record {
            response.body = format!("{}\"odd\":{word},{}", &text[..record], &text[record..]).into();
        }
    };
    account.edit = Some(Arc::new(edit));
    // Answers come as they are, so that they can be edited.
    account.drift.set_behaviour(|behaviour| behaviour.gzip = false);
}

/// Runs, and answers the report of a run that was incomplete for these keys of this table alone.
async fn incomplete(account: &mut Account, table: &str, keys: &[String]) -> Report {
    let ended = account.run().await;
    assert!(ended.error.is_none(), "{:?}", ended.error);
    assert_eq!(ended.report.exit_code, 7);
    assert_eq!(ended.report.pending.keys().collect::<Vec<_>>(), [table]);
    assert_eq!(ended.report.pending[table], keys);
    ended.report
}

/// Bug: such a detail ended the whole run with exit code 4, each time, and took its batch with it.
#[tokio::test(start_paused = true)]
async fn a_detail_that_nobody_can_read_leaves_the_others_alone() {
    for word in UNREADABLE {
        let mut account = account(&["messages"]);
        let ids = account.true_ids(Truth::Conversations);
        let bad = format!("/conversations/{}", ids[3]);
        spoil(&mut account, word, move |path| path == bad);
        incomplete(&mut account, "conversations", &[ids[3].to_string()]).await;
        let stored = account.ids(&CONVERSATIONS, "id", true);
        assert_eq!(stored.len(), ids.len() - 1, "{word}");
        account.edit = None;
        account.run_to_the_end().await;
        assert_eq!(account.ids(&CONVERSATIONS, "id", true), ids);
        assert_eq!(account.ids(&MESSAGES, "id", true), account.true_ids(Truth::Messages));
    }
}

/// Bug: the same with a page of messages.
#[tokio::test(start_paused = true)]
async fn messages_that_nobody_can_read_leave_other_conversations_alone() {
    let mut account = account(&["messages"]);
    let ids = account.true_ids(Truth::Conversations);
    let bad = format!("/conversations/{}/messages", ids[5]);
    spoil(&mut account, "undefined", move |path| path == bad);
    incomplete(&mut account, "conversations", &[ids[5].to_string()]).await;
    let of: Vec<i64> = account.ids(&MESSAGES, "conversation_id", true);
    assert!(!of.is_empty() && !of.contains(&ids[5]));
    account.edit = None;
    account.run_to_the_end().await;
    assert_eq!(account.ids(&MESSAGES, "id", true), account.true_ids(Truth::Messages));
}

/// Bug: the same with a contact.
#[tokio::test(start_paused = true)]
async fn a_contact_that_nobody_can_read_leaves_the_others_alone() {
    let mut account = account(&["contacts"]);
    account.run_to_the_end().await;
    let contacts = by_name("contacts").unwrap();
    let ids = account.ids(contacts, "id", true);
    let mut account = account.with_new_lake();
    let bad = format!("/contacts/{}", ids[2]);
    spoil(&mut account, "undefined", move |path| path == bad);
    incomplete(&mut account, "contacts", &[ids[2].to_string()]).await;
    assert_eq!(account.ids(contacts, "id", true).len(), ids.len() - 1);
    account.edit = None;
    account.run_to_the_end().await;
    assert_eq!(account.ids(contacts, "id", true), ids);
}

/// Bug: the same with a user who is no longer listed and is asked for by id; the whole list was pending.
#[tokio::test(start_paused = true)]
async fn an_absent_user_that_nobody_can_read_leaves_the_others_alone() {
    let mut account = account(&["users"]);
    account.run_to_the_end().await;
    let users = by_name("users").unwrap();
    let before = account.ids(users, "id", true);
    account.change([Mutation::UnlistUser { user: 1 }, Mutation::UnlistUser { user: 2 }]);
    let listed: Vec<i64> = account.true_ids(Truth::Users);
    let absent: Vec<i64> = before.iter().copied().filter(|id| !listed.contains(id)).collect();
    let [gone, _] = absent[..] else { panic!("{absent:?}") };
    let bad = format!("/users/{gone}");
    spoil(&mut account, "undefined", move |path| path == bad);
    let report = incomplete(&mut account, "users", &[gone.to_string()]).await;
    assert_eq!(report.tables["users"].pending, 1);
    assert!(account.ids(users, "id", true).contains(&gone), "it stays as it was");
}

/// A list that nobody can read is pending as a whole; the other tables are read all the same.
#[tokio::test(start_paused = true)]
async fn a_plain_list_that_nobody_can_read_fails_alone() {
    let mut account = account(&["users", "teams", "conversations"]);
    spoil(&mut account, "undefined", |path| path == "/teams/org");
    incomplete(&mut account, "teams", &["*".to_owned()]).await;
    assert_eq!(account.ids(by_name("users").unwrap(), "id", true), account.true_ids(Truth::Users));
    assert_eq!(account.ids(&CONVERSATIONS, "id", true), account.true_ids(Truth::Conversations));
}

/// Bug: a page of the list of conversations that nobody can read threw away what the other pages had listed.
#[tokio::test(start_paused = true)]
async fn a_page_of_the_walk_that_nobody_can_read_is_told_after_all_else_is_fetched() {
    let world = WorldConfig { conversations: 250, months: 1, ..WorldConfig::small(44) };
    let mut account = Account::of(world, Behaviour::default());
    let pages = std::sync::atomic::AtomicU64::new(0);
    let second = move |path: &str| {
        path == "/conversations/list" && pages.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 1
    };
    spoil(&mut account, "undefined", second);
    let ended = account.run().await;
    assert_eq!((ended.report.exit_code, ended.error.is_some()), (4, true));
    let manifest = account.manifest().await;
    assert_eq!((manifest.walk, manifest.tables["conversations"].bookmark), (None, None));
    assert_eq!(account.ids(&CONVERSATIONS, "id", true).len(), 150);
    account.run_to_the_end().await;
    assert_eq!(account.ids(&CONVERSATIONS, "id", true), account.true_ids(Truth::Conversations));
}
