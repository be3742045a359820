//! Data whose manifests are lost: every command says so, and none takes it for no lake, or for a first load.

use drift2parquet::check;
use drift2parquet::erase::Wanted;
use drift2parquet::error::Error;
use drift2parquet::forecast::forecast;
use drift2parquet::forget::forget;
use drift2parquet::lake::RunId;
use drift2parquet::publish::{self, publish};
use drift2parquet::status;
use drift2parquet::verify::Verdict;

use crate::account::Account;
use crate::forget::{clock, reset_on};

/// What each command that changes nothing in such a lake says of it.
async fn said(account: &Account) -> Vec<(&'static str, Error)> {
    let (store, client) = (account.lake.store(), account.client());
    let now = jiff::Timestamp::UNIX_EPOCH;
    let run = RunId { id: "lost".to_owned(), version: "0.0.0".to_owned(), seed: 1 };
    let nobody = Wanted::Contacts(vec![1]);
    let (place, to) = (tempfile::tempdir().unwrap(), publish::Settings::default());
    let target = drift2parquet::store::Directory::new(place.path());
    vec![
        ("status", status::status(&*store, "lake", now).await.unwrap_err()),
        ("files", status::newest(&*store, "lake").await.unwrap_err()),
        ("check", check::lake(&*store, None).await.unwrap().found.unwrap_err()),
        ("plan", forecast(&account.settings, None, &client, &*store, now).await.unwrap_err()),
        ("reset", reset_on(store.clone(), 1, "users").await.unwrap_err()),
        ("forget", forget(store.clone(), run.clone(), clock(), &nobody, false).await.unwrap_err()),
        ("forget --dry-run", forget(store.clone(), run.clone(), clock(), &nobody, true).await.unwrap_err()),
        ("publish", publish(&*store, &target, &run, clock(), to).await.unwrap_err()),
    ]
}

/// Bug: only `sync` said so; others told of no lake, and `plan` and `check` of a first load.
#[tokio::test(start_paused = true)]
async fn every_command_says_that_manifests_are_lost() {
    for only_raw in [false, true] {
        let mut account = Account::small(1_500);
        account.settings.raw = true;
        account.run_to_the_end().await;
        for path in account.lake.files("").keys() {
            if path.starts_with("_manifest") || (only_raw && !path.starts_with("_raw")) {
                std::fs::remove_file(account.lake.path().join(path)).unwrap();
            }
        }
        let before = account.lake.files("");
        let found = account.verified().await.unwrap();
        assert_eq!(found.verdict, Verdict::Broken);
        assert!(found.findings[0].what.contains("lost"), "{:?}", found.findings);
        account.calls();
        for (command, error) in said(&account).await {
            assert_eq!(error.kind().exit_code(), 5, "{command}: {error}");
            assert!(error.found().contains("lost"), "{command}: {error}");
            assert!(error.advice().unwrap().contains("rebuild"), "{command}: {error}");
        }
        assert_eq!(account.attempt().await.unwrap_err().kind().exit_code(), 5);
        assert_eq!(account.calls()["total"], 0, "Drift was asked before the lake was looked at");
        assert_eq!(account.lake.files(""), before);
    }
}
