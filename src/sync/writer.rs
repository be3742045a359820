//! The one that writes: the lake, the report, the records set aside and the pending keys of one run. It is
//! owned by whoever is writing at the moment, so no lock is needed.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::json;

use crate::archive::{Head, Step};
use crate::config::{Selection, SyncSettings};
use crate::cpu;
use crate::decode::{Decoded, skim};
use crate::erase;
use crate::error::{Error, Result};
use crate::fold::FoldCounts;
use crate::lake::{Change, Lake, needed_memory};
use crate::manifest::{Erasing, Forgotten, Pending, Subject};
use crate::page::Page;
use crate::progress::Progress;
use crate::report::{Report, TableReport};
use crate::schema::{Partition, Span, Table};
use crate::tables::CONVERSATIONS;

/// Records that are set aside are kept as they came, up to this many bytes a run; beyond it they are only
/// counted, and the run stays incomplete.
const QUARANTINE_BYTES_MAX: usize = 64 << 20;

/// So many pending keys of a table are named in the report; all of them stand in the manifest.
const PENDING_NAMED_MAX: usize = 100;

/// What one run writes.
pub(super) struct Writer {
    pub lake: Lake,
    pub report: Report,
    pub progress: Arc<Progress>,
    /// What is to be left out of everything.
    pub forgotten: Forgotten,
    pending: BTreeMap<(String, String), Pending>,
    quarantine: Vec<u8>,
    quarantine_saved: usize,
    uncommitted: u64,
}

impl Writer {
    pub fn new(lake: Lake, report: Report, progress: Arc<Progress>) -> Self {
        let key = |pending: &Pending| (pending.table.clone(), pending.key.clone());
        let pending = lake.manifest.pending.iter().map(|pending| (key(pending), pending.clone())).collect();
        Self {
            forgotten: Forgotten::of(&lake.manifest),
            lake,
            report,
            progress,
            pending,
            quarantine: Vec::new(),
            quarantine_saved: 0,
            uncommitted: 0,
        }
    }

    /// The numbers of a table.
    pub fn table(&mut self, table: &Table) -> &mut TableReport {
        self.report.tables.entry(table.name.to_owned()).or_default()
    }

    /// Counts what was decoded, and keeps what was set aside.
    pub fn note(&mut self, table: &Table, pages: &[Page], decoded: &Decoded) {
        self.progress.rows(decoded.batch.num_rows() as u64);
        self.table(table).read += decoded.batch.num_rows() as u64;
        self.note_oddities(table, pages, decoded);
    }

    /// Counts what did not fit, and keeps the records that were set aside.
    pub fn note_oddities(&mut self, table: &Table, pages: &[Page], decoded: &Decoded) {
        let odd = !(decoded.misfits.is_empty() && decoded.unknown.is_empty() && decoded.set_aside.is_empty());
        if !odd {
            return;
        }
        let numbers = self.table(table);
        for (column, count) in &decoded.misfits {
            *numbers.misfits.entry((*column).to_owned()).or_default() += count;
        }
        for (field, count) in &decoded.unknown {
            *numbers.unknown.entry(field.clone()).or_default() += count;
        }
        for aside in &decoded.set_aside {
            if is_of_forgotten(&aside.record, &self.forgotten) {
                continue;
            }
            self.table(table).set_aside += 1;
            let path = pages.get(aside.page as usize).map_or(String::new(), Page::call);
            self.set_aside(table, &path, &aside.reason, &aside.record);
        }
    }

    fn set_aside(&mut self, table: &Table, path: &str, reason: &str, record: &str) {
        tracing::warn!(table = table.name, path, reason, "set a record aside");
        let line = json!({"table": table.name, "call": path, "reason": reason, "record": record}).to_string();
        // Whoever is forgotten is not to be named there, and who is named may be somebody else of that number.
        if self.forgotten.names_in(record) {
            return;
        }
        if self.quarantine.len() + line.len() < QUARANTINE_BYTES_MAX {
            self.quarantine.extend_from_slice(line.as_bytes());
            self.quarantine.push(b'\n');
        }
    }

