//! `check` in a directory: it says of a lake that is there whose it is, and leaves nothing behind.

use std::path::Path;
use std::time::Duration;

use assert_cmd::Command;
use drift_simulator::WorldConfig;
use serde_json::Value;

use crate::kill::{Served, finish, small};

/// Every line about the store, and how it ends.
fn checked(served: &Served, lake: &Path) -> (i32, Vec<Value>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_drift2parquet"));
    command.env_clear().env("DRIFT_TOKEN", "sim-token").env("DRIFT_API_URL", served.url());
    command.args(["check", "--format=json", "--lake"]).arg(lake);
    let ended = tokio::task::block_in_place(|| command.output().unwrap());
    let lines: Vec<Value> = serde_json::from_slice(&ended.stdout).unwrap();
    (ended.status.code().unwrap(), lines.into_iter().filter(|line| line["part"] == "store").collect())
}

/// Bug: that the lake was of another account was only said by the run; and an empty folder stayed behind.
#[tokio::test(flavor = "multi_thread")]
async fn a_lake_of_another_account_is_told() {
    let served = Served::of(small(71), Duration::ZERO).await;
    assert_eq!(finish(served.start(&[])).0, Some(0));
    let lake = served.account.lake.path();
    let before = served.account.lake.files("");
    let (code, lines) = checked(&served, lake);
    let said = lines.iter().find(|line| line["what"] == "lake").unwrap();
    assert!(
        code == 0 && said["ok"] == true && said["note"].as_str().unwrap().contains("organization"),
        "{said}"
    );
    let other = Served::of(WorldConfig { org_id: 7, ..small(72) }, Duration::ZERO).await;
    let (code, lines) = checked(&other, lake);
    let said = lines.iter().find(|line| line["what"] == "lake").unwrap();
    assert!(code == 2 && said["problem"].as_str().unwrap().contains("organization 7"), "{said}");
    assert_eq!(served.account.lake.files(""), before);
    assert!(!lake.join("_probe").exists());
    let place = tempfile::tempdir().unwrap();
    let (code, lines) = checked(&served, place.path());
    assert!(code == 0 && lines.iter().all(|line| line["what"] != "lake"), "{lines:?}");
    assert!(!place.path().join("_probe").exists());
}
