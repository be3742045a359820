//! Hostile names in every field that becomes a key, a path or a parameter: nothing is written outside the lake
//! or into strange folders, requests stay on their paths, and the lake stays whole.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use drift_simulator::{Behaviour, WorldConfig};
use drift2parquet::api::{Request, Response};
use drift2parquet::verify::Verdict;
use serde_json::{Value, json};

use crate::account::Account;
use crate::counts;

/// Texts that something takes for a path, a pattern, a parameter or a command.
fn hostile() -> Vec<Value> {
    let mut texts: Vec<Value> = [
        "",
        ".",
        "..",
        "../../../../etc/passwd",
        "/etc/passwd",
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e/%2e%2e/",
        "%252e%252e%252f",
        "a\u{0}b",
        "a\nb\r\nHost: evil.test\r\n\r\n",
        "?page_token=x&limit=1#f",
        "month=2025-03/../../x",
        "\\\\server\\share",
        "C:\\x",
        "{key}",
        "*",
        "$(id)`id`;|&",
        "\u{202e}\u{feff}é😀\u{2028}",
        "__HIVE_DEFAULT_PARTITION__",
        "_manifest",
        "https://evil.test/x?page_token=stolen",
        "//evil.test",
    ]
    .map(Value::from)
    .to_vec();
    texts.push("x/".repeat(5_000).into());
    texts.extend([
        json!(-1),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1.5),
        json!(null),
        json!(["../x"]),
        json!({"..": "/"}),
    ]);
    texts
}

/// Fields that name or place a record, and what leads to the next page.
const FIELDS: [&str; 16] = [
    "id",
    "contactId",
    "conversationId",
    "orgId",
    "accountId",
    "inboxId",
    "slug",
    "playbookId",
    "landingPageUrl",
    "relatedPlaybookId",
    "createdAt",
    "updatedAt",
    "conversationPlaybookId",
    "next",
    "scheduledStart",
    "agentId",
];

/// Puts `with` in place of every field of this name, in every third object that has it.
fn set(value: &mut Value, name: &str, with: &Value, seen: &mut u32) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(|value| set(value, name, with, seen)),
        Value::Object(fields) => {
            if let Some(field) = fields.get_mut(name) {
                *seen += 1;
                if *seen % 3 == 1 {
                    *field = with.clone();
                }
            }
            fields.values_mut().for_each(|value| set(value, name, with, seen));
        }
        _ => {}
    }
}

/// The paths, as they are sent, that any request may have.
fn is_sound(path: &str) -> bool {
    let plain = |segment: &str| {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte);
        !segment.is_empty() && segment != "." && segment != ".." && segment.bytes().all(letter)
    };
    let ways = ["conversations", "contacts", "users", "teams", "accounts", "playbooks", "app", "oauth2"];
    let mut segments = path.trim_start_matches('/').split('/');
    let depth = path.matches('/').count();
    path.starts_with('/') && depth <= 3 && ways.contains(&segments.next().unwrap()) && segments.all(plain)
}

/// Folders and files that a lake may hold, by the shape of their names.
fn is_lake_path(path: &str) -> bool {
    let name = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    let tables: BTreeSet<&str> = drift2parquet::tables::ALL.iter().map(|table| table.name).collect();
    match path.split('/').collect::<Vec<_>>()[..] {
        ["_lock" | "views.sql"] => true,
        [folder @ ("_manifest" | "_reports" | "_todo" | "_quarantine" | "_tmp"), file] => {
            let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
            !folder.is_empty() && name(stem)
        }
        [table, file] => tables.contains(table) && file == format!("{table}.parquet"),
        [table, partition, file] => {
            let (column, value) = partition.split_once('=').unwrap_or_default();
            let known = ["month", "day", "bucket"].contains(&column) && name(value);
            tables.contains(table) && known && file == format!("{table}.parquet")
        }
        _ => false,
    }
}

fn paths(root: &std::path::Path, folder: &std::path::Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            paths(root, &entry.path(), found);
        } else {
            found.push(entry.path().strip_prefix(root).unwrap().display().to_string());
        }
    }
}

