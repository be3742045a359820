//! The settings of a run, validated: every number has a unit and every default a reason.

mod masking;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::schema::{PartitionBy, Table};
use crate::tables;

pub use self::masking::{AskedMasking, Masking, may_be_hashed, may_be_left_out};

/// A full walk of the list finds what changed without touching `updatedAt`; weekly, since it costs one call
/// for each hundred conversations.
pub const FULL_EVERY: Duration = Duration::from_secs(7 * 24 * 3600);

/// How far below the bookmark a walk reads on: a message may become visible late, and clocks differ.
pub const LOOKBACK: Duration = Duration::from_secs(2 * 3600);

/// How much earlier than the walk's start the bookmark is set, for clocks inside Drift that differ.
pub const BOOKMARK_MARGIN: Duration = Duration::from_secs(5 * 60);

/// How long after its last change a conversation settles: until then a message may become visible late.
pub const SETTLES_AFTER: Duration = Duration::from_secs(10 * 60);

/// The first run this long after the first load walks the whole list again, since the first load itself
/// has nothing to be compared with.
pub const FIRST_FULL_AGAIN: Duration = Duration::from_secs(24 * 3600);

/// How many whole pages below bookmark and lookback an ordered walk reads before it stops.
pub const PAGES_BELOW: u32 = 3;

/// A walk by the list may find this share of the stored conversations gone before it doubts the answer.
pub const ABSENT_SHARE_MAX: f64 = 0.05;

/// Fewer absent conversations than this are never doubted.
pub const ABSENT_MIN: u64 = 100;

/// Keys that may be pending before a run counts as failed: beyond this Drift is down, not hiccuping.
pub const PENDING_MAX: usize = 10_000;

/// Conversations in one month above which `auto` partitions by day.
pub const CONVERSATIONS_A_MONTH_MAX: u64 = 50_000;

/// The longest time between two commits: what a crash can cost in calls made again.
pub const CHECKPOINT_EVERY: Duration = Duration::from_secs(5 * 60);

/// The most bytes of pages between two commits, and so in memory.
pub const CHECKPOINT_BYTES: u64 = 64 << 20;

/// Memory that is enough for accounts of a million conversations.
pub const MEMORY: u64 = 256 << 20;

/// What a conversation adds to the object of its partition, messages included, when nothing better is known:
/// seven messages of 700 bytes, compressed to a quarter, and half as much again to be safe.
pub const CONVERSATION_BYTES: u64 = 2_048;

/// Less than this leaves no room for one row group.
pub const MEMORY_MIN: u64 = 64 << 20;

/// Requests in flight: with 100 ms an answer this reaches 320 a second, more than any limit seen.
pub const CONCURRENCY: usize = 32;

/// The settings of one `sync`.
#[derive(Debug, Clone)]
pub struct SyncSettings {
    /// The tables to read, closed under what they bring along.
    pub tables: Selection,
    /// The lower bound of `updated_at` that was asked for in this run.
    pub since: Option<Since>,
    /// Walk the whole list.
    pub full: bool,
    /// Fetch details, messages and contacts again, also where the ledger says they are settled.
    pub refetch: bool,
    /// How often the whole list is walked.
    pub full_every: Duration,
    /// Stop after this long, resumable.
    pub max_time: Option<Duration>,
    /// Conversations (and contacts) in flight.
    pub concurrency: usize,
    /// The limit on memory, in bytes.
    pub memory: u64,
    /// Month or day.
    pub partition_by: PartitionBy,
    /// Go on although very many conversations vanished.
    pub accept_deletions: bool,
    /// Overtake a run whose lease is alive.
    pub takeover: bool,
    /// Keep the raw pages, too; a lake that was begun so keeps them from then on.
    pub raw: bool,
    /// The columns to leave out or to hash.
    pub masking: AskedMasking,
    /// The longest time between two commits.
    pub checkpoint_every: Duration,
    /// The most bytes of pages between two commits.
    pub checkpoint_bytes: u64,
}

