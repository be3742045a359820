//! Each version of a published Delta table is the table of one manifest, whole: however often it is published,
//! by however many, and wherever a publication is killed.

pub mod delta;
mod door;
mod kept;
mod killed;
mod once;
mod together;

use std::time::Duration;

use drift_simulator::{Behaviour, WorldConfig};
use drift2parquet::clock::Clock;
use drift2parquet::error::Result;
use drift2parquet::lake::RunId;
use drift2parquet::manifest::Manifest;
use drift2parquet::publish::{Published, Settings, publish};
use drift2parquet::tables;
use jiff::Timestamp;

use self::delta::{Files, versions, wanted};
use crate::account::Account;
use crate::lake::Lake;

/// An account with something in every table.
fn account(seed: u64) -> Account {
    let world = WorldConfig {
        conversations: 12,
        months: 3,
        mean_messages: 3,
        users: 3,
        accounts: 2,
        meetings: 3,
        ..WorldConfig::small(seed)
    };
    Account::of(world, Behaviour::default())
}

/// Who publishes; no two alike.
pub fn publisher(number: u64) -> RunId {
    RunId { id: format!("publisher-{number}"), version: "0.0.0".to_owned(), seed: number }
}

/// When the first publication is.
pub fn start() -> Timestamp {
    "2026-10-02T00:00:00Z".parse().unwrap()
}

/// What was replaced stays for so long.
pub fn retaining(retain: Duration) -> Settings {
    Settings { retain, ..Settings::default() }
}

/// A place for a publication, and publications of an account's lake to it.
struct Place {
    folder: Lake,
    published: u64,
    now: Timestamp,
    settings: Settings,
}

impl Place {
    fn new() -> Self {
        Self { folder: Lake::in_directory(), published: 0, now: start(), settings: Settings::default() }
    }

    async fn publish(&mut self, account: &Account) -> Result<Published> {
        self.published += 1;
        let (lake, target) = (account.lake.store(), self.folder.store());
        let (run, clock) = (publisher(self.published), Clock::starting_at(self.now));
        publish(lake.as_ref(), target.as_ref(), &run, clock, self.settings).await
    }

    fn files(&self) -> Files {
        self.folder.files("")
    }

    /// The newest version of every table is this manifest's.
    fn is_of(&self, manifest: &Manifest) {
        is_of(&self.files(), manifest);
    }
}

/// The newest version of every table is this manifest's.
pub fn is_of(files: &Files, manifest: &Manifest) {
    for table in tables::ALL {
        assert_eq!(versions(files, table.name).last(), Some(&wanted(manifest, table.name)), "{}", table.name);
    }
}
