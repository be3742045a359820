//! The S3 server of the tests: SeaweedFS, started by whoever needs it first and shared by all tests of a run,
//! however many processes they are. It goes when the run does (`tests/s3/server.py`).

use std::collections::BTreeMap;
use std::fs::File;
use std::net::TcpStream;
use std::os::unix::process::{CommandExt as _, parent_id};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde::Deserialize;

/// How long the server may take to start, on a machine that has much else to do.
const STARTS_WITHIN: Duration = Duration::from_secs(150);

/// How the server is reached.
#[derive(Debug, Clone, Deserialize)]
pub struct Server {
    /// Where it answers.
    pub endpoint: String,
    /// Where its own file system answers, whose folders the buckets are.
    pub filer: String,
    /// The one bucket it has.
    pub bucket: String,
    /// The variables that tell AWS tools of it.
    pub environment: BTreeMap<String, String>,
}

/// The server of this run of the tests.
pub fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let state = state();
        let guard = File::create(state.with_extension("lock")).unwrap();
        guard.lock().unwrap();
        told(&state).unwrap_or_else(|| start(&state))
    })
}

/// The process that runs the tests: with nextest each test is a process of its own, and its parent that one.
fn run() -> u32 {
    if std::env::var_os("NEXTEST").is_some() { parent_id() } else { std::process::id() }
}

fn state() -> PathBuf {
    std::env::temp_dir().join(format!("drift2parquet-s3-{}.json", run()))
}

/// The server that was told of, unless it has gone: a run of the same number may have been killed together with it.
fn told(state: &Path) -> Option<Server> {
    let server: Server = serde_json::from_slice(&std::fs::read(state).ok()?).unwrap();
    TcpStream::connect(server.endpoint.strip_prefix("http://")?).is_ok().then_some(server)
}

#[allow(clippy::zombie_processes, reason = "it is to outlive the test that starts it")]
fn start(state: &Path) -> Server {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = std::env::var_os("D2P_PYTHON").map_or_else(|| root.join(".venv/bin/python"), PathBuf::from);
    let said = state.with_extension("log");
    let mut serving = Command::new(&python)
        .arg(root.join("tests/s3/server.py"))
        .args(["--while", &run().to_string(), "--state"])
        .arg(state)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(&said).unwrap())
        .process_group(0)
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}; `make s3-server` installs it", python.display()));
    let begun = Instant::now();
    loop {
        if let Some(server) = told(state) {
            return server;
        }
        let over = serving.try_wait().unwrap().is_some() || begun.elapsed() > STARTS_WITHIN;
        let text = || std::fs::read_to_string(&said).unwrap_or_default();
        assert!(!over, "the S3 server does not start (`make s3-server` installs it): {}", text());
        std::thread::sleep(Duration::from_millis(50));
    }
}
