//! Phase 2 in motion: fetchers run side by side, and one writer folds what they bring, partition by
//! partition. Fetching never waits for folding, except when more is in memory than the limit allows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;

use super::build::{Built, Context, began_at, build};
use super::columns::broken;
use super::fetch::{Fetch, Fetched, fetch};
use super::plan::{Plan, Todo};
use super::record::recorded;
use super::writer::Writer;
use super::{Run, derive};
use crate::cpu;
use crate::error::{Error, ErrorKind, Result};
use crate::fold::FoldCounts;
use crate::lake::{Change, Departed, Keys, needed_memory};
use crate::progress::Progress;
use crate::schema::Span;
use crate::tables::{CAMPAIGN_MEMBERS, CONVERSATIONS, MESSAGES};

/// Conversations that fail one after the other before the run takes Drift for down.
const FAILURES_IN_A_ROW_MAX: u32 = 25;

/// As many conversations are under way as the rate reads in so many seconds, which is longer than an answer takes.
const FLYING_SECONDS: f64 = 3.0;

/// So many are under way at any rate.
const FLYING_MIN: usize = 4;

/// What the fetchers hand to the writer.
enum Handed {
    /// All of these are of this partition.
    Batch(String, Vec<Fetched>),
    /// This one failed after all retries.
    Failed(i64, Error),
}

/// What became of the conversations of a plan.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Ids whose records were set aside.
    pub aside: BTreeSet<i64>,
    /// Ids that turned out to be of somebody who was forgotten.
    pub forgotten: BTreeSet<i64>,
    /// Conversations absent from the list, yet there.
    pub paging_misses: u64,
    /// What ended the phase before its end.
    pub error: Option<Error>,
}

/// Fetches all conversations of the plan and folds them in, where there is `room` for so many bytes. What was
/// fetched is put even when an error ends the phase.
pub(super) async fn fetch_all(
    run: &Arc<Run>,
    writer: &mut Writer,
    plan: Plan,
    context: Arc<Context>,
    room: u64,
) -> Result<Tally> {
    let held = Arc::new(Held::default());
    let (sender, receiver) = mpsc::channel(1);
    let fetchers =
        Fetchers::new(run.clone(), plan, context.span, room, held.clone(), writer.progress.clone());
    let (fetched, written) =
        tokio::join!(fetchers.run(sender), write_all(run, writer, context, receiver, &held));
    let mut tally = written?;
    tally.error = fetched?;
    Ok(tally)
}

/// Bytes handed to the writer and not yet folded.
#[derive(Debug, Default)]
struct Held {
    bytes: AtomicU64,
    /// Keeps one word for a fetcher that is about to wait, so that none is missed.
    given_back: Notify,
}

impl Held {
    fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn give_back(&self, bytes: u64) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.given_back.notify_one();
    }
}

/// The side that fetches.
struct Fetchers {
    run: Arc<Run>,
    plan: Plan,
    /// Conversations still to come, by partition.
    left: BTreeMap<Option<u32>, usize>,
    /// What has come, by partition.
    come: BTreeMap<String, Vec<Fetched>>,
    come_bytes: u64,
    /// So many of them are handed over, however many are still to come.
    checkpoint_bytes: u64,
    held: Arc<Held>,
    with_messages: bool,
    span: Span,
    failures: u32,
    progress: Arc<Progress>,
}

impl Fetchers {
    fn new(
        run: Arc<Run>,
        plan: Plan,
        span: Span,
        room: u64,
        held: Arc<Held>,
        progress: Arc<Progress>,
    ) -> Self {
        let with_messages = run.settings.tables.contains(MESSAGES.name);
        let left = plan.partition_sizes();
        let checkpoint_bytes = run.checkpoint_bytes(room);
        Self {
            run,
            plan,
            left,
            come: BTreeMap::new(),
            come_bytes: 0,
            checkpoint_bytes,
            held,
            with_messages,
            span,
            failures: 0,
            progress,
        }
    }

    /// Runs to the end of the plan, to a stop, or to an error, which is answered after all that has come
    /// was handed over.
    async fn run(mut self, sender: mpsc::Sender<Handed>) -> Result<Option<Error>> {
        let ended = self.fetch(&sender).await;
        self.hand_over_all(&sender).await;
        ended
    }

