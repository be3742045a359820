//! Lakes on a real server that speaks S3 (SeaweedFS), straight and through a proxy that harms requests: what
//! holds in a directory and in memory holds there too. Lean, since every request is a real one.

mod check;
mod crashes;
mod door;
mod faults;
mod memory;
mod prefix;
mod proxy;
mod publish;
mod server;
mod writers;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use drift_simulator::{Behaviour, Mutation, WorldConfig};
use drift2parquet::verify::Verdict;

use crate::account::Account;
use crate::faults::{Found, same};
use crate::lake::Lake;

pub use self::prefix::Prefix;

/// By then the lease of a run that was killed has run out.
const LEASE_IS_OVER: Duration = Duration::from_secs(16 * 60);

/// The least account that has everything, and a lake of its own on the server.
fn tiny(prefix: Prefix) -> Account {
    let world = WorldConfig { conversations: 4, months: 2, ..WorldConfig::small(3) };
    let world = WorldConfig { users: 2, accounts: 2, teams: 1, playbooks: 2, meetings: 2, ..world };
    let mut account = Account::of(world, Behaviour::default()).with_lake(Lake::Bucket(prefix));
    // Every partition is committed by itself, so that there are many steps.
    account.settings.checkpoint_bytes = 1;
    account.settings.concurrency = 2;
    account.hurries = true;
    account
}

/// What changes between two runs.
fn change(account: &Account) {
    account.change([
        Mutation::AddMessage { conversation: 1 },
        Mutation::AddConversations { count: 1 },
        Mutation::AdvanceClock { ms: 48 * 3_600_000 },
    ]);
}

/// The account, loaded once and changed since if so asked, and where its lake is.
async fn prepared(changed: bool) -> (Account, Prefix) {
    let prefix = Prefix::new();
    let mut account = tiny(prefix.clone());
    if changed {
        account.run_to_the_end().await;
        change(&account);
    }
    (account, prefix)
}

/// The objects of a lake that met with no harm: in a directory, since they are the same bytes everywhere.
async fn unharmed(changed: bool) -> BTreeMap<String, Bytes> {
    let mut account = tiny(Prefix::new()).with_lake(Lake::in_directory());
    account.run_to_the_end().await;
    if changed {
        change(&account);
        account.run_to_the_end().await;
    }
    account.objects()
}

impl Account {
    /// Wrong unless the lake is proven and holds these objects, byte for byte.
    async fn is_exactly(&self, wanted: &BTreeMap<String, Bytes>) -> Found {
        self.is_valid(Verdict::Proven).await?;
        let found = self.objects();
        if found == *wanted {
            return Ok(());
        }
        let differs = |path: &&String| found.get(*path) != wanted.get(*path);
        let paths: Vec<_> = wanted.keys().chain(found.keys()).filter(differs).collect();
        Err(format!("other bytes: {paths:?}"))
    }

    /// The next run, when the lease of the one before has run out, ends exactly.
    async fn ends_exactly(&mut self, wanted: &BTreeMap<String, Bytes>) -> Found {
        self.ahead += LEASE_IS_OVER;
        self.sound_run().await?;
        self.is_exactly(wanted).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lake_on_the_server_is_that_in_a_directory_byte_for_byte() {
    let mut account = tiny(Prefix::new());
    account.run_to_the_end().await;
    account.is_exactly(&unharmed(false).await).await.unwrap();
    change(&account);
    account.run_to_the_end().await;
    account.is_exactly(&unharmed(true).await).await.unwrap();
    let mut twin = account.with_new_lake();
    twin.run_to_the_end().await;
    same(&account.live().unwrap(), &twin.live().unwrap()).unwrap();
}
