//! The real binary on a disk that fails it: full, limited, read-only, not a directory, taken away. Each ends
//! with exit code 5 and one error that names the path and the remedy, and the next run ends well.
//!
//! Mounts are made in a namespace of the test's own, where the system permits that; else the test says that
//! it was skipped.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use drift_simulator::{Behaviour, Server, Table as Truth, WorldConfig};
use drift2parquet::tables::{CONVERSATIONS, MESSAGES};
use drift2parquet::verify::Verdict;

use crate::account::Account;

const BINARY: &str = env!("CARGO_BIN_EXE_drift2parquet");

/// An account, its server, and an empty directory beside its lake.
struct Scene {
    account: Account,
    server: Server,
}

/// How a command ended: its exit code and what it said.
type End = (Option<i32>, String);

impl Scene {
    async fn new(seed: u64, latency: Duration) -> Self {
        let behaviour = Behaviour { latency, ..Behaviour::default() };
        let account = Account::of(WorldConfig::new(seed, 400), behaviour);
        let server = account.drift.serve("127.0.0.1:0".parse().unwrap()).await.unwrap();
        Self { account, server }
    }

    fn lake(&self) -> &Path {
        self.account.lake.path()
    }

    /// A shell in which `$SYNC` syncs and `$LAKE` is the lake.
    fn shell(&self, script: &str) -> Command {
        let mut shell = Command::new("sh");
        shell.args(["-c", script]);
        self.equip(&mut shell);
        shell
    }

    /// As [`Scene::shell`], where mounts may be made that nobody else sees; nothing where that is forbidden.
    #[allow(clippy::disallowed_macros, reason = "a test that did not run must not look as if it had")]
    fn mounting_shell(&self, script: &str) -> Option<Command> {
        let probe = ["-rm", "sh", "-c", "mount -t tmpfs none /tmp"];
        let may = Command::new("unshare").args(probe).stderr(Stdio::null()).status();
        if !may.is_ok_and(|status| status.success()) {
            eprintln!("SKIPPED: this system does not permit mounts in a namespace");
            return None;
        }
        let mut shell = Command::new("unshare");
        shell.args(["-rm", "sh", "-c", script]);
        self.equip(&mut shell);
        Some(shell)
    }

    fn equip(&self, command: &mut Command) {
        command
            .env("SYNC", format!("{BINARY} sync -q --lake {}", self.lake().display()))
            .env("VERIFY", format!("{BINARY} verify -q --lake {}", self.lake().display()))
            .env("LAKE", self.lake())
            .env("DRIFT_TOKEN", "sim-token")
            .env("DRIFT_API_URL", self.server.url())
            .stdin(Stdio::null());
    }

    /// A run without hindrance brings everything.
    async fn ends_well(&self) {
        let (code, said) = end(self.shell("$SYNC"));
        assert_eq!(code, Some(0), "{said}");
        assert_eq!(self.account.verified().await.unwrap().verdict, Verdict::Proven);
        self.is_complete();
    }

    fn is_complete(&self) {
        let account = &self.account;
        assert_eq!(account.ids(&CONVERSATIONS, "id", true), account.true_ids(Truth::Conversations));
        assert_eq!(account.ids(&MESSAGES, "id", true), account.true_ids(Truth::Messages));
    }
}

fn end(mut command: Command) -> End {
    let output = tokio::task::block_in_place(|| command.output()).unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Exit code 5, the path, and what to do.
fn is_told((code, said): End, path: &Path, remedy: &str) {
    assert_eq!(code, Some(5), "{said}");
    assert!(said.contains(&*path.to_string_lossy()), "no path: {said}");
    assert!(said.contains("hint: ") && said.contains(remedy), "no remedy: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_and_the_next_run_with_room_ends() {
    let scene = Scene::new(31, Duration::ZERO).await;
    let script = "mount -t tmpfs -o size=400k none $LAKE && $SYNC; first=$?; $VERIFY; whole=$?;
        mount -o remount,size=64m $LAKE && $SYNC && $VERIFY >&2 || exit 99;
        test $whole = 5 && exit 98; exit $first";
    let Some(shell) = scene.mounting_shell(script) else { return };
    is_told(end(shell), scene.lake(), "no space left");
}

/// Bug: a limit on the size of files killed the program without a word.
#[tokio::test(flavor = "multi_thread")]
async fn a_limit_on_the_size_of_files_is_told_and_the_next_run_without_it_ends() {
    let scene = Scene::new(32, Duration::ZERO).await;
    is_told(end(scene.shell("ulimit -f 20; exec $SYNC")), scene.lake(), "limit on file sizes");
    scene.account.is_valid(Verdict::Unfinished).await.unwrap();
    scene.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_is_read_only_can_be_verified_but_not_synced() {
    let scene = Scene::new(33, Duration::ZERO).await;
    scene.ends_well().await;
    let before = scene.account.lake.files("");
    let script = "mount --bind $LAKE $LAKE && mount -o remount,ro,bind $LAKE || exit 99;
        $VERIFY > /dev/null || exit 98; exec $SYNC";
    let Some(shell) = scene.mounting_shell(script) else { return };
    is_told(end(shell), scene.lake(), "read-only");
    assert!(scene.account.lake.files("") == before, "a lake that cannot be written is left as it was");
    scene.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_below_a_file_is_told() {
    let scene = Scene::new(34, Duration::ZERO).await;
    fs::write(scene.lake().join("file"), "mine").unwrap();
    let place = scene.lake().join("file/lake");
    let (code, said) = end(scene.shell("$SYNC/file/lake"));
    is_told((code, said), &place, "--lake");
    assert_eq!(fs::read(scene.lake().join("file")).unwrap(), b"mine");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_is_taken_away_during_the_run_is_told_and_not_made_anew() {
    let scene = Scene::new(35, Duration::from_millis(30)).await;
    let mut run = scene.shell("exec $SYNC --concurrency 4");
    let run = run.stderr(Stdio::piped()).spawn().unwrap();
    while !scene.lake().join("_manifest/00000000000000000002.json").exists() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let aside = scene.lake().with_extension("aside");
    fs::rename(scene.lake(), &aside).unwrap();
    let output = tokio::task::block_in_place(|| run.wait_with_output()).unwrap();
    let there = scene.lake().exists();
    fs::rename(&aside, scene.lake()).unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    is_told((output.status.code(), said), scene.lake(), "removed or moved");
    assert!(!there, "a lake that was moved is not begun anew in its old place");
    scene.account.is_valid(Verdict::Unfinished).await.unwrap();
    scene.ends_well().await;
}

/// Bug: what `rebuild` could not write was said to be safe, though it keeps nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_without_room_does_not_say_that_anything_is_kept() {
    let scene = Scene::new(36, Duration::ZERO).await;
    assert_eq!(end(scene.shell("exec $SYNC --raw")).0, Some(0));
    let again = tempfile::tempdir().unwrap();
    let script =
        format!("ulimit -f 20; exec {BINARY} rebuild -q --lake $LAKE --into {}", again.path().display());
    let (code, said) = end(scene.shell(&script));
    assert!(said.contains("nothing is kept") && !said.contains("is safe"), "{said}");
    is_told((code, said), again.path(), "limit on file sizes");
    let left = format!("test -z \"$(find {} -type f ! -name _lock)\"", again.path().display());
    assert_eq!(end(scene.shell(&left)).0, Some(0), "something is left");
}
