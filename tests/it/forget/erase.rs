//! Contacts, conversations, and what Drift deleted: gone from every byte, and gone for good.

use drift_simulator::{Behaviour, Mutation, MutationCounts, Table as Truth, WorldConfig};
use drift2parquet::erase::Wanted;
use drift2parquet::tables::{CAMPAIGN_MEMBERS, CAMPAIGNS, CONTACTS, CONVERSATIONS, INBOXES, MESSAGES};

use super::adds_up;
use super::traces::Needles;
use crate::account::Account;
use crate::counts::record;

async fn loaded(seed: u64) -> Account {
    let mut account = Account::small(seed);
    account.run_to_the_end().await;
    account
}

/// What the lake must hold of a table: all of the truth but these.
fn all_but(account: &Account, truth: Truth, forgotten: &[i64]) -> Vec<i64> {
    let mut ids = account.true_ids(truth);
    ids.retain(|id| !forgotten.contains(id));
    ids
}

#[tokio::test(start_paused = true)]
async fn a_contact_is_gone_with_all_that_is_theirs_and_nothing_else_is() {
    let mut cases = 0;
    for seed in 100..112 {
        let account = loaded(seed).await;
        let contact = account.busy_contact();
        let (id, conversations) = (account.contact_id(contact), account.conversations_of(contact));
        let needles = Needles::of_contact(&account, contact);
        assert!(needles.traces(&account).len() > 3, "seed {seed}: there is nothing to look for");
        let before = account.ids(&MESSAGES, "id", false).len() as u64;
        let wanted = Wanted::Contacts(vec![id]);
        let foreseen = account.foresee(&wanted).await;
        assert!(needles.traces(&account).len() > 3, "a dry run changes nothing");
        let told = account.forget(&wanted).await;
        assert_eq!(needles.traces(&account), Vec::<String>::new(), "seed {seed}");
        for (table, rows) in &foreseen.rows {
            assert_eq!(told.rows.get(table), Some(rows), "seed {seed}: {table} was foreseen otherwise");
        }
        assert_eq!((told.contacts, told.conversations as usize), (1, conversations.len()));
        assert!(told.not_in_lake.is_empty() && !told.dry_run);
        let after = account.ids(&MESSAGES, "id", false).len() as u64;
        assert_eq!(before - after, told.rows.get("messages").copied().unwrap_or_default());
        assert_eq!(
            account.ids(&CONVERSATIONS, "id", true),
            all_but(&account, Truth::Conversations, &conversations)
        );
        assert_eq!(account.ids(&CONTACTS, "id", true), all_but(&account, Truth::Contacts, &[id]));
        account.is_proven().await;
        cases += 1;
    }
    record("forget", &[("contacts", cases)]);
}

/// Whatever the account does and however the list is read: nobody comes back, and everybody else is there.
#[tokio::test(start_paused = true)]
async fn no_later_run_brings_a_contact_back() {
    let (mut cases, mut came_later) = (0, 0);
    for seed in 120..126 {
        let mut account = loaded(seed).await;
        let contact = account.busy_contact();
        let id = account.contact_id(contact);
        let rows: Vec<u32> = account.drift.with_world(|world| world.conversations_of(contact).collect());
        account.forget(&Wanted::Contacts(vec![id])).await;
        for round in 0..6 {
            account.wait(if round == 3 { 30 } else { 1 });
            account.change([
                Mutation::AddMessage { conversation: rows[0] },
                Mutation::ChangeContact { contact },
                Mutation::AddConversations { count: 4 },
                Mutation::EditMessage { conversation: rows[0], message: 0, silent: false },
            ]);
            account.drift.mutate(round, MutationCounts { bumped: 5, ..MutationCounts::default() });
            account.wait(1);
            (account.settings.full, account.settings.refetch) = (round % 2 == 1, round == 4);
            let report = account.run_to_the_end().await;
            let needles = Needles::of_contact(&account, contact);
            assert_eq!(needles.traces(&account), Vec::<String>::new(), "seed {seed}, round {round}");
            let conversations = account.conversations_of(contact);
            if report.walk.as_ref().unwrap().full {
                adds_up(report.completeness.as_ref(), conversations.len());
                assert!(!report.warnings.iter().any(|warning| warning.contains("counts")), "{report:#?}");
            }
            assert_eq!(
                account.ids(&CONVERSATIONS, "id", true),
                all_but(&account, Truth::Conversations, &conversations)
            );
            assert_eq!(account.ids(&CONTACTS, "id", true), all_but(&account, Truth::Contacts, &[id]));
            account.is_proven().await;
            cases += 1;
        }
        came_later += account.conversations_of(contact).len() - rows.len();
    }
    assert!(came_later > 0);
    record("forget", &[("runs_after", cases)]);
}

