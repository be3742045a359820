//! The calls that are made to tell: the head of the list, and some conversations with their messages.

use futures::{StreamExt, stream};
use tokio::time::Instant;

use crate::api::{Answer, Client, Cursor};
use crate::config::SyncSettings;
use crate::decode::skim;
use crate::error::Result;
use crate::schema::Call;
use crate::tables::{DETAIL, LIST, MESSAGES, THREAD};

/// Pages of the list that are read at most.
const PAGES: u64 = 5;
/// Conversations that are looked at.
const CONVERSATIONS_SAMPLED: usize = 12;
/// Pages of messages that are read of one conversation at most.
const THREAD_PAGES: u64 = 3;
/// Conversations looked at side by side.
const AT_ONCE: usize = 4;

/// The head of the list of conversations.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// Down to where it had to be read (epoch microseconds); none for all of it.
    pub floor: Option<i64>,
    /// Whether it was read down to there, or to the end of the list.
    pub reached: bool,
    /// How many conversations stand above the floor, as far as was read.
    pub above: u64,
    /// How many rows the first page has.
    pub rows_a_page: u64,
    /// Ids of all that was read.
    pub ids: Vec<i64>,
}

impl Head {
    /// Reads the list down to `floor`, or the first pages of it.
    pub async fn read(client: &Client, floor: Option<i64>) -> Result<Self> {
        let (mut head, mut next) = (Self { floor, ..Self::default() }, None);
        for _ in 0..PAGES {
            let Some((rows, cursor)) = page(client, next.as_ref()).await? else { return Ok(head) };
            head.take(&rows);
            head.reached |= cursor.is_none();
            next = cursor;
            if head.reached {
                break;
            }
        }
        Ok(head)
    }

    fn take(&mut self, rows: &[Row]) {
        self.rows_a_page = self.rows_a_page.max(rows.len() as u64);
        let floor = self.floor.unwrap_or(i64::MIN);
        let is_above = |row: &&Row| row.updated_us.is_none_or(|updated| updated >= floor);
        let above = rows.iter().filter(is_above).count();
        self.above += above as u64;
        // The list stands in `updated_at` order, so a page that lies below the floor is the last of interest.
        self.reached |= above == 0 && self.floor.is_some();
        self.ids.extend(rows.iter().map(|row| row.id));
    }
}

struct Row {
    id: i64,
    updated_us: Option<i64>,
}

async fn page(client: &Client, cursor: Option<&Cursor>) -> Result<Option<(Vec<Row>, Option<Cursor>)>> {
    let pairs = cursor.map(Cursor::pairs);
    let Answer::Page(page, envelope) = client.list_page(&LIST, pairs.as_deref()).await? else {
        return Ok(None);
    };
    let data = skim::find(&page.body, LIST.rows.path()).unwrap_or_default();
    let row = |record: &[u8]| {
        let number = |name: &str| skim::find(record, &[name]).and_then(skim::integer);
        let updated_us = number("updatedAt").and_then(|ms| ms.checked_mul(1_000));
        number("id").map(|id| Row { id, updated_us })
    };
    Ok(Some((skim::elements(data).filter_map(row).collect(), envelope.next)))
}

/// What some conversations cost.
#[derive(Debug, Default)]
pub(super) struct Sample {
    /// How many.
    pub conversations: u64,
    /// Messages in them.
    messages: u64,
    /// Calls for their messages.
    thread_calls: u64,
    /// Bytes of JSON of all answers.
    bytes: u64,
    /// All calls.
    calls: u64,
    /// Time spent waiting for answers.
    waited_ms: u64,
}

impl Sample {
    /// Looks at some of these conversations, as far apart as they come.
    pub async fn take(settings: &SyncSettings, client: &Client, ids: &[i64]) -> Result<Self> {
        let with_messages = settings.tables.contains(MESSAGES.name);
        let apart = ids.len().div_ceil(CONVERSATIONS_SAMPLED).max(1);
        let chosen = ids.iter().step_by(apart).copied();
        let looks = stream::iter(chosen).map(|id| look(client, id, with_messages)).buffered(AT_ONCE);
        let looks: Vec<Result<Self>> = looks.collect().await;
        let mut sample = Self::default();
        for look in looks {
            sample.add(&look?);
        }
        Ok(sample)
    }

    fn add(&mut self, other: &Self) {
        self.conversations += other.conversations;
        self.messages += other.messages;
        self.thread_calls += other.thread_calls;
        self.bytes += other.bytes;
        self.calls += other.calls;
        self.waited_ms += other.waited_ms;
    }

    /// Messages of so many conversations.
    pub fn messages_of(&self, conversations: u64) -> u64 {
        self.scaled(self.messages, conversations)
    }

    /// Calls for the messages of so many conversations: one or more for each.
    pub fn thread_calls_of(&self, conversations: u64) -> u64 {
        self.scaled(self.thread_calls, conversations).max(conversations)
    }

    /// Bytes of JSON of so many conversations.
    pub fn bytes_of(&self, conversations: u64) -> u64 {
        self.scaled(self.bytes, conversations)
    }

    /// The mean time of an answer, in ms, less the time (in ms, all calls together) that the limiter took.
    pub fn answer_ms(&self, limited_ms: u64) -> u64 {
        self.waited_ms.saturating_sub(limited_ms) / self.calls.max(1)
    }

    fn scaled(&self, number: u64, conversations: u64) -> u64 {
        if self.conversations == 0 {
            return 0;
        }
        (number as f64 * conversations as f64 / self.conversations as f64).round() as u64
    }
}

async fn look(client: &Client, id: i64, with_messages: bool) -> Result<Sample> {
    let mut sample = Sample { conversations: 1, ..Sample::default() };
    let key = id.to_string();
    if sample.ask(client, &DETAIL, &key, &[]).await?.is_none() || !with_messages {
        return Ok(sample);
    }
    let mut query = Vec::new();
    while sample.thread_calls < THREAD_PAGES {
        let Some((rows, next)) = sample.ask(client, &THREAD, &key, &query).await? else { break };
        sample.thread_calls += 1;
        sample.messages += rows;
        let Some(next) = next else { break };
        query = next.query();
    }
    Ok(sample)
}

impl Sample {
    async fn ask(
        &mut self,
        client: &Client,
        call: &Call,
        key: &str,
        query: &[(&str, String)],
    ) -> Result<Option<(u64, Option<Cursor>)>> {
        let asked = Instant::now();
        let answer = client.get(call, Some(key), query).await?;
        self.calls += 1;
        self.waited_ms += asked.elapsed().as_millis() as u64;
        let Answer::Page(page, envelope) = answer else { return Ok(None) };
        self.bytes += page.body.len() as u64;
        Ok(Some((envelope.rows.unwrap_or_default(), envelope.next)))
    }
}
