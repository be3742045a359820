//! The commands on a lake at an `s3://` address, as people meet them.

use std::time::Duration;

use assert_cmd::Command;
use drift2parquet::verify::Verdict;

use super::Prefix;
use super::proxy::Proxy;
use crate::kill::{Served, finish, small};
use crate::lake::Lake;

pub async fn served() -> (Served, Prefix) {
    let prefix = Prefix::new();
    let mut served = Served::of(small(7), Duration::ZERO).await;
    served.account.lake = Lake::Bucket(prefix.clone());
    (served, prefix)
}

/// What a command says of the lake at the prefix, and how it ends.
fn says(served: &Served, prefix: &Prefix, arguments: &[&str]) -> (i32, String) {
    says_of(served, prefix, &[arguments, &["--lake", &prefix.uri()]].concat())
}

/// The same of whatever lake is named; nothing is in its environment but the store and the token.
pub fn says_of(served: &Served, prefix: &Prefix, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_drift2parquet"));
    command.env_clear().envs(prefix.environment()).env("DRIFT_TOKEN", "sim-token");
    command.env("DRIFT_API_URL", served.url()).args(arguments);
    let ended = tokio::task::block_in_place(|| command.output().unwrap());
    let said = [ended.stdout, ended.stderr].concat();
    (ended.status.code().unwrap(), String::from_utf8(said).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_works_on_a_bucket() {
    let (served, prefix) = served().await;
    let says = |arguments: &[&str]| says(&served, &prefix, arguments);
    let (code, said) = says(&["status"]);
    assert!(code == 2 && said.contains(&format!("no lake at `{}`", prefix.uri())), "{said}");
    let (code, said) = says(&["plan"]);
    assert!(code == 0 && said.contains("the lake holds 0"), "{said}");
    assert_eq!(finish(served.start(&[])), (Some(0), String::new()));
    let (code, said) = says(&["status"]);
    assert!(code == 0 && said.contains("conversations"), "{said}");
    let (code, said) = says(&["files", "--table", "users"]);
    assert_eq!((code, said), (0, format!("{}/users/users.parquet\n", prefix.uri())));
    let (code, said) = says(&["verify"]);
    assert!(code == 0 && said.contains("proven"), "{said}");
    let contact = served.account.ids(&drift2parquet::tables::CONTACTS, "id", true)[0].to_string();
    let (code, said) = says(&["forget", "--contact", &contact]);
    assert!(code == 0 && said.contains("forgotten: 1 contacts") && said.contains("versions"), "{said}");
    let (code, said) = says(&["reset", "--table", "users"]);
    assert!(code == 0 && said.starts_with("users: "), "{said}");
    assert!(prefix.files("users").is_empty());
    assert_eq!(finish(served.start(&[])).0, Some(0));
    assert_eq!(served.verdict().await, Verdict::Proven);
}

/// A server that ignores conditions is refused before anything is put but the probe, unless one insists.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_ignores_conditions_is_refused_by_the_first_run() {
    let (served, prefix) = served().await;
    let careless = Proxy::careless(&prefix.endpoint()).await;
    let through = prefix.through(careless.endpoint());
    let (code, said) = says(&served, &through, &["sync", "-q"]);
    assert!(
        code == 5 && said.contains("`If-None-Match`") && said.contains("--accept-unsafe-store"),
        "{said}"
    );
    assert!(prefix.files("").is_empty(), "{:?}", prefix.files("").keys());
    let (code, said) = says(&served, &through, &["sync", "-q", "--accept-unsafe-store"]);
    assert_eq!(code, 0, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_missing_or_wrong_are_told() {
    let (served, prefix) = served().await;
    let mut command = Command::new(env!("CARGO_BIN_EXE_drift2parquet"));
    let environment = prefix.environment().into_iter().filter(|(name, _)| !name.contains("KEY"));
    command.env_clear().envs(environment).args(["status", "--lake", &prefix.uri()]);
    let ended = tokio::task::block_in_place(|| command.assert().code(2));
    let said = String::from_utf8_lossy(&ended.get_output().stderr).into_owned();
    assert!(said.contains("no keys for S3") && said.contains("AWS_PROFILE"), "{said}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_drift2parquet"));
    command.env_clear().envs(prefix.environment()).env("AWS_SECRET_ACCESS_KEY", "canary");
    command.args(["status", "--lake", &prefix.uri()]);
    let ended = tokio::task::block_in_place(|| command.assert().code(5));
    let said = String::from_utf8_lossy(&ended.get_output().stderr).into_owned();
    assert!(
        said.contains("SignatureDoesNotMatch") && said.contains("AWS_SECRET") && !said.contains("canary"),
        "{said}"
    );
    drop(served);
}

/// A profile of the shared files, as `AWS_PROFILE` names it: keys, region and endpoint.
#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_enough() {
    let prefix = Prefix::new();
    let place = tempfile::tempdir().unwrap();
    let known = prefix.environment();
    let (config, keys) = (place.path().join("config"), place.path().join("credentials"));
    std::fs::write(
        &config,
        format!("[profile lake]\nregion = us-east-1\nservices = here\ncredential_process = {}\n[services here]\ns3 =\n  endpoint_url = {}\n",
            place.path().join("keys.sh").display(), known["AWS_ENDPOINT_URL"]),
    )
    .unwrap();
    std::fs::write(&keys, "").unwrap();
    let told = format!(
        r#"#!/bin/sh
echo '{{"Version":1,"AccessKeyId":"{}","SecretAccessKey":"{}"}}'
"#,
        known["AWS_ACCESS_KEY_ID"], known["AWS_SECRET_ACCESS_KEY"]
    );
    std::fs::write(place.path().join("keys.sh"), told).unwrap();
    let script = std::fs::metadata(place.path().join("keys.sh")).unwrap();
    let mut rights = script.permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut rights, 0o755);
    std::fs::set_permissions(place.path().join("keys.sh"), rights).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_drift2parquet"));
    command.env_clear().env("PATH", "/usr/bin:/bin").env("AWS_PROFILE", "lake");
    command.env("AWS_CONFIG_FILE", &config).env("AWS_SHARED_CREDENTIALS_FILE", &keys);
    command.args(["status", "--lake", &prefix.uri()]);
    let ended = tokio::task::block_in_place(|| command.assert().code(2));
    let said = String::from_utf8_lossy(&ended.get_output().stderr).into_owned();
    assert!(said.contains("no lake at"), "it has got there, and found nothing: {said}");
}