    async fn fetch(&mut self, sender: &mpsc::Sender<Handed>) -> Result<Option<Error>> {
        let todos = std::mem::take(&mut self.plan.todos);
        let mut todos = todos.into_iter();
        let mut flying = JoinSet::new();
        loop {
            while flying.len() < self.flying_max() && self.has_room() {
                let Some(todo) = todos.next() else { break };
                self.launch(&mut flying, todo);
            }
            let landed = tokio::select! {
                landed = flying.join_next() => landed,
                // The writer has failed: what is on its way, however long it takes, is of no use any more.
                () = sender.closed() => return Ok(None),
            };
            let Some(landed) = landed else {
                if todos.len() == 0 {
                    return Ok(None);
                }
                self.wait_for_room(sender).await;
                continue;
            };
            let landed = landed.map_err(|cause| Error::internal("a fetcher died").caused_by(cause))?;
            match landed {
                Ok(Fetch::Stopped) => return Ok(None),
                Ok(Fetch::Done(fetched)) => self.take_in(fetched, sender).await?,
                Ok(Fetch::Failed(todo, error)) => {
                    if let Some(outage) = self.fail(todo, error, sender).await {
                        return Ok(Some(outage));
                    }
                }
                Err(error) => return Ok(Some(error)),
            }
        }
    }

    /// Conversations that are begun at once. No more than the allowed rate reads in some seconds: else all details
    /// are asked for before the first messages, and a run that stops early has many halves and nothing whole.
    fn flying_max(&self) -> usize {
        let by_rate = (self.run.client.stats().rate * FLYING_SECONDS) as usize;
        by_rate.max(FLYING_MIN).min(self.run.settings.concurrency)
    }

    fn launch(&self, flying: &mut JoinSet<Result<Fetch>>, todo: Todo) {
        let (run, with_messages) = (self.run.clone(), self.with_messages);
        flying.spawn(async move { fetch(&run, todo, with_messages).await });
    }

    /// The pages of a checkpoint may be in memory twice: here, and with the writer.
    fn has_room(&self) -> bool {
        self.come_bytes + self.held.bytes() < 2 * self.checkpoint_bytes
    }

    /// Nothing is on its way because too much is in memory: everything that has come is handed over, and
    /// the writer given time to fold it.
    async fn wait_for_room(&mut self, sender: &mpsc::Sender<Handed>) {
        self.hand_over_all(sender).await;
        while !self.has_room() {
            tokio::select! {
                () = self.held.given_back.notified() => {}
                () = sender.closed() => return,
            }
        }
    }

    async fn hand_over_all(&mut self, sender: &mpsc::Sender<Handed>) {
        let all: Vec<String> = self.come.keys().cloned().collect();
        for partition in all {
            self.hand_over(sender, &partition).await;
        }
    }

    async fn take_in(&mut self, fetched: Fetched, sender: &mpsc::Sender<Handed>) -> Result<()> {
        self.failures = 0;
        self.progress.advance(1);
        let number = fetched.todo.partition.get();
        let partition = self.partition_of(&fetched).await?;
        self.come_bytes += fetched.bytes();
        self.come.entry(partition.clone()).or_default().push(fetched);
        let left = self.left.entry(number).or_default();
        *left = left.saturating_sub(1);
        if *left == 0 {
            self.hand_over(sender, &partition).await;
        }
        if self.come_bytes >= self.checkpoint_bytes {
            self.hand_over_all(sender).await;
        }
        Ok(())
    }

    async fn partition_of(&self, fetched: &Fetched) -> Result<String> {
        match (fetched.todo.partition.get(), fetched.detail.clone()) {
            (Some(number), _) => Ok(self.plan.partitions[number as usize].clone()),
            (None, None) => Ok(self.span.of(None)),
            (None, Some(page)) => {
                let began = cpu::run_on(page.bytes(), move || began_at(&page)).await.unwrap_or(None);
                Ok(self.span.of(began))
            }
        }
    }

    /// Hands a partition's conversations to the writer; when the writer has ended, its own error tells why.
    async fn hand_over(&mut self, sender: &mpsc::Sender<Handed>, partition: &str) {
        let Some(batch) = self.come.remove(partition) else { return };
        let bytes: u64 = batch.iter().map(Fetched::bytes).sum();
        self.come_bytes -= bytes;
        self.held.take(bytes);
        let _ = sender.send(Handed::Batch(partition.to_owned(), batch)).await;
    }

    /// One conversation failed; many in a row mean that Drift is down.
    async fn fail(&mut self, todo: Todo, error: Error, sender: &mpsc::Sender<Handed>) -> Option<Error> {
        self.failures += 1;
        self.progress.advance(1);
        if self.failures >= FAILURES_IN_A_ROW_MAX && error.kind() == ErrorKind::Unavailable {
            return Some(error.at("table", CONVERSATIONS.name));
        }
        let left = self.left.entry(todo.partition.get()).or_default();
        *left = left.saturating_sub(1);
        let _ = sender.send(Handed::Failed(todo.id, error)).await;
        None
    }
}

