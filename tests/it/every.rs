//! `sync --every` as the real binary over a real socket: it runs again by the clock, with what its token is then,
//! and ends cleanly while it waits and while it works. When slots begin is tested in virtual time, beside the code.

use std::fs;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use drift_simulator::{Behaviour, Server, Simulator, WorldConfig};
use serde_json::Value;
use tempfile::TempDir;

/// What a step may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// An account behind a socket, and a directory for everything else.
struct Place {
    drift: Simulator,
    server: Server,
    directory: TempDir,
}

impl Place {
    async fn of(latency: Duration) -> Self {
        let world = WorldConfig { conversations: 12, months: 1, mean_messages: 2, ..WorldConfig::small(70) };
        let drift = Simulator::with_behaviour(world, Behaviour { latency, ..Behaviour::default() });
        let server = drift.serve("127.0.0.1:0".parse().unwrap()).await.unwrap();
        Self { drift, server, directory: tempfile::tempdir().unwrap() }
    }

    fn start(&self, every: &str, token: &[(&str, &str)]) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_drift2parquet"));
        command.current_dir(self.directory.path()).env_clear().envs(token.iter().copied());
        command.env("DRIFT_API_URL", self.server.url());
        command.args(["sync", "--lake", "lake", "--report", "report.json", "--every", every]);
        command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn report(&self) -> Option<Value> {
        let text = fs::read(self.directory.path().join("report.json")).ok()?;
        Some(serde_json::from_slice(&text).expect("a reader never meets half a report"))
    }

    /// Waits until another run than `last` has ended; its id and exit code.
    async fn next(&self, child: &mut Child, last: &str) -> (String, u64) {
        let began = Instant::now();
        loop {
            if let Some(report) = self.report().filter(|report| report["run"] != last) {
                return (report["run"].as_str().unwrap().to_owned(), report["exit_code"].as_u64().unwrap());
            }
            assert!(child.try_wait().unwrap().is_none(), "it ended too early");
            assert!(began.elapsed() < PATIENCE, "no run came after `{last}`");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
}

/// Its exit code and what it said.
fn end(child: Child) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = tokio::task::block_in_place(|| child.wait_with_output().unwrap());
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn it_runs_again_with_the_token_of_that_time_and_ends_while_it_waits() {
    let place = Place::of(Duration::ZERO).await;
    let token = place.directory.path().join("token");
    fs::write(&token, "sim-token\n").unwrap();
    let mut child = place.start("2s", &[("DRIFT_TOKEN_FILE", token.to_str().unwrap())]);
    let (first, code) = place.next(&mut child, "").await;
    assert_eq!(code, 0);
    // Another hand writes a new token while the program waits; the old one is no longer taken.
    fs::write(&token, "new-token\n").unwrap();
    place.drift.set_behaviour(|behaviour| behaviour.token = "new-token".into());
    let (second, code) = place.next(&mut child, &first).await;
    assert_eq!(code, 0);
    let (_, code) = place.next(&mut child, &second).await;
    assert_eq!(code, 0);
    signal(&child, "-TERM");
    let (code, said) = end(child);
    assert_eq!(code, Some(143), "{said}");
    assert!(said.contains("waiting; the next run begins at 2"), "{said}");
    assert!(!said.contains("sim-token") && !said.contains("new-token"), "{said}");
}

/// Drift may end a refresh token when it gives the next; the environment still has the first.
#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_that_rotates_lasts_for_all_runs() {
    let place = Place::of(Duration::ZERO).await;
    let oauth = [
        ("DRIFT_CLIENT_ID", "sim-client"),
        ("DRIFT_CLIENT_SECRET", "sim-secret"),
        ("DRIFT_REFRESH_TOKEN", "sim-refresh"),
    ];
    let mut child = place.start("1s", &oauth);
    let mut last = String::new();
    for _ in 0..3 {
        let (run, code) = place.next(&mut child, &last).await;
        assert_eq!(code, 0);
        last = run;
    }
    signal(&child, "-INT");
    assert_eq!(end(child).0, Some(130));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_during_a_run_commits_what_it_has_and_ends_all() {
    let place = Place::of(Duration::from_millis(100)).await;
    let mut child = place.start("1s", &[("DRIFT_TOKEN", "sim-token")]);
    let began = Instant::now();
    while place.drift.stats().total < 8 {
        assert!(child.try_wait().unwrap().is_none() && began.elapsed() < PATIENCE, "it never asked");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    signal(&child, "-INT");
    let (code, said) = end(child);
    assert_eq!(code, Some(130), "{said}");
    assert!(!said.contains("waiting"), "{said}");
    assert_eq!(place.report().unwrap()["outcome"], "interrupted");
}

/// What time may mend is told and tried again; what only a person can mend ends the whole with its own code.
#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_waited_out_and_a_refused_token_is_not() {
    let place = Place::of(Duration::ZERO).await;
    let mut child = place.start("1s", &[("DRIFT_TOKEN", "sim-token")]);
    let (first, _) = place.next(&mut child, "").await;
    let holder = fs::File::open(place.directory.path().join("lake/_lock")).unwrap();
    // Held by this test, as another run would.
    let began = Instant::now();
    while let Err(error) = holder.try_lock() {
        assert!(began.elapsed() < PATIENCE, "{error}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let (held, code) = place.next(&mut child, &first).await;
    assert_eq!((&*held, code), ("", 6), "the lake is held");
    drop(holder);
    let (_, code) = place.next(&mut child, &held).await;
    assert_eq!(code, 0);
    place.drift.set_behaviour(|behaviour| behaviour.token = "another".into());
    let (code, said) = end(child);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("error: ") && said.matches("hint: ").count() >= 2, "{said}");
}

/// Bug: a login page that stood before Drift for a while ended the schedule, with the code of a wrong address.
#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_ends_the_schedule_only_where_drift_has_never_answered() {
    let place = Place::of(Duration::ZERO).await;
    let mut child = place.start("1s", &[("DRIFT_TOKEN", "sim-token")]);
    let (first, code) = place.next(&mut child, "").await;
    assert_eq!(code, 0);
    place.drift.set_faults("token-info first=2 redirect".parse().unwrap());
    let (redirected, code) = place.next(&mut child, &first).await;
    assert_eq!(code, 0);
    assert_eq!(place.next(&mut child, &redirected).await.1, 0);
    signal(&child, "-TERM");
    assert_eq!(end(child).0, Some(143));
    place.drift.set_faults("token-info every=1 redirect".parse().unwrap());
    let (code, said) = end(place.start("1s", &[("DRIFT_TOKEN", "sim-token")]));
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains(&format!("address: {}", place.server.url())), "{said}");
}
