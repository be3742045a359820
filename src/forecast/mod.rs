//! What a `sync` would cost, from a handful of calls: how many conversations it would fetch, how many calls
//! that takes, how much comes back, and how long it lasts at several rates.
//!
//! Promises: nothing is written, no lock is taken, and no more than about forty calls are made, however large
//! the account is; what is only a bound or a sample says so.

mod cost;
mod probe;

use jiff::Timestamp;
use serde::Serialize;

use self::cost::calls;
use self::probe::{Head, Sample};
use crate::api::{Answer, Client};
use crate::config::{LOOKBACK, Since, SyncSettings};
use crate::decode::skim;
use crate::error::Result;
use crate::lake::{self, newest};
use crate::manifest::Manifest;
use crate::store::Store;
use crate::tables::{CONVERSATIONS, STATS};

/// Rates that a duration is told for, in requests a second; what Drift allows is not known beforehand.
const RATES: [f64; 4] = [5.0, 10.0, 20.0, 50.0];

/// What kind of run it would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The lake does not hold the account yet.
    FirstLoad,
    /// An earlier run left a walk unfinished.
    Resumed,
    /// The whole list is walked, and only what changed is fetched.
    FullWalk,
    /// The list is read down to the bookmark.
    Incremental,
}

/// A number, and how far it can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Estimate {
    /// The number.
    pub number: u64,
    /// How it is meant.
    pub meant: Meant,
}

/// How a number is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Meant {
    /// About so many.
    About,
    /// So many or more.
    AtLeast,
    /// So many or fewer.
    AtMost,
}

/// The calls for one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Calls {
    /// What is asked for.
    pub what: &'static str,
    /// How many calls.
    pub calls: u64,
}

/// How long a run lasts at one rate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Lasts {
    /// Requests a second.
    pub rate: f64,
    /// Seconds.
    pub seconds: u64,
}

/// What a `sync` would cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Forecast {
    /// The Drift organization, if Drift says.
    pub org: Option<String>,
    /// The kind of run.
    pub kind: Kind,
    /// Conversations that Drift counts, if it does.
    pub counted: Option<u64>,
    /// Conversations in the lake.
    pub stored: u64,
    /// Conversations to fetch.
    pub fetch: Estimate,
    /// Messages that come with them, by the sample.
    pub messages: u64,
    /// The calls, by what they ask for; the contacts' are a bound, since many may share one.
    pub calls: Vec<Calls>,
    /// All calls.
    pub total_calls: u64,
    /// JSON that comes back, in bytes.
    pub json_bytes: u64,
    /// How long that lasts.
    pub lasts: Vec<Lasts>,
    /// The mean time of an answer to one call, in milliseconds.
    pub answer_ms: u64,
    /// Conversations that were looked at to tell.
    pub sampled: u64,
    /// Requests made to tell.
    pub requests: u64,
}

/// Forecasts a `sync` with these settings; `now` is this machine's clock, for a Drift that does not tell its own.
///
/// # Errors
/// [`crate::error::Error::usage`] when the lake belongs to another account, and what the client fails with.
pub async fn forecast(
    settings: &SyncSettings,
    max_rate: Option<f64>,
    client: &Client,
    store: &dyn Store,
    now: Timestamp,
) -> Result<Forecast> {
    let manifest = newest(store).await?;
    let org = client.token_info().await?.org_id.map(|org| org.to_string());
    lake::check_account(manifest.as_ref(), org.as_deref())?;
    // Drift's clock, since the times of the lake are Drift's.
    let now = client.server_time_ms().and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or(now);
    let walks = settings.tables.contains(CONVERSATIONS.name);
    let (kind, floor) = kind(settings, manifest.as_ref(), now);
    let counted = if walks { count(client).await } else { None };
    let head = if walks { Head::read(client, floor).await? } else { Head::default() };
    let sample = Sample::take(settings, client, &head.ids).await?;
    let stored = stored(manifest.as_ref());
    let fetch = to_fetch(settings, kind, counted, stored, &head);
    let calls = calls(settings, kind, counted, fetch, &head, &sample);
    let total_calls = calls.iter().map(|calls| calls.calls).sum();
    let traffic = client.stats();
    Ok(Forecast {
        org,
        kind,
        counted,
        stored,
        fetch,
        messages: sample.messages_of(fetch.number),
        json_bytes: sample.bytes_of(fetch.number),
        calls,
        total_calls,
        lasts: lasts(total_calls, max_rate),
        answer_ms: sample.answer_ms(traffic.limiter_wait_ms),
        sampled: sample.conversations,
        requests: traffic.requests,
    })
}

