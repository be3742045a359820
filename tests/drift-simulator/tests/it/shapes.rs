//! The simulator and the sample pages, two witnesses of the same API, agree: same keys, same types.
//!
//! A path is the keys down to a value, with `[]` for list elements; below free maps nothing is compared.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use drift_simulator::{ApiRequest, Simulator, World, WorldConfig};
use serde_json::Value;

type Shape = BTreeMap<String, BTreeSet<&'static str>>;

/// Maps whose keys are anybody's.
const FREE: [&str; 7] =
    ["attributes", "context", "meta", "conversationCount", "value", "metrics", "conferenceDetails"];

/// Fields in the sample pages that stand for the unknown, and details that only clients have seen.
const SAMPLES_ONLY: [&str; 13] = [
    "slaMinutes",
    "channel",
    "tagId",
    "sentiment",
    "nick",
    "foo",
    "pronouns",
    "conferenceType",
    "isRecurring",
    "isPrivate",
    "conferenceDetails",
    "param",
    "code",
];

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

fn collect(value: &Value, path: &str, shape: &mut Shape) {
    shape.entry(path.to_owned()).or_default().insert(kind(value));
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, &format!("{path}[]"), shape)),
        Value::Object(fields) => {
            for (key, field) in fields {
                let key = if key.parse::<u64>().is_ok() { "*" } else { key.as_str() };
                let below = format!("{path}.{key}");
                if FREE.contains(&key) {
                    shape.entry(below).or_default().insert(kind(field));
                } else {
                    collect(field, &below, shape);
                }
            }
        }
        _ => {}
    }
}

/// The shape of all sample pages of a folder whose names start so.
fn samples(folder: &str, prefix: &str) -> Shape {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(folder);
    let mut shape = Shape::new();
    for file in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = file.file_name().unwrap().to_str().unwrap();
        if name.starts_with(prefix) && file.extension().is_some_and(|extension| extension == "json") {
            collect(&serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap(), "", &mut shape);
        }
    }
    shape
}

fn answers(simulator: &Simulator, requests: impl IntoIterator<Item = ApiRequest>) -> Shape {
    let mut shape = Shape::new();
    for request in requests {
        let answer = simulator.handle(&request.bearer("sim-token"));
        let value = serde_json::from_slice(&answer.body).unwrap();
        collect(&value, "", &mut shape);
    }
    shape
}

/// What the simulator says is in the samples, and what the samples say the simulator can say.
fn compare(name: &str, simulated: &Shape, sampled: &Shape) {
    for (path, kinds) in simulated {
        let known = sampled.get(path).unwrap_or_else(|| panic!("{name}: no sample page has {path}"));
        assert!(kinds.is_subset(known), "{name}: {path} is {kinds:?}, in the samples {known:?}");
    }
    let of_samples_only = |path: &String| path.split(['.', '[']).any(|part| SAMPLES_ONLY.contains(&part));
    for path in sampled.keys().filter(|path| !of_samples_only(path)) {
        assert!(simulated.contains_key(path), "{name}: the simulator never has {path}");
    }
}

fn simulator() -> Simulator {
    let config = WorldConfig { unknown_fields: 0, megabyte_body: false, ..WorldConfig::new(1, 900) };
    Simulator::new(config)
}

fn gets<'a>(targets: impl IntoIterator<Item = &'a str>) -> Vec<ApiRequest> {
    targets.into_iter().map(ApiRequest::get).collect()
}

fn per_conversation(simulator: &Simulator, suffix: &str) -> Vec<ApiRequest> {
    let ids = (0..900).map(|row| simulator.with_world(|world| world.conversation_id(row)));
    ids.map(|id| ApiRequest::get(&format!("/conversations/{id}{suffix}"))).collect()
}

#[test]
fn lists_of_conversations() {
    let simulator = simulator();
    let new = answers(&simulator, gets(["/conversations/list?limit=100&page_token="]));
    compare("new list", &new, &samples("conversations_list", "new_generation"));
    let old = answers(&simulator, gets(["/conversations/list?limit=50"]));
    compare("old list", &old, &samples("conversations_list", "old_generation"));
}

#[test]
fn conversations_and_messages() {
    let simulator = simulator();
    compare("detail", &answers(&simulator, per_conversation(&simulator, "")), &samples("conversation", ""));
    let messages = answers(&simulator, per_conversation(&simulator, "/messages"));
    compare("messages", &messages, &samples("messages", ""));
}

#[test]
fn contacts() {
    let simulator = simulator();
    let resolving = |row: &u32| simulator.with_world(|world| world.contact_resolves(*row));
    let ids: Vec<i64> =
        (0..900).filter(resolving).map(|row| simulator.with_world(|world| world.contact_id(row))).collect();
    let requests: Vec<_> = ids.iter().map(|id| ApiRequest::get(&format!("/contacts/{id}"))).collect();
    let mut shape = answers(&simulator, requests);
    let by_email = gets(["/contacts?email=shared-2@example.test"]);
    shape.extend(answers(&simulator, by_email).into_iter().filter(|(path, _)| path.contains("[]")));
    shape.get_mut(".data").unwrap().insert("list");
    compare("contacts", &shape, &samples("contacts", ""));
    let definitions = answers(&simulator, gets(["/contacts/attributes"]));
    compare("definitions", &definitions, &samples("contact_attributes", ""));
}

#[test]
fn plain_lists() {
    let simulator = simulator();
    let users = format!("/users?userId={}&userId={}", World::user_id(0), World::user_id(1));
    for (folder, target) in [
        ("users_list", "/users/list"),
        ("teams_org", "/teams/org"),
        ("playbooks_list", "/playbooks/list"),
        ("playbooks_clp", "/playbooks/clp"),
        ("meetings", "/users/meetings/org?min_start_time=0&max_start_time=9999999999999&limit=1000"),
        ("stats", "/conversations/stats"),
    ] {
        compare(folder, &answers(&simulator, gets([target])), &samples(folder, ""));
    }
    let accounts = answers(
        &simulator,
        gets(["/accounts?size=65", "/accounts?size=65&index=65", "/accounts?size=65&index=130"]),
    );
    let sampled: Shape =
        [samples("accounts", "page"), samples("accounts", "last")].into_iter().flatten().collect();
    compare("accounts", &accounts, &sampled);
    let map = answers(&simulator, gets([users.as_str()]));
    assert!(map[".data"].contains("object") && map.contains_key(".data.*.email"));
}

#[test]
fn tokens_reports_and_errors() {
    let simulator = simulator();
    let info = ApiRequest::post("/app/token_info", r#"{"access_token":"sim-token"}"#);
    compare("token info", &answers(&simulator, [info]), &samples("token_info", ""));
    simulator.set_behaviour(|behaviour| behaviour.quoted_nan = true);
    let report = ApiRequest::post(
        "/reports/conversations",
        r#"{"filters":[],"metrics":["createdAt","firstCloseAt"]}"#,
    );
    compare("report", &answers(&simulator, [report]), &samples("reports", "answer"));
    let missing =
        answers(&simulator, gets(["/conversations/1", "/contacts/1", "/conversations/list?limit=x"]));
    let sampled = samples("errors", "");
    for (path, kinds) in &missing {
        assert!(kinds.is_subset(&sampled[path]), "{path}");
    }
}
