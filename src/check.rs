//! Whether everything is there that a run needs: the token, its right to each table, and a store that does what a
//! lake relies on. Each is tried by itself, so that one that fails does not hide the others.

use std::collections::BTreeSet;

use crate::api::Client;
use crate::config::Selection;
use crate::error::Result;
use crate::lake;
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

/// Tries the token and one call for each right that the selected tables need; answers also which organization the token
/// is of, if Drift says so.
pub async fn drift(client: &Client, tables: &Selection) -> (Vec<Finding>, Option<String>) {
    let (token, org) = token(client).await;
    let mut findings = vec![token];
    if findings[0].found.is_err() {
        return (findings, org);
    }
    for table in tables.tables() {
        let mut tried = BTreeSet::new();
        for call in calls(table).into_iter().filter(|call| tried.insert(call.scope)) {
            findings.push(right(client, table, &call).await);
        }
    }
    (findings, org)
}

/// Whether the lake that is there, if one is, can be read by this program, and is of the organization of the token.
pub async fn lake(store: &dyn Store, org: Option<&str>) -> Option<Finding> {
    let found = match lake::newest(store).await {
        Ok(None) => return None,
        Ok(Some(manifest)) => {
            let note = manifest.org.as_ref().map(|org| format!("of organization {org}"));
            lake::check_account(Some(&manifest), org).map(|()| note)
        }
        Err(error) => Err(error),
    };
    let note = found.as_ref().ok().cloned().flatten();
    Some(Finding { what: "lake".to_owned(), part: "store", note, found: found.map(drop) })
}

/// Tries the store; `id` must be fresh.
pub async fn store(store: &dyn Store, id: &str) -> Vec<Finding> {
    let trials = probe(store, id).await.into_iter();
    trials
        .map(|trial| Finding { what: trial.what.to_owned(), part: "store", note: None, found: trial.found })
        .collect()
}

async fn token(client: &Client) -> (Finding, Option<String>) {
    let asked = client.token_info().await;
    let org = asked.as_ref().ok().and_then(|info| info.org_id).map(|org| org.to_string());
    let note = asked.as_ref().ok().map(|info| match info.org_id {
        Some(org) => format!("organization {org}"),
        None => "Drift does not say of which organization".to_owned(),
    });
    (Finding { what: "token".to_owned(), part: "drift", note, found: asked.map(drop) }, org)
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
