//! What is written is open to nobody whom the umask shuts out, and nothing can be executed.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use drift_simulator::{Simulator, WorldConfig};

use super::host::Host;
use crate::counts;

/// Every file and folder below, with its mode.
fn modes(folder: &Path, found: &mut Vec<(String, bool, u32)>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, kind) = (entry.path(), entry.metadata().unwrap());
        found.push((path.display().to_string(), kind.is_dir(), kind.permissions().mode() & 0o7777));
        if kind.is_dir() {
            modes(&path, found);
        }
    }
}

#[test]
fn files_are_no_more_open_than_the_umask_says_and_never_executable() {
    let drift = Simulator::new(WorldConfig { conversations: 4, ..WorldConfig::small(52) });
    let host = Host::of(&drift, |_, _| {});
    let mut cases = 0;
    for umask in [0o077, 0o027, 0o022] {
        let place = tempfile::tempdir().unwrap();
        let script = format!("umask {umask:04o}; exec \"$@\"");
        let ended = Command::new("sh")
            .args(["-c", &script, "sh", env!("CARGO_BIN_EXE_drift2parquet")])
            .args(["sync", "-q", "--lake", "a/lake", "--report", "report.json"])
            .current_dir(place.path())
            .env("DRIFT_TOKEN", "sim-token")
            .env("DRIFT_API_URL", host.url())
            .output()
            .unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        let mut found = Vec::new();
        modes(place.path(), &mut found);
        assert!(found.len() > 30, "{found:?}");
        for (path, is_folder, mode) in found {
            assert_eq!(mode & umask, 0, "{path} has {mode:o} under umask {umask:o}");
            assert!(is_folder || mode & 0o7111 == 0, "{path} can be executed: {mode:o}");
            cases += 1;
        }
    }
    counts::record("security", &[("cases", cases)]);
}
