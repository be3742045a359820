//! Stopped before and after every operation of the store: the lake is never broken, and the next run finishes
//! what was begun.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use async_trait::async_trait;
use bytes::Bytes;
use drift_simulator::{Behaviour, FaultScript, WorldConfig};
use drift2parquet::erase::Wanted;
use drift2parquet::error::{Error, Result};
use drift2parquet::store::{Creation, Directory, Entry, Etag, Expect, Guard, Opened, Store, Stored};
use drift2parquet::verify::Verdict;

use super::traces::Needles;
use super::{forget_on, reset_on};
use crate::account::Account;
use crate::counts::record;

/// A store that dies with one operation, done or not done, and stays dead.
#[derive(Debug)]
struct Mortal {
    inner: Directory,
    /// Operations until then.
    left: AtomicI64,
    /// Whether the last one is done.
    done: bool,
}

impl Mortal {
    fn new(root: &Path, left: i64, done: bool) -> Arc<Self> {
        Arc::new(Self { inner: Directory::new(root), left: AtomicI64::new(left), done })
    }

    fn used(&self, of: i64) -> i64 {
        of - self.left.load(Relaxed)
    }

    async fn live<T>(&self, work: impl Future<Output = Result<T>> + Send) -> Result<T> {
        match self.left.fetch_sub(1, Relaxed) {
            1.. => work.await,
            0 if self.done => work.await.and_then(|_| Err(dead())),
            _ => Err(dead()),
        }
    }
}

fn dead() -> Error {
    Error::store("killed")
}

#[async_trait]
impl Store for Mortal {
    fn uri(&self, path: &str) -> String {
        self.inner.uri(path)
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Entry>> {
        self.live(self.inner.list(prefix)).await
    }

    async fn get(&self, path: &str) -> Result<Option<Stored>> {
        self.live(self.inner.get(path)).await
    }

    async fn open(&self, path: &str) -> Result<Option<Opened>> {
        self.live(self.inner.open(path)).await
    }

    async fn create(&self, path: &str, bytes: Bytes) -> Result<Creation> {
        self.live(self.inner.create(path, bytes)).await
    }

    async fn replace(&self, path: &str, bytes: Bytes, expect: Expect) -> Result<Etag> {
        self.live(self.inner.replace(path, bytes, expect)).await
    }

    async fn overwrite(&self, path: &str, bytes: Bytes) -> Result<()> {
        self.live(self.inner.overwrite(path, bytes)).await
    }

    async fn delete(&self, path: &str) -> Result<()> {
        self.live(self.inner.delete(path)).await
    }

    async fn settle(&self, path: &str) -> Result<()> {
        self.live(self.inner.settle(path)).await
    }

    async fn lock(&self) -> Result<Option<Box<dyn Guard>>> {
        self.live(self.inner.lock()).await
    }
}

/// A lake with something of everything that can name somebody, and whom it names.
async fn loaded(seed: u64) -> Account {
    let world = WorldConfig {
        conversations: 9,
        months: 1,
        users: 3,
        accounts: 2,
        meetings: 4,
        ..WorldConfig::small(seed)
    };
    let mut account = Account::of(world, Behaviour::default());
    account.drift.set_faults("conversation every=9 503-json; contact every=5 503-json".parse().unwrap());
    account.run().await;
    account.drift.set_faults("flip messages id object-for-string every=9".parse().unwrap());
    account.run().await;
    account.drift.set_faults(FaultScript::default());
    account
}

/// The same lake once more.
fn copy(account: &Account) -> Account {
    let other = account.with_new_lake();
    copy_folder(account.lake.path(), other.lake.path());
    other
}

fn copy_folder(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap().map(std::result::Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Steps to stop at: before each operation, which is after the one before it. Sometimes the operation is done
/// and its answer lost.
fn stops(operations: i64) -> impl Iterator<Item = (i64, bool)> {
    (0..operations).flat_map(|step| {
        let lost = (step % 5 == 0).then_some((step, true));
        [(step, false)].into_iter().chain(lost)
    })
}

#[tokio::test(start_paused = true)]
async fn forget_is_finished_wherever_it_was_stopped() {
    let account = loaded(401).await;
    let contact = account.busy_contact();
    let needles = Needles::of_contact(&account, contact);
    assert!(!needles.traces(&account).is_empty());
    let wanted = Wanted::Contacts(vec![account.contact_id(contact)]);
    let lake = copy(&account);
    let whole = Mortal::new(lake.lake.path(), 1 << 40, true);
    forget_on(whole.clone(), 1, &wanted).await.unwrap();
    let (operations, mut cases) = (whole.used(1 << 40), 0);
    assert!(operations > 30, "{operations}");
    for (step, done) in stops(operations) {
        let mut lake = copy(&account);
        let mortal = Mortal::new(lake.lake.path(), step, done);
        assert!(forget_on(mortal, 2, &wanted).await.is_err(), "{step} {done}");
        let valid = lake.is_valid(Verdict::Unfinished).await;
        valid.unwrap_or_else(|found| panic!("{step} {done}: {found}"));
        finish(&mut lake, &wanted, &needles, step).await;
        cases += 1;
    }
    record("forget", &[("kills", cases)]);
}

/// What was begun is finished by `sync` alone; what was not is asked for again.
async fn finish(lake: &mut Account, wanted: &Wanted, needles: &Needles, step: i64) {
    let begun = !lake.manifest().await.forgotten.is_empty();
    if begun && step % 3 == 0 {
        lake.run().await;
    } else {
        // Killed once more on the way.
        let mortal = Mortal::new(lake.lake.path(), (step * 7) % 41, step % 3 == 0);
        let _ = forget_on(mortal, 3, wanted).await;
        lake.is_valid(Verdict::Unfinished).await.unwrap();
        lake.forget(wanted).await;
    }
    assert_eq!(needles.traces(lake), Vec::<String>::new(), "{step}");
    if step % 3 == 1 {
        lake.sound_run().await.unwrap();
        assert_eq!(needles.traces(lake), Vec::<String>::new(), "{step}");
    }
    lake.is_proven().await;
}

#[tokio::test(start_paused = true)]
async fn reset_is_whole_or_not_at_all_wherever_it_was_stopped() {
    let world = WorldConfig {
        conversations: 6,
        months: 1,
        users: 3,
        accounts: 2,
        meetings: 4,
        ..WorldConfig::small(410)
    };
    let mut account = Account::of(world, Behaviour::default());
    account.run_to_the_end().await;
    let live = account.live().unwrap();
    let mut cases = 0;
    for table in ["conversations", "messages", "contacts", "inboxes"] {
        let lake = copy(&account);
        let whole = Mortal::new(lake.lake.path(), 1 << 40, true);
        reset_on(whole.clone(), 1, table).await.unwrap();
        for (step, done) in stops(whole.used(1 << 40)) {
            let mut lake = copy(&account);
            let mortal = Mortal::new(lake.lake.path(), step, done);
            assert!(reset_on(mortal, 2, table).await.is_err(), "{table} {step} {done}");
            let valid = lake.is_valid(Verdict::Unfinished).await;
            valid.unwrap_or_else(|found| panic!("{table} {step}: {found}"));
            if step % 2 == 0 {
                lake.reset(table).await;
                lake.is_proven().await;
                assert!(lake.live().unwrap()[table].is_empty());
            }
            lake.sound_run().await.unwrap();
            assert_eq!(lake.live().unwrap(), live, "{table} {step} {done}");
            lake.is_proven().await;
            cases += 1;
        }
    }
    record("reset", &[("kills", cases)]);
}
