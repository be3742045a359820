//! The real binary, ended at random moments over a real socket: whatever it was doing, the lake is never
//! broken, and the next run ends with exactly the account.
//!
//! A moment is a number of answered requests, and a few milliseconds more: so every phase of a run is struck,
//! however fast the machine is.

mod memory;
mod sigkill;
mod sigterm;
mod suspended;

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use drift_simulator::{Behaviour, Server, Simulator, WorldConfig};
use drift2parquet::progress::Progress;
use drift2parquet::tables::CONVERSATIONS;
use drift2parquet::verify::{Verdict, verify};

use crate::account::Account;
use crate::faults::{OF_CONVERSATIONS, SUMS, same};
use crate::lake::Lake;

const BINARY: &str = env!("CARGO_BIN_EXE_drift2parquet");

/// An account behind a socket.
pub struct Served {
    pub account: Account,
    server: Server,
}

impl Served {
    pub async fn of(world: WorldConfig, latency: Duration) -> Self {
        let behaviour = Behaviour { latency, record_requests: true, ..Behaviour::default() };
        Self::on(Account::of(world, behaviour)).await
    }

    pub async fn on(account: Account) -> Self {
        let server = account.drift.serve("127.0.0.1:0".parse().unwrap()).await.unwrap();
        Self { account, server }
    }

    pub fn url(&self) -> String {
        self.server.url()
    }

    pub fn start(&self, options: &[&str]) -> Child {
        self.account.drift.reset_stats();
        let mut command = Command::new(BINARY);
        if let Lake::Bucket(prefix) = &self.account.lake {
            // Nobody but the lease says that the run before was killed.
            command.envs(prefix.environment());
            return self.start_by(command.args(["sync", "-q", "--takeover", "--lake"]), options);
        }
        self.start_by(command.args(["sync", "-q", "--lake"]), options)
    }

    fn start_by(&self, command: &mut Command, options: &[&str]) -> Child {
        let command = command.arg(self.account.lake.name()).args(options);
        let command = command.env("DRIFT_TOKEN", "sim-token").env("DRIFT_API_URL", self.server.url());
        command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Waits until so many requests were answered; whether the run is still on then.
    pub async fn reaches(&self, child: &mut Child, requests: u64) -> bool {
        while self.account.drift.stats().total < requests {
            if child.try_wait().unwrap().is_some() {
                return false;
            }
            tokio::time::sleep(Duration::from_micros(300)).await;
        }
        child.try_wait().unwrap().is_none()
    }

    /// What a run was doing when it was killed: writing, or else what it read last.
    fn phase(&self) -> &'static str {
        let temporary = std::fs::read_dir(self.account.lake.path().join("_tmp"));
        if temporary.is_ok_and(|files| files.count() > 0) {
            return "within a write";
        }
        let requests = self.account.drift.requests();
        let Some(last) = requests.last() else { return "before any request" };
        match last.path.trim_start_matches('/').split('/').collect::<Vec<_>>()[..] {
            ["app", _] => "before the walk",
            ["conversations", "list"] => "in the walk",
            ["conversations", "stats"] => "after the walk",
            ["conversations", ..] => "in details and messages",
            ["contacts", ..] => "in contacts",
            _ => "in lists and at the end",
        }
    }

    /// What `verify` says, which must be nothing worse than unfinished.
    pub async fn verdict(&self) -> Verdict {
        let store = self.account.lake.store();
        match verify(&*store, false, &Progress::default()).await {
            Ok(found) => {
                let broken: Vec<_> =
                    found.findings.iter().filter(|finding| finding.verdict == Verdict::Broken).collect();
                assert!(broken.is_empty(), "{broken:#?}");
                found.verdict
            }
            // Ended before the first commit: there is no lake yet.
            Err(error) if error.kind().exit_code() == 2 => Verdict::Unfinished,
            Err(error) => panic!("{error}"),
        }
    }

    /// A run that nothing disturbs must end with exactly what a lake has that was never disturbed.
    pub async fn recovers(&self, what: &str) {
        // A whole walk, since only that notices what was erased.
        let (code, said) = finish(self.start(&["--full"]));
        assert_eq!(code, Some(0), "{what}: {said}");
        assert_eq!(self.verdict().await, Verdict::Proven, "{what}");
        self.account
            .holds_the_truth(&OF_CONVERSATIONS[..2])
            .unwrap_or_else(|wrong| panic!("{what}: {wrong}"));
        let mut twin = self.account.with_new_lake();
        twin.run_to_the_end().await;
        let (mut live, wanted) = (self.account.live().unwrap(), twin.live().unwrap());
        live.retain(|table, rows| {
            // Rows of these stay though nothing names them any more.
            rows.retain(|key, _| {
                !["contacts", "users", "meetings"].contains(table) || wanted[table].contains_key(key)
            });
            !SUMS.contains(table)
        });
        same(&live, &wanted).unwrap_or_else(|wrong| panic!("{what}: {wrong}"));
    }
}

/// Waits for the end of a run; its exit code and what it said.
pub fn finish(child: Child) -> (Option<i32>, String) {
    let ended = tokio::task::block_in_place(|| child.wait_with_output().unwrap());
    (ended.status.code(), String::from_utf8_lossy(&ended.stderr).into_owned())
}

pub fn small(seed: u64) -> WorldConfig {
    WorldConfig { conversations: 24, months: 2, mean_messages: 3, ..WorldConfig::small(seed) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_beside_the_first_stops_at_once() {
    let simulator = Simulator::with_behaviour(
        WorldConfig::new(13, 600),
        Behaviour { latency: Duration::from_millis(20), ..Behaviour::default() },
    );
    let served = Served::on(Account::on(simulator)).await;
    let mut first = served.start(&[]);
    assert!(served.reaches(&mut first, 20).await);
    let (code, said) = finish(served.start(&[]));
    assert_eq!(code, Some(6), "{said}");
    let (code, said) = finish(first);
    assert_eq!(code, Some(0), "{said}");
    let account = &served.account;
    let truth = account.true_ids(drift_simulator::Table::Conversations);
    assert_eq!(account.ids(&CONVERSATIONS, "id", true), truth);
}
