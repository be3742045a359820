//! What a run is doing right now, for whoever wants to watch. The run writes numbers; it never prints.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// What a run is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    /// Opening the lake and asking who the token belongs to.
    #[default]
    Starting,
    /// Walking the list of conversations.
    Walking,
    /// Fetching details and messages.
    Fetching,
    /// Fetching contacts.
    Contacts,
    /// Reading the plain lists.
    Lists,
    /// Computing the derived tables.
    Deriving,
    /// Committing.
    Committing,
    /// Proving a lake.
    Verifying,
    /// Asking Drift about a sample of what is stored.
    Comparing,
}

impl Phase {
    /// A few words for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Walking => "walking the conversation list",
            Self::Fetching => "fetching conversations and messages",
            Self::Contacts => "fetching contacts",
            Self::Lists => "reading the plain lists",
            Self::Deriving => "computing derived tables",
            Self::Committing => "committing",
            Self::Verifying => "verifying the lake",
            Self::Comparing => "comparing with Drift",
        }
    }
}

/// Numbers that only grow within a phase, readable from any thread at any time.
#[derive(Debug, Default)]
pub struct Progress {
    phase: Mutex<Phase>,
    done: AtomicU64,
    total: AtomicU64,
    rows: AtomicU64,
    bytes: AtomicU64,
}

/// The numbers at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// What the run is doing.
    pub phase: Phase,
    /// Steps done in this phase: conversations listed or fetched, contacts, lists.
    pub done: u64,
    /// Steps of this phase; 0 while nobody knows.
    pub total: u64,
    /// Rows decoded since the run began.
    pub rows: u64,
    /// Bytes of Parquet written since the run began.
    pub bytes: u64,
}

impl Progress {
    /// A new phase begins, of `total` steps, or 0 while nobody knows.
    pub fn begin(&self, phase: Phase, total: u64) {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = phase;
        self.done.store(0, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
    }

    /// Steps were done.
    pub fn advance(&self, steps: u64) {
        self.done.fetch_add(steps, Ordering::Relaxed);
    }

    /// Rows were decoded.
    pub fn rows(&self, rows: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
    }

    /// Bytes of Parquet were written.
    pub fn bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The numbers now.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            phase: *self.phase.lock().unwrap_or_else(PoisonError::into_inner),
            done: self.done.load(Ordering::Relaxed),
            total: self.total.load(Ordering::Relaxed),
            rows: self.rows.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }
}
