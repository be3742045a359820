//! The calls: the head of the list, and for each chosen conversation its detail and its messages.

use std::collections::HashSet;

use arrow::array::AsArray;
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};

use super::sample::Stored;
use crate::api::{Answer, Client};
use crate::cpu;
use crate::decode::decode;
use crate::erase;
use crate::error::{Error, Result};
use crate::manifest::{Forgotten, Manifest};
use crate::page::Page;
use crate::tables::{CONVERSATION_LIST, CONVERSATIONS, DETAIL, LIST, THREAD};

/// Pages of one conversation, beyond which the answers turn in a circle.
const THREAD_PAGES_MAX: usize = 40_000;

/// What Drift answered about one conversation.
pub(super) struct Asked {
    pub stored: Stored,
    /// None when it is gone.
    pub detail: Option<Page>,
    /// None when they were not asked for, or are missing.
    pub messages: Option<Vec<Page>>,
}

/// Asks for one conversation: its detail, then its messages where the stored ones are to be compared.
pub(super) async fn ask(client: &Client, stored: Stored, with_messages: bool) -> Result<Asked> {
    let key = stored.id.to_string();
    let Answer::Page(detail, _) = client.get(&DETAIL, Some(&key), &[]).await? else {
        return Ok(Asked { stored, detail: None, messages: None });
    };
    let messages = if with_messages && stored.settled { thread(client, &key).await? } else { None };
    Ok(Asked { stored, detail: Some(detail), messages })
}

async fn thread(client: &Client, key: &str) -> Result<Option<Vec<Page>>> {
    let (mut pages, mut query, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
    loop {
        let Answer::Page(page, envelope) = client.get(&THREAD, Some(key), &query).await? else {
            return Ok(None);
        };
        pages.push(page);
        let Some(next) = envelope.next else { return Ok(Some(pages)) };
        query = next.query();
        if pages.len() >= THREAD_PAGES_MAX || !seen.insert(next) {
            return Err(Error::unavailable("the pages of messages turn in a circle").at("conversation", key));
        }
    }
}

/// The ids on the first page of Drift's list that a complete lake must have: what had changed before its
/// bookmark, and not before its bound.
pub(super) async fn head(client: &Client, manifest: &Manifest) -> Result<Vec<i64>> {
    let Some(bookmark) = bookmark(manifest) else { return Ok(Vec::new()) };
    let since = manifest.since.map(jiff::Timestamp::as_microsecond);
    let Answer::Page(page, _) = client.list_page(&LIST, None).await? else { return Ok(Vec::new()) };
    let forgotten = Forgotten::of(manifest);
    let listed = cpu::run_on(page.bytes(), move || {
        let decoded = decode(&CONVERSATION_LIST, LIST.rows, &[page])?;
        erase::leave_out(&CONVERSATION_LIST, decoded.batch, &forgotten)
    });
    let listed = listed.await?;
    let column = |name: &str| listed.column_by_name(name).expect("a declared column");
    let (ids, updated) = (column("id"), column("updated_at"));
    let ids = ids.as_primitive::<Int64Type>().values().iter();
    let updated = updated.as_primitive::<TimestampMicrosecondType>().iter();
    let inside =
        |us: &Option<i64>| us.is_some_and(|us| us < bookmark && since.is_none_or(|since| us >= since));
    Ok(ids.zip(updated).filter(|(_, us)| inside(us)).map(|(id, _)| *id).collect())
}

fn bookmark(manifest: &Manifest) -> Option<i64> {
    manifest.tables.get(CONVERSATIONS.name)?.bookmark.map(jiff::Timestamp::as_microsecond)
}
