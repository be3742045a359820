//! `check` on the server: each of the seven deeds that it tries of a store, done well, refused, and done badly; and
//! in a directory, which has a lock besides.

use serde_json::Value;

use super::Prefix;
use super::door::{says_of, served};
use super::proxy::{Mishap, Plan, Proxy, Seen, address};
use super::server::server;
use crate::kill::Served;

const DEEDS: [&str; 7] = [
    "list",
    "create",
    "read",
    "refuse to create what exists",
    "replace",
    "refuse to replace what has changed",
    "delete",
];

/// What `check` says of the store of this lake, and how it ends.
fn tried(served: &Served, prefix: &Prefix, lake: &str) -> (i32, Vec<Value>) {
    let (code, said) = says_of(served, prefix, &["check", "--format=json", "--lake", lake]);
    let lines: Vec<Value> = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}"));
    (code, lines.into_iter().filter(|line| line["part"] == "store").collect())
}

fn deeds(lines: &[Value], ok: bool) -> Vec<&str> {
    lines.iter().filter(|line| line["ok"] == ok).map(|line| line["what"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_deeds_are_well_on_the_server_and_in_a_directory() {
    let (served, prefix) = served().await;
    let (code, lines) = tried(&served, &prefix, &prefix.uri());
    assert_eq!((code, deeds(&lines, true)), (0, DEEDS.to_vec()), "{lines:?}");
    assert!(prefix.files("").is_empty(), "nothing is left behind");
    let place = tempfile::tempdir().unwrap();
    let (code, lines) = tried(&served, &prefix, place.path().join("lake").to_str().unwrap());
    let mut wanted = DEEDS.to_vec();
    wanted.insert(1, "lock");
    assert_eq!((code, deeds(&lines, true)), (0, wanted), "{lines:?}");
    let file = place.path().join("file");
    std::fs::write(&file, "no directory").unwrap();
    for (lake, wanted) in [(file.to_str().unwrap(), 2), ("/proc/lake", 5)] {
        let (code, lines) = tried(&served, &prefix, lake);
        assert!(code == wanted && deeds(&lines, false).contains(&"create"), "{code} {lines:?}");
    }
}

/// The puts of the probe come in this order.
#[derive(Clone, Copy, PartialEq)]
enum Put {
    Create,
    CreateAgain,
    Replace,
    ReplaceStale,
}

fn at_put(wanted: Put, mishap: Mishap) -> Plan {
    let mut order = [Put::Create, Put::CreateAgain, Put::Replace, Put::ReplaceStale].into_iter();
    Box::new(move |_, seen| {
        let now = seen.method == "PUT" && order.next() == Some(wanted);
        now.then_some(mishap)
    })
}

fn forbid(method: &'static str, is_listing: bool) -> Plan {
    Box::new(move |_, seen: &Seen| {
        let now = seen.method == method && seen.path.contains("list-type") == is_listing;
        now.then_some(Mishap::Status(403, "AccessDenied"))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn each_deed_that_goes_wrong_is_named_with_what_mends_it() {
    let (served, prefix) = served().await;
    let denied = Mishap::Status(403, "AccessDenied");
    let careless = Mishap::Careless(address(&server().filer));
    let unsafe_store = "--accept-unsafe-store";
    let wrong: [(usize, Plan, &str, &str); 7] = [
        (0, forbid("GET", true), "AccessDenied", r#""Action":"s3:ListBucket""#),
        (1, at_put(Put::Create, denied), "AccessDenied", r#""Action":"s3:PutObject""#),
        (2, forbid("GET", false), "AccessDenied", r#""Action":"s3:GetObject""#),
        (3, at_put(Put::CreateAgain, careless), "`If-None-Match`", unsafe_store),
        (4, at_put(Put::Replace, denied), "AccessDenied", r#""Action":"s3:PutObject""#),
        (5, at_put(Put::ReplaceStale, careless), "`If-Match`", unsafe_store),
        (6, forbid("DELETE", false), "AccessDenied", r#""Action":"s3:DeleteObject""#),
    ];
    for (deed, plan, problem, hint) in wrong {
        let proxy = Proxy::to(&prefix.endpoint(), plan).await;
        let (code, lines) = tried(&served, &prefix.through(proxy.endpoint()), &prefix.uri());
        let failed = lines.iter().find(|line| line["ok"] == false).unwrap_or_else(|| panic!("{lines:?}"));
        assert!(code == 5 && failed["what"] == DEEDS[deed], "{}: {lines:?}", DEEDS[deed]);
        assert!(failed["problem"].as_str().unwrap().contains(problem), "{failed}");
        assert!(failed["hint"].as_str().unwrap().contains(hint), "{failed}");
    }
}
