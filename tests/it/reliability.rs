//! `docs/reliability.md`: what is promised, which suite holds each promise to it, and how often. The page is
//! rendered from what the suites of a whole run have counted (`D2P_COUNTS`) and from the last soak
//! (`docs/soak.json`), so that it cannot say more than was done.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What one suite does, for which promises.
struct Suite {
    /// The name under which it counts.
    name: &'static str,
    promises: &'static [u8],
    /// What it does, and what must hold then.
    about: &'static str,
    /// Where it is, from the repository's root.
    place: &'static str,
}

const PROMISES: [(&str, &str); 8] = [
    (
        "Round trip",
        "What the API had is what DuckDB, Polars and pyarrow read by a plain glob from a lake at rest, value for value, also with every fault on.",
    ),
    (
        "Stop anywhere",
        "Killed at any step, or without power at any write, each key still stands once in its table; run again: the same rows, none twice, none missing.",
    ),
    (
        "Order is free",
        "With one request in flight or sixty-four, the final rows and their bytes are the same.",
    ),
    ("Two writers", "One wins, the other stops with exit code 6, and nothing is harmed."),
    (
        "Complete, or it says so",
        "What is not complete ends with another exit code than 0 and is named. Nothing is blank in place of an error.",
    ),
    ("Memory stays under its limit", "Whatever the size of the account; or the run is refused beforehand."),
    ("The token goes nowhere", "It appears in nothing that is written, printed, or sent to another host."),
    ("Pages equal the code", "Generated documentation, this page included, says what the code says."),
];

const SUITES: &[Suite] = &[
    Suite {
        name: "API faults",
        promises: &[1, 5],
        about: "Every fault of the API alone, on every endpoint, once and for good; refusals at any time. A run ends well or names the incident with the documented exit code, the lake is valid, and a run without faults ends exactly.",
        place: "tests/it/faults/api.rs",
    },
    Suite {
        name: "random scripts",
        promises: &[1, 5],
        about: "Seeded scripts of many faults over several runs, with changes between them; then none, and every value is that of a lake that never saw a fault.",
        place: "tests/it/faults/scripts.rs",
    },
    Suite {
        name: "bad data",
        promises: &[1, 5],
        about: "Every declared field spoiled in every way: the run goes on, the value stands in `_extra`, the report counts it, all other values are what they would have been.",
        place: "tests/it/faults/data.rs",
    },
    Suite {
        name: "generated records",
        promises: &[1, 5],
        about: "Records with several spoiled fields, many on a page: each is read a second time by `serde_json` alone and found in its columns, in `_extra` as sent, or in `_quarantine`.",
        place: "tests/it/faults/records.rs",
    },
    Suite {
        name: "completeness attacks",
        promises: &[5],
        about: "Nothing fails, yet a careless reader would miss rows: late messages, lists that forget, orders that only look right, tokens that expire, clocks that differ.",
        place: "tests/it/faults/complete.rs",
    },
    Suite {
        name: "crash sweep",
        promises: &[2],
        about: "A small load is stopped before, after and within every single operation on store and network; globs hold each key once, `verify` finds nothing broken, the next run ends exactly.",
        place: "tests/it/crash",
    },
    Suite {
        name: "crash histories",
        promises: &[2],
        about: "Seeded histories of several runs, changes, crashes upon crashes, and power losses that forget what was not synced.",
        place: "tests/it/crash",
    },
    Suite {
        name: "SIGKILL",
        promises: &[2],
        about: "The real binary, killed over a real socket at seeded moments of all its phases.",
        place: "tests/it/kill/sigkill.rs",
    },
    Suite {
        name: "SIGTERM",
        promises: &[2, 5],
        about: "The real binary, asked to end at many moments: it commits what it has, exits with 143 or 130 within 20 seconds, and the next run ends exactly.",
        place: "tests/it/kill/sigterm.rs",
    },
    Suite {
        name: "memory limit",
        promises: &[2, 6],
        about: "The real binary with less address space than it needs: the lake stays whole, and a run with enough ends exactly.",
        place: "tests/it/kill/memory.rs",
    },
    Suite {
        name: "two writers",
        promises: &[4],
        about: "Two runs at once, runs suspended beyond their lease, takeovers, puts whose outcome is unknown: one wins, the lake stays exact.",
        place: "tests/it/writers",
    },
    Suite {
        name: "bucket crashes",
        promises: &[2, 4],
        about: "A load into a bucket is stopped before and after every request to it.",
        place: "tests/it/writers",
    },
    Suite {
        name: "S3 faults",
        promises: &[1, 5],
        about: "On a real S3 server, through a proxy: 500, `503 SlowDown`, 409, 412, resets, answers that are lost after a put has landed, cut in their middle or slow, at every kind of request; missing rights. The run ends exactly, or it names the right.",
        place: "tests/it/s3/faults.rs",
    },
    Suite {
        name: "S3 crashes",
        promises: &[2, 4],
        about: "On a real S3 server: a run ends before or after a request, its answer unheard, and the real binary is killed by SIGKILL; globs hold each key once, the next run ends exactly.",
        place: "tests/it/s3/crashes.rs",
    },
    Suite {
        name: "S3 writers",
        promises: &[4],
        about: "On a real S3 server: pairs of runs on one lake, some of which insist; thirty-two creations of one object at once. One wins, the others stop, the lake ends exactly.",
        place: "tests/it/s3/writers.rs",
    },
    Suite {
        name: "publications",
        promises: &[2, 4],
        about: "Delta tables: a publication is stopped before, after and within operations, three publish at once, loads go on meanwhile; every version of a table is that of one manifest, whole, and none is committed twice.",
        place: "tests/it/publish",
    },
    Suite {
        name: "S3 publications",
        promises: &[2, 4],
        about: "The same on a real S3 server, which makes the copies itself: stopped at a request, met with every misfortune at a copy and at a commit, three at once.",
        place: "tests/it/s3/publish.rs",
    },
    Suite {
        name: "verify mutations",
        promises: &[1, 5],
        about: "Healthy lakes are damaged by hand: each damage is found, and named by its place and what is wrong. A healthy lake has no finding.",
        place: "src/verify/tests",
    },
    Suite {
        name: "forget",
        promises: &[5],
        about: "What is forgotten stands in no byte of the lake, and no later run brings it back.",
        place: "tests/it/forget",
    },
    Suite {
        name: "reset",
        promises: &[2, 5],
        about: "A table is dropped, with a stop at every operation; the next run brings its exact state back.",
        place: "tests/it/forget",
    },
    Suite {
        name: "security",
        promises: &[7],
        about: "A canary token, redirects, hostile names and manifests, modes of files.",
        place: "tests/it/security",
    },
    Suite {
        name: "fuzz functions",
        promises: &[1, 7],
        about: "The functions that `cargo fuzz` attacks, in a seeded loop.",
        place: "tests/fuzz",
    },
];

