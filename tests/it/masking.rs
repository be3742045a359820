//! Columns that are left out or hashed: none of their values stands in any byte of a lake, whatever Drift answers
//! and wherever a run dies; hashes join; the lake keeps what it was begun with.

use std::collections::BTreeSet;
use std::fs;

use arrow::array::{Array, AsArray};
use drift_simulator::{Behaviour, FaultScript, WorldConfig};
use drift2parquet::config::{AskedMasking, SyncSettings, may_be_hashed, may_be_left_out};
use drift2parquet::error::Error;
use drift2parquet::hmac::Hmac;
use drift2parquet::progress::Progress;
use drift2parquet::schema::{Column, Table};
use drift2parquet::stop::Stop;
use drift2parquet::tables;
use drift2parquet::verify::{Verdict, against, verify};
use secrecy::SecretString;

use crate::account::Account;
use crate::faults::scripts::sharpened;
use crate::forget::reset_on;
use crate::forget::traces::Needles;

const KEY: &str = "0123456789abcdef0123456789abcdef";

fn asked(excluded: &[String], hashed: &[String]) -> AskedMasking {
    let asked = AskedMasking::read(Some(excluded), Some(hashed)).unwrap();
    AskedMasking { key: Some(SecretString::from(KEY)), ..asked }
}

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

/// All columns that pass, as `table.column`.
fn all(passes: impl Fn(&Table, &Column) -> bool) -> Vec<String> {
    let of = |table: &&'static Table| {
        let columns = table.columns.iter().filter(|column| passes(table, column));
        columns.map(|column| format!("{}.{}", table.name, column.name)).collect::<Vec<_>>()
    };
    tables::ALL.iter().flat_map(of).collect()
}

fn small(seed: u64) -> Account {
    let world = WorldConfig { conversations: 25, months: 2, ..WorldConfig::small(seed) };
    Account::of(world, Behaviour::default())
}

/// The words of plain text columns that say something of somebody: long, and not also an id, a date or the name of
/// a thing that stands elsewhere.
fn words(account: &Account, columns: &[&str]) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for name in columns {
        let (table, column) = name.split_once('.').unwrap();
        for batch in account.columns(tables::by_name(table).unwrap(), &[column]) {
            words.extend(batch.column(0).as_string::<i32>().iter().flatten().map(ToOwned::to_owned));
        }
    }
    words.retain(|word| word.len() >= 8);
    words
}

/// What people would least like to find in a lake.
const PRIVATE: [&str; 4] = ["contacts.email", "contacts.phone", "contacts.name", "messages.body"];

/// The words of [`PRIVATE`] as a lake holds them that leaves nothing out.
async fn private_words(seed: u64) -> BTreeSet<String> {
    let mut open = small(seed);
    open.run_to_the_end().await;
    let words = words(&open, &PRIVATE);
    let standing = Needles::of_words(words.iter().cloned()).traces(&open);
    assert!(
        words.len() > 50 && standing.len() >= words.len(),
        "{} words, {} found",
        words.len(),
        standing.len()
    );
    words
}

fn standing(account: &Account, words: &BTreeSet<String>) -> Vec<String> {
    Needles::of_words(words.iter().cloned()).traces(account)
}

#[tokio::test(start_paused = true)]
async fn no_byte_of_the_lake_holds_what_is_left_out_or_hashed() {
    let words = private_words(901).await;
    for (excluded, hashed) in [(&PRIVATE[..], &[][..]), (&[], &PRIVATE[..]), (&PRIVATE[2..], &PRIVATE[..2])] {
        let mut account = small(901);
        account.settings.masking = asked(&names(excluded), &names(hashed));
        account.run_to_the_end().await;
        assert_eq!(standing(&account, &words), [""; 0]);
        for name in excluded {
            let (table, column) = name.split_once('.').unwrap();
            let batches = account.columns(tables::by_name(table).unwrap(), &[column]);
            assert!(batches.iter().all(|batch| batch.column(0).null_count() == batch.num_rows()), "{name}");
        }
    }
}

