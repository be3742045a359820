//! A manifest, or a lake, that somebody else has prepared: nothing outside the lake is read into it, written or
//! deleted; what is refused is refused with a clear word.

use std::os::unix::fs::symlink;
use std::path::Path;

use drift_simulator::{Behaviour, WorldConfig};
use drift2parquet::progress::Progress;
use drift2parquet::store::Directory;
use drift2parquet::verify::{Verdict, verify};
use serde_json::{Value, json};

use crate::account::Account;
use crate::counts;

/// What stands outside the lake and must stay as it is.
const TREASURE: &[u8] = b"not the lake's";

/// A lake in `place/lake`, and beside it what must not be touched.
async fn lake() -> (Account, tempfile::TempDir) {
    let world = WorldConfig { conversations: 4, months: 1, accounts: 3, ..WorldConfig::small(55) };
    let mut account = Account::of(world, Behaviour::default());
    account.run_to_the_end().await;
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("treasure"), TREASURE).unwrap();
    std::fs::create_dir(outside.path().join("folder")).unwrap();
    std::fs::write(outside.path().join("folder/treasure"), TREASURE).unwrap();
    (account, outside)
}

fn is_untouched(outside: &Path) -> bool {
    let names = |folder: &Path| std::fs::read_dir(folder).unwrap().count();
    let is_same = |path: &str| std::fs::read(outside.join(path)).is_ok_and(|bytes| bytes == TREASURE);
    is_same("treasure")
        && is_same("folder/treasure")
        && names(outside) == 2
        && names(&outside.join("folder")) == 1
}

fn newest(account: &Account) -> std::path::PathBuf {
    let folder = std::fs::read_dir(account.lake.path().join("_manifest")).unwrap();
    let mut files: Vec<_> =
        folder.map(|entry| entry.unwrap().path()).filter(|path| !path.ends_with("latest.json")).collect();
    files.sort();
    files.pop().unwrap()
}

/// What sync and verify say, and what the binary says to `status` and `files`: no success, and no crash.
async fn all_refuse(account: &mut Account, what: &str) {
    let codes: [u8; 2] = [5, 2];
    let error = account.attempt().await.map(|ended| ended.report.exit_code).expect_err(what);
    assert!(codes.contains(&error.kind().exit_code()) && error.advice().is_some(), "{what}: {error}");
    let store = Directory::new(account.lake.path());
    match verify(&store, false, &Progress::default()).await {
        Ok(found) => assert_eq!(found.verdict, Verdict::Broken, "{what}"),
        Err(error) => assert!(codes.contains(&error.kind().exit_code()), "{what}: {error}"),
    }
    for command in ["status", "files"] {
        let mut process = std::process::Command::new(env!("CARGO_BIN_EXE_drift2parquet"));
        let ended = process.arg(command).arg("--lake").arg(account.lake.path()).output().unwrap();
        assert!(
            ended.status.code().is_some_and(|code| codes.map(i32::from).contains(&code)),
            "{what}: {ended:?}"
        );
        assert!(ended.stdout.is_empty(), "{what}: {ended:?}");
    }
}

/// Paths that lead elsewhere, or where no object of the table stands.
const PATHS: [&str; 14] = [
    "../../etc/x",
    "/etc/passwd",
    "users/../../outside/users.parquet",
    "users/%2e%2e/users.parquet",
    "..%2f..%2fetc%2fpasswd",
    "teams/teams.parquet",
    "_manifest/latest.json",
    "users/month=2025-03/../users.parquet",
    "users//users.parquet",
    "users/users.parquet\u{0}",
    "users\\users.parquet",
    "users/./users.parquet",
    "",
    "file:///etc/passwd",
];

/// A name, and what it does to a manifest.
type Spoiler = (String, Box<dyn Fn(&mut Value)>);

fn spoilers() -> Vec<Spoiler> {
    let mut all: Vec<Spoiler> = Vec::new();
    for path in PATHS {
        all.push((
            format!("object {path}"),
            Box::new(move |manifest: &mut Value| {
                let objects = manifest["tables"]["users"]["objects"].as_object_mut().unwrap();
                let (_, object) = objects.clone().into_iter().next().unwrap();
                objects.insert(path.to_owned(), object);
            }),
        ));
        all.push((format!("chunk {path}"), Box::new(move |manifest: &mut Value| {
            manifest["walk"] = json!({
                "run": "r", "started_at": "2026-01-01T00:00:00Z", "full": true, "refetch": false, "listed": true,
                "ordered": true, "generation": null, "cursor": null,
                "chunks": [{ "path": path, "rows": 1, "sha256": "ab" }],
            });
        })));
    }
    for (pointer, value) in [
        ("/tables/users/rows", json!(-1)),
        ("/tables/users/rows", json!(u64::MAX)),
        ("/tables/users/rows", json!(1e300)),
        ("/tables/users/objects/users~1users.parquet/bytes", json!(u64::MAX)),
        ("/tables/users/objects/users~1users.parquet/rows", json!("many")),
        ("/epoch", json!(u64::MAX)),
        ("/number", json!(u64::MAX)),
        ("/number", json!(7_777)),
        ("/format", json!(99)),
        ("/format", json!(-1)),
        ("/tables", json!([])),
        ("/run/started_at", json!("+999999-01-01T00:00:00Z")),
        ("/lake_id", json!(null)),
    ] {
        let set = move |manifest: &mut Value| *manifest.pointer_mut(pointer).unwrap() = value.clone();
        all.push((format!("{pointer} spoiled"), Box::new(set)));
    }
    all
}

