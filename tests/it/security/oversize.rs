//! Far too much of everything: the run goes on, or says what it cannot read; it neither fails nor swells.

use std::sync::Arc;

use drift_simulator::{Behaviour, WorldConfig};
use drift2parquet::api::{Request, Response};
use drift2parquet::config::Selection;
use drift2parquet::report::Report;
use drift2parquet::verify::Verdict;
use serde_json::{Value, json};

use crate::account::Account;
use crate::counts;

/// A run of some tables whose first answers of `path` are changed.
async fn run(
    tables: &str,
    path: &'static str,
    change: impl Fn(&mut Value) + Send + Sync + 'static,
) -> (Account, Report) {
    let world = WorldConfig { conversations: 3, months: 1, ..WorldConfig::small(56) };
    let mut account = Account::of(world, Behaviour { gzip: false, ..Behaviour::default() });
    account.settings.tables = Selection::only(&[tables.to_owned()]).unwrap();
    account.edit = Some(Arc::new(move |request: &Request, response: &mut Response| {
        let asked = request.path_and_query();
        if asked.starts_with(path)
            && let Ok(mut body) = serde_json::from_slice::<Value>(&response.body)
        {
            change(&mut body);
            response.body = body.to_string().into();
        }
    }));
    let ended = account.attempt().await.unwrap();
    account.is_valid(Verdict::Proven).await.unwrap();
    (account, ended.report)
}

#[tokio::test(start_paused = true)]
async fn a_record_of_very_many_unknown_fields_is_kept() {
    let (account, report) = run("users", "/users/list", |body| {
        let first = body["data"][0].as_object_mut().unwrap();
        first.extend((0..200_000).map(|at| (format!("field{at}"), json!(at))));
    })
    .await;
    assert_eq!(report.exit_code, 0, "{:?}", report.error);
    let unknown = &report.tables["users"].unknown;
    assert!(unknown.len() <= 1_001 && unknown.values().sum::<u64>() >= 200_000);
    let users = drift2parquet::tables::by_name("users").unwrap();
    let held =
        account.rows(users).iter().map(arrow::array::RecordBatch::get_array_memory_size).sum::<usize>();
    assert!(held > 200_000 * 10, "{held}");
    counts::record("security", &[("cases", 1)]);
}

#[tokio::test(start_paused = true)]
async fn lists_of_very_many_elements_are_kept() {
    let (_, report) = run("conversations", "/conversations/", |body| {
        if let Some(data) = body["data"].as_object_mut() {
            data.insert("participants".to_owned(), (0..300_000).collect());
        }
    })
    .await;
    assert_eq!(report.exit_code, 0, "{:?}", report.error);
    counts::record("security", &[("cases", 1)]);
}

#[tokio::test(start_paused = true)]
async fn an_endless_cursor_ends() {
    for next in ["x".repeat(1 << 20), "y".repeat(100)] {
        let (_, report) = run("conversations", "/conversations/list", move |body| {
            body["pagination"] = json!({ "more": true, "next": next });
            body.as_object_mut().unwrap().remove("links");
        })
        .await;
        assert_eq!(report.exit_code, 4, "{:?}", report.error);
        assert!(report.error.unwrap().len() < 10_000);
    }
    counts::record("security", &[("cases", 2)]);
}

#[tokio::test(start_paused = true)]
async fn very_long_keys_are_reported_shortly() {
    let (_, report) = run("meetings", "/users/meetings", |body| {
        body["data"][0]["slug"] = "x".repeat(4 << 20).into();
        body["data"][0]["k".repeat(1 << 20)] = 1.into();
    })
    .await;
    assert_eq!(report.exit_code, 0, "{:?}", report.error);
    assert!(serde_json::to_string(&report).unwrap().len() < 100_000);
    counts::record("security", &[("cases", 1)]);
}

/// Headers beyond what the HTTP library takes end in an error of the call, and not in memory.
#[tokio::test(flavor = "multi_thread")]
async fn huge_headers_are_an_error_of_the_call() {
    let head = format!(
        "HTTP/1.1 200 OK\r\nx: {}\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}",
        "h".repeat(8 << 20)
    );
    let host = super::host::Host::start(move |_| head.clone().into_bytes());
    let place = tempfile::tempdir().unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_drift2parquet"));
    command.args(["sync", "--max-time", "2s", "--lake"]).arg(place.path().join("lake"));
    let ended = command.env("DRIFT_TOKEN", "t").env("DRIFT_API_URL", host.url()).output().unwrap();
    assert!([Some(4), Some(8)].contains(&ended.status.code()), "{ended:?}");
    counts::record("security", &[("cases", 1)]);
}

/// Bug: `--max-time` did not hold while Drift was asked whose token it is, where a 429 may last a quarter of an
/// hour.
#[tokio::test(start_paused = true)]
async fn the_time_that_a_run_may_take_holds_from_its_first_call() {
    let mut account = Account::small(57);
    account.settings.max_time = Some(std::time::Duration::from_secs(5));
    account.edit = Some(Arc::new(|_: &Request, response: &mut Response| response.status = 429));
    let began = tokio::time::Instant::now();
    let ended = account.attempt().await.unwrap();
    assert_eq!((ended.report.exit_code, began.elapsed().as_secs()), (8, 5));
}
