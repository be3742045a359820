//! Another hand puts an older copy of an object into a lake, or one of another partition, after a run had ended: no
//! run says that all is there until it is, and the runs themselves see to that.

use std::collections::BTreeMap;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use bytes::Bytes;
use drift_simulator::{Behaviour, FaultScript, Mutation, WorldConfig};
use drift2parquet::config::{Selection, SyncSettings};
use drift2parquet::data_file;
use drift2parquet::erase::Wanted;
use drift2parquet::manifest::RunStatus;
use drift2parquet::schema::Table;
use drift2parquet::status::status;
use drift2parquet::tables;
use drift2parquet::verify::Verdict;

use crate::account::Account;
use crate::archive::made_again;
use crate::crash::Cut;
use crate::crash::life::{Death, live as life};
use crate::faults::Rows;
use crate::faults::scripts::changes;
use crate::forget::reset_on;
use crate::lake::Lake;

fn account(seed: u64) -> Account {
    let world = WorldConfig { conversations: 40, months: 4, ..WorldConfig::small(seed) };
    Account::of(world, Behaviour::default())
}

impl Account {
    /// An account after some changes, all of which the lake has; and its objects as they were before these.
    async fn aged(seed: u64) -> (Self, BTreeMap<String, Bytes>) {
        let mut account = account(seed);
        account.run_to_the_end().await;
        let before = account.objects();
        for round in 0..3 {
            account.wait(24);
            account.drift.mutate(seed * 8 + round, changes(&mut fastrand::Rng::with_seed(seed + round)));
        }
        account.wait(24);
        (account.settings.full, account.settings.refetch) = (true, true);
        account.run_to_the_end().await;
        account.settings = SyncSettings::default();
        account.wait(1);
        account.run_to_the_end().await;
        (account, before)
    }

    fn put(&self, path: &str, bytes: &Bytes) {
        if let Lake::Memory(_) = self.lake {
            // A runtime cannot wait within another.
            let put = || life(self.lake.store().overwrite(path, bytes.clone())).unwrap();
            return std::thread::scope(|scope| scope.spawn(put).join().unwrap());
        }
        let place = self.lake.path().join(path);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(place, bytes).unwrap();
    }

    /// Puts an older copy in place of an object of messages that has changed since; answers its path.
    fn put_older_messages(&self, before: &BTreeMap<String, Bytes>) -> String {
        let now = self.objects();
        let is_older = |path: &&String| path.starts_with("messages/") && now[*path] != before[*path];
        let path = before.keys().find(is_older).unwrap();
        self.put(path, &before[path]);
        path.clone()
    }

    /// Fails unless the next run says by its code that something was changed, and the one after it has nothing to say.
    async fn is_told_and_mended(&mut self) {
        assert_eq!(self.run().await.report.exit_code, 7);
        self.wait(1);
        self.run_to_the_end().await;
        self.is_proven().await;
    }

    /// The objects of a table with more than a few rows, the largest first.
    async fn largest(&self, table: &str) -> Vec<String> {
        let manifest = self.manifest().await;
        let objects = &manifest.tables[table].objects;
        let mut paths: Vec<_> = objects.iter().map(|(path, object)| (object.rows, path.clone())).collect();
        paths.sort();
        paths.into_iter().rev().map(|(_, path)| path).collect()
    }

    /// The partition of each row of a table, by a column, in order; a row that stands twice is there twice.
    fn places(&self, table: &'static Table, column: &str) -> Vec<(i64, String)> {
        let mut places = Vec::new();
        for (path, bytes) in self.lake.files(table.name) {
            let partition = path.split('/').nth(1).unwrap().to_owned();
            for batch in data_file::open(table, bytes).unwrap().columns(&[column]).unwrap() {
                let batch = batch.unwrap();
                let values = batch.column(0).as_primitive::<Int64Type>().values();
                places.extend(values.iter().map(|value| (*value, partition.clone())));
            }
        }
        places.sort();
        places
    }

    /// Exchanges the objects of the two largest partitions of conversations, in these tables; answers what was changed.
    async fn exchange(&self, tables: &[&str]) -> Vec<String> {
        let (largest, objects) = (self.largest("conversations").await, self.objects());
        let partition = |path: &str| path.split('/').nth(1).unwrap().to_owned();
        let (one, other) = (partition(&largest[0]), partition(&largest[1]));
        let mut changed = Vec::new();
        for table in tables {
            let path = |partition: &str| format!("{table}/{partition}/{table}.parquet");
            self.put(&path(&one), &objects[&path(&other)]);
            self.put(&path(&other), &objects[&path(&one)]);
            changed.extend([path(&one), path(&other)]);
        }
        changed
    }

