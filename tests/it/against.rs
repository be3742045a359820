//! `verify --against-api`: what differs is named, what only moved on is counted, and a healthy lake of a
//! quiet account is equal.

use drift_simulator::api::{AboveMaximum, Generation};
use drift_simulator::{Behaviour, Mutation, WorldConfig};
use drift2parquet::progress::Progress;
use drift2parquet::store::Directory;
use drift2parquet::verify::{Against, Verdict, Verification, against, verify};

use crate::account::Account;
use crate::lake::Lake;

/// All conversations of a small account.
const ALL: usize = 1_000;

async fn compared(account: &Account, sample: usize) -> (Verification, Against) {
    let (store, progress) = (Directory::new(account.lake.path()), Progress::default());
    let mut found = verify(&store, false, &progress).await.unwrap();
    let random = fastrand::Rng::with_seed(7);
    against(
        account.client(),
        account.settings.masking.key.as_ref(),
        &store,
        sample,
        random,
        &progress,
        &mut found,
    )
    .await
    .unwrap();
    let told = found.against.clone().unwrap();
    (found, told)
}

/// A lake that was loaded an hour ago, settled.
async fn loaded(seed: u64) -> Account {
    let mut account = Account::small(seed);
    account.wait(1);
    account.run_to_the_end().await;
    account
}

#[tokio::test(start_paused = true)]
async fn a_healthy_lake_is_equal_in_every_conversation_and_message() {
    let account = loaded(1).await;
    let (found, told) = compared(&account, ALL).await;
    let live = account.true_ids(drift_simulator::Table::Conversations).len() as u64;
    let messages = account.true_ids(drift_simulator::Table::Messages).len() as u64;
    assert_eq!((found.verdict, &found.findings), (Verdict::Proven, &Vec::new()));
    assert_eq!((told.asked, told.equal, told.messages), (live, live, messages), "{told:?}");
    assert!(told.listed > 0 && told.not_stored == 0, "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_sample_asks_no_more_than_it_was_told() {
    let account = loaded(2).await;
    account.calls();
    let (_, told) = compared(&account, 3).await;
    assert_eq!((told.asked, told.equal), (3, 3));
    assert_eq!(account.calls()["conversation"], 3);
}

#[tokio::test(start_paused = true)]
async fn what_changed_since_is_counted_and_is_no_finding() {
    let account = loaded(3).await;
    account.wait(1);
    account.change([
        Mutation::AddMessage { conversation: 2 },
        Mutation::ChangeConversation { conversation: 3 },
        Mutation::EraseConversation { conversation: 5 },
    ]);
    let (found, told) = compared(&account, ALL).await;
    assert_eq!(found.verdict, Verdict::Proven, "{:?}", found.findings);
    assert_eq!((told.changed_since, told.gone_since, told.differing), (2, 1, 0), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_change_that_left_no_trace_is_named_with_its_column() {
    let account = loaded(4).await;
    account.change([
        Mutation::RetagSilently { conversation: 1 },
        Mutation::EditMessage { conversation: 6, message: 0, silent: true },
    ]);
    let (found, told) = compared(&account, ALL).await;
    assert_eq!((found.verdict, told.differing), (Verdict::Unfinished, 2), "{:?}", found.findings);
    let said: Vec<&str> = found.findings.iter().map(|finding| finding.what.as_str()).collect();
    assert!(said.iter().any(|what| what.contains("`conversation_tags`")), "{said:?}");
    assert!(
        said.iter().any(|what| what.contains("messages that differ") && what.contains("`body`")),
        "{said:?}"
    );
    assert!(found.findings.iter().all(|finding| finding.hint.contains("--refetch")));
}

/// A bookmark that claims more than was read stands for any fault that loses a conversation in silence.
#[tokio::test(start_paused = true)]
async fn a_conversation_that_the_lake_should_have_and_has_not_is_named() {
    let account = loaded(5).await;
    account.change([Mutation::AddConversations { count: 2 }]);
    account.wait(2);
    let manifest = account.manifest().await;
    let path = account.lake.path().join(format!("_manifest/{:020}.json", manifest.number));
    let mut text: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let now = account.drift.with_world(|world| world.now_ms());
    text["tables"]["conversations"]["bookmark"] =
        jiff::Timestamp::from_millisecond(now).unwrap().to_string().into();
    std::fs::write(&path, text.to_string()).unwrap();
    let (found, told) = compared(&account, 0).await;
    assert_eq!((found.verdict, told.not_stored), (Verdict::Unfinished, 2), "{:?}", found.findings);
    assert!(found.findings.iter().all(|finding| finding.place.starts_with("conversation ")));
}

#[tokio::test(start_paused = true)]
async fn one_stored_as_erased_that_drift_still_answers_is_named() {
    let mut account = loaded(6).await;
    let lake = std::mem::replace(&mut account.lake, Lake::in_directory());
    let other = Account::small(6);
    other.wait(1);
    other.change([Mutation::EraseConversation { conversation: 4 }]);
    let mut erased = other.with_new_lake();
    erased.lake = lake;
    erased.settings.full = true;
    erased.run_to_the_end().await;
    account.lake = erased.lake;
    let (found, told) = compared(&account, ALL).await;
    assert_eq!((found.verdict, told.differing), (Verdict::Unfinished, 1), "{:?}", found.findings);
    assert!(found.findings[0].what.contains("stored as erased"), "{:?}", found.findings);
}

/// Bug: the list was asked for in a way that the older generation may refuse.
#[tokio::test(start_paused = true)]
async fn a_list_that_refuses_more_than_fifty_rows_is_compared() {
    let behaviour = Behaviour {
        generation: Generation::Old,
        above_maximum: AboveMaximum::Refuse,
        ..Behaviour::default()
    };
    let mut account = Account::of(WorldConfig::small(7), behaviour);
    account.wait(1);
    account.run_to_the_end().await;
    let (found, told) = compared(&account, 3).await;
    assert_eq!((found.verdict, told.equal), (Verdict::Proven, 3));
    assert!(told.listed > 0);
}
