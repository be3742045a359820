//! Notes beside the data: records set aside, and the reports of runs.

use bytes::Bytes;
use serde_json::Value;

use super::Erased;
use crate::error::{Error, Result};
use crate::manifest::Forgotten;
use crate::store::Store;

const QUARANTINE: &str = "_quarantine";
const REPORTS: &str = "_reports";

/// Stands where a sentence named somebody forgotten.
const ERASED: &str = "(erased)";

/// Removes records that name somebody forgotten, and the places of reports that do.
pub(super) async fn erase(store: &dyn Store, forgotten: &Forgotten, erased: &mut Erased) -> Result<()> {
    for entry in store.list(QUARANTINE).await? {
        let text = text(store, &entry.path).await?;
        let (named, others): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| forgotten.names_in(line));
        if !named.is_empty() {
            erased.records += named.len() as u64;
            put(store, entry.path, lines(&others), erased).await?;
        }
    }
    for entry in store.list(REPORTS).await? {
        let text = text(store, &entry.path).await?;
        if forgotten.names_in(&text) {
            put(store, entry.path, report(&text, forgotten)?, erased).await?;
        }
    }
    Ok(())
}

async fn text(store: &dyn Store, path: &str) -> Result<String> {
    let stored = store.get(path).await?;
    Ok(stored.map(|stored| String::from_utf8_lossy(&stored.bytes).into_owned()).unwrap_or_default())
}

async fn put(store: &dyn Store, path: String, text: String, erased: &mut Erased) -> Result<()> {
    if text.is_empty() {
        store.delete(&path).await?;
        erased.deleted.push(path);
    } else {
        store.overwrite(&path, Bytes::from(text)).await?;
        erased.rewritten.push(path);
    }
    Ok(())
}

fn lines(lines: &[&str]) -> String {
    let mut text = lines.join("\n");
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// The report without what names somebody; one that cannot be read is not kept at all.
fn report(text: &str, forgotten: &Forgotten) -> Result<String> {
    let Ok(mut report) = serde_json::from_str::<Value>(text) else { return Ok(String::new()) };
    strike(&mut report, forgotten);
    serde_json::to_string_pretty(&report)
        .map_err(|cause| Error::internal("cannot write a report").caused_by(cause))
}

/// Only texts name people; numbers of a report are counts.
fn strike(value: &mut Value, forgotten: &Forgotten) {
    match value {
        Value::Array(items) => {
            items.retain(|item| !item.as_str().is_some_and(|text| forgotten.names_in(text)));
            for item in items {
                strike(item, forgotten);
            }
        }
        Value::Object(fields) => {
            fields.retain(|name, _| !forgotten.names_in(name));
            fields.values_mut().for_each(|value| strike(value, forgotten));
        }
        Value::String(text) if forgotten.names_in(text) => ERASED.clone_into(text),
        _ => {}
    }
}
