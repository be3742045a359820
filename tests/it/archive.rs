//! The archive of raw pages: a lake that is made again from it is the live one, byte for byte, whatever the
//! account, the API and the runs have been through; what is forgotten is in none of its bytes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use drift_simulator::{Behaviour, FaultScript, WorldConfig};
use drift2parquet::archive::{Head, Segment, SegmentWriter, Step};
use drift2parquet::clock::Clock;
use drift2parquet::config::MEMORY;
use drift2parquet::data_file;
use drift2parquet::erase::Wanted;
use drift2parquet::error::Result;
use drift2parquet::lake::{RunId, read_segment};
use drift2parquet::stop::{Stop, StopReason};
use drift2parquet::sync::rebuild::{Rebuilt, Settings, rebuild};
use drift2parquet::tables;
use drift2parquet::verify::Verdict;
use sha2::{Digest, Sha256};

use crate::account::Account;
use crate::crash::life::{Death, live};
use crate::crash::{Cut, Kept};
use crate::faults::Found;
use crate::faults::scripts::changes;
use crate::forget::traces::Needles;
use crate::lake::Lake;

/// How lakes are made again.
const SETTINGS: Settings = Settings { memory: MEMORY, keep_archive: true };

/// Tables that are summed up from others, whose `_synced_at` tells when somebody was forgotten.
const SUMS: [&str; 2] = ["inboxes", "campaigns"];

/// The lake again from its archive, in a place of its own.
pub async fn made_again(lake: &Lake) -> Result<(Lake, Rebuilt)> {
    let again = Lake::in_memory();
    let rebuilt = made_again_in(lake, &again).await?;
    Ok((again, rebuilt))
}

async fn made_again_in(lake: &Lake, again: &Lake) -> Result<Rebuilt> {
    made_until(lake, again, Stop::default()).await.map(Option::unwrap)
}

async fn made_until(lake: &Lake, again: &Lake, stop: Stop) -> Result<Option<Rebuilt>> {
    let run = RunId { id: "rebuild".to_owned(), version: "0.0.0".to_owned(), seed: 7 };
    let clock = Clock::starting_at("2026-10-02T00:00:00Z".parse().unwrap());
    rebuild(lake.store(), again.store(), run, clock, SETTINGS, Arc::default(), stop).await
}

fn objects(lake: &Lake) -> BTreeMap<String, Bytes> {
    tables::ALL.iter().flat_map(|table| lake.files(table.name)).collect()
}

impl Account {
    /// Wrong unless a lake that is made again from the archive has the very objects of this one, but those of
    /// some tables.
    pub async fn is_made_again(&self, but: &[&str]) -> Found {
        let (again, _) = made_again(&self.lake).await.map_err(|error| format!("rebuild: {error}"))?;
        let (mut here, mut there) = (objects(&self.lake), objects(&again));
        for objects in [&mut here, &mut there] {
            objects.retain(|path, _| !but.iter().any(|table| path.starts_with(table)));
        }
        let names = |objects: &BTreeMap<String, Bytes>| objects.keys().cloned().collect::<Vec<_>>();
        if names(&here) != names(&there) {
            return Err(format!("made again: {:?} instead of {:?}", names(&there), names(&here)));
        }
        let other: Vec<&String> = here.keys().filter(|path| here[*path] != there[*path]).collect();
        if other.is_empty() { Ok(()) } else { Err(format!("made again otherwise: {other:?}")) }
    }

    fn raw(mut self) -> Self {
        self.settings.raw = true;
        self
    }

    fn segments(&self) -> Vec<(String, Segment)> {
        let opened = |(path, bytes): (String, Bytes)| (path, Segment::open(bytes).unwrap());
        self.lake.files("_raw").into_iter().map(opened).collect()
    }
}

fn small(seed: u64) -> Account {
    let world = WorldConfig { conversations: 12, months: 3, ..WorldConfig::small(seed) };
    Account::of(world, Behaviour::default()).raw()
}

#[tokio::test(start_paused = true)]
async fn a_first_load_is_made_again_byte_for_byte() {
    let mut account = Account::small(801).raw();
    account.run_to_the_end().await;
    account.is_proven().await;
    account.is_made_again(&[]).await.unwrap();
    let (again, rebuilt) = made_again(&account.lake).await.unwrap();
    assert!(rebuilt.different.is_empty() && rebuilt.identical > 20, "{rebuilt:?}");
    // The new lake is one to go on with: nothing is left to do, and its archive goes on, too.
    let mut account = Account::on(account.drift.clone()).raw().with_lake(again);
    // It bears one id from its first manifest on.
    account.is_proven().await;
    let before = account.objects();
    account.run_to_the_end().await;
    assert_eq!(account.objects(), before);
    account.is_made_again(&[]).await.unwrap();
}