    /// A conversation turned out to be with somebody who was forgotten: from now on it is forgotten too, and
    /// whatever the lake has of it is erased before the run ends.
    pub fn forget(&mut self, conversation: i64) {
        let subject = Subject::Conversation(conversation);
        if !self.forgotten.insert(subject) {
            return;
        }
        erase::remember(&mut self.lake.manifest, [&subject], Erasing::default());
        self.settle(&CONVERSATIONS, &conversation.to_string());
        let forgotten = &self.forgotten;
        self.report.warnings.retain(|warning| !forgotten.names_in(warning));
        let noted = String::from_utf8_lossy(&self.quarantine).into_owned();
        let others: String = noted.split_inclusive('\n').filter(|line| !forgotten.names_in(line)).collect();
        if others.len() < noted.len() {
            (self.quarantine, self.quarantine_saved) = (others.into_bytes(), 0);
        }
    }

    /// Erases what this run has found to be forgotten.
    pub async fn erase_forgotten(&mut self) -> Result<()> {
        if self.lake.manifest.erasing.is_none() {
            return Ok(());
        }
        self.prepare().await?;
        erase::finish(&mut self.lake).await?;
        self.checkpoint().await
    }

    /// Awaits an answer, and keeps the right to write meanwhile, however long it takes.
    pub async fn meanwhile<T>(&mut self, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.lake.meanwhile(work).await
    }

    /// Folds changes into one object and counts what came of it.
    pub async fn fold(
        &mut self,
        table: &'static Table,
        partition: Option<&str>,
        change: Change,
    ) -> Result<FoldCounts> {
        let before = self.lake.put_for(table);
        let counts = self.lake.fold(table, partition, change).await?;
        let put = self.lake.put_for(table);
        self.progress.bytes(put.bytes - before.bytes);
        let numbers = self.table(table);
        numbers.inserted += counts.inserted;
        numbers.updated += counts.updated;
        numbers.tombstoned += counts.tombstoned;
        numbers.revived += counts.revived;
        numbers.duplicates += counts.duplicates + counts.contradicted;
        numbers.objects_written = put.objects;
        numbers.bytes_written = put.bytes;
        if counts.contradicted > 0 {
            self.warn(format!(
                "{} records of `{}` have the key of another one that says something else; of each key the record answered last is stored.",
                counts.contradicted, table.name
            ));
        }
        Ok(counts)
    }

    /// Keeps what a step got, without what is forgotten, before it is folded.
    pub async fn archive(&mut self, step: Step) -> Result<()> {
        if !self.lake.archives() {
            return Ok(());
        }
        let forgotten = self.forgotten.clone();
        let step = cpu::run_on(step.bytes(), move || erase::scrub(step, &forgotten, None)).await?;
        self.lake.archive(step.0).await
    }

    /// A key failed after all retries; the next run tries it first.
    pub fn postpone(&mut self, table: &Table, key: &str, error: &Error) {
        tracing::warn!(table = table.name, key, error = %error, "postponed to the next run");
        let entry = self.pending.entry((table.name.to_owned(), key.to_owned())).or_insert_with(|| Pending {
            table: table.name.to_owned(),
            key: key.to_owned(),
            reason: String::new(),
            runs: 0,
        });
        entry.reason = match needed_memory(error) {
            Some(needed) => format!("{}: it needs --memory {needed}", error.found()),
            None => error.found().to_owned(),
        };
        entry.runs += 1;
    }

    /// A key is no longer pending.
    pub fn settle(&mut self, table: &Table, key: &str) {
        self.pending.remove(&(table.name.to_owned(), key.to_owned()));
    }

    /// The pending keys of a table.
    pub fn pending_keys(&self, table: &Table) -> Vec<String> {
        self.pending.values().filter(|pending| pending.table == table.name).map(|p| p.key.clone()).collect()
    }

