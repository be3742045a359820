//! Counts of what the suites did, for the page that says how the promises are tested.

use std::io::Write as _;

/// Appends what `suite` did, as one line of JSON, to the file that `D2P_COUNTS` names; does nothing without it.
pub fn record(suite: &str, counts: &[(&str, u64)]) {
    let Ok(path) = std::env::var("D2P_COUNTS") else { return };
    let counts: serde_json::Map<String, serde_json::Value> =
        counts.iter().map(|(name, count)| ((*name).to_owned(), (*count).into())).collect();
    let line = format!("{}\n", serde_json::json!({ "suite": suite, "counts": counts }));
    let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(line.as_bytes())).unwrap();
}
