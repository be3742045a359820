//! A publication is killed at operations of the disk from the first to the last: before it, after it, within it,
//! with and without the power failing. Every version is whole all the same, and the next publication ends as if nothing had been.

use std::sync::Arc;

use drift_simulator::Mutation;
use drift2parquet::clock::Clock;
use drift2parquet::publish::{Settings, publish};
use drift2parquet::store::{Directory, Store};
use drift2parquet::tables;

use super::delta::{Files, versions, wanted};
use super::{account, is_of, publisher, start};
use crate::account::Account;
use crate::counts::record;
use crate::crash::{Cut, Kept, MemoryDisk, Tree, live};
use crate::lake::Lake;

const PLACE: &str = "/published";

fn target(disk: &MemoryDisk) -> Arc<dyn Store> {
    Arc::new(Directory::on(Arc::new(disk.clone()), PLACE))
}

fn files(disk: &MemoryDisk) -> Files {
    let tree = disk.tree();
    let found = tree.files(std::path::Path::new(PLACE)).unwrap().into_iter();
    found.map(|(path, id)| (path.display().to_string(), tree.bytes(id).unwrap().clone())).collect()
}

async fn publish_on(disk: &MemoryDisk, number: u64) -> bool {
    let lake = Lake::Memory(disk.clone()).store();
    let (to, run) = (target(disk), publisher(number));
    let clock = Clock::starting_at(start());
    publish(lake.as_ref(), to.as_ref(), &run, clock, Settings::default()).await.is_ok()
}

/// A lake that is published, and has changed since.
fn changed(make: fn(Tree) -> MemoryDisk) -> Account {
    let disk = make(Tree::default());
    let mut account = account(720).with_lake(Lake::Memory(disk.clone()));
    live(async {
        account.run_to_the_end().await;
        assert!(publish_on(&disk, 1).await);
        account.change([
            Mutation::AddMessage { conversation: 3 },
            Mutation::AddConversations { count: 1 },
            Mutation::AdvanceClock { ms: 7_200_000 },
        ]);
        account.run_to_the_end().await;
    });
    account
}

/// Dies at an operation; whether there was one.
fn dies(disk: &MemoryDisk, at: usize, cut: Cut) -> bool {
    disk.fate().begin(Some((at, cut)));
    let ended = live(async {
        tokio::select! {
            biased;
            () = disk.fate().stopped() => None,
            ended = publish_on(disk, 2) => Some(ended),
        }
    });
    let was_there = disk.fate().operations().len() > at;
    disk.fate().begin(None);
    assert!(ended != Some(false) || cut == Cut::Refused, "a publication failed that was not killed");
    was_there
}

const WAYS: [(Cut, bool); 4] =
    [(Cut::Before, false), (Cut::After, true), (Cut::Torn, true), (Cut::Refused, false)];

fn sweep(make: fn(Tree) -> MemoryDisk, step: usize) -> u64 {
    let account = changed(make);
    let before = account.lake.disk().tree().clone();
    let manifest = live(account.manifest());
    let first = files(account.lake.disk());
    let old: Vec<_> = tables::ALL.iter().map(|table| versions(&first, table.name)).collect();
    let mut deaths = 0;
    for (way, (cut, power)) in WAYS.into_iter().enumerate() {
        // Each way takes its share of the operations; that a death falls between two others proves little more.
        for at in (way..).step_by(step) {
            let disk = make(before.clone());
            if !dies(&disk, at, cut) {
                break;
            }
            if power {
                disk.lose_power(Kept::Nothing);
            }
            deaths += 1;
            let left = files(&disk);
            for (table, old) in tables::ALL.iter().zip(&old) {
                let now = versions(&left, table.name);
                let whole = now == *old || now.last() == Some(&wanted(&manifest, table.name));
                assert!(whole, "{} after {at} {cut:?}: {now:?}", table.name);
            }
            assert!(live(publish_on(&disk, 3)), "{at} {cut:?}");
            is_of(&files(&disk), &manifest);
            let again = files(&disk);
            assert!(live(publish_on(&disk, 4)) && files(&disk) == again, "{at} {cut:?}");
        }
    }
    deaths
}

#[test]
fn stopped_anywhere() {
    let deaths = sweep(MemoryDisk::of, 5);
    assert!(deaths > 100, "{deaths}");
    record("publications", &[("kills", deaths)]);
}

#[test]
fn stopped_anywhere_on_a_disk_without_links() {
    let deaths = sweep(MemoryDisk::without_links, 11);
    assert!(deaths > 50, "{deaths}");
    record("publications", &[("kills", deaths)]);
}