    /// Fails unless the archive makes the very objects again that the lake has, and a lake that is proven.
    async fn into_proven_again(self, what: &str) {
        self.is_made_again(&[]).await.unwrap_or_else(|wrong| panic!("{what}: {wrong}"));
        let (again, _) = made_again(&self.lake).await.unwrap();
        self.with_lake(again).is_proven().await;
    }

    /// Fails unless one run finds what was changed and the next has it right again, as `live` has it.
    async fn comes_right(&mut self, changed: &[String], live: &Rows, what: &str) {
        self.wait(1);
        let report = self.run().await.report;
        assert_eq!(report.exit_code, 7, "{what}: {:?}", report.warnings);
        for path in changed {
            assert!(report.warnings.iter().any(|warning| warning.contains(path)), "{what}: {path}");
        }
        self.wait(1);
        let report = self.run_to_the_end().await;
        assert!(report.warnings.is_empty(), "{what}: {:?}", report.warnings);
        assert!(self.manifest().await.doubted.is_empty(), "{what}");
        self.is_proven().await;
        let now = self.live().unwrap();
        for (table, rows) in live {
            assert!(now[table] == *rows, "{what}: {table} is not as it was");
        }
    }
}

/// Bug: the run after the one that had found an older copy ended as if nothing were missing.
#[tokio::test(start_paused = true)]
async fn older_copies_of_any_table_come_right() {
    let (mut account, before) = Account::aged(1_310).await;
    let (live, now) = (account.live().unwrap(), account.objects());
    let mut tried = 0;
    for table in tables::ALL {
        let is_older = |path: &&String| {
            path.split('/').next() == Some(table.name)
                && now.get(*path).is_some_and(|bytes| *bytes != before[*path])
        };
        let older: Vec<String> = before.keys().filter(is_older).cloned().collect();
        if older.is_empty() {
            continue;
        }
        tried += 1;
        for path in &older {
            account.put(path, &before[path]);
        }
        account.comes_right(&older, &live, table.name).await;
    }
    assert!(tried > 6, "{tried}");
}

/// Bug: rows of a copy of another partition stood twice for ever, whatever run came after.
#[tokio::test(start_paused = true)]
async fn copies_of_another_partition_come_right() {
    let (mut account, _) = Account::aged(1_320).await;
    let live = account.live().unwrap();
    for table in ["conversations", "messages", "campaign_members", "contacts"] {
        let largest = account.largest(table).await;
        let (one, other) = (&largest[0], &largest[1]);
        let bytes = account.objects()[one].clone();
        account.put(other, &bytes);
        account.comes_right(std::slice::from_ref(other), &live, table).await;
    }
}

/// Bug: rows stayed in the partition that another hand had put them into, which was not that of their conversation.
#[tokio::test(start_paused = true)]
async fn partitions_that_were_exchanged_go_home() {
    let (mut account, _) = Account::aged(1_330).await;
    let live = account.live().unwrap();
    let places = |account: &Account| {
        [(&tables::CONVERSATIONS, "id"), (&tables::MESSAGES, "id"), (&tables::CAMPAIGN_MEMBERS, "resultid")]
            .map(|(table, column)| account.places(table, column))
    };
    let before = places(&account);
    for exchanged in [
        &["conversations"][..],
        &["messages"],
        &["conversations", "messages"],
        &["conversations", "messages", "campaign_members"],
    ] {
        let changed = account.exchange(exchanged).await;
        account.comes_right(&changed, &live, "exchanged").await;
        assert!(places(&account) == before, "{exchanged:?}");
    }
}

