//! Memory that the system refuses: whatever the run makes of it, the lake stays whole, and a run with enough
//! ends with exactly the account.

use std::process::Command;
use std::time::Duration;

use drift_simulator::faults::{FieldFlip, Flip};
use drift_simulator::{FaultScript, Table as Truth, WorldConfig};

use super::{BINARY, Served, finish, small};
use crate::counts::record;

/// Address space, in MiB: from too little to begin with to enough.
const LIMITS: [u64; 6] = [40, 130, 220, 320, 440, 16_000];

#[tokio::test(flavor = "multi_thread")]
async fn without_enough_memory_the_lake_stays_whole() {
    let mut ended = Vec::new();
    for limit in LIMITS {
        let world = WorldConfig { conversations: 12, ..small(30) };
        let served = Served::of(world, Duration::ZERO).await;
        let flip =
            FieldFlip { table: Truth::Messages, path: "body".into(), flip: Flip::TenMegabytes, every: 6 };
        served.account.drift.set_faults(FaultScript::flip(flip));
        let mut shell = Command::new("sh");
        let kib = (limit * 1024).to_string();
        shell.args([
            "-c",
            r#"ulimit -c 0; ulimit -v "$0" && exec "$@""#,
            &kib,
            BINARY,
            "sync",
            "-q",
            "--lake",
        ]);
        let (code, _) = finish(served.start_by(&mut shell, &[]));
        ended.push(code);
        served.verdict().await;
        served.account.drift.set_faults(FaultScript::default());
        served.account.wait(3);
        let refetched = served.start(&["--full", "--refetch"]);
        assert_eq!(finish(refetched).0, Some(0), "{limit} MiB");
        served.recovers(&format!("{limit} MiB")).await;
    }
    assert_ne!(ended.first(), Some(&Some(0)), "so little cannot be enough");
    // A page of many such messages is more than any answer may be, and stays pending.
    assert!(matches!(ended.last(), Some(Some(0 | 7))), "so much must be enough: {ended:?}");
    record("memory limit", &[("limits", LIMITS.len() as u64)]);
}
