//! A table that is reset after a run was killed: what that run has put and nobody committed is dropped with the
//! table, or taken into account, and the next run fetches what is lacking.

use std::path::Path;

use drift_simulator::{Behaviour, Mutation, Table as Truth, WorldConfig};
use drift2parquet::tables::{CONVERSATIONS, MESSAGES};

use super::Cut;
use super::life::{Death, live};
use crate::account::Account;
use crate::counts::record;
use crate::forget::reset_on;

/// One in so many operations is the last one.
const STEP: usize = 29;

fn world() -> WorldConfig {
    WorldConfig {
        conversations: 14,
        months: 4,
        users: 3,
        accounts: 2,
        meetings: 4,
        ..WorldConfig::small(900)
    }
}

fn fresh() -> Account {
    Account::of(world(), Behaviour::default()).in_memory()
}

fn loaded() -> Account {
    let mut account = fresh();
    live(account.run_to_the_end());
    account.wait(24 * 40);
    account.change([Mutation::AddConversations { count: 6 }]);
    account.wait(3);
    account
}

fn operations(mut account: Account) -> usize {
    account.lake.disk().fate().begin(None);
    live(account.run_to_the_end());
    account.lake.disk().fate().operations().len()
}

/// The lake after a run that died at an operation, a reset, and one more run.
fn reset_after_death(mut account: Account, at: usize, table: &str) -> Option<Account> {
    account.run_to_death(Death { at, cut: Cut::Before, power: None });
    // There is no lake yet where the run died early.
    live(reset_on(account.lake.store(), 7, table)).ok()?;
    account.wait(3);
    live(account.sound_run()).unwrap_or_else(|found| panic!("{table}, killed at {at}: {found}"));
    Some(account)
}

/// Bug: a reset went by the objects that the manifest names; conversations of a killed run kept saying that their
/// messages are there.
#[test]
fn a_reset_after_a_killed_run_loses_nothing() {
    let mut cases = 0;
    for (prepared, tables) in [
        (fresh as fn() -> Account, ["messages", "conversations", "contacts"].as_slice()),
        (loaded, &["messages", "conversations"]),
    ] {
        let count = operations(prepared());
        for (table, at) in tables.iter().flat_map(|table| (0..count).step_by(STEP).map(move |at| (table, at)))
        {
            let Some(account) = reset_after_death(prepared(), at, table) else { continue };
            let place = format!("{table}, killed at {at} of {count}");
            let ids = account.ids(&CONVERSATIONS, "id", true);
            assert_eq!(ids, account.true_ids(Truth::Conversations), "{place}");
            assert_eq!(account.ids(&MESSAGES, "id", true), account.true_ids(Truth::Messages), "{place}");
            cases += 1;
        }
    }
    assert!(cases > 50);
    record("reset", &[("killed runs before", cases)]);
}

/// Bug: a folder that somebody made beside the partitions was to be dropped, too, and a manifest that says so is
/// not to be read.
#[test]
fn a_reset_that_is_killed_beside_a_strange_folder_is_finished() {
    let place = Path::new("/lake/messages/backup/messages.parquet");
    for at in (0..60).step_by(3) {
        let mut account = fresh();
        live(account.run_to_the_end());
        let messages = account.lake.files("messages").into_values().next().unwrap();
        let disk = account.lake.disk().clone();
        disk.tree().create_folder(place.parent().unwrap()).unwrap();
        disk.tree().write(place, messages).unwrap();
        disk.fate().begin(Some((at, Cut::Before)));
        live(async {
            tokio::select! {
                biased;
                () = disk.fate().stopped() => (),
                ended = reset_on(account.lake.store(), 7, "messages") => drop(ended.unwrap()),
            }
        });
        disk.fate().begin(None);
        account.wait(1);
        live(account.run_to_the_end());
        assert_eq!(
            account.true_ids(Truth::Messages).len(),
            live(account.manifest()).tables["messages"].rows as usize
        );
    }
}