/// The side that writes. Once it fails it takes nothing more, and the fetchers hand over in vain.
async fn write_all(
    run: &Run,
    writer: &mut Writer,
    context: Arc<Context>,
    mut receiver: mpsc::Receiver<Handed>,
    held: &Held,
) -> Result<Tally> {
    let mut tally = Tally::default();
    while let Some(handed) = writer.meanwhile(async { Ok(receiver.recv().await) }).await? {
        write_one(run, writer, &context, handed, held, &mut tally).await?;
    }
    Ok(tally)
}

async fn write_one(
    run: &Run,
    writer: &mut Writer,
    context: &Arc<Context>,
    handed: Handed,
    held: &Held,
    tally: &mut Tally,
) -> Result<()> {
    match handed {
        Handed::Failed(id, error) => {
            writer.postpone(&CONVERSATIONS, &id.to_string(), &error);
        }
        Handed::Batch(partition, fetched) => {
            let bytes: u64 = fetched.iter().map(Fetched::bytes).sum();
            let members = writer.lake.archives() && run.settings.tables.contains(CAMPAIGN_MEMBERS.name);
            let kept = writer.lake.archives().then(|| fetched.clone());
            let building = {
                let context = context.clone();
                cpu::run_on(bytes, move || build(fetched, &context))
            };
            let built = writer.meanwhile(building).await?;
            if let Some(fetched) = kept {
                let (context, partition) = (context.clone(), partition.clone());
                let step =
                    cpu::run_on(bytes, move || recorded(fetched, &context, partition, members)).await?;
                writer.archive(step).await?;
            }
            put(writer, context.walk_us, &partition, built, members, tally).await?;
            held.give_back(bytes);
            writer.put_since_commit(bytes);
            writer.checkpoint_if_due(&run.settings).await?;
        }
    }
    Ok(())
}

/// Rows as one batch, if there are any.
fn one(batches: &[RecordBatch]) -> Result<Option<RecordBatch>> {
    let schema = batches.first().map(RecordBatch::schema);
    schema.map(|schema| concat_batches(&schema, batches).map_err(broken)).transpose()
}

fn unusable() -> Error {
    Error::unavailable("the record was set aside, since its key cannot be used")
}

async fn put_both(
    writer: &mut Writer,
    partition: &str,
    messages: Change,
    conversations: Change,
) -> Result<FoldCounts> {
    writer.fold(&MESSAGES, Some(partition), messages).await?;
    writer.fold(&CONVERSATIONS, Some(partition), conversations).await
}

/// Puts the messages, then their conversations: a crash between the two leaves messages that are fetched
/// again, never a conversation without its messages.
///
/// The members of campaigns follow when a conversation came or went, and always when `members` says so.
pub(super) async fn put(
    writer: &mut Writer,
    walk_us: i64,
    partition: &str,
    built: Built,
    members: bool,
    tally: &mut Tally,
) -> Result<()> {
    for (table, pages, decoded) in &built.decoded {
        writer.note(table, pages, decoded);
    }
    let gone = Keys::ints("conversation_id", built.gone.clone());
    let messages = Change {
        upserts: built.messages,
        replaced: Some(Keys::ints("conversation_id", built.replaced)),
        gone: Departed::Of(gone),
        walk_us,
        ..Change::default()
    };
    let conversations = Change {
        upserts: built.conversations,
        stubs: one(&built.stubs)?,
        gone: Departed::Of(Keys::ints("id", built.gone)),
        walk_us,
        ..Change::default()
    };
    let counts = match put_both(writer, partition, messages, conversations).await {
        Err(error) if needed_memory(&error).is_some() => {
            built.stored.iter().for_each(|id| writer.postpone(&CONVERSATIONS, &id.to_string(), &error));
            writer.warn(format!("{error}: {}", error.advice().unwrap_or_default()));
            return Ok(());
        }
        counts => counts?,
    };
    if counts.tombstoned + counts.revived > 0 || members {
        derive::put_members(writer, partition, walk_us).await?;
    }
    if built.missing > 0 {
        writer.table(&MESSAGES).missing += built.missing;
    }
    built.stored.iter().for_each(|id| writer.settle(&CONVERSATIONS, &id.to_string()));
    for (id, error) in built.failed {
        writer.postpone(&CONVERSATIONS, &id.to_string(), &error);
    }
    for id in built.aside {
        // Tried again by every run, so that none ends as if nothing were missing.
        writer.postpone(&CONVERSATIONS, &id.to_string(), &unusable());
        tally.aside.insert(id);
    }
    for id in built.left_out {
        writer.forget(id);
        tally.forgotten.insert(id);
    }
    tally.paging_misses += built.paging_misses;
    Ok(())
}
