//! SIGTERM and SIGINT: what was fetched is committed, within seconds, and the exit code says so.

use std::process::Command;
use std::time::{Duration, Instant};

use drift2parquet::manifest::RunStatus;
use drift2parquet::tables::CONVERSATIONS;
use drift2parquet::verify::Verdict;

use super::{Served, finish, small};
use crate::counts::record;

/// How long a run may take to commit what it has.
const PATIENCE: Duration = Duration::from_secs(20);

/// After so many answered requests, of some 80.
const MOMENTS: [u64; 8] = [1, 2, 4, 8, 16, 28, 40, 52];

async fn ends_well(signal: &str, code: i32, requests: u64) {
    let served = Served::of(small(12 + requests), Duration::from_millis(30)).await;
    let mut child = served.start(&["--concurrency", "2"]);
    assert!(served.reaches(&mut child, requests).await, "over before request {requests}");
    let asked = Instant::now();
    let id = child.id().to_string();
    assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    let (ended, said) = finish(child);
    let what = format!("{signal} after {requests} requests");
    assert_eq!(ended, Some(code), "{what}: {said}");
    assert!(asked.elapsed() < PATIENCE, "{what}: took {:?}", asked.elapsed());
    if requests > 20 {
        let account = &served.account;
        assert!(!account.ids(&CONVERSATIONS, "id", true).is_empty(), "{what}: what was fetched is committed");
        assert_eq!(account.manifest().await.run.status, RunStatus::Stopped, "{what}");
        assert_eq!(served.verdict().await, Verdict::Proven, "{what}");
    }
    served.verdict().await;
    served.recovers(&what).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn asked_to_end_at_any_moment_it_commits_what_it_has() {
    for requests in MOMENTS {
        ends_well("-TERM", 143, requests).await;
    }
    record("SIGTERM", &[("signals", MOMENTS.len() as u64)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupted_at_any_moment_it_commits_what_it_has() {
    for requests in MOMENTS {
        ends_well("-INT", 130, requests + 1).await;
    }
    record("SIGTERM", &[("signals", MOMENTS.len() as u64)]);
}
