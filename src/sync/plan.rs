//! From what is listed and what is stored to what must be fetched. Pure: no call, no clock, no store.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::ledger::{Entry, Ledger};
use super::listed::Row;
use super::orphans::Orphans;
use crate::config::{ABSENT_MIN, ABSENT_SHARE_MAX};
use crate::schema::Span;

/// What decides about a plan.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// Whether messages are read too.
    pub with_messages: bool,
    /// Whether the walk listed everything.
    pub full: bool,
    /// Whether children are fetched again where they are settled.
    pub refetch: bool,
    /// Go on although very many conversations vanished.
    pub accept_deletions: bool,
    /// Conversations that changed before this (epoch microseconds) are left out.
    pub since_us: Option<i64>,
    /// When the walk began.
    pub walk: Timestamp,
    /// What a partition spans.
    pub span: Span,
}

/// One conversation to fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Todo {
    pub id: i64,
    /// Index into [`Plan::partitions`]; none while nobody knows when the conversation began.
    pub partition: Number,
    /// Index into the listed rows.
    pub listed: Number,
    /// The lake has it.
    pub known: bool,
    /// A full walk did not list it.
    pub absent: bool,
}

/// A number that may be none, in four bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number(u32);

impl Number {
    /// The number, if it is one.
    pub fn get(self) -> Option<u32> {
        (self.0 != u32::MAX).then_some(self.0)
    }
}

impl From<Option<u32>> for Number {
    fn from(number: Option<u32>) -> Self {
        Self(number.unwrap_or(u32::MAX))
    }
}

/// What must be fetched, newest partition first.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub todos: Vec<Todo>,
    pub partitions: Vec<String>,
    /// Distinct ids that count for completeness: listed and within the bound.
    pub counted: u64,
    /// Stored and live, but not listed by a full walk.
    pub absent: u64,
    /// So many are absent that the answer is doubted; they are not asked for.
    pub doubts_absence: bool,
    numbers: BTreeMap<String, u32>,
}

/// Plans what to fetch: pending keys, listed conversations that are not settled, stored ones that lack
/// messages, and, after a full walk, stored ones that were not listed.
pub(super) fn plan(listed: &[Row], ledger: &Ledger, pending: &[i64], rules: Rules) -> Plan {
    let wanted = |number: u32, row: &Row| {
        let unsettled = !ledger.is_settled(number as usize);
        let wants = || ledger.get(row.id).is_none_or(|entry| rules.wants(row, entry));
        unsettled && (wants() || pending.binary_search(&row.id).is_ok())
    };
    let included = || (0..).zip(listed).filter(|(_, row)| rules.includes(row));
    let count = included().filter(|(number, row)| wanted(*number, row)).count();
    let mut plan = Plan { todos: Vec::with_capacity(count), ..Plan::default() };
    for (number, row) in included() {
        plan.counted += 1;
        if wanted(number, row) {
            plan.push_listed(number, row, ledger, rules.span);
        }
    }
    plan.push_stored(listed, ledger, pending, rules);
    plan.push_unknown(listed, ledger, pending);
    plan.order();
    plan
}

impl Rules {
    /// Whether a listed conversation is inside the bound.
    pub fn includes(&self, row: &Row) -> bool {
        // A conversation without `updated_at` is inside every bound.
        self.since_us.is_none_or(|since| row.updated_us == i64::MIN || row.updated_us >= since)
    }

    /// Whether a conversation that is not listed is taken for one that may be gone.
    pub fn infers_absence(&self) -> bool {
        self.full && self.since_us.is_none()
    }

    /// Whether a listed conversation that is stored is fetched again.
    pub fn wants(&self, row: &Row, entry: &Entry) -> bool {
        if entry.doubted {
            return true;
        }
        if self.with_messages && entry.was_fetched_by(self.walk, row.updated_us) {
            return false;
        }
        self.refetch
            || !entry.is_settled(row.updated_us, self.with_messages)
            || (self.full && (entry.deleted || (entry.missing && self.with_messages)))
    }
}