    /// How many keys are pending.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Commits what was put so far.
    pub async fn checkpoint(&mut self) -> Result<()> {
        self.prepare().await?;
        self.lake.commit().await
    }

    /// Pages of so many bytes were folded since the last commit.
    pub fn put_since_commit(&mut self, bytes: u64) {
        self.uncommitted += bytes;
    }

    /// Commits when enough was put, or the last commit is long ago.
    pub async fn checkpoint_if_due(&mut self, settings: &SyncSettings) -> Result<()> {
        let much = self.uncommitted >= settings.checkpoint_bytes;
        let long = self.lake.since_commit() >= settings.checkpoint_every;
        if !much && !long {
            return Ok(());
        }
        self.uncommitted = 0;
        self.checkpoint().await
    }

    /// Puts an object without rows, so that a plain glob finds the table and its schema.
    pub async fn put_empty(&mut self, table: &'static Table, span: Span) -> Result<()> {
        let partition = match table.partition {
            Partition::Whole => None,
            Partition::Bucket(count) => Some(Partition::bucket(count, 0)),
            Partition::Time(_) | Partition::OfConversation => Some(span.of(None)),
        };
        let empty = Head::Empty { table: table.name.to_owned(), partition: partition.clone() };
        self.archive(Step::bare(empty)).await?;
        self.lake.put_empty(table, partition.as_deref()).await
    }

    /// When the run's walk began, or else the run.
    pub fn walk_started(&self, run_started: Timestamp) -> Timestamp {
        self.report.walk.as_ref().map_or(run_started, |walk| walk.started_at)
    }

    /// Whether something that was asked for is not in the lake.
    pub fn is_incomplete(&self, selected: &Selection) -> bool {
        let set_aside = self.report.tables.values().any(|table| table.set_aside > 0);
        let sum_fails = self.report.completeness.as_ref().is_some_and(|sum| !sum.holds);
        let pending = self.pending.values().any(|pending| selected.contains(&pending.table));
        // What another hand has changed may lack for good what Drift does not have any more.
        let changed = self.lake.tells_of_changes();
        pending || set_aside || sum_fails || changed
    }

    /// Fills in what the lake holds at the end of the run.
    pub fn fill_tables(&mut self, selected: &Selection) {
        for table in selected.tables() {
            let state = self.lake.table(table).clone();
            let pending = self.pending_keys(table);
            let numbers = self.table(table);
            (numbers.rows, numbers.deleted) = (state.rows, state.deleted);
            numbers.pending = pending.len() as u64;
            if !pending.is_empty() {
                let named = pending.into_iter().take(PENDING_NAMED_MAX).collect();
                self.report.pending.insert(table.name.to_owned(), named);
            }
        }
    }

    /// Brings the notes beside the data up to date before a commit names them.
    pub async fn prepare(&mut self) -> Result<()> {
        self.lake.manifest.pending = self.pending.values().cloned().collect();
        if self.quarantine.len() > self.quarantine_saved {
            let path = format!("_quarantine/{}.ndjson", self.report.run);
            self.lake.store().overwrite(&path, Bytes::from(self.quarantine.clone())).await?;
            self.quarantine_saved = self.quarantine.len();
        }
        Ok(())
    }

    /// A person should know this.
    pub fn warn(&mut self, warning: String) {
        tracing::warn!("{warning}");
        self.report.warnings.push(warning);
    }
}

/// Whether a record that was set aside says that it is with somebody forgotten, or of a conversation that is.
fn is_of_forgotten(record: &str, forgotten: &Forgotten) -> bool {
    let id = |name: &str| {
        let value = skim::find(record.as_bytes(), &[name])?;
        skim::integer(value).or_else(|| skim::text(value)?.parse().ok())
    };
    let is =
        |name: &str, subject: fn(i64) -> Subject| id(name).is_some_and(|id| forgotten.contains(subject(id)));
    is("conversationId", Subject::Conversation) || is("contactId", Subject::Contact)
}
