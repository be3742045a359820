//! What the sweeps and the histories found, each as the shortest way to it.

use drift_simulator::{Behaviour, Mutation, WorldConfig};
use drift2parquet::config::{Selection, SyncSettings};
use drift2parquet::tables::{CONVERSATIONS, MESSAGES};
use drift2parquet::verify::Verdict;

use super::life::{Death, live};
use super::{Cut, Kept, Tree};
use crate::account::Account;

fn world() -> WorldConfig {
    WorldConfig { conversations: 3, months: 1, mean_messages: 2, ..WorldConfig::small(3) }
}

/// An account whose first run died when the messages had been put and their conversations had not.
fn with_orphans() -> Account {
    for at in 0.. {
        let mut account = Account::of(world(), Behaviour::default()).in_memory();
        let ended = account.run_to_death(Death { at, cut: Cut::After, power: None });
        assert!(ended.is_none(), "the run never was between messages and conversations");
        if !account.lake.files("messages").is_empty() {
            assert!(account.lake.files("conversations").is_empty());
            return account;
        }
    }
    unreachable!()
}

/// Bug: messages whose conversation was erased before the next run stayed live for ever, and no run asked
/// for it, since it was in no list.
#[test]
fn messages_of_a_killed_run_go_with_a_conversation_that_was_erased_before_the_next() {
    let mut account = with_orphans();
    account.change((0..3).map(|conversation| Mutation::EraseConversation { conversation }));
    account.wait(1);
    account.recovers().unwrap();
    assert!(account.ids(&MESSAGES, "id", true).is_empty());
    assert!(account.ids(&CONVERSATIONS, "id", true).is_empty());
    assert_eq!(account.ids(&CONVERSATIONS, "id", false).len(), 3, "what is gone is told");
    assert!(live(account.manifest()).adopted.is_empty());
}

/// Bug: after a run that only read other tables, `verify` called such messages broken.
#[test]
fn messages_of_a_killed_run_are_unfinished_until_a_run_reads_conversations() {
    let mut account = with_orphans();
    account.settings.tables = Selection::only(&["users".to_owned()]).unwrap();
    live(account.sound_run()).unwrap();
    assert_eq!(live(account.verified()).unwrap().verdict, Verdict::Unfinished);
    account.settings = SyncSettings::default();
    account.recovers().unwrap();
    assert_eq!(live(account.verified()).unwrap().verdict, Verdict::Proven);
}

/// Bug: a killed run had renamed an object into place but not made its name durable; the next one built upon
/// it and committed, and a power loss after that took the object away.
#[test]
fn what_a_killed_run_has_put_outlasts_a_power_loss_after_the_next() {
    let mut account = with_orphans();
    let folder = account.lake.disk().clone();
    let mut lost = folder.tree().clone();
    lost.lose_power(&mut Kept::Nothing);
    let of_messages = |tree: &Tree| tree.files(std::path::Path::new("/lake/messages")).unwrap().len();
    assert_eq!((of_messages(&folder.tree()), of_messages(&lost)), (1, 0), "put, but not durable");
    live(account.sound_run()).unwrap();
    folder.lose_power(Kept::Nothing);
    assert_eq!(of_messages(&folder.tree()), 1);
    assert_eq!(live(account.verified()).unwrap().verdict, Verdict::Proven);
}
