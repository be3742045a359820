//! How much the suites have tried. Each says at its end what it did; what all of them said becomes
//! `docs/reliability.md`.

use std::fs::OpenOptions;
use std::io::Write;

/// Adds one line of JSON to the file that `D2P_COUNTS` names, if it names one. Several lines of a suite are
/// added up, so that its tests may run side by side.
pub fn record(suite: &str, counts: &[(&str, u64)]) {
    let Some(file) = std::env::var_os("D2P_COUNTS") else { return };
    let counts: serde_json::Map<_, _> =
        counts.iter().map(|(what, count)| ((*what).to_owned(), (*count).into())).collect();
    let line = format!("{}\n", serde_json::json!({ "suite": suite, "counts": counts }));
    // One write of a short line to a file opened for appending is not torn by another's.
    let opened = OpenOptions::new().create(true).append(true).open(file);
    opened.and_then(|mut file| file.write_all(line.as_bytes())).expect("the counts can be written");
}
