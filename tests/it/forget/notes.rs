//! What names somebody beside the data: pending keys, records set aside, reports, earlier commits, the walk in
//! progress. And the ways in which somebody forgotten could slip back in.

use std::time::Duration;

use drift_simulator::{Behaviour, FaultScript, Mutation, WorldConfig};
use drift2parquet::config::Selection;
use drift2parquet::erase::Wanted;
use drift2parquet::tables::{CONTACTS, CONVERSATIONS, MESSAGES};
use drift2parquet::verify::Verdict;

use super::adds_up;
use super::traces::Needles;
use crate::account::Account;
use crate::counts::record;

fn few(seed: u64) -> Account {
    let world = WorldConfig { conversations: 8, months: 2, ..WorldConfig::small(seed) };
    Account::of(world, Behaviour::default())
}

fn strike(account: &Account, script: &str) {
    account.drift.set_faults(script.parse::<FaultScript>().unwrap());
}

fn names(account: &Account, folder: &str, needles: &Needles) -> bool {
    needles.traces(account).iter().any(|trace| trace.contains(folder))
}

#[tokio::test(start_paused = true)]
async fn pending_keys_reports_and_earlier_commits_name_nobody_any_more() {
    let mut account = few(200);
    strike(&account, "conversation from=1 503-json");
    assert_eq!(account.run().await.report.exit_code, 7);
    let needles = Needles::of_id(account.conversation_id(3));
    let other = Needles::of_id(account.conversation_id(4));
    assert!(names(&account, "_manifest", &needles) && names(&account, "_reports", &needles));
    let told = account.forget(&Wanted::Conversations(vec![account.conversation_id(3)])).await;
    assert_eq!(needles.traces(&account), Vec::<String>::new());
    assert!(names(&account, "_manifest", &other) && names(&account, "_reports", &other), "others stay");
    assert!(told.deleted.iter().any(|path| path.starts_with("_manifest/")), "{told:?}");
    account.is_proven().await;
    let manifest = account.manifest().await;
    assert!(!manifest.erased_commits.is_empty() && manifest.erasing.is_none());
    strike(&account, "");
    let report = account.run_to_the_end().await;
    adds_up(report.completeness.as_ref(), 1);
    assert_eq!(needles.traces(&account), Vec::<String>::new());
    account.is_proven().await;
}

#[tokio::test(start_paused = true)]
async fn a_pending_contact_is_forgotten_too() {
    let mut account = few(201);
    strike(&account, "contact from=1 503-json");
    account.run().await;
    let contact = account.drift.with_world(|world| world.contact_of(7));
    let needles = Needles::of_contact(&account, contact);
    account.forget(&Wanted::Contacts(vec![account.contact_id(contact)])).await;
    assert_eq!(needles.traces(&account), Vec::<String>::new());
    strike(&account, "");
    account.run_to_the_end().await;
    assert_eq!(needles.traces(&account), Vec::<String>::new());
    account.is_proven().await;
}

#[tokio::test(start_paused = true)]
async fn records_set_aside_go_with_whom_they_name() {
    let mut account = few(202);
    strike(&account, "flip messages id object-for-string every=2");
    assert_eq!(account.run().await.report.exit_code, 7);
    let needles = Needles::of_id(account.conversation_id(2));
    let other = Needles::of_id(account.conversation_id(5));
    assert!(names(&account, "_quarantine", &needles), "{:?}", needles.traces(&account));
    let told = account.forget(&Wanted::Conversations(vec![account.conversation_id(2)])).await;
    assert!(told.records > 0);
    assert_eq!(needles.traces(&account), Vec::<String>::new());
    assert!(names(&account, "_quarantine", &other), "others stay");
    account.wait(1);
    account.settings.refetch = true;
    account.run().await;
    assert_eq!(needles.traces(&account), Vec::<String>::new());
}

/// The list does not say whose a conversation is, its detail does.
#[tokio::test(start_paused = true)]
async fn a_conversation_whose_contact_only_the_detail_tells_is_left_out() {
    let mut account = few(203);
    account.run_to_the_end().await;
    let contact = account.busy_contact();
    account.forget(&Wanted::Contacts(vec![account.contact_id(contact)])).await;
    strike(&account, "flip list_rows contactId missing every=1");
    let mut known = account.conversations_of(contact).len();
    for _ in 0..3 {
        account.change([Mutation::AddConversations { count: 4 }]);
        account.wait(1);
        account.settings.full = true;
        let report = account.run_to_the_end().await;
        let now = account.conversations_of(contact).len();
        adds_up(report.completeness.as_ref(), now);
        assert_eq!(Needles::of_contact(&account, contact).traces(&account), Vec::<String>::new());
        account.is_proven().await;
        known = known.max(now);
    }
    assert!(known > 1, "no conversation came later");
}