fn lasts(calls: u64, max_rate: Option<f64>) -> Vec<Lasts> {
    let mut rates: Vec<f64> =
        RATES.into_iter().filter(|rate| max_rate.is_none_or(|max| *rate < max)).collect();
    rates.extend(max_rate);
    rates.into_iter().map(|rate| Lasts { rate, seconds: (calls as f64 / rate).ceil() as u64 }).collect()
}

/// The kind of run, and down to where the list must be read (epoch microseconds).
fn kind(settings: &SyncSettings, manifest: Option<&Manifest>, now: Timestamp) -> (Kind, Option<i64>) {
    let asked = match settings.since {
        Some(Since::From(us) | Since::Ago(us)) => Some(us),
        Some(Since::All) => None,
        None => manifest.and_then(|manifest| manifest.since).map(Timestamp::as_microsecond),
    };
    let table = manifest.and_then(|manifest| manifest.tables.get(CONVERSATIONS.name));
    let resumed = manifest.is_some_and(|manifest| manifest.walk.is_some());
    match table.and_then(|table| table.bookmark) {
        None if resumed => (Kind::Resumed, asked),
        None => (Kind::FirstLoad, asked),
        Some(bookmark) => {
            let last = manifest.and_then(|manifest| manifest.last_full_walk.as_ref());
            let due = last.is_none_or(|last| {
                !last.ordered || now.duration_since(last.started_at).unsigned_abs() >= settings.full_every
            });
            let doubted = manifest.is_some_and(|manifest| !manifest.doubted.is_empty());
            let full = settings.full || settings.refetch || due || doubted;
            let kind = if full { Kind::FullWalk } else { Kind::Incremental };
            (kind, Some((bookmark - LOOKBACK).as_microsecond()))
        }
    }
}

fn stored(manifest: Option<&Manifest>) -> u64 {
    let table = manifest.and_then(|manifest| manifest.tables.get(CONVERSATIONS.name));
    table.map_or(0, |table| table.rows)
}

/// How many conversations would be fetched. The head of the list tells it exactly when it reaches down to
/// where the run would stop; else Drift's own count bounds it.
fn to_fetch(settings: &SyncSettings, kind: Kind, counted: Option<u64>, stored: u64, head: &Head) -> Estimate {
    let whole = settings.refetch || (kind == Kind::FirstLoad && head.floor.is_none());
    match (kind, counted) {
        _ if !whole && head.reached => Estimate { number: head.above, meant: Meant::About },
        (Kind::Resumed, Some(counted)) => {
            Estimate { number: counted.saturating_sub(stored), meant: Meant::About }
        }
        (_, Some(counted)) if whole => Estimate { number: counted, meant: Meant::About },
        (Kind::FirstLoad, Some(counted)) => Estimate { number: counted, meant: Meant::AtMost },
        _ => Estimate { number: head.above.max(if whole { stored } else { 0 }), meant: Meant::AtLeast },
    }
}

/// What Drift counts, if it does.
async fn count(client: &Client) -> Option<u64> {
    let Ok(Answer::Page(page, _)) = client.get(&STATS, None, &[]).await else { return None };
    skim::sum(&page.body, STATS.rows.path())
}
