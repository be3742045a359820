//! Any bytes as a manifest: refused, or a state whose every path stays where it belongs, and which reads back
//! as it was written.

use drift2parquet::manifest::Manifest;

/// Runs the reader of manifests on an input.
///
/// # Panics
/// When a promise is broken.
pub fn run(input: &[u8]) {
    let Ok(read) = Manifest::parse("_manifest/00000000000000000001.json", 1, input) else { return };
    for (table, path, _) in read.objects() {
        let below = path.strip_prefix(table).and_then(|below| below.strip_prefix('/'));
        assert!(below.is_some_and(is_harmless), "{path} of {table}");
    }
    for chunk in read.walk.iter().flat_map(|walk| &walk.chunks) {
        let below = chunk.path.strip_prefix("_todo/");
        assert!(below.is_some_and(is_harmless), "{}", chunk.path);
    }
    for path in &read.doubted {
        assert!(is_harmless(path), "{path}");
    }
    let text = serde_json::to_vec(&read).expect("a manifest is JSON");
    let again = Manifest::parse("_manifest/00000000000000000001.json", 1, &text).expect("it reads back");
    assert_eq!(read, again);
}

/// No step of the path leads up, or means something to a store or a shell of paths.
fn is_harmless(path: &str) -> bool {
    let odd = |letter: char| letter.is_control() || matches!(letter, '\\' | '%');
    path.split('/').all(|step| !step.is_empty() && step != "." && step != "..") && !path.contains(odd)
}

/// Manifests to begin with.
pub fn seeds() -> Vec<Vec<u8>> {
    [EMPTY, FULL].map(|text| text.as_bytes().to_vec()).to_vec()
}

/// A lake that has just been made.
const EMPTY: &str = r#"{"format":1,"number":1,"commit_id":"c","lake_id":"l","org":null,"epoch":0,"lease":{"run":"r1","until":"2026-01-01T00:00:00Z"},
"run":{"id":"r1","version":"0.1.0","started_at":"2026-01-01T00:00:00Z","ended_at":null,"status":"running"},"last_complete":null,"span":null,"since":null,"tables":{},
"walk":null,"last_full_walk":null,"first_load_ended":null,"pending":[],"forgotten":[]}"#;

/// A lake with something of everything.
pub const FULL: &str = r#"{"format":1,"number":1,"commit_id":"c","lake_id":"l","org":"7","epoch":3,"lease":null,
"run":{"id":"r1","version":"0.1.0","started_at":"2026-01-01T00:00:00Z","ended_at":"2026-01-01T00:01:00Z","status":"incomplete"},
"last_complete":{"id":"r0","version":"0.1.0","started_at":"2025-01-01T00:00:00Z","ended_at":"2025-01-01T00:01:00Z","status":"done"},
"span":"month","since":"2025-01-01T00:00:00Z","tables":{"messages":{"schema":"s","key":["id"],"partition":"month","bookmark":null,"synced_at":null,
"rows":3,"deleted":1,"missing":0,"inputs":null,"objects":{"messages/month=2025-03/messages.parquet":{"rows":3,"deleted":1,"bytes":9,"sha256":"ab","etag":"e"}}}},
"walk":{"run":"r1","started_at":"2026-01-01T00:00:00Z","since":null,"full":true,"refetch":false,"listed":false,"ordered":true,"generation":"new",
"cursor":[["page_token","x"]],"chunks":[{"path":"_todo/r1-000000.parquet","rows":100,"sha256":"cd"}]},
"last_full_walk":{"started_at":"2026-01-01T00:00:00Z","ordered":true,"generation":"new"},"first_load_ended":"2026-01-01T00:00:00Z",
"doubted":["messages/month=2025-03/messages.parquet"],
"pending":[{"table":"contacts","key":"7","reason":"status 503","runs":2}],"forgotten":["ab"]}"#;
