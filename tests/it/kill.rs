//! The real binary, killed at random moments over a real socket: whatever it was doing, the lake is never
//! broken, and the next run ends with exactly the account.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use drift_simulator::{Behaviour, Simulator, Table as Truth, WorldConfig};
use drift2parquet::progress::Progress;
use drift2parquet::store::Directory;
use drift2parquet::tables::{CONVERSATIONS, MESSAGES};
use drift2parquet::verify::{Verdict, verify};

use crate::account::Account;

/// How many kills; more on demand.
fn kills() -> u64 {
    std::env::var("D2P_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(10)
}

fn start(account: &Account, url: &str, options: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_drift2parquet"))
        .args(["sync", "-q", "--lake"])
        .arg(account.lake.path())
        .args(options)
        .env("DRIFT_TOKEN", "sim-token")
        .env("DRIFT_API_URL", url)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn finish(child: Child) -> (Option<i32>, String) {
    let ended = child.wait_with_output().unwrap();
    (ended.status.code(), String::from_utf8_lossy(&ended.stderr).into_owned())
}

async fn verdict(account: &Account) -> Verdict {
    let store = Directory::new(account.lake.path());
    match verify(&store, false, &Progress::default()).await {
        Ok(found) => {
            let broken: Vec<_> =
                found.findings.iter().filter(|finding| finding.verdict == Verdict::Broken).collect();
            assert!(broken.is_empty(), "{broken:#?}");
            found.verdict
        }
        // Killed before the first commit: there is no lake yet.
        Err(error) if error.kind().exit_code() == 2 => Verdict::Unfinished,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_the_lake_is_whole_and_the_next_run_ends() {
    let behaviour = Behaviour { latency: Duration::from_millis(2), ..Behaviour::default() };
    let mut chance = fastrand::Rng::with_seed(7);
    let mut left = kills();
    while left > 0 {
        let seed = chance.u64(..);
        let world = WorldConfig::new(seed, 500);
        let account = Account::of(world, behaviour.clone());
        let server = account.drift.serve("127.0.0.1:0".parse().unwrap()).await.unwrap();
        for _ in 0..left.min(5) {
            let mut child = start(&account, &server.url(), &["--concurrency", "16"]);
            tokio::time::sleep(Duration::from_millis(chance.u64(1..2_500))).await;
            child.kill().unwrap();
            child.wait().unwrap();
            verdict(&account).await;
            left -= 1;
        }
        let (code, said) = tokio::task::block_in_place(|| finish(start(&account, &server.url(), &[])));
        assert_eq!(code, Some(0), "seed {seed}: {said}");
        assert_eq!(verdict(&account).await, Verdict::Proven, "seed {seed}");
        assert_eq!(
            account.ids(&CONVERSATIONS, "id", true),
            account.true_ids(Truth::Conversations),
            "seed {seed}"
        );
        assert_eq!(account.ids(&MESSAGES, "id", true), account.true_ids(Truth::Messages), "seed {seed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn asked_to_end_it_commits_what_it_has_and_says_so() {
    let behaviour = Behaviour { latency: Duration::from_millis(20), ..Behaviour::default() };
    let account = Account::of(WorldConfig::new(12, 1_200), behaviour);
    let server = account.drift.serve("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let child = start(&account, &server.url(), &["--concurrency", "4"]);
    tokio::time::sleep(Duration::from_secs(4)).await;
    let id = child.id().to_string();
    Command::new("kill").args(["-TERM", &id]).status().unwrap();
    let (code, said) = tokio::task::block_in_place(|| finish(child));
    assert_eq!(code, Some(143), "{said}");
    assert!(!account.ids(&CONVERSATIONS, "id", true).is_empty(), "what was fetched is committed");
    assert_eq!(account.manifest().await.run.status, drift2parquet::manifest::RunStatus::Stopped);
    assert_eq!(verdict(&account).await, Verdict::Proven);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_beside_the_first_stops_at_once() {
    let simulator = Simulator::with_behaviour(
        WorldConfig::new(13, 600),
        Behaviour { latency: Duration::from_millis(20), ..Behaviour::default() },
    );
    let account = Account::on(simulator);
    let server = account.drift.serve("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let first = start(&account, &server.url(), &[]);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let (code, said) = tokio::task::block_in_place(|| finish(start(&account, &server.url(), &[])));
    assert_eq!(code, Some(6), "{said}");
    let (code, said) = tokio::task::block_in_place(|| finish(first));
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(account.ids(&CONVERSATIONS, "id", true), account.true_ids(Truth::Conversations));
}

/// Suspended it cannot say that it lives, but the lock on its lake does.
#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_run_still_holds_its_lake_and_goes_on_when_it_wakes() {
    let behaviour = Behaviour { latency: Duration::from_millis(20), ..Behaviour::default() };
    let account = Account::of(WorldConfig::new(14, 600), behaviour);
    let server = account.drift.serve("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let first = start(&account, &server.url(), &[]);
    let id = first.id().to_string();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(Command::new("kill").args(["-STOP", &id]).status().unwrap().success());
    let before = account.manifest().await;
    let second = start(&account, &server.url(), &["--takeover"]);
    let (code, said) = tokio::task::block_in_place(|| finish(second));
    assert_eq!(code, Some(6), "{said}");
    assert_eq!(account.manifest().await, before);
    assert!(Command::new("kill").args(["-CONT", &id]).status().unwrap().success());
    let (code, said) = tokio::task::block_in_place(|| finish(first));
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(account.ids(&CONVERSATIONS, "id", true), account.true_ids(Truth::Conversations));
    assert_eq!(account.ids(&MESSAGES, "id", true), account.true_ids(Truth::Messages));
    assert_eq!(verdict(&account).await, Verdict::Proven);
}
