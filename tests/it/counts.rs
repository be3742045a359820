//! What the suites count, for the page on reliability: one JSON line a suite, appended to the file that the
//! environment names by `D2P_COUNTS`.

use std::io::Write as _;

/// Notes how many cases a suite has tried.
pub fn record(suite: &str, counts: &[(&str, u64)]) {
    let Ok(path) = std::env::var("D2P_COUNTS") else { return };
    let counts: serde_json::Map<String, serde_json::Value> =
        counts.iter().map(|(name, count)| ((*name).to_owned(), (*count).into())).collect();
    let line = serde_json::json!({"suite": suite, "counts": counts});
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}
