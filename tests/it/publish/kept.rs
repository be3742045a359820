//! What is kept, and for how long; and that nobody who was forgotten is.

use std::time::Duration;

use drift_simulator::Mutation;
use drift2parquet::erase::Wanted;
use drift2parquet::tables::MESSAGES;
use jiff::SignedDuration;

use super::{Place, account, retaining};
use crate::account::Account;
use crate::crash::live;
use crate::forget::Needles;

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A message more, and its publication.
async fn next(account: &mut Account, place: &mut Place) {
    account.change([Mutation::AddMessage { conversation: 3 }, Mutation::AdvanceClock { ms: 7_200_000 }]);
    account.run_to_the_end().await;
    place.publish(account).await.unwrap();
}

fn data(place: &Place, table: &str) -> Vec<String> {
    let files = place.folder.files(table).into_keys();
    files.filter(|path| !path.contains("_delta_log")).collect()
}

fn log(place: &Place, end: &str) -> Vec<u64> {
    let files = place.folder.files("messages/_delta_log").into_keys();
    let names = files.filter_map(|path| path.rsplit('/').next()?.strip_suffix(end)?.parse().ok());
    names.collect()
}

#[test]
fn files_that_were_replaced_stay_for_a_week_and_then_go() {
    live(async {
        let mut account = account(710);
        account.run_to_the_end().await;
        let mut place = Place::new();
        place.publish(&account).await.unwrap();
        let first = data(&place, "messages");
        next(&mut account, &mut place).await;
        place.now += 6 * DAY;
        next(&mut account, &mut place).await;
        assert!(first.iter().all(|path| data(&place, "messages").contains(path)), "six days are not enough");
        // Nothing is new, yet what is old goes.
        place.now += DAY;
        let told = place.publish(&account).await.unwrap();
        assert_eq!(told.tables.iter().find(|table| table.table == "messages").unwrap().deleted, 1);
        place.is_of(&account.manifest().await);
    });
}

#[test]
fn files_that_no_version_names_go_and_files_of_others_stay() {
    live(async {
        let mut account = account(711);
        account.run_to_the_end().await;
        let mut place = Place::new();
        place.publish(&account).await.unwrap();
        let folder = place.folder.path().join("users");
        let name = format!("{}-20261002T000000Z-0.parquet", "ab".repeat(32));
        std::fs::write(folder.join(&name), "left by a publication that was killed").unwrap();
        std::fs::write(folder.join("part-00000-x.parquet"), "of somebody else").unwrap();
        place.settings = retaining(Duration::ZERO);
        place.now += SignedDuration::from_mins(59);
        place.publish(&account).await.unwrap();
        assert!(folder.join(&name).exists(), "somebody may be about to commit it");
        place.now += SignedDuration::from_mins(1);
        place.publish(&account).await.unwrap();
        assert!(!folder.join(&name).exists() && folder.join("part-00000-x.parquet").exists());
    });
}

#[test]
fn checkpoints_are_written_and_the_log_before_them_goes() {
    live(async {
        let mut account = account(712);
        account.run_to_the_end().await;
        let mut place = Place::new();
        place.publish(&account).await.unwrap();
        for _ in 0..25 {
            place.now += DAY / 2;
            next(&mut account, &mut place).await;
        }
        // Version 10 was committed on the fifth day; now it is the thirteenth.
        assert_eq!(log(&place, ".checkpoint.parquet"), [10, 20]);
        assert_eq!(log(&place, ".json"), (10..=25).collect::<Vec<u64>>());
        let hint = &place.files()["messages/_delta_log/_last_checkpoint"];
        let hint: serde_json::Value = serde_json::from_slice(hint).unwrap();
        assert_eq!(hint["version"], 20);
        let again = place.publish(&account).await.unwrap();
        assert!(
            again.tables.iter().all(|table| !table.is_new_version),
            "the state is that of the checkpoint"
        );
        // What is kept is what some version that can be read still names.
        assert!(data(&place, "messages").len() < 20, "{}", data(&place, "messages").len());
    });
}

#[test]
fn nobody_who_was_forgotten_is_left_in_a_publication() {
    live(async {
        let mut account = account(713);
        account.run_to_the_end().await;
        let mut place = Place::new();
        place.publish(&account).await.unwrap();
        next(&mut account, &mut place).await;
        let contact = account.busy_contact();
        let needles = Needles::of_contact(&account, contact);
        assert!(!needles.traces_below(place.folder.path()).is_empty(), "there is something to be found");
        account.forget(&Wanted::Contacts(vec![account.contact_id(contact)])).await;
        place.publish(&account).await.unwrap();
        assert!(!needles.traces_below(place.folder.path()).is_empty(), "older versions are kept for a week");
        place.settings = retaining(Duration::ZERO);
        place.publish(&account).await.unwrap();
        assert_eq!(needles.traces_below(place.folder.path()), Vec::<String>::new());
        assert_eq!(needles.traces(&account), Vec::<String>::new());
        let told = place.publish(&account).await.unwrap();
        assert!(told.tables.iter().all(|table| !table.is_new_version && table.deleted == 0));
        // Later publications go on from there.
        next(&mut account, &mut place).await;
        let told = place.publish(&account).await.unwrap();
        let messages = told.tables.iter().find(|table| table.table == MESSAGES.name).unwrap();
        assert_eq!(messages.deleted, 0);
        assert_eq!(needles.traces_below(place.folder.path()), Vec::<String>::new());
    });
}
