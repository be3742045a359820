//! What is forgotten is nowhere any more, in no byte of the lake, and no later run brings it back; a table that
//! is reset comes back as it was. Also when either is stopped before or after any operation of the store.

mod damaged;
pub mod door;
mod erase;
mod kill;
mod notes;
mod reset;
pub mod traces;

use std::sync::Arc;

use drift2parquet::clock::Clock;
use drift2parquet::erase::Wanted;
use drift2parquet::error::Result;
use drift2parquet::forget::{Forgetting, forget};
use drift2parquet::lake::RunId;
use drift2parquet::report::Completeness;
use drift2parquet::reset::{Dropped, reset};
use drift2parquet::store::{Directory, Store};
use drift2parquet::tables;
use drift2parquet::verify::Verdict;

use crate::account::Account;

pub use self::traces::Needles;

/// What becomes of an attempt to forget on some store.
pub async fn forget_on(store: Arc<dyn Store>, seed: u64, wanted: &Wanted) -> Result<Forgetting> {
    forget(store, run(seed), clock(), wanted, false).await
}

/// What becomes of an attempt to reset a table on some store.
pub async fn reset_on(store: Arc<dyn Store>, seed: u64, table: &str) -> Result<Dropped> {
    reset(store, run(seed), clock(), tables::by_name(table).unwrap()).await
}

fn run(seed: u64) -> RunId {
    RunId { id: format!("forget-{seed}"), version: "0.0.0".to_owned(), seed }
}

pub fn clock() -> Clock {
    Clock::starting_at("2026-10-02T00:00:00Z".parse().unwrap())
}

impl Account {
    fn store(&self) -> Arc<dyn Store> {
        Arc::new(Directory::new(self.lake.path()))
    }

    /// Forgets, which must succeed.
    pub async fn forget(&self, wanted: &Wanted) -> Forgetting {
        forget_on(self.store(), 1, wanted).await.unwrap()
    }

    /// What forgetting would come to.
    pub async fn foresee(&self, wanted: &Wanted) -> Forgetting {
        forget(self.store(), run(1), clock(), wanted, true).await.unwrap()
    }

    /// Resets a table, which must succeed.
    pub async fn reset(&self, table: &str) -> Dropped {
        reset_on(self.store(), 1, table).await.unwrap()
    }

    /// Fails unless the lake is proven.
    pub async fn is_proven(&self) {
        self.is_valid(Verdict::Proven).await.unwrap();
    }

    /// A contact with conversations, with whom one of the next new conversations will be.
    pub fn busy_contact(&self) -> u32 {
        self.drift.with_world(|world| {
            let rows = world.conversation_rows();
            let next = (rows..rows + 8).map(|row| world.contact_of(row)).filter(|contact| *contact < rows);
            let known = (0..rows).rev().map(|row| world.contact_of(row));
            let has_some = |contact: &u32| world.conversations_of(*contact).count() > 0;
            let mut all = next.chain(known).filter(|contact| world.contact_resolves(*contact));
            all.find(has_some).unwrap()
        })
    }

    pub fn contact_id(&self, row: u32) -> i64 {
        self.drift.with_world(|world| world.contact_id(row))
    }

    pub fn conversation_id(&self, row: u32) -> i64 {
        self.drift.with_world(|world| world.conversation_id(row))
    }

    /// Ids of the contact's conversations, those that came later included.
    pub fn conversations_of(&self, contact: u32) -> Vec<i64> {
        self.drift.with_world(|world| {
            world.conversations_of(contact).map(|row| world.conversation_id(row)).collect()
        })
    }
}

/// Wrong unless the sum holds with so many forgotten.
fn adds_up(sum: Option<&Completeness>, forgotten: usize) {
    let sum = sum.unwrap();
    assert!(sum.holds, "{sum:?}");
    assert_eq!(sum.forgotten, forgotten as u64, "{sum:?}");
}