/// Conversations, and messages, that only the lake has any more are not dropped for standing where they do not belong.
#[tokio::test(start_paused = true)]
async fn what_drift_has_erased_goes_home_too() {
    let mut account = account(1_335);
    account.run_to_the_end().await;
    let erased = (1..=30).map(|conversation| Mutation::EraseConversation { conversation });
    account.change(erased);
    account.wait(24);
    (account.settings.full, account.settings.accept_deletions) = (true, true);
    account.run_to_the_end().await;
    account.settings = SyncSettings::default();
    let all = |account: &Account| {
        [(&tables::CONVERSATIONS, "contact_id"), (&tables::MESSAGES, "id")]
            .map(|(table, column)| account.places(table, column))
    };
    let before = all(&account);
    for exchanged in [&["conversations"][..], &["messages"], &["conversations", "messages"]] {
        account.exchange(exchanged).await;
        account.wait(1);
        account.is_told_and_mended().await;
        assert!(all(&account) == before, "{exchanged:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_copy_in_a_partition_that_nobody_has_comes_right() {
    let (mut account, _) = Account::aged(1_340).await;
    let live = account.live().unwrap();
    for table in ["conversations", "messages", "campaign_members"] {
        let largest = account.largest(table).await;
        let bytes = account.objects()[&largest[0]].clone();
        let new = format!("{table}/month=1999-01/{table}.parquet");
        account.put(&new, &bytes);
        account.comes_right(&[new], &live, table).await;
    }
}

/// Bug: that an object was changed was known to one run alone, whatever that run had read.
#[tokio::test(start_paused = true)]
async fn an_object_stays_in_doubt_until_its_table_was_read() {
    let (mut account, before) = Account::aged(1_350).await;
    let path = account.put_older_messages(&before);
    account.settings.tables = Selection::only(&["users".to_owned()]).unwrap();
    for _ in 0..2 {
        let report = account.run().await.report;
        assert_eq!(report.exit_code, 7);
        assert!(report.warnings.iter().any(|warning| warning.contains(path.as_str())), "{report:?}");
        let found = account.verified().await.unwrap();
        assert_eq!(found.verdict, Verdict::Unfinished, "{:?}", found.findings);
        assert!(found.findings.iter().any(|finding| finding.place == path && finding.hint.contains("sync")));
        let told = status(&*account.lake.store(), "lake", jiff::Timestamp::UNIX_EPOCH).await.unwrap();
        assert_eq!(told.doubted, std::slice::from_ref(&path));
    }
    account.settings = SyncSettings::default();
    account.run_to_the_end().await;
    assert!(account.manifest().await.doubted.is_empty());
    account.is_proven().await;
}

/// A run that cannot ask for everything leaves what it asked for in vain to the next one.
#[tokio::test(start_paused = true)]
async fn what_could_not_be_asked_for_is_asked_for_by_the_next_run() {
    let (mut account, before) = Account::aged(1_360).await;
    let live = account.live().unwrap();
    for faults in ["messages nth=2 400-json", "conversations nth=1 400-json", "conversation every=1 400-json"]
    {
        account.put_older_messages(&before);
        account.drift.set_faults(faults.parse().unwrap());
        account.wait(1);
        let _ = account.attempt().await;
        account.drift.set_faults(FaultScript::default());
        account.wait(1);
        account.run().await;
        account.wait(1);
        account.run_to_the_end().await;
        account.is_proven().await;
        assert!(account.live().unwrap()["messages"] == live["messages"], "{faults}");
    }
}

/// Bug: where conversations that Drift had erased were lost, their messages stood there without them for good.
#[tokio::test(start_paused = true)]
async fn messages_get_a_conversation_again_that_drift_has_erased() {
    let mut account = account(1_380);
    account.run_to_the_end().await;
    for id in 1..=20 {
        account.drift.apply(Mutation::EraseConversation { conversation: id });
    }
    account.wait(24);
    account.settings.full = true;
    account.run_to_the_end().await;
    let largest = account.largest("conversations").await;
    // Nor may the members go that are all that is left of theirs.
    let members = account.places(&tables::CAMPAIGN_MEMBERS, "resultid");
    for other in &largest[1..3] {
        account.put(other, &account.objects()[&largest[0]]);
    }
    account.wait(1);
    account.is_told_and_mended().await;
    assert_eq!(account.places(&tables::CAMPAIGN_MEMBERS, "resultid"), members);
}

/// Bug: contacts in exchanged buckets were dropped; of those that Drift had erased, only the id came back.
#[tokio::test(start_paused = true)]
async fn contacts_in_exchanged_buckets_go_home() {
    let mut account = account(1_390);
    account.settings.raw = true;
    account.run_to_the_end().await;
    account.change((1..=12).map(|contact| Mutation::EraseContact { contact }));
    account.wait(24 * 8);
    account.settings.full = true;
    account.run_to_the_end().await;
    account.settings.full = false;
    let (largest, before) = (account.largest("contacts").await, account.objects());
    let (one, other) = (&largest[0], &largest[1]);
    account.put(one, &before[other]);
    account.put(other, &before[one]);
    account.wait(1);
    account.is_told_and_mended().await;
    for path in [one, other] {
        assert!(account.objects()[path] == before[path], "{path}");
    }
    account.into_proven_again("contacts").await;
}

/// Bug: a walk that began at the very instant of an earlier one, and went on in a second run, took for asked again what
/// that one had fetched.
#[tokio::test(start_paused = true)]
async fn a_walk_at_the_instant_of_another_asks_again_all_the_same() {
    let world = WorldConfig { conversations: 160, months: 3, ..WorldConfig::small(1_395) };
    let mut account = Account::of(world, Behaviour::default());
    account.run_to_the_end().await;
    let (live, largest) = (account.live().unwrap(), account.largest("messages").await);
    account.put(&largest[1], &account.objects()[&largest[0]]);
    account.drift.set_faults("conversation every=1 503-html".parse().unwrap());
    let _ = account.attempt().await;
    account.drift.set_faults(FaultScript::default());
    for _ in 0..2 {
        account.run().await;
    }
    account.wait(1);
    account.run_to_the_end().await;
    account.is_proven().await;
    assert!(account.live().unwrap()["messages"] == live["messages"]);
}

/// Bug: where the run that had found a change died, none ever said so.
#[tokio::test(start_paused = true)]
async fn a_change_is_told_by_the_run_after_one_that_died() {
    let (mut account, before) = Account::aged(1_390).await;
    let path = account.put_older_messages(&before);
    account.drift.set_faults("conversations every=1 400-json".parse().unwrap());
    account.wait(1);
    let _ = account.attempt().await;
    assert!(account.manifest().await.doubted.contains(&path));
    account.drift.set_faults(FaultScript::default());
    account.wait(1);
    account.is_told_and_mended().await;
}

#[tokio::test(start_paused = true)]
async fn forgetting_and_resetting_know_of_doubts() {
    let (mut account, before) = Account::aged(1_370).await;
    let path = account.put_older_messages(&before);
    account.forget(&Wanted::Deleted).await;
    assert!(account.manifest().await.doubted.contains(&path), "`forget` has met it first");
    reset_on(account.lake.store(), 1, "messages").await.unwrap();
    assert!(account.manifest().await.doubted.is_empty());
    account.wait(1);
    account.run_to_the_end().await;
    account.is_proven().await;
}

/// Bug: what was fetched again bore another time than in the lake that was made again from the archive.
#[tokio::test(start_paused = true)]
async fn an_archive_makes_the_lake_again_that_came_right() {
    for (seed, of) in (1_400..).zip(1..=4) {
        let mut account = account(seed);
        account.settings.raw = true;
        account.run_to_the_end().await;
        account.settings.checkpoint_bytes = [64 << 20, 2_000][of % 2];
        let live = account.live().unwrap();
        let largest = account.largest("conversations").await;
        let bytes = account.objects()[&largest[0]].clone();
        let changed = &largest[1..2 + of / 3];
        for path in changed {
            account.put(path, &bytes);
        }
        account.comes_right(changed, &live, "with an archive").await;
        account.into_proven_again("copied").await;
    }
}

/// Wherever a run dies that takes rows home, the next ones have each at home once, and the archive makes the same lake.
#[test]
fn wherever_a_run_dies_that_takes_rows_home_they_come_home() {
    for is_exchanged in [true, false] {
        for at in (0..).step_by(5) {
            let world = WorldConfig { conversations: 8, months: 3, ..WorldConfig::small(1_395) };
            let mut account = Account::of(world, Behaviour::default()).in_memory();
            account.settings.raw = true;
            (account.settings.checkpoint_bytes, account.settings.concurrency) = (2_000, 1);
            life(account.run_to_the_end());
            let (live, before) = (account.live().unwrap(), account.places(&tables::CONVERSATIONS, "id"));
            if is_exchanged {
                life(account.exchange(&["conversations", "messages"]));
            } else {
                let largest = life(account.largest("conversations"));
                account.put(&largest[1], &account.objects()[&largest[0]]);
            }
            account.wait(1);
            let (cut, power) = ([Cut::Before, Cut::After, Cut::Torn][at % 3], None);
            let ended = account.run_to_death(Death { at, cut, power });
            for _ in 0..2 {
                account.wait(1);
                life(account.run());
            }
            account.wait(1);
            life(account.run_to_the_end());
            life(account.is_proven());
            assert!(account.live().unwrap() == live, "{at}, {cut:?}");
            assert!(account.places(&tables::CONVERSATIONS, "id") == before, "{at}, {cut:?}");
            life(account.is_made_again(&[])).unwrap_or_else(|wrong| panic!("{at}, {cut:?}: {wrong}"));
            if ended.is_some() {
                assert!(at > 50, "{at}");
                break;
            }
        }
    }
}

/// Bug: where another hand had exchanged two partitions of conversations, keys stood twice in what `rebuild` made.
#[tokio::test(start_paused = true)]
async fn an_archive_makes_the_lake_again_whose_partitions_were_exchanged() {
    for exchanged in
        [&["conversations"][..], &["messages"], &["conversations", "messages", "campaign_members"]]
    {
        let mut account = account(1_385);
        account.settings.raw = true;
        account.run_to_the_end().await;
        let live = account.live().unwrap();
        let changed = account.exchange(exchanged).await;
        account.comes_right(&changed, &live, "exchanged").await;
        account.into_proven_again(exchanged[0]).await;
    }
}

impl Account {
    /// A run that is killed soon after its first commit, before it has put anything.
    fn is_killed(&mut self) {
        let before = self.objects();
        for at in 12.. {
            assert!(at < 60, "no run died after its first commit");
            let death = Death { at, cut: Cut::Before, power: None };
            let ended = self.run_to_death(death);
            assert!(ended.is_none(), "the run lived to its end");
            // What it was about to write would be in the way of what is put here, which bears the same names.
            let leaves_nothing = life(self.lake.store().list("_tmp")).unwrap().is_empty();
            if leaves_nothing && life(self.manifest()).run.status == RunStatus::Running {
                break;
            }
        }
        assert!(self.objects() == before, "it has put something");
    }
}

/// Bug: after a run was killed, an older copy was taken for what that run had put, and rows were missing for ever
/// though all was said to be proven.
#[test]
fn older_copies_after_a_run_that_was_killed_come_right() {
    for table in ["messages", "contacts", "conversations"] {
        let mut account = account(1_410).in_memory();
        life(account.run_to_the_end());
        let before = account.objects();
        for round in 0..3 {
            account.wait(24);
            account.drift.mutate(9_000 + round, changes(&mut fastrand::Rng::with_seed(round)));
        }
        account.wait(24);
        (account.settings.full, account.settings.refetch) = (true, true);
        life(account.run_to_the_end());
        account.settings = SyncSettings::default();
        let (live, now) = (account.live().unwrap(), account.objects());
        account.wait(1);
        account.is_killed();
        let is_older = |path: &&String| path.split('/').next() == Some(table) && now[*path] != before[*path];
        let older: Vec<String> = before.keys().filter(is_older).cloned().collect();
        assert!(!older.is_empty(), "{table}");
        for path in &older {
            account.put(path, &before[path]);
        }
        life(account.comes_right(&older, &live, table));
    }
}

/// Bug: after a run was killed, conversations in copies of another partition stood twice.
#[test]
fn copies_of_another_partition_after_a_run_that_was_killed_come_right() {
    let mut account = account(1_420).in_memory();
    life(account.run_to_the_end());
    let live = account.live().unwrap();
    let largest = life(account.largest("conversations"));
    account.wait(1);
    account.is_killed();
    let copies =
        ["2019-01", "2019-02"].map(|month| format!("conversations/month={month}/conversations.parquet"));
    for path in &copies {
        account.put(path, &account.objects()[&largest[0]]);
    }
    life(account.comes_right(&copies, &live, "two copies"));
}

/// Bug: what a disk had altered under its name got a sum of its own when something was folded into it, and was proven.
#[tokio::test(start_paused = true)]
async fn what_a_disk_has_altered_is_not_folded_on() {
    let world = WorldConfig { conversations: 8, months: 3, ..WorldConfig::small(1_430) };
    let mut account = Account::of(world, Behaviour::default());
    account.run_to_the_end().await;
    let altered: Vec<String> =
        account.objects().keys().filter(|path| path.starts_with("messages/")).cloned().collect();
    for path in &altered {
        let place = account.lake.path().join(path);
        let written = std::fs::metadata(&place).unwrap().modified().unwrap();
        let mut bytes = std::fs::read(&place).unwrap();
        let at =
            bytes.windows(3).position(|three| three == b"<p>").expect("small objects are not compressed");
        bytes[at + 1] = b'q';
        std::fs::write(&place, bytes).unwrap();
        std::fs::File::options().write(true).open(&place).unwrap().set_modified(written).unwrap();
    }
    assert_eq!(account.verified().await.unwrap().verdict, Verdict::Broken);
    account.wait(24);
    for round in 0..4 {
        account.drift.mutate(9_100 + round, changes(&mut fastrand::Rng::with_seed(round)));
    }
    account.wait(24);
    (account.settings.full, account.settings.refetch) = (true, true);
    let ended = account.run().await;
    let error = ended.error.expect("something is folded into what was altered");
    assert!(altered.iter().any(|path| error.place("object") == Some(path)), "{error}");
    assert!(error.found().contains("other bytes than were written"), "{error}");
    assert_eq!(ended.report.exit_code, 5);
    assert_eq!(account.verified().await.unwrap().verdict, Verdict::Broken);
}