/// The bodies of all answers are spoiled at random (values of other types, repeated keys, no JSON at all), so that
/// values go to `_extra`, to `_quarantine` and into reports.
#[test]
fn spoiled_answers_and_killed_runs_let_nothing_through() {
    let words = crate::crash::life::live(private_words(902));
    for seed in 0..12 {
        let mut account = small(902);
        account.settings.masking = asked(&names(&PRIVATE[2..]), &names(&PRIVATE[..2]));
        account.settings.checkpoint_bytes = 2_000;
        account
            .drift
            .set_faults(sharpened(FaultScript::random_with_flips(seed), &mut fastrand::Rng::with_seed(seed)));
        crate::crash::life::live(async {
            drop(account.try_run(&Stop::default()).await);
        });
        assert_eq!(standing(&account, &words), [""; 0], "seed {seed}");
    }
}

/// Every column that may be left out is null in every row, at once; every one that may be hashed is 64 hex digits.
#[tokio::test(start_paused = true)]
async fn every_column_can_be_left_out_and_every_text_hashed() {
    let mut account = small(903);
    let left_out = all(|table, column| may_be_left_out(table, column).is_ok());
    account.settings.masking = asked(&left_out, &[]);
    account.run_to_the_end().await;
    for name in &left_out {
        let (table, column) = name.split_once('.').unwrap();
        let batches = account.columns(tables::by_name(table).unwrap(), &[column]);
        assert!(batches.iter().all(|batch| batch.column(0).null_count() == batch.num_rows()), "{name}");
    }
    assert!(left_out.len() > 90, "{}", left_out.len());

    // Free maps would take the columns that are lifted out of them along.
    let mut account = small(903);
    let hashed = all(|table, column| may_be_hashed(table, column).is_ok());
    account.settings.masking = asked(&[], &hashed);
    account.run_to_the_end().await;
    let mut seen = 0;
    for name in &hashed {
        let (table, column) = name.split_once('.').unwrap();
        for batch in account.columns(tables::by_name(table).unwrap(), &[column]) {
            for value in batch.column(0).as_string::<i32>().iter().flatten() {
                assert!(
                    value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit()),
                    "{name}: {value}"
                );
                seen += 1;
            }
        }
    }
    assert!(seen > 500, "{seen}");
}

