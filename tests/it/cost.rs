//! What a run costs, counted in calls, against the least that the API lets anyone do with: told from the account
//! itself, never from what the program plans. Wall time is no measure here.

use std::collections::{BTreeMap, BTreeSet};

use drift_simulator::api::Generation;
use drift_simulator::{Behaviour, Mutation, MutationCounts, Table as Truth, WorldConfig};
use drift2parquet::report::Report;
use serde_json::Value;

use crate::account::Account;

/// A world whose every message names its conversation, so that they can be counted.
fn world(seed: u64, conversations: u32) -> WorldConfig {
    WorldConfig { strict: true, ..WorldConfig::new(seed, conversations) }
}

/// Calls by endpoint, with the total under `total`.
type Calls = BTreeMap<String, u64>;

/// Rows of a page of each list.
const LISTED: u64 = 100;
const LISTED_BY_THE_OLDER: u64 = 50;
const MESSAGES: u64 = 50;
const ACCOUNTS: u64 = 65;

/// Asked once whatever the account holds: who the token belongs to, and what Drift itself counts; the head of the
/// list once more, for what jumped there meanwhile; and its last page once more, when it may have lost its end.
const BESIDES: u64 = 4;

/// Lists of one page: users, teams, playbooks, landing pages, meetings.
const PLAIN_OF_ONE_PAGE: [&str; 5] = ["users", "teams", "playbooks", "landing-pages", "meetings"];

/// One conversation as the account has it.
#[derive(Clone, PartialEq)]
struct Conversation {
    contact: Option<i64>,
    updated: i64,
    messages: u64,
}

/// The account, as far as calls depend on it.
struct Content {
    conversations: BTreeMap<i64, Conversation>,
    accounts: u64,
}

fn records(account: &Account, table: Truth) -> Vec<Value> {
    account.drift.truth(table).map(|record| serde_json::from_str(&record).unwrap()).collect()
}

impl Content {
    fn of(account: &Account) -> Self {
        let mut messages: BTreeMap<i64, u64> = BTreeMap::new();
        for message in records(account, Truth::Messages) {
            *messages.entry(message["conversationId"].as_i64().unwrap()).or_default() += 1;
        }
        let conversation = |row: Value| {
            let id = row["id"].as_i64().unwrap();
            let messages = messages.get(&id).copied().unwrap_or_default();
            let (contact, updated) =
                (row["contactId"].as_i64(), row["updatedAt"].as_i64().unwrap_or_default());
            (id, Conversation { contact, updated, messages })
        };
        let conversations = records(account, Truth::ListRows).into_iter().map(conversation).collect();
        let listed = |account: &Value| account["deleted"] != Value::Bool(true);
        let accounts =
            records(account, Truth::Accounts).iter().filter(|record| listed(record)).count() as u64;
        Self { conversations, accounts }
    }

    /// Those that are new or other than `before`.
    fn changed(&self, before: &Self) -> BTreeMap<i64, Conversation> {
        let is_same = |id: &i64, now: &Conversation| before.conversations.get(id) == Some(now);
        let changed = self.conversations.iter().filter(|(id, now)| !is_same(id, now));
        changed.map(|(id, now)| (*id, now.clone())).collect()
    }

    /// Those that are no more.
    fn erased(&self, before: &Self) -> BTreeMap<i64, Conversation> {
        let is_erased = |id: &i64| !self.conversations.contains_key(id);
        let erased = before.conversations.iter().filter(|(id, _)| is_erased(id));
        erased.map(|(id, was)| (*id, was.clone())).collect()
    }

    fn plain_lists(&self) -> u64 {
        PLAIN_OF_ONE_PAGE.len() as u64 + self.accounts.div_ceil(ACCOUNTS).max(1)
    }

    /// The least calls that bring all of it.
    fn least(&self, a_page: u64) -> u64 {
        let listed = self.conversations.len() as u64;
        let conversations = &self.conversations;
        let children = listed + pages(conversations) + contacts(conversations).len() as u64;
        listed.div_ceil(a_page) + children + self.plain_lists()
    }
}

/// Pages of messages.
fn pages(conversations: &BTreeMap<i64, Conversation>) -> u64 {
    conversations.values().map(|conversation| conversation.messages.div_ceil(MESSAGES).max(1)).sum()
}

/// The contacts that these name.
fn contacts(conversations: &BTreeMap<i64, Conversation>) -> BTreeSet<i64> {
    conversations.values().filter_map(|conversation| conversation.contact).collect()
}

fn of(calls: &Calls, endpoint: &str) -> u64 {
    calls.get(endpoint).copied().unwrap_or_default()
}

/// What went to the plain lists; users and accounts that are no longer listed are asked for by their keys.
fn plain(calls: &Calls) -> u64 {
    let asked_by_key = of(calls, "user") + of(calls, "account");
    PLAIN_OF_ONE_PAGE.iter().map(|list| of(calls, list)).sum::<u64>() + of(calls, "accounts") + asked_by_key
}

fn objects_written(report: &Report) -> u64 {
    report.tables.values().map(|table| table.objects_written).sum()
}

/// A run to the end, and its calls.
async fn run(account: &mut Account) -> (Report, Calls) {
    account.calls();
    let report = account.run_to_the_end().await;
    (report, account.calls())
}