/// What a suite did, by what it counted.
type Counts = BTreeMap<String, u64>;

/// One line of what the suites have written.
#[derive(Deserialize)]
struct Line {
    suite: String,
    counts: Counts,
}

/// One suite's part of the last soak.
#[derive(Clone, Serialize, Deserialize)]
struct Soaked {
    counts: Counts,
    seconds: u64,
    date: String,
    commit: String,
    cores: usize,
    memory_gib: u64,
}

type Soak = BTreeMap<String, Soaked>;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page_path() -> PathBuf {
    root().join("docs/reliability.md")
}

fn soak_path() -> PathBuf {
    root().join("docs/soak.json")
}

/// What all suites have counted, added up.
fn counted() -> BTreeMap<String, Counts> {
    let path = std::env::var("D2P_COUNTS").expect("`D2P_COUNTS` names what the suites have counted");
    let mut all: BTreeMap<String, Counts> = BTreeMap::new();
    for line in std::fs::read_to_string(path).expect("a whole run came before").lines() {
        let line: Line = serde_json::from_str(line).unwrap();
        let sums = all.entry(line.suite).or_default();
        line.counts.into_iter().for_each(|(what, count)| *sums.entry(what).or_default() += count);
    }
    all
}

fn soak() -> Soak {
    let text = std::fs::read_to_string(soak_path()).unwrap_or_else(|_| "{}".to_owned());
    serde_json::from_str(&text).unwrap()
}

fn render(ci: &BTreeMap<String, Counts>, soak: &Soak) -> String {
    let mut page = String::from(
        "<!-- Generated by the tests: `make reliability`. -->\n\n# Reliability\n\nWhat is promised, which suites \
         attack each promise, and how often they did: at every change (CI) and at the last soak. Numbers are \
         written by the suites themselves at the end of a run.\n\n## What is promised\n\n",
    );
    for (number, (name, promise)) in (1..).zip(PROMISES) {
        let _ = writeln!(page, "{number}. **{name}.** {promise}");
    }
    page.push_str("\n## How it is attacked\n\n| Suite | What it does, and what must hold | Promises | Where | CI | Soak |\n|---|---|---|---|---|---|\n");
    for suite in SUITES {
        let promises: Vec<String> = suite.promises.iter().map(ToString::to_string).collect();
        let (promises, at_ci) = (promises.join(", "), ci.get(suite.name).map_or("—".to_owned(), told));
        let soaked = soak.get(suite.name).map_or("—".to_owned(), |soaked| told(&soaked.counts));
        let _ = writeln!(
            page,
            "| {} | {} | {promises} | {} | {at_ci} | {soaked} |",
            suite.name,
            suite.about,
            linked(suite.place)
        );
    }
    page.push_str(BESIDES);
    page.push_str(&soaks(soak));
    page
}