#[tokio::test(start_paused = true)]
async fn a_conversation_is_gone_and_its_contact_stays() {
    for seed in 130..136 {
        let mut account = loaded(seed).await;
        let contact = account.busy_contact();
        let row = account.drift.with_world(|world| world.conversations_of(contact).next().unwrap());
        let id = account.conversation_id(row);
        let needles = Needles::of_conversation(&account, row);
        assert!(!needles.traces(&account).is_empty());
        let told = account.forget(&Wanted::Conversations(vec![id])).await;
        assert_eq!((told.contacts, told.conversations), (0, 1));
        assert_eq!(needles.traces(&account), Vec::<String>::new(), "seed {seed}");
        account.is_proven().await;
        account.change([Mutation::AddMessage { conversation: row }]);
        account.wait(1);
        (account.settings.full, account.settings.refetch) = (true, true);
        let report = account.run_to_the_end().await;
        adds_up(report.completeness.as_ref(), 1);
        let mut needles = needles;
        needles.add(&Needles::of_conversation(&account, row));
        assert_eq!(needles.traces(&account), Vec::<String>::new(), "seed {seed}");
        assert!(account.ids(&CONTACTS, "id", true).contains(&account.contact_id(contact)));
        assert_eq!(account.ids(&CONVERSATIONS, "id", true), all_but(&account, Truth::Conversations, &[id]));
        account.is_proven().await;
    }
    record("forget", &[("conversations", 6)]);
}

#[tokio::test(start_paused = true)]
async fn what_drift_deleted_is_gone_and_what_it_has_stays() {
    let mut account = loaded(140).await;
    let gone = [Needles::of_conversation(&account, 5), Needles::of_conversation(&account, 9)];
    let message = account.ids(&MESSAGES, "id", true).len();
    account.change([
        Mutation::EraseConversation { conversation: 5 },
        Mutation::EraseContact { contact: account.drift.with_world(|world| world.contact_of(9)) },
        Mutation::DeleteMessage { conversation: 20, message: 0 },
    ]);
    account.wait(30);
    account.settings.full = true;
    account.run_to_the_end().await;
    assert!(account.ids(&MESSAGES, "id", true).len() < message);
    assert!(!account.ids(&CONTACTS, "id", false).is_empty());
    let live = account.live().unwrap();
    let told = account.forget(&Wanted::Deleted).await;
    assert!(told.conversations >= 2 && told.contacts >= 1, "{told:?}");
    for table in [&CONVERSATIONS, &CONTACTS, &MESSAGES] {
        assert_eq!(account.ids(table, "id", false), account.ids(table, "id", true), "{}", table.name);
    }
    let campaign_members = account.ids(&CAMPAIGN_MEMBERS, "resultid", false);
    assert_eq!(campaign_members, account.ids(&CAMPAIGN_MEMBERS, "resultid", true));
    for needles in &gone {
        assert_eq!(needles.traces(&account), Vec::<String>::new());
    }
    let mut after = account.live().unwrap();
    for table in ["inboxes", "campaigns", "meetings"] {
        after.insert(table, live[table].clone());
    }
    assert_eq!(after, live, "what Drift still has stays as it is");
    account.is_proven().await;
    account.settings.refetch = true;
    account.run_to_the_end().await;
    for needles in &gone {
        assert_eq!(needles.traces(&account), Vec::<String>::new());
    }
    assert_eq!(account.ids(&CONTACTS, "id", false), account.ids(&CONTACTS, "id", true), "no stub comes back");
    account.is_proven().await;
}

/// The sums are those that a lake has which never saw the conversations.
#[tokio::test(start_paused = true)]
async fn what_is_summed_up_is_as_if_nobody_had_ever_been_there() {
    for seed in 150..156 {
        let account = loaded(seed).await;
        let contact = account.busy_contact();
        let wanted = Wanted::Contacts(vec![account.contact_id(contact)]);
        account.forget(&wanted).await;
        let sums = account.live().unwrap();
        let mut other = account.with_new_lake();
        other.settings.tables = drift2parquet::config::Selection::only(&["users".to_owned()]).unwrap();
        other.run_to_the_end().await;
        let told = other.forget(&wanted).await;
        assert_eq!(told.not_in_lake, [account.contact_id(contact)]);
        other.settings.tables = drift2parquet::config::Selection::all();
        other.run_to_the_end().await;
        let wanted = other.live().unwrap();
        for table in [&INBOXES, &CAMPAIGNS, &CAMPAIGN_MEMBERS] {
            assert_eq!(sums[table.name], wanted[table.name], "seed {seed}: {}", table.name);
        }
        assert_eq!(sums, wanted, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_id_that_was_not_there_is_remembered_all_the_same() {
    let world = WorldConfig::small(160);
    let mut account = Account::of(world, Behaviour::default());
    account.settings.tables = drift2parquet::config::Selection::only(&["users".to_owned()]).unwrap();
    account.run_to_the_end().await;
    let (contact, conversation) = (account.busy_contact(), account.conversation_id(3));
    let id = account.contact_id(contact);
    assert_eq!(account.forget(&Wanted::Contacts(vec![id])).await.not_in_lake, [id]);
    assert_eq!(account.forget(&Wanted::Conversations(vec![conversation])).await.not_in_lake, [conversation]);
    account.settings.tables = drift2parquet::config::Selection::all();
    let report = account.run_to_the_end().await;
    let mut needles = Needles::of_contact(&account, contact);
    needles.add(&Needles::of_conversation(&account, 3));
    assert_eq!(needles.traces(&account), Vec::<String>::new());
    let mut forgotten = account.conversations_of(contact);
    forgotten.retain(|id| *id != conversation);
    adds_up(report.completeness.as_ref(), forgotten.len() + 1);
    account.is_proven().await;
}
