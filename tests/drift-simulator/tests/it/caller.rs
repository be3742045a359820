//! A plain caller: asks, checks the status, reads JSON.

use drift_simulator::{ApiRequest, ApiResponse, Simulator};
use serde_json::Value;

pub fn ask(simulator: &Simulator, target: &str) -> ApiResponse {
    simulator.handle(&ApiRequest::get(target).bearer("sim-token"))
}

pub fn json(answer: &ApiResponse) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

/// The body of a successful call.
pub fn get(simulator: &Simulator, target: &str) -> Value {
    let answer = ask(simulator, target);
    assert_eq!(answer.status, 200, "{target}: {:?}", answer.body);
    json(&answer)
}

/// The text of the record within an envelope of one record.
pub fn record_text(simulator: &Simulator, target: &str) -> String {
    let body = String::from_utf8(ask(simulator, target).body.to_vec()).unwrap();
    body.strip_prefix(r#"{"data":"#).unwrap().strip_suffix('}').unwrap().to_owned()
}

/// Walks the new generation to its end; pages of rows.
pub fn walk_new(simulator: &Simulator, limit: usize) -> Vec<Vec<Value>> {
    let mut pages = Vec::new();
    let mut target = format!("/conversations/list?limit={limit}&page_token=");
    loop {
        let page = get(simulator, &target);
        pages.push(page["data"].as_array().unwrap().clone());
        let Some(next) = page["links"]["next"].as_str().filter(|next| !next.is_empty()) else { return pages };
        next.strip_prefix("https://api.drift.com").unwrap().clone_into(&mut target);
    }
}

/// Walks the old generation to its end; pages of rows.
pub fn walk_old(simulator: &Simulator, limit: usize) -> Vec<Vec<Value>> {
    let mut pages = Vec::new();
    let mut next = String::new();
    loop {
        let page = get(simulator, &format!("/conversations/list?limit={limit}&next={next}"));
        pages.push(page["data"].as_array().unwrap().clone());
        let Some(cursor) = page["pagination"]["next"].as_str() else { return pages };
        cursor.clone_into(&mut next);
    }
}

pub fn ids(pages: &[Vec<Value>]) -> Vec<i64> {
    pages.iter().flatten().map(|row| row["id"].as_i64().unwrap()).collect()
}

/// All messages of a conversation over all pages, as JSON values.
pub fn messages(simulator: &Simulator, id: i64) -> Vec<Vec<Value>> {
    let mut pages = Vec::new();
    let mut next = String::new();
    loop {
        let page = get(simulator, &format!("/conversations/{id}/messages?next={next}"));
        pages.push(page["data"]["messages"].as_array().unwrap().clone());
        if page["pagination"]["more"] != true {
            return pages;
        }
        page["pagination"]["next"].as_str().unwrap().clone_into(&mut next);
    }
}