/// Whoever was stored under another contact before is erased when Drift says whose it is now.
#[tokio::test(start_paused = true)]
async fn a_stored_conversation_that_turns_out_to_be_a_forgotten_contacts_is_erased() {
    let mut account = few(204);
    strike(
        &account,
        "flip conversations contactId missing every=1; flip list_rows contactId missing every=1",
    );
    account.run_to_the_end().await;
    assert!(account.ids(&CONTACTS, "id", false).is_empty());
    let contact = account.busy_contact();
    let told = account.forget(&Wanted::Contacts(vec![account.contact_id(contact)])).await;
    assert_eq!(told.conversations, 0, "nobody knows whose they are");
    strike(&account, "");
    account.settings.refetch = true;
    let report = account.run_to_the_end().await;
    adds_up(report.completeness.as_ref(), account.conversations_of(contact).len());
    assert_eq!(Needles::of_contact(&account, contact).traces(&account), Vec::<String>::new());
    account.is_proven().await;
}

/// A walk that was stopped goes on without those forgotten meanwhile, and still counts them as listed.
#[tokio::test(start_paused = true)]
async fn a_walk_in_progress_goes_on_without_them() {
    let mut account = Account::of(WorldConfig::new(205, 1_200), Behaviour::default());
    account.drift.set_behaviour(|behaviour| behaviour.latency = Duration::from_millis(100));
    account.settings.concurrency = 4;
    account.settings.max_time = Some(Duration::from_secs(20));
    assert_eq!(account.run().await.report.exit_code, 8);
    assert!(!account.manifest().await.walk.unwrap().chunks.is_empty());
    let contact = account.busy_contact();
    let needles = Needles::of_contact(&account, contact);
    assert!(names(&account, "_todo", &needles));
    account.forget(&Wanted::Contacts(vec![account.contact_id(contact)])).await;
    assert_eq!(needles.traces(&account), Vec::<String>::new());
    account.is_valid(Verdict::Unfinished).await.unwrap();
    account.settings.max_time = None;
    let report = account.run_to_the_end().await;
    assert!(report.walk.as_ref().unwrap().resumed);
    adds_up(report.completeness.as_ref(), account.conversations_of(contact).len());
    assert_eq!(report.walk.unwrap().listed, 1_200);
    assert_eq!(needles.traces(&account), Vec::<String>::new());
    account.is_proven().await;
}

#[tokio::test(start_paused = true)]
async fn under_faults_nobody_comes_back() {
    let mut cases = 0;
    for seed in 0..8 {
        let world = WorldConfig { conversations: 30, ..WorldConfig::small(300 + seed) };
        let mut account = Account::of(world, Behaviour::default());
        account.run_to_the_end().await;
        let contact = account.busy_contact();
        account.forget(&Wanted::Contacts(vec![account.contact_id(contact)])).await;
        for round in 0..2 {
            account.drift.set_faults(FaultScript::random_with_flips(seed * 10 + round));
            account.change([Mutation::AddConversations { count: 2 }]);
            account.wait(1);
            account.settings.refetch = round == 1;
            let _ = account.attempt().await;
            account.drift.set_faults(FaultScript::default());
            let needles = Needles::of_contact(&account, contact);
            assert_eq!(needles.traces(&account), Vec::<String>::new(), "seed {seed}, round {round}");
            account.is_valid(Verdict::Unfinished).await.unwrap();
            cases += 1;
        }
        account.settings.full = true;
        account.sound_run().await.unwrap();
        let needles = Needles::of_contact(&account, contact);
        assert_eq!(needles.traces(&account), Vec::<String>::new(), "seed {seed}");
        account.is_proven().await;
    }
    record("forget", &[("faults", cases)]);
}

