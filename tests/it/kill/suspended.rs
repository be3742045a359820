//! A run that is suspended (SIGSTOP) for as long as one likes: it cannot say that it lives, but the lock on its
//! lake does.

use std::process::Command;
use std::time::Duration;

use drift_simulator::{Behaviour, Table as Truth, WorldConfig};
use drift2parquet::tables::{CONVERSATIONS, MESSAGES};
use drift2parquet::verify::Verdict;

use super::{Served, finish};
use crate::account::Account;

fn signal(name: &str, process: &str) {
    assert!(Command::new("kill").args([name, process]).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_run_still_holds_its_lake_and_goes_on_when_it_wakes() {
    let behaviour = Behaviour { latency: Duration::from_millis(20), ..Behaviour::default() };
    let served = Served::on(Account::of(WorldConfig::new(14, 600), behaviour)).await;
    let mut first = served.start(&[]);
    let id = first.id().to_string();
    assert!(served.reaches(&mut first, 40).await);
    signal("-STOP", &id);
    let before = served.account.manifest().await;
    let (code, said) = finish(served.start(&["--takeover"]));
    assert_eq!(code, Some(6), "{said}");
    assert_eq!(served.account.manifest().await, before);
    signal("-CONT", &id);
    let (code, said) = finish(first);
    assert_eq!(code, Some(0), "{said}");
    let account = &served.account;
    assert_eq!(account.ids(&CONVERSATIONS, "id", true), account.true_ids(Truth::Conversations));
    assert_eq!(account.ids(&MESSAGES, "id", true), account.true_ids(Truth::Messages));
    assert_eq!(served.verdict().await, Verdict::Proven);
}