/// A whole load makes hardly more calls than it must.
async fn load(world: WorldConfig, behaviour: Behaviour) -> Account {
    let a_page = if behaviour.generation == Generation::Old { LISTED_BY_THE_OLDER } else { LISTED };
    let mut account = Account::of(world, behaviour).in_memory();
    let content = Content::of(&account);
    let (_, calls) = run(&mut account).await;
    let (least, total) = (content.least(a_page), calls["total"]);
    let seed = account.drift.with_world(|world| world.config().seed);
    assert!(total <= least + BESIDES, "seed {seed}: {total} calls, {least} are the least: {calls:?}");
    assert!(total * 1000 <= least * 1005, "seed {seed}: {total} calls, {least} are the least: {calls:?}");
    account
}

#[tokio::test(start_paused = true)]
async fn a_whole_load_makes_hardly_more_calls_than_the_least() {
    for seed in 1..=4 {
        load(world(seed, 700 + 50 * seed as u32), Behaviour::default()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn long_threads_cost_one_call_a_page() {
    for seed in 11..=13 {
        let world = WorldConfig { mean_messages: 90, megabyte_body: false, ..world(seed, 300) };
        load(world, Behaviour::default()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_older_form_of_the_list_costs_one_call_for_fifty() {
    for seed in 21..=22 {
        let behaviour = Behaviour { generation: Generation::Old, ..Behaviour::default() };
        load(world(seed, 725), behaviour).await;
    }
}

/// An account that was loaded, whose everything has settled.
async fn settled(seed: u64, conversations: u32) -> Account {
    let account = load(world(seed, conversations), Behaviour::default()).await;
    account.wait(3);
    account
}

#[tokio::test(start_paused = true)]
async fn a_run_over_nothing_new_costs_the_plain_lists_and_ten_calls_and_puts_no_object() {
    for seed in 31..=34 {
        let mut account = settled(seed, 800).await;
        let content = Content::of(&account);
        let before = account.objects();
        for _ in 0..2 {
            let (report, calls) = run(&mut account).await;
            assert!(calls["total"] <= content.plain_lists() + 10, "seed {seed}: {calls:?}");
            assert_eq!(plain(&calls), content.plain_lists(), "seed {seed}: {calls:?}");
            assert_eq!(objects_written(&report), 0, "seed {seed}");
            account.wait(3);
        }
        assert!(account.objects() == before, "seed {seed}");
    }
}

/// A night of an account: some begin, some go on, some are edited, some only touched.
fn night(account: &Account, seed: u64, erased: u32) {
    let counts = MutationCounts {
        added: 15,
        messages: 40,
        edited: 20,
        bumped: 25,
        erased,
        others: 0,
        advance_ms: 5 * 3_600_000,
        ..MutationCounts::default()
    };
    account.drift.mutate(seed, counts);
    account.wait(1);
}

/// A run after a night asks for the details, messages and contacts of what changed, and for nothing else.
async fn costs_what_changed(account: &mut Account, before: &Content, seed: u64) -> Calls {
    let now = Content::of(account);
    let (mut changed, erased) = (now.changed(before), now.erased(before));
    let (_, calls) = run(account).await;
    assert_eq!(of(&calls, "conversation"), (changed.len() + erased.len()) as u64, "seed {seed}: {calls:?}");
    assert_eq!(of(&calls, "messages"), pages(&changed), "seed {seed}: {calls:?}");
    changed.extend(erased);
    assert_eq!(of(&calls, "contact"), contacts(&changed).len() as u64, "seed {seed}: {calls:?}");
    assert_eq!(plain(&calls), now.plain_lists(), "seed {seed}: {calls:?}");
    calls
}

/// The list is read down to what had not settled at the last run, and three pages beyond.
#[tokio::test(start_paused = true)]
async fn a_delta_costs_the_pages_that_it_touches_and_what_changed() {
    for seed in 41..=44 {
        let mut account = settled(seed, 1_500).await;
        for nights in 0..3 {
            let (before, since) = (Content::of(&account), account.drift.with_world(|world| world.now_ms()));
            account.run_to_the_end().await;
            night(&account, seed + 100 * nights, 0);
            let lookback = since - 3 * 3_600_000;
            let now = Content::of(&account).conversations;
            let touched = now.values().filter(|conversation| conversation.updated >= lookback).count() as u64;
            let calls = costs_what_changed(&mut account, &before, seed).await;
            assert!(of(&calls, "conversations") <= touched.div_ceil(LISTED) + 3, "{touched}: {calls:?}");
            let beside = of(&calls, "token-info") + of(&calls, "stats");
            assert!(beside <= 1, "seed {seed}: {calls:?}");
            account.wait(1);
        }
    }
}

/// What is no longer listed is asked for by its id; the rest costs what changed.
#[tokio::test(start_paused = true)]
async fn a_full_walk_costs_the_list_and_what_changed_and_what_is_gone() {
    for seed in 51..=53 {
        let mut account = settled(seed, 900).await;
        let before = Content::of(&account);
        night(&account, seed, 12);
        account.settings.full = true;
        let calls = costs_what_changed(&mut account, &before, seed).await;
        let listed = account.drift.with_world(|world| u64::from(world.listed_conversations()));
        assert!(of(&calls, "conversations") <= listed.div_ceil(LISTED) + 2, "seed {seed}: {calls:?}");
        assert!(of(&calls, "token-info") + of(&calls, "stats") <= 2, "seed {seed}: {calls:?}");
    }
}

/// Bodies that changed without a touch are told by nothing, so that only `--refetch` asks for them; that costs a
/// load, and no more.
#[tokio::test(start_paused = true)]
async fn a_refetch_costs_a_load() {
    let mut account = settled(61, 500).await;
    account.change([Mutation::RetagSilently { conversation: 7 }]);
    let least = Content::of(&account).least(LISTED);
    account.settings.refetch = true;
    let (_, calls) = run(&mut account).await;
    assert!(calls["total"] <= least + BESIDES, "{least}: {calls:?}");
}