/// A message that a forgotten contact wrote in somebody else's conversation goes, and that conversation stays.
#[tokio::test(start_paused = true)]
async fn what_a_contact_wrote_elsewhere_goes_too() {
    const STRANGER: i64 = 1_755_000_123;
    let mut account = few(208);
    strike(&account, "flip messages author.id time-in-seconds every=2");
    account.run_to_the_end().await;
    let before = account.ids(&MESSAGES, "id", false).len() as u64;
    let told = account.forget(&Wanted::Contacts(vec![STRANGER])).await;
    let gone = told.rows["messages"];
    assert_eq!(told.rows.len(), 1, "{told:?}");
    assert!(gone > 0 && gone < before / 2, "{gone} of {before}: a user may have the same number");
    for _ in 0..2 {
        assert_eq!(account.ids(&MESSAGES, "id", false).len() as u64, before - gone);
        account.is_proven().await;
        (account.settings.full, account.settings.refetch) = (true, true);
        let report = account.run_to_the_end().await;
        adds_up(report.completeness.as_ref(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn verify_finds_rows_of_somebody_forgotten() {
    let mut account = few(206);
    account.run_to_the_end().await;
    let objects = account.objects();
    account.forget(&Wanted::Conversations(vec![account.conversation_id(3)])).await;
    account.is_proven().await;
    for (path, bytes) in objects {
        std::fs::write(account.lake.path().join(path), bytes).unwrap();
    }
    let found = account.verified().await.unwrap();
    let told = found.findings.iter().filter(|finding| finding.what.contains("somebody who was forgotten"));
    assert!(told.count() >= 2, "{found:#?}");
    assert_eq!(found.verdict, Verdict::Broken);
    // Adopted by whoever comes next, and erased by the next `forget`, whatever is asked of it.
    account.forget(&Wanted::Conversations(vec![account.conversation_id(3)])).await;
    assert!(!account.ids(&CONVERSATIONS, "id", false).contains(&account.conversation_id(3)));
    assert!(!account.ids(&MESSAGES, "conversation_id", false).contains(&account.conversation_id(3)));
    account.is_valid(Verdict::Unfinished).await.unwrap();
    account.wait(1);
    // No exit code of a `sync` has told of it yet.
    assert_eq!(account.run().await.report.exit_code, 7);
    account.run_to_the_end().await;
    account.is_proven().await;
}

/// Bug: a pending contact whose conversations were all forgotten stayed pending for ever.
#[tokio::test(start_paused = true)]
async fn a_pending_contact_that_no_conversation_names_any_more_is_settled() {
    let mut account = Account::small(431);
    account.settings.concurrency = 1;
    account.drift.set_faults("contact nth=3 400-json".parse().unwrap());
    assert_eq!(account.run().await.report.exit_code, 7);
    account.drift.set_faults(FaultScript::default());
    account.forget(&Wanted::Conversations(account.ids(&CONVERSATIONS, "id", false))).await;
    account.run_to_the_end().await;
    assert!(account.manifest().await.pending.is_empty());
}

/// Bug: somebody forgotten came back with an older copy of an object that was put in its place.
#[tokio::test(start_paused = true)]
async fn an_older_copy_of_an_object_brings_nobody_back() {
    let mut account = Account::small(432);
    account.run_to_the_end().await;
    let before = account.objects();
    let contact = account.busy_contact();
    let needles = Needles::of_contact(&account, contact);
    account.forget(&Wanted::Contacts(vec![account.contact_id(contact)])).await;
    for (path, bytes) in &before {
        std::fs::write(account.lake.path().join(path), bytes).unwrap();
    }
    assert!(!needles.traces(&account).is_empty());
    let report = account.run().await.report;
    assert_eq!(report.exit_code, 7, "objects were changed by another hand");
    assert_eq!(needles.traces(&account), Vec::<String>::new());
    account.is_proven().await;
}

/// Bug: a record that was set aside was not counted when a number in it was that of somebody forgotten.
#[tokio::test(start_paused = true)]
async fn a_record_with_a_number_of_somebody_forgotten_is_counted_but_not_kept() {
    let mut account = few(433);
    account.settings.tables = Selection::only(&["users".to_owned()]).unwrap();
    account.run_to_the_end().await;
    // The number of the organization stands in every record of a user.
    account.forget(&Wanted::Contacts(vec![WorldConfig::small(433).org_id])).await;
    strike(&account, "flip users id null every=3");
    let report = account.run().await.report;
    let aside = report.tables["users"].set_aside;
    assert!(aside > 0 && report.exit_code == 7, "{aside}");
    assert!(!account.lake.path().join("_quarantine").exists());
}