/// Bug: paths of a manifest were opened as they stood there; absurd counts overflowed.
#[tokio::test(start_paused = true)]
async fn hostile_manifests_are_refused() {
    let (mut account, outside) = lake().await;
    let path = newest(&account);
    let sound = std::fs::read(&path).unwrap();
    let all = spoilers();
    for (what, spoil) in &all {
        let mut manifest: Value = serde_json::from_slice(&sound).unwrap();
        spoil(&mut manifest);
        std::fs::write(&path, manifest.to_string()).unwrap();
        all_refuse(&mut account, what).await;
    }
    let deep = "[".repeat(200_000);
    let text = String::from_utf8(sound.clone()).unwrap();
    let huge = text.replacen('{', &format!("{{\"junk\":\"{}\",\"number\":1,", "x".repeat(100 << 20)), 1);
    for (what, text) in [("deep", deep), ("duplicate fields and 100 MB", huge), ("empty", String::new())] {
        std::fs::write(&path, text).unwrap();
        all_refuse(&mut account, what).await;
    }
    std::fs::write(&path, sound).unwrap();
    account.run_to_the_end().await;
    assert!(is_untouched(outside.path()));
    counts::record("security", &[("cases", 4 * (all.len() as u64 + 3))]);
}

/// Bug: a number that no commit reaches made the next one overflow.
#[tokio::test(start_paused = true)]
async fn absurd_numbers_in_names_are_refused() {
    for name in ["18446744073709551615", "18446744073709551614", "09999999999999999999"] {
        let (mut account, _outside) = lake().await;
        let mut manifest: Value = serde_json::from_slice(&std::fs::read(newest(&account)).unwrap()).unwrap();
        manifest["number"] = name.parse::<u64>().unwrap().into();
        let path = account.lake.path().join(format!("_manifest/{name}.json"));
        std::fs::write(path, manifest.to_string()).unwrap();
        all_refuse(&mut account, name).await;
    }
    // What is no number is none of ours.
    for name in ["+0000000000000000009", "-0000000000000000009", "000000000000000000x9", "9"] {
        let (mut account, _outside) = lake().await;
        std::fs::write(account.lake.path().join(format!("_manifest/{name}.json")), "{}").unwrap();
        account.run_to_the_end().await;
    }
    counts::record("security", &[("cases", 7)]);
}

/// Bug: links were followed: what they led to was read as data, replaced, cut to nothing (`_lock`) or deleted
/// (`_tmp`).
#[tokio::test(start_paused = true)]
async fn links_in_a_lake_are_refused() {
    let links = [
        "users",
        "_tmp",
        "_todo",
        "_reports",
        "_quarantine",
        "users/users.parquet",
        "_lock",
        "_manifest/latest.json",
        "views.sql",
    ];
    for link in links {
        let (mut account, outside) = lake().await;
        let at = account.lake.path().join(link);
        if at.is_dir() {
            std::fs::remove_dir_all(&at).unwrap();
        } else {
            let _ = std::fs::remove_file(&at);
        }
        let is_file = link.contains('.') || link == "_lock";
        symlink(outside.path().join(if is_file { "treasure" } else { "folder" }), &at).unwrap();
        let error = account.attempt().await.map(|ended| ended.report.exit_code).expect_err(link);
        assert_eq!(error.kind().exit_code(), 5, "{link}: {error}");
        assert!(error.to_string().contains("symbolic link"), "{link}: {error}");
        assert!(is_untouched(outside.path()), "{link}");
    }
    counts::record("security", &[("cases", links.len() as u64)]);
}

/// The lake itself may be reached over a link: that is for the user to say.
#[tokio::test(start_paused = true)]
async fn the_lake_itself_may_be_a_link() {
    let (mut account, _outside) = lake().await;
    let (place, before) = (tempfile::tempdir().unwrap(), account.manifest().await.number);
    let link = place.path().join("lake");
    symlink(account.lake.path(), &link).unwrap();
    let found = verify(&Directory::new(&link), false, &Progress::default()).await.unwrap();
    assert_eq!(found.manifest, before);
    account.run_to_the_end().await;
}