impl Default for SyncSettings {
    fn default() -> Self {
        Self {
            tables: Selection::all(),
            since: None,
            full: false,
            refetch: false,
            full_every: FULL_EVERY,
            max_time: None,
            concurrency: CONCURRENCY,
            memory: MEMORY,
            partition_by: PartitionBy::Auto,
            accept_deletions: false,
            takeover: false,
            raw: false,
            masking: AskedMasking::default(),
            checkpoint_every: CHECKPOINT_EVERY,
            checkpoint_bytes: CHECKPOINT_BYTES,
        }
    }
}

/// The lower bound of history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// All of it.
    All,
    /// From this instant on, in epoch microseconds: midnight UTC of the day that was asked for.
    From(i64),
    /// The same, asked for as so long before today: a day that moves on with every run, and so may well be
    /// later than the one that the lake keeps.
    Ago(i64),
}

/// The tables of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection(BTreeSet<&'static str>);

impl Selection {
    /// All tables.
    pub fn all() -> Self {
        Self(tables::ALL.iter().map(|table| table.name).collect())
    }

    /// These tables and what they bring along.
    ///
    /// # Errors
    /// [`Error::usage`] for a name that is no table, or no name at all.
    pub fn only(names: &[String]) -> Result<Self> {
        let mut chosen = BTreeSet::new();
        for name in names {
            let table = known(name)?;
            chosen.insert(table.name);
            chosen.extend(table.brings);
        }
        if chosen.is_empty() { Err(nothing_chosen()) } else { Ok(Self(chosen)) }
    }

    /// All tables but these.
    ///
    /// # Errors
    /// [`Error::usage`] for a name that is no table, for a table that a remaining one needs, and when
    /// nothing remains.
    pub fn except(names: &[String]) -> Result<Self> {
        let mut chosen = Self::all().0;
        for name in names {
            chosen.remove(known(name)?.name);
        }
        for table in tables::ALL.iter().filter(|table| chosen.contains(table.name)) {
            if let Some(missing) = table.brings.iter().find(|name| !chosen.contains(**name)) {
                return Err(needed(missing, table));
            }
        }
        if chosen.is_empty() { Err(nothing_chosen()) } else { Ok(Self(chosen)) }
    }

    /// Whether the table of this name is chosen.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// The chosen tables, in the order in which a run reads them.
    pub fn tables(&self) -> impl Iterator<Item = &'static Table> + '_ {
        tables::ALL.iter().copied().filter(|table| self.contains(table.name))
    }
}

fn known(name: &str) -> Result<&'static Table> {
    tables::by_name(name).ok_or_else(|| {
        let names: Vec<_> = tables::ALL.iter().map(|table| table.name).collect();
        Error::usage(format!("there is no table `{name}`"))
            .hint(format!("the tables are {}", names.join(", ")))
    })
}

fn needed(missing: &str, table: &Table) -> Error {
    let dependent =
        tables::ALL.iter().filter(|table| table.brings.contains(&missing)).map(|table| table.name);
    let all: Vec<&str> = std::iter::once(missing).chain(dependent).collect();
    Error::usage(format!("`{missing}` cannot be left out, since `{}` needs it", table.name))
        .hint(format!("leave out all that need it: --except {}", all.join(",")))
}

fn nothing_chosen() -> Error {
    Error::usage("no table is left to read")
        .hint("name at least one table; `drift2parquet tables` lists them")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn children_bring_their_parent() {
        let chosen = Selection::only(&names(&["campaigns"])).unwrap();
        assert!(
            chosen.contains("conversations") && chosen.contains("playbooks") && !chosen.contains("messages")
        );
        assert_eq!(Selection::only(&names(&["users"])).unwrap().tables().count(), 1);
    }

    #[test]
    fn a_parent_cannot_be_left_out_alone() {
        let error = Selection::except(&names(&["conversations"])).unwrap_err();
        assert_eq!(error.kind().exit_code(), 2);
        assert!(Selection::except(&names(&["messages", "meetings"])).is_ok());
    }

    #[test]
    fn an_unknown_table_is_named() {
        let error = Selection::only(&names(&["mesages"])).unwrap_err();
        assert!(error.to_string().contains("mesages") && error.advice().unwrap().contains("messages"));
    }
}
