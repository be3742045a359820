//! `publish` and `sync --publish-delta` as people meet them.

use drift_simulator::Server;
use serde_json::Value;

use super::{Place, account};
use crate::account::Account;
use crate::forget::door::{command, said_by};

fn said(account: &Account, arguments: &[&str], url: Option<String>, code: i32) -> (String, String) {
    let mut command = command(account, arguments);
    if let Some(url) = url {
        command.env("DRIFT_TOKEN", "sim-token").env("DRIFT_API_URL", url);
    }
    said_by(command, code)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_publishes_and_publish_alone_finds_it_done() {
    let account = account(740);
    let server: Server = account.drift.serve("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let place = Place::new();
    let to = place.folder.path().display().to_string();
    let (out, told) = said(&account, &["sync", "--publish-delta", &to], Some(server.url()), 0);
    assert!(out.is_empty() && told.contains("12 of 12 tables changed"), "{out}{told}");
    place.is_of(&account.manifest().await);
    let (out, _) = said(&account, &["publish", "--to", &to], None, 0);
    assert!(
        out.contains("messages\tversion 0\tas it was") && out.contains("0 of 12 tables changed"),
        "{out}"
    );
    let (out, _) = said(&account, &["publish", "--to", &to, "--retain", "1h", "--format", "json"], None, 0);
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&told["tables"][0]["table"], &told["tables"][0]["version"]),
        (&"conversations".into(), &0.into())
    );
    let contact = account.contact_id(account.busy_contact()).to_string();
    let (_, note) = said(&account, &["forget", "--contact", &contact], None, 0);
    assert!(note.contains("publish --to URL --retain 0s"), "{note}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_not_complete_publishes_nothing() {
    let account = account(741);
    let server: Server = account.drift.serve("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let place = Place::new();
    let to = place.folder.path().display().to_string();
    account.drift.set_faults("flip messages id object-for-string every=9".parse().unwrap());
    let (_, told) = said(&account, &["sync", "--publish-delta", &to], Some(server.url()), 7);
    assert!(told.contains("nothing is published"), "{told}");
    assert!(place.files().is_empty());
    let (_, told) = said(&account, &["publish", "--to", &to], None, 2);
    assert!(told.contains("--allow-incomplete"), "{told}");
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let account = account(742);
    let (_, told) = said(&account, &["publish"], None, 2);
    assert!(told.contains("--to"), "{told}");
    let (_, told) = said(&account, &["publish", "--to", "x", "--retain", "soon"], None, 2);
    assert!(told.contains("--retain"), "{told}");
    let elsewhere = tempfile::tempdir().unwrap();
    let (_, told) = said(&account, &["publish", "--to", elsewhere.path().to_str().unwrap()], None, 2);
    assert!(told.contains("there is no lake"), "{told}");
}