fn linked(place: &str) -> String {
    if root().join(place).exists() { format!("[`{place}`](../{place})") } else { format!("`{place}`") }
}

const BESIDES: &str = "
Besides: DuckDB, Polars and pyarrow read what the real binary wrote (`tests/readers`, promise 1); the same account is
loaded in different orders and compared byte by byte (`tests/it/sync.rs`, promise 3); generated pages are compared
with the code (`tests/it/docs.rs`, promise 8).

Every suite is seeded. A failure prints the command that plays it again, such as
`D2P_SEED=17 cargo nextest run --test it random_scripts`.
";

/// When, where and for how long the last soak ran.
fn soaks(soak: &Soak) -> String {
    let mut text = String::from("\n## The last soak\n\n");
    if soak.is_empty() {
        return text + "There was none yet: `make soak` runs it.\n";
    }
    text.push_str("| Suite | Date | Commit | Machine | Time |\n|---|---|---|---|---|\n");
    for (name, at) in soak {
        let minutes = at.seconds.div_ceil(60);
        let _ = writeln!(
            text,
            "| {name} | {} | `{}` | {} cores, {} GiB | {minutes} min |",
            at.date, at.commit, at.cores, at.memory_gib
        );
    }
    text
}

/// `1,245 cases, 3 worlds`.
fn told(counts: &Counts) -> String {
    let told: Vec<String> =
        counts.iter().map(|(what, count)| format!("{} {what}", grouped(*count)).replace('_', " ")).collect();
    told.join(", ")
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[test]
fn numbers_are_written_for_people() {
    assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
}

#[test]
fn every_promise_is_held_by_a_suite_or_named_beside_them() {
    let attacked: BTreeSet<u8> = SUITES.iter().flat_map(|suite| suite.promises.iter().copied()).collect();
    for promise in 1..=8 {
        assert!(attacked.contains(&promise) || BESIDES.contains(&format!("promise {promise}")), "{promise}");
    }
}

#[test]
fn the_page_names_every_suite_and_the_last_soak() {
    if std::env::var_os("D2P_WRITE").is_some() {
        // The page is about to be written.
        return;
    }
    let page = std::fs::read_to_string(page_path()).unwrap();
    assert!(page.ends_with(&soaks(&soak())), "docs/reliability.md is stale; run `make reliability`");
    let missing: Vec<_> = SUITES.iter().filter(|suite| !page.contains(suite.about)).collect();
    assert!(missing.is_empty(), "docs/reliability.md is stale; run `make reliability`");
}

/// After a whole run: the committed page says what was counted. With `D2P_WRITE` it is written.
#[test]
#[ignore = "the whole suite must have run before: `make test`, `make reliability`"]
fn the_page_says_what_was_counted() {
    let ci = counted();
    let page = render(&ci, &soak());
    if std::env::var_os("D2P_WRITE").is_some() {
        return std::fs::write(page_path(), page).unwrap();
    }
    let silent: Vec<_> =
        SUITES.iter().map(|suite| suite.name).filter(|name| !ci.contains_key(*name)).collect();
    assert!(silent.is_empty(), "these suites counted nothing: {silent:?}");
    let unknown: Vec<_> = ci.keys().filter(|name| SUITES.iter().all(|suite| suite.name != **name)).collect();
    assert!(unknown.is_empty(), "the page has no row for these suites: {unknown:?}");
    let kept = std::fs::read_to_string(page_path()).unwrap_or_default();
    assert!(kept == page, "docs/reliability.md is stale; run `make reliability` after `make test`:\n{page}");
}

/// After a piece of the soak: what it counted, how long it took, and on which machine.
#[test]
#[ignore = "a piece of the soak must have run before: `make soak`"]
fn the_soak_is_written_down() {
    let told = |name: &str| std::env::var(name).unwrap_or_default();
    let mut soak = soak();
    for (suite, counts) in counted() {
        let soaked = Soaked {
            counts,
            seconds: told("D2P_SECONDS").parse().expect("seconds"),
            date: told("D2P_DATE"),
            commit: told("D2P_COMMIT"),
            cores: std::thread::available_parallelism().unwrap().get(),
            memory_gib: memory_gib(),
        };
        soak.insert(suite, soaked);
    }
    std::fs::write(soak_path(), serde_json::to_string_pretty(&soak).unwrap() + "\n").unwrap();
}

/// The machine's memory; nothing where the system does not tell it this way.
fn memory_gib() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib =
        text.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().split(' ').next()?.parse().ok());
    kib.unwrap_or(0_u64).div_ceil(1 << 20)
}
