//! What the suites have counted, for those who put it together: one JSON object a line, in the file that
//! `D2P_COUNTS` names.

use std::fs::OpenOptions;
use std::io::Write as _;

/// Appends the counts of a suite, if somebody wants to have them.
pub fn record(suite: &str, counts: &[(&str, u64)]) {
    let Some(path) = std::env::var_os("D2P_COUNTS") else { return };
    let counts: serde_json::Map<_, _> =
        counts.iter().map(|(name, count)| ((*name).to_owned(), (*count).into())).collect();
    let line = format!("{}\n", serde_json::json!({ "suite": suite, "counts": counts }));
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(line.as_bytes())).unwrap();
}