/// One run with one hostile value in one field; what is wrong with it.
async fn case(field: &'static str, value: Value) -> Result<(), String> {
    let world =
        WorldConfig { conversations: 4, months: 1, accounts: 3, meetings: 3, ..WorldConfig::small(53) };
    let mut account = Account::of(world, Behaviour { gzip: false, ..Behaviour::default() });
    let sent: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = sent.clone();
    let (shown, hostile) = (format!("{field} {value:.60}"), value);
    account.edit = Some(Arc::new(move |request: &Request, response: &mut Response| {
        log.lock().unwrap().push(request.path_and_query().to_owned());
        if request.path_and_query() != "/app/token_info"
            && let Ok(mut body) = serde_json::from_slice::<Value>(&response.body)
        {
            set(&mut body, field, &hostile, &mut 0);
            response.body = body.to_string().into();
        }
    }));
    let ended = account.attempt().await.map_err(|error| format!("{shown}: {error}"))?;
    let code = ended.report.exit_code;
    if ![0, 4, 7].contains(&code) {
        return Err(format!("{shown}: exit {code}: {:?}", ended.error));
    }
    let strange = |sent: &String| !is_sound(sent.split('?').next().unwrap_or_default());
    if let Some(strange) = sent.lock().unwrap().iter().find(|sent| strange(sent)) {
        return Err(format!("{shown}: asked for {strange}"));
    }
    let (root, mut found) = (account.lake.path(), Vec::new());
    paths(root, root, &mut found);
    if let Some(path) = found.iter().find(|path| !is_lake_path(path)) {
        return Err(format!("{shown}: wrote {path}"));
    }
    account.is_valid(Verdict::Proven).await.map_err(|error| format!("{shown}: {error}"))
}

#[tokio::test(start_paused = true)]
async fn hostile_names_stay_values() {
    let (mut cases, mut wrong) = (0, Vec::new());
    for field in FIELDS {
        for value in hostile() {
            cases += 1;
            wrong.extend(case(field, value).await.err());
        }
    }
    assert!(wrong.is_empty(), "{} of {cases}:\n{}", wrong.len(), wrong.join("\n"));
    counts::record("security", &[("cases", cases)]);
}

/// A cursor goes into the query, encoded, and nothing else of a link does.
#[tokio::test(start_paused = true)]
async fn hostile_cursors_are_parameters() {
    let texts = hostile().into_iter().filter_map(|value| value.as_str().map(str::to_owned));
    let mut cases = 0;
    for text in texts {
        let world = WorldConfig { conversations: 6, ..WorldConfig::small(54) };
        let mut account = Account::of(world, Behaviour { gzip: false, ..Behaviour::default() });
        let sent: Arc<Mutex<Vec<String>>> = Arc::default();
        let log = sent.clone();
        account.edit = Some(Arc::new(move |request: &Request, response: &mut Response| {
            let path = request.path_and_query();
            log.lock().unwrap().push(path.to_owned());
            if path.starts_with("/conversations/list")
                && let Ok(mut body) = serde_json::from_slice::<Value>(&response.body)
            {
                body["pagination"] = json!({ "more": true, "next": text });
                body["links"] = json!({ "next": format!("{text}?page_token={text}") });
                response.body = body.to_string().into();
            }
        }));
        account.settings.tables =
            drift2parquet::config::Selection::only(&["conversations".to_owned()]).unwrap();
        let ended = account.attempt().await.unwrap();
        assert!([0, 4].contains(&ended.report.exit_code), "{:?}", ended.error);
        for sent in sent.lock().unwrap().iter() {
            assert!(is_sound(sent.split('?').next().unwrap()), "{sent}");
            assert!(sent.bytes().all(|byte| byte.is_ascii_graphic()) && !sent.contains('#'), "{sent}");
            assert!(sent.matches("page_token=").count() <= 1 && sent.matches('?').count() <= 1, "{sent}");
        }
        cases += 1;
    }
    counts::record("security", &[("cases", cases)]);
}
