//! What the suites counted, in one place: one JSON line a suite, appended to the file that `D2P_COUNTS` names.

use std::io::Write as _;

/// Records the counts of a suite; nothing when nobody asked for them.
pub fn record(suite: &str, counts: &[(&str, u64)]) {
    let Ok(path) = std::env::var("D2P_COUNTS") else { return };
    let counts: serde_json::Map<_, _> =
        counts.iter().map(|(name, count)| ((*name).to_owned(), (*count).into())).collect();
    let line = serde_json::json!({"suite": suite, "counts": counts});
    let mut file = std::fs::File::options().create(true).append(true).open(path).unwrap();
    // In one write, so that the lines of suites that run side by side stay whole.
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}