#[tokio::test(start_paused = true)]
async fn equal_values_have_the_hash_that_anybody_with_the_key_can_compute() {
    let (mut open, mut masked) = (small(904), small(904));
    masked.settings.masking = asked(&[], &names(&["contacts.email", "users.email"]));
    open.run_to_the_end().await;
    masked.run_to_the_end().await;
    let values = |account: &Account, table| {
        let of = |batch: arrow::array::RecordBatch| {
            let texts = batch.column(0).as_string::<i32>();
            texts.iter().map(|text| text.map(ToOwned::to_owned)).collect::<Vec<_>>()
        };
        account.columns(table, &["email"]).into_iter().flat_map(of).collect::<Vec<_>>()
    };
    let hmac = Hmac::new(KEY.as_bytes());
    for table in [&tables::CONTACTS, tables::by_name("users").unwrap()] {
        let expected: Vec<_> = values(&open, table)
            .into_iter()
            .map(|email| email.map(|email| hex::encode(hmac.of(email.as_bytes()))))
            .collect();
        assert!(expected.iter().flatten().count() > 2);
        assert_eq!(values(&masked, table), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_masked_lake_is_proven_and_equal_to_drift() {
    let mut account = small(905);
    account.settings.masking = asked(&names(&PRIVATE[2..]), &names(&PRIVATE[..2]));
    account.wait(1);
    account.run_to_the_end().await;
    account.is_proven().await;
    let (store, progress) = (account.lake.store(), Progress::default());
    let mut found = verify(store.as_ref(), false, &progress).await.unwrap();
    let key = account.settings.masking.key.clone();
    let random = fastrand::Rng::with_seed(7);
    against(account.client(), key.as_ref(), store.as_ref(), 1_000, random, &progress, &mut found)
        .await
        .unwrap();
    let told = found.against.clone().unwrap();
    assert_eq!((found.verdict, told.differing, told.equal), (Verdict::Proven, 0, told.asked), "{told:?}");
    let random = fastrand::Rng::with_seed(7);
    let without = against(account.client(), None, store.as_ref(), 9, random, &progress, &mut found).await;
    assert_eq!(without.unwrap_err().kind().exit_code(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_lake_keeps_what_it_was_begun_with() {
    let words = private_words(906).await;
    let mut account = small(906);
    account.settings.masking = asked(&names(&PRIVATE[2..]), &names(&PRIVATE[..2]));
    account.run_to_the_end().await;
    // Later runs need not say it again, but they need the key.
    account.settings.masking = AskedMasking { key: Some(SecretString::from(KEY)), ..AskedMasking::default() };
    account.settings.refetch = true;
    account.run_to_the_end().await;
    assert_eq!(standing(&account, &words), [""; 0]);
    let refused = |error: Error, word: &str| {
        assert_eq!(error.kind().exit_code(), 2);
        let said = format!("{error}; {}", error.advice().unwrap());
        assert!(said.contains(word), "{said}");
    };
    account.settings.masking.key = None;
    refused(account.try_run(&Stop::default()).await.unwrap_err(), "DRIFT2PARQUET_HASH_KEY");
    account.settings.masking.key = Some(SecretString::from("another key, long enough"));
    refused(account.try_run(&Stop::default()).await.unwrap_err(), "another key");
    account.settings.masking = asked(&names(&PRIVATE[3..]), &names(&PRIVATE[..2]));
    refused(account.try_run(&Stop::default()).await.unwrap_err(), "reset --table contacts");
    // What was refused has changed nothing.
    account.settings.masking = asked(&names(&PRIVATE[2..]), &names(&PRIVATE[..2]));
    account.run_to_the_end().await;
}

#[tokio::test(start_paused = true)]
async fn after_a_reset_a_table_may_be_read_otherwise() {
    let mut account = small(907);
    account.settings.masking = asked(&names(&["messages.body"]), &[]);
    account.run_to_the_end().await;
    account.settings.masking = asked(&names(&["messages.body", "contacts.email"]), &[]);
    let error = account.try_run(&Stop::default()).await.unwrap_err();
    assert!(error.advice().unwrap().contains("reset --table contacts"));
    reset_on(account.lake.store(), 7, "contacts").await.unwrap();
    account.run_to_the_end().await;
    let batches = account.columns(&tables::CONTACTS, &["email"]);
    assert!(
        !batches.is_empty() && batches.iter().all(|batch| batch.column(0).null_count() == batch.num_rows())
    );
}

#[tokio::test(start_paused = true)]
async fn raw_pages_are_not_kept_beside_masked_columns() {
    let refused = async |account: &mut Account| {
        assert_eq!(account.try_run(&Stop::default()).await.unwrap_err().kind().exit_code(), 2);
    };
    let mut both = small(908);
    (both.settings.raw, both.settings.masking) = (true, asked(&names(&["messages.body"]), &[]));
    refused(&mut both).await;
    let mut raw = small(908);
    raw.settings.raw = true;
    raw.run_to_the_end().await;
    (raw.settings.raw, raw.settings.masking) = (false, asked(&names(&["messages.body"]), &[]));
    refused(&mut raw).await;
    let mut masked = small(908);
    masked.settings.masking = asked(&names(&["messages.body"]), &[]);
    masked.run_to_the_end().await;
    (masked.settings.raw, masked.settings.masking) = (true, AskedMasking::default());
    refused(&mut masked).await;
}

/// Nowhere in the lake is the key, nor a hash that needs no key to be computed.
#[tokio::test(start_paused = true)]
async fn the_key_is_kept_nowhere() {
    let mut account = small(909);
    account.settings.masking = asked(&[], &names(&PRIVATE[..2]));
    account.run_to_the_end().await;
    assert_eq!(Needles::of_words([KEY.to_owned()]).traces(&account), [""; 0]);
    assert!(fs::read_dir(account.lake.path()).unwrap().count() > 3);
}

/// Bug: a run that was refused for what it asked for left a commit behind, as if it were still running.
#[tokio::test(start_paused = true)]
async fn a_refused_wish_changes_nothing() {
    let mut account = Account::small(980);
    account.run_to_the_end().await;
    let before = account.lake.files("");
    for (raw, masking) in [
        (true, AskedMasking::default()),
        (false, asked(&names(&["messages.body"]), &[])),
        (true, asked(&names(&["messages.body"]), &[])),
        (false, asked(&[], &names(&["users.email"]))),
    ] {
        (account.settings.raw, account.settings.masking) = (raw, masking);
        let refused = account.attempt().await.unwrap_err();
        assert_eq!(refused.kind().exit_code(), 2, "{refused}");
        assert_eq!(account.lake.files(""), before, "{refused}");
    }
    account.settings = SyncSettings::default();
    account.wait(1);
    account.run_to_the_end().await;
}
