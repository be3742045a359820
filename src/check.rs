//! Whether everything is there that a run needs: the token, its right to each table, and a store that does what a
//! lake relies on. Each is tried by itself, so that one that fails does not hide the others.

use std::collections::BTreeSet;

use crate::api::Client;
use crate::config::Selection;
use crate::error::Result;
use crate::schema::{Call, Paging, Source, Table};
use crate::store::{Store, probe};

/// Nobody has this id: an answer that it is not there shows that one may ask.
const NOBODY: &str = "1";

/// One thing that was tried.
#[derive(Debug)]
pub struct Finding {
    /// What was tried: `token`, a table's name, or what a store was asked to do.
    pub what: String,
    /// Of which part: `drift` or `store`.
    pub part: &'static str,
    /// What was found where all is well: the organization, the right.
    pub note: Option<String>,
    /// Whether it went well, and if not, what is wrong and what can be done.
    pub found: Result<()>,
}

/// Tries the token and one call for each right that the selected tables need.
pub async fn drift(client: &Client, tables: &Selection) -> Vec<Finding> {
    let mut findings = vec![token(client).await];
    if findings[0].found.is_err() {
        return findings;
    }
    for table in tables.tables() {
        let mut tried = BTreeSet::new();
        for call in calls(table).into_iter().filter(|call| tried.insert(call.scope)) {
            findings.push(right(client, table, &call).await);
        }
    }
    findings
}

/// Tries the store; `id` must be fresh.
pub async fn store(store: &dyn Store, id: &str) -> Vec<Finding> {
    let trials = probe(store, id).await.into_iter();
    trials
        .map(|trial| Finding { what: trial.what.to_owned(), part: "store", note: None, found: trial.found })
        .collect()
}

async fn token(client: &Client) -> Finding {
    let asked = client.token_info().await;
    let note = asked.as_ref().ok().map(|info| match info.org_id {
        Some(org) => format!("organization {org}"),
        None => "Drift does not say of which organization".to_owned(),
    });
    Finding { what: "token".to_owned(), part: "drift", note, found: asked.map(drop) }
}

async fn right(client: &Client, table: &Table, call: &Call) -> Finding {
    let key = call.path.contains("{key}").then_some(NOBODY);
    let window = [("min_start_time", "0".to_owned()), ("max_start_time", "1".to_owned())];
    let query = if call.paging == Paging::Window { &window[..] } else { &[] };
    let asked = client.get(call, key, query).await;
    let found = asked.map(drop).map_err(|error| error.at("table", table.name));
    Finding { what: table.name.to_owned(), part: "drift", note: Some(call.scope.to_owned()), found }
}

/// The calls that a table is made of by itself; what a derived one is computed from is tried with those tables.
fn calls(table: &Table) -> Vec<Call> {
    match table.source {
        Source::Walk { list, detail, .. } => vec![list, detail],
        Source::Thread { call } | Source::Lookup { call, .. } | Source::List { call, .. } => vec![call],
        Source::Derived { .. } => Vec::new(),
    }
}