impl Plan {
    fn push_listed(&mut self, number: u32, row: &Row, ledger: &Ledger, span: Span) {
        let entry = ledger.get(row.id);
        let partition = match entry {
            Some(entry) => self.number(ledger.partition(entry)),
            None => self.number(&span.of(row.created.get())),
        };
        let known = entry.is_some();
        self.todos.push(Todo {
            id: row.id,
            partition: Some(partition).into(),
            listed: Some(number).into(),
            known,
            absent: false,
        });
    }

    /// Stored conversations that the list did not bring: those that lack messages, are in doubt or are pending, and
    /// after a full walk those that are no longer listed.
    fn push_stored(&mut self, listed: &[Row], ledger: &Ledger, pending: &[i64], rules: Rules) {
        let is_listed = |id: i64| listed.binary_search_by_key(&id, |row| row.id).is_ok();
        let unlisted = || ledger.iter().filter(|entry| !is_listed(entry.id));
        let infers = rules.infers_absence();
        let absent = if infers { ledger.unlisted } else { 0 };
        self.absent = absent;
        self.doubts_absence = absent > ABSENT_MIN
            && absent as f64 > ledger.live as f64 * ABSENT_SHARE_MAX
            && !rules.accept_deletions;
        for entry in unlisted() {
            let absent = infers && !entry.deleted && !self.doubts_absence;
            let lacking = rules.with_messages && entry.lacks_messages();
            let doubted = entry.doubted && !self.doubts_absence;
            if absent || lacking || doubted || pending.binary_search(&entry.id).is_ok() {
                let partition = Some(self.number(ledger.partition(entry))).into();
                self.todos.push(Todo { id: entry.id, partition, listed: None.into(), known: true, absent });
            }
        }
    }

    /// Pending conversations of which nothing is known but the id.
    fn push_unknown(&mut self, listed: &[Row], ledger: &Ledger, pending: &[i64]) {
        for id in pending {
            let is_listed = listed.binary_search_by_key(id, |row| row.id).is_ok();
            if !is_listed && ledger.get(*id).is_none() {
                let (partition, listed) = (None.into(), None.into());
                self.todos.push(Todo { id: *id, partition, listed, known: false, absent: false });
            }
        }
    }

    /// Adds conversations of which only adopted rows are known, unless the list brought them. They stay in
    /// the partition of those rows.
    pub fn add_orphans(&mut self, orphans: &Orphans) {
        if orphans.parents.is_empty() {
            return;
        }
        let known: BTreeSet<i64> =
            self.todos.iter().filter(|todo| todo.listed.get().is_some()).map(|todo| todo.id).collect();
        self.todos.retain(|todo| todo.listed.get().is_some() || !orphans.parents.contains_key(&todo.id));
        for (id, partition) in orphans.parents.iter().filter(|(id, _)| !known.contains(id)) {
            let partition = Some(self.number(partition)).into();
            let (listed, known, absent) = (None.into(), false, false);
            self.todos.push(Todo { id: *id, partition, listed, known, absent });
        }
        self.order();
    }

    /// The number of a partition.
    pub fn number(&mut self, partition: &str) -> u32 {
        if let Some(number) = self.numbers.get(partition) {
            return *number;
        }
        let number = self.partitions.len() as u32;
        self.partitions.push(partition.to_owned());
        self.numbers.insert(partition.to_owned(), number);
        number
    }

    /// Newest partition first, so that the newest months are useful first.
    fn order(&mut self) {
        let partitions = &self.partitions;
        let name = |todo: &Todo| todo.partition.get().map(|number| partitions[number as usize].as_str());
        // In place, since no id is there twice.
        self.todos.sort_unstable_by(|one, other| name(other).cmp(&name(one)).then(one.id.cmp(&other.id)));
    }

    /// How many conversations each partition has to fetch.
    pub fn partition_sizes(&self) -> BTreeMap<Option<u32>, usize> {
        let mut sizes = BTreeMap::new();
        self.todos.iter().for_each(|todo| *sizes.entry(todo.partition.get()).or_default() += 1);
        sizes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_todo_is_small() {
        assert_eq!(size_of::<Todo>(), 24);
        assert_eq!(
            [None, Some(0), Some(7)].map(|number| Number::from(number).get()),
            [None, Some(0), Some(7)]
        );
    }
}