#[test]
fn runs_with_changes_between_are_made_again_byte_for_byte() {
    for seed in 810..818 {
        let mut chance = fastrand::Rng::with_seed(seed);
        let mut account = small(seed).in_memory();
        account.settings.checkpoint_bytes = [500, 64 << 20][chance.usize(0..2)];
        for round in 0..4 {
            live(account.run_to_the_end());
            live(account.is_made_again(&[])).unwrap_or_else(|wrong| panic!("{seed}, {round}: {wrong}"));
            account.drift.mutate(seed * 16 + round, changes(&mut chance));
            account.wait([1, 30][chance.usize(0..2)]);
            (account.settings.full, account.settings.refetch) = (chance.bool(), chance.u8(0..4) == 0);
        }
    }
}

/// The next run after one that died anywhere folds what that one has archived, so that nothing the lake has is
/// missing in the archive.
#[test]
fn wherever_a_run_dies_the_archive_holds_what_the_lake_holds() {
    for (at, power) in (0..240).step_by(3).map(|at| (at, at % 2 == 0)) {
        let world = WorldConfig { conversations: 5, months: 2, ..WorldConfig::small(820) };
        let mut account = Account::of(world, Behaviour::default()).raw().in_memory();
        (account.settings.checkpoint_bytes, account.settings.concurrency) = (500, 1);
        let cut = [Cut::Before, Cut::After, Cut::Torn][at % 3];
        let power = power.then_some(Kept::Nothing);
        let ended = account.run_to_death(Death { at, cut, power });
        account.is_whole().unwrap_or_else(|wrong| panic!("{at}: {wrong}"));
        account.wait(1);
        account.recovers().unwrap_or_else(|wrong| panic!("{at}: {wrong}"));
        live(account.is_made_again(&[])).unwrap_or_else(|wrong| panic!("{at}, {cut:?}: {wrong}"));
        if ended.is_some() {
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_forgotten_is_in_no_byte_of_the_archive() {
    let mut account = small(830);
    account.run_to_the_end().await;
    let contact = account.busy_contact();
    let needles = Needles::of_contact(&account, contact);
    assert!(needles.traces(&account).iter().any(|trace| trace.contains("_raw")));
    account.forget(&Wanted::Contacts(vec![account.contact_id(contact)])).await;
    assert_eq!(needles.traces(&account), Vec::<String>::new());
    account.is_proven().await;
    account.is_made_again(&SUMS).await.unwrap();
    // Nor does a later run bring them into it.
    account.drift.mutate(831, changes(&mut fastrand::Rng::with_seed(831)));
    account.wait(30);
    account.settings.refetch = true;
    account.run_to_the_end().await;
    assert_eq!(Needles::of_contact(&account, contact).traces(&account), Vec::<String>::new());
    account.is_made_again(&SUMS).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_drift_deleted_and_was_forgotten_does_not_come_back() {
    let mut account = small(840);
    account.run_to_the_end().await;
    for round in 0..4 {
        account.drift.mutate(840 + round, changes(&mut fastrand::Rng::with_seed(round)));
    }
    account.wait(30);
    (account.settings.full, account.settings.refetch) = (true, true);
    account.run_to_the_end().await;
    let told = account.forget(&Wanted::Deleted).await;
    assert!(!told.rows.is_empty(), "{told:?}");
    account.is_made_again(&SUMS).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_table_that_was_reset_is_made_again_as_it_is() {
    for table in ["messages", "conversations", "contacts", "users"] {
        let mut account = small(850);
        account.run_to_the_end().await;
        account.reset(table).await;
        account.wait(1);
        account.run_to_the_end().await;
        account.is_made_again(&[]).await.unwrap_or_else(|wrong| panic!("{table}: {wrong}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_segment_that_is_missing_cut_or_changed_is_told() {
    let mut account = small(860);
    account.run_to_the_end().await;
    let (path, _) = account.segments().pop().unwrap();
    let file = account.lake.path().join(&path);
    let sound = std::fs::read(&file).unwrap();
    let mut flipped = sound.clone();
    flipped[sound.len() / 2] ^= 1;
    for damaged in [Some(&flipped[..]), Some(&sound[..sound.len() - 9]), None] {
        match damaged {
            Some(bytes) => std::fs::write(&file, bytes).unwrap(),
            None => std::fs::remove_file(&file).unwrap(),
        }
        account.is_valid(Verdict::Broken).await.unwrap();
        assert_eq!(made_again(&account.lake).await.unwrap_err().kind().exit_code(), 5);
        // The tables do not depend on it.
        account.run_to_the_end().await;
    }
    std::fs::write(&file, &sound).unwrap();
    account.is_proven().await;
}

/// Bug: what a rebuild that failed had left was in the way of the next.
#[tokio::test(start_paused = true)]
async fn a_rebuild_that_failed_leaves_room_for_the_next() {
    let mut account = small(865);
    account.run_to_the_end().await;
    let (path, _) = account.segments().pop().unwrap();
    let file = account.lake.path().join(&path);
    let sound = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    for again in [Lake::in_memory(), Lake::in_directory()] {
        made_again_in(&account.lake, &again).await.unwrap_err();
        assert!(again.files("").keys().all(|path| path == "_lock"), "{:?}", again.files(""));
        std::fs::write(&file, &sound).unwrap();
        made_again_in(&account.lake, &again).await.unwrap();
        assert_eq!(objects(&again), objects(&account.lake));
        let refused = made_again_in(&account.lake, &again).await.unwrap_err();
        assert_eq!(refused.kind().exit_code(), 2, "a lake is not made over another");
        assert_eq!(objects(&again), objects(&account.lake));
        std::fs::remove_file(&file).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_manifest_does_not_lose_the_lake() {
    let mut account = small(870);
    account.run_to_the_end().await;
    let whole = objects(&account.lake);
    std::fs::remove_dir_all(account.lake.path().join("_manifest")).unwrap();
    let (again, _) = made_again(&account.lake).await.unwrap();
    assert_eq!(objects(&again), whole);
    let refused = account.attempt().await.unwrap_err();
    assert!(refused.advice().unwrap().contains("rebuild"), "{refused}");
}

/// What steps tell twice, in other partitions: that a conversation has gone there, or that a contact stands in two.
fn told_elsewhere(segments: &[(String, Segment)], told: impl Fn(&mut Head) -> bool) -> Bytes {
    let steps = segments
        .iter()
        .flat_map(|(_, segment)| (0..segment.steps().len()).map(|number| segment.step(number).unwrap()));
    let mut writer = SegmentWriter::new().unwrap();
    for mut step in steps {
        if told(&mut step.head) {
            writer.push(&step).unwrap();
        }
    }
    writer.finish().unwrap().into()
}

impl Account {
    /// Adds a segment that no run has put, after all others; that it is there is known to no manifest.
    fn add_segment(&self, bytes: &Bytes) {
        let name = format!("_raw/{:020}-{:08}-{}.raw", 9_999, 1, hex::encode(Sha256::digest(bytes)));
        std::fs::write(self.lake.path().join(name), bytes).unwrap();
        std::fs::remove_dir_all(self.lake.path().join("_manifest")).unwrap();
    }
}

/// Bug: a rebuild that was ended by a signal left what it had made, which was in the way of the next.
#[tokio::test]
async fn a_rebuild_that_is_asked_to_stop_leaves_nothing() {
    let mut account = small(868);
    account.run_to_the_end().await;
    let whole = objects(&account.lake);
    let began = Instant::now();
    made_again(&account.lake).await.unwrap();
    let (takes, mut stopped) = (began.elapsed(), 0);
    for moment in 0..12 {
        let again = [Lake::in_memory, Lake::in_directory][moment % 2]();
        let stop = Stop::default();
        let asking = stop.clone();
        let asked = tokio::spawn(async move {
            tokio::time::sleep(takes * moment as u32 / 12).await;
            asking.ask(StopReason::Terminate);
        });
        let made = made_until(&account.lake, &again, stop).await.unwrap();
        asked.abort();
        if made.is_some() {
            assert_eq!(objects(&again), whole);
        } else {
            stopped += 1;
            assert!(again.files("").keys().all(|path| path == "_lock"), "{moment}: {:?}", again.files(""));
            made_again_in(&account.lake, &again).await.unwrap();
            assert_eq!(objects(&again), whole);
        }
    }
    assert!(stopped > 3, "{stopped}");
}

/// Bug: `rebuild` ended well with a key in two objects.
#[tokio::test(start_paused = true)]
async fn a_key_that_would_stand_twice_ends_a_rebuild() {
    let mut account = small(866);
    account.run_to_the_end().await;
    let elsewhere = |head: &mut Head| match head {
        Head::Lookup(head) if head.table == "contacts" => {
            head.partition = if head.partition == "bucket=03" { "bucket=04" } else { "bucket=03" }.to_owned();
            true
        }
        _ => false,
    };
    account.add_segment(&told_elsewhere(&account.segments(), elsewhere));
    let again = Lake::in_directory();
    let refused = made_again_in(&account.lake, &again).await.unwrap_err();
    assert_eq!(refused.kind().exit_code(), 5, "{refused}");
    assert_eq!(refused.place("table"), Some("contacts"));
    for place in ["key", "object", "other object"] {
        assert!(refused.place(place).is_some(), "{place}: {refused}");
    }
    assert!(again.files("").keys().all(|path| path == "_lock"), "{:?}", again.files(""));
}

/// Where an archive tells of a conversation in another partition than before, it has gone there with all that is its.
#[tokio::test(start_paused = true)]
async fn a_conversation_that_has_gone_elsewhere_is_made_again_once() {
    for known in [true, false] {
        let mut account = small(867);
        account.run_to_the_end().await;
        let live = account.live().unwrap();
        let elsewhere = move |head: &mut Head| match head {
            Head::Conversations(head) => {
                head.partition = "month=1999-01".to_owned();
                head.with.iter_mut().for_each(|one| one.known = known);
                true
            }
            _ => false,
        };
        account.add_segment(&told_elsewhere(&account.segments(), elsewhere));
        let again = Lake::in_directory();
        made_again_in(&account.lake, &again).await.unwrap();
        let account = account.with_lake(again);
        account.no_key_twice().unwrap();
        let made = account.live().unwrap();
        assert!(
            ["conversations", "messages", "campaign_members"].iter().all(|table| made[table] == live[table])
        );
        for (path, bytes) in objects(&account.lake) {
            let table = tables::by_name(path.split('/').next().unwrap()).unwrap();
            let is_empty = data_file::open(table, bytes).unwrap().rows() == 0;
            assert!(is_empty || !path.contains("month=") || path.contains("1999-01"), "{path}");
        }
    }
}

/// Bug: an archive whose lake was gone was taken for what a run that died had left: the next run deleted it, or folded it
/// into the lake of another account.
#[tokio::test(start_paused = true)]
async fn an_archive_alone_is_refused_and_stays() {
    let mut account = small(875);
    account.run_to_the_end().await;
    let archive = account.lake.files("_raw");
    for (path, _) in account.lake.files("") {
        if !path.starts_with("_raw") {
            std::fs::remove_file(account.lake.path().join(path)).unwrap();
        }
    }
    for _ in 0..2 {
        let refused = account.attempt().await.unwrap_err();
        assert_eq!(refused.kind().exit_code(), 5, "{refused}");
        assert!(refused.advice().unwrap().contains("_raw"), "{refused}");
    }
    assert_eq!(account.lake.files("_raw"), archive);
}

#[tokio::test(start_paused = true)]
async fn an_archive_begins_with_its_lake_and_stays() {
    let mut account = Account::small(880);
    account.run_to_the_end().await;
    let refused = made_again(&account.lake).await.unwrap_err();
    assert_eq!(refused.kind().exit_code(), 2);
    account.settings.raw = true;
    let refused = account.try_run(&Stop::default()).await.unwrap_err();
    assert_eq!(refused.kind().exit_code(), 2);
    let mut account = account.with_new_lake();
    account.run_to_the_end().await;
    account.settings.raw = false;
    account.drift.mutate(881, changes(&mut fastrand::Rng::with_seed(881)));
    account.wait(30);
    account.run_to_the_end().await;
    account.is_made_again(&[]).await.unwrap();
    let onto = made_again_in(&account.lake, &account.lake).await;
    assert_eq!(onto.unwrap_err().kind().exit_code(), 2);
}

/// Many small runs leave few segments, and the joined ones hold what the small ones held.
#[tokio::test(start_paused = true)]
async fn small_segments_are_joined() {
    let mut account = small(890);
    account.drift.set_faults(FaultScript::default());
    for round in 0..12 {
        account.run_to_the_end().await;
        account.drift.mutate(890 + round, changes(&mut fastrand::Rng::with_seed(round)));
        account.wait(2);
    }
    account.run_to_the_end().await;
    let segments = account.segments();
    assert!(segments.len() <= 33, "{}", segments.len());
    assert!(segments.iter().any(|(_, segment)| segment.steps().len() > 20));
    for (path, _) in &segments {
        read_segment(account.lake.store().as_ref(), path).await.unwrap();
    }
    account.is_proven().await;
    account.is_made_again(&[]).await.unwrap();
}

#[test]
fn a_segment_gives_back_what_went_in_and_refuses_what_was_cut() {
    let body = |number: usize| Bytes::from(vec![number as u8; number * 70_000]);
    let step = |number: usize| Step {
        head: Head::Reset { table: format!("{number}") },
        bodies: (0..number).map(body).collect(),
    };
    let mut writer = SegmentWriter::new().unwrap();
    (0..12).for_each(|number| writer.push(&step(number)).unwrap());
    let bytes = Bytes::from(writer.finish().unwrap());
    let segment = Segment::open(bytes.clone()).unwrap();
    (0..12).for_each(|number| assert_eq!(segment.step(number).unwrap(), step(number)));
    assert_eq!(segment.steps().len(), 12);
    for end in 0..bytes.len() {
        assert!(Segment::open(bytes.slice(..end)).is_err(), "{end}");
    }
}
