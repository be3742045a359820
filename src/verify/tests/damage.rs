//! Every damage that anyone thought of, each found and named: by its place and by a word of what is wrong.

use std::fs;
use std::sync::Arc;

use arrow::array::{Array, Int64Array, RecordBatch, StringArray, new_null_array};
use arrow::compute::{concat_batches, take_record_batch};

use super::counts::record;
use super::world::*;
use crate::data_file::samples::foreign;
use crate::manifest::RunStatus;
use crate::tables::{CAMPAIGN_MEMBERS, CONVERSATIONS, MESSAGES};
use crate::verify::Verdict;

const USERS: &str = "users/users.parquet";

/// A damage, where it must be found, and a word of the finding.
struct Damage {
    name: &'static str,
    does: fn(&World),
    place: &'static str,
    word: &'static str,
    /// Whether footers and listings are enough to find it.
    quick: bool,
}

const fn damage(name: &'static str, does: fn(&World), place: &'static str, word: &'static str) -> Damage {
    Damage { name, does, place, word, quick: true }
}

/// Only decoding rows finds it.
const fn deep(name: &'static str, does: fn(&World), place: &'static str, word: &'static str) -> Damage {
    Damage { name, does, place, word, quick: false }
}

const DAMAGES: &[Damage] = &[
    damage("truncated", truncate, USERS, "SHA-256"),
    damage("emptied", |world| world.write(USERS, ""), USERS, "SHA-256"),
    damage("deleted", |world| world.remove(USERS), USERS, "missing"),
    damage("swapped", swap, "messages/month=2025-01/messages.parquet", "SHA-256"),
    damage("row dropped", |world| world.put(USERS, &world.rows(USERS).slice(0, 39)), USERS, "SHA-256"),
    damage("row dropped, sha mended", drop_row_mend_sha, USERS, "has 39 rows, the manifest says 40"),
    damage("other table's rows", other_table, USERS, "not of this table"),
    damage("other table's rows, agreed", other_table_agreed, USERS, "not of this table"),
    damage("column missing", column_missing, USERS, "schema is not the declared one"),
    damage("manifest rows", edit_rows, "_manifest/", "rows are stated"),
    damage("manifest object rows", edit_object_rows, USERS, "has 40 rows, the manifest says 41"),
    damage("manifest object bytes", edit_object_bytes, USERS, "bytes, the manifest says"),
    damage("manifest key", edit_key, "_manifest/", "key"),
    damage("manifest table unknown", unknown_table, "_manifest/", "not known"),
    damage("manifest object foreign", foreign_object, "_manifest/", "none of its objects"),
    damage("manifest path foreign", foreign_path, "_manifest/", "as an object of"),
    damage(
        "manifest unreadable",
        |world| world.write(&world.newest(), "{\"for"),
        "_manifest/",
        "cannot be read",
    ),
    damage("manifest renumbered", |world| world.edit_manifest(|m| m.number += 7), "_manifest/", "number"),
    damage("newest manifest lost", |world| world.remove(&world.newest()), "latest.json", "names commit"),
    damage("all manifests lost", no_manifests, "_manifest", "are lost"),
    damage("manifests with a gap", gap, "_manifest", "missing between"),
    deep("earlier manifest unreadable", |world| world.write(&first(1), "x"), "_manifest/", "cannot be read"),
    deep("earlier manifest of another lake", other_lake, "_manifest/", "is of lake"),
    damage("foreign parquet in a partition", foreign_in_partition, "x.parquet", "foreign file"),
    damage("foreign folder of data", foreign_partition, "backup", "foreign file"),
    damage(
        "hidden by its number",
        |w| w.write("users/users.parquet#1", "x"),
        "users.parquet#1",
        "foreign file",
    ),
    damage("text in a table", |world| world.write("users/README", "x"), "users/README", "foreign file"),
    damage("object of nobody", of_nobody, "bucket=03", "not named"),
    damage("chunk lost", |world| (world.begin_walk(), world.remove(CHUNK)).1, CHUNK, "missing"),
    damage("chunk changed", |world| (world.begin_walk(), world.write(CHUNK, "x")).1, CHUNK, "SHA-256"),
    deep("row doubled", double_row, USERS, "order of id"),
    deep("rows out of order", reverse, USERS, "order of id"),
    deep("deleted rows", edit_deleted, USERS, "deleted rows"),
    deep("wrong bucket", wrong_bucket, "bucket=07", "do not belong to bucket=07"),
    deep("no _synced_at", no_synced, USERS, "_synced_at may not be null"),
    deep("no parent", no_parent, "messages/month=2025-01", "may not be null"),
    deep("bad json", |world| extra(world, "{\"a\":"), USERS, "_extra is not the JSON"),
    deep("json that is no object", |world| extra(world, "[1]"), USERS, "_extra is not the JSON"),
    deep("conversation twice", twice, "month=2025-02", "keys stand also in"),
    deep("message twice", message_twice, "messages/month=2025-02", "keys stand also in"),
    deep("message parted", message_twice, "messages/month=2025-02", "of another partition"),
    deep("orphans", orphans, "messages/month=2025-01", "not in the lake"),
    damage("first byte flipped", |world| flip(world, USERS, |_| 0), USERS, "SHA-256"),
    damage("last byte flipped", |world| flip(world, USERS, |length| length - 1), USERS, "SHA-256"),
    damage(
        "byte flipped in a page",
        |world| flip(world, MESSAGES_OF_FEBRUARY, |_| 40),
        MESSAGES_OF_FEBRUARY,
        "SHA-256",
    ),
    damage(
        "byte flipped in the footer",
        |world| flip(world, MESSAGES_OF_FEBRUARY, |length| length - 30),
        MESSAGES_OF_FEBRUARY,
        "SHA-256",
    ),
    damage("bytes behind", |world| rewrite(world, |bytes| [bytes, b"PAR1"].concat()), USERS, "SHA-256"),
    damage("bytes in front", |world| rewrite(world, |bytes| [b"PAR1", bytes].concat()), USERS, "SHA-256"),
    damage("first half lost", |w| rewrite(w, |bytes| bytes[bytes.len() / 2..].to_vec()), USERS, "SHA-256"),
    damage("torn, the rest zeros", |world| rewrite(world, torn), USERS, "SHA-256"),
    damage("no parquet", |world| world.write(USERS, "id,name\n1,x\n"), USERS, "SHA-256"),
    damage("row changed", change_row, USERS, "SHA-256"),
    damage("all rows dropped", |world| world.put(USERS, &world.rows(USERS).slice(0, 0)), USERS, "SHA-256"),
    damage("buckets swapped", swap_buckets, "bucket=00", "SHA-256"),
    deep("buckets swapped, agreed", swap_buckets_agreed, "bucket=00", "do not belong to bucket=00"),
    damage("object of a bucket deleted", |world| world.remove(BUCKET), BUCKET, "missing"),
    damage("whole table deleted", no_messages, "messages/month=2025-02", "missing"),
    damage("manifest emptied", |world| world.write(&world.newest(), ""), "_manifest/", "cannot be read"),
    damage("manifest no object", |world| world.write(&world.newest(), "[]"), "_manifest/", "cannot be read"),
    deep("manifest sha", |w| edit_users(w, |object| object.sha256 = "0".repeat(64)), USERS, "SHA-256"),
    damage("manifest forgot an object", forget_object, USERS, "not named"),
    damage(
        "foreign parquet beside an object",
        |w| w.write("users/2.parquet", "x"),
        "2.parquet",
        "foreign file",
    ),
    damage("copy beside an object", copy_beside, "contacts (1).parquet", "foreign file"),
    damage("unfinished upload", |w| w.write(&format!("{BUCKET}.tmp"), "x"), ".parquet.tmp", "foreign file"),
    damage("chunk emptied", |world| (world.begin_walk(), world.write(CHUNK, "")).1, CHUNK, "SHA-256"),
    deep("message doubled", double_message, "messages/month=2025-02", "order of id"),
    deep("orphans of all", orphans_of_all, "messages/month=2025-02", "not in the lake"),
    deep("json that is a number", |world| extra(world, "17"), USERS, "_extra is not the JSON"),
];

const BUCKET: &str = "contacts/bucket=00/contacts.parquet";
const MESSAGES_OF_FEBRUARY: &str = "messages/month=2025-02/messages.parquet";

#[tokio::test]
async fn every_damage_is_found_and_named() {
    let healthy = World::healthy().await;
    for damage in DAMAGES {
        let world = healthy.copy();
        (damage.does)(&world);
        for quick in [false, true] {
            let found = world.verify(quick).await;
            let named = found.findings.iter().any(|finding| {
                finding.verdict == Verdict::Broken
                    && finding.place.contains(damage.place)
                    && finding.what.contains(damage.word)
                    && !finding.hint.is_empty()
            });
            assert!(named || (quick && !damage.quick), "{} (quick {quick}): {found:#?}", damage.name);
            assert_eq!(found.verdict.exit_code() == 5, !found.findings.is_empty(), "{}", damage.name);
        }
    }
    record("verify mutations", &[("damages", DAMAGES.len() as u64)]);
}

/// Objects that still decode, be it into other values: they cannot be told from a change of the run that is on.
const AS_A_KILL_LEAVES_IT: &[&str] = &[
    "swapped",
    "row dropped",
    "object of nobody",
    "orphans",
    "first byte flipped",
    "byte flipped in a page",
    "byte flipped in the footer",
    "row changed",
    "all rows dropped",
    "manifest sha",
    "manifest forgot an object",
    "orphans of all",
];

/// While a run is on, an object that decodes is what a kill leaves; all else is broken.
#[tokio::test]
async fn damage_is_no_unfinished_business() {
    let healthy = World::healthy().await;
    let mut unfinished = Vec::new();
    for damage in DAMAGES {
        let world = healthy.copy();
        world.edit_manifest(|manifest| manifest.run.status = RunStatus::Running);
        (damage.does)(&world);
        match world.verify(false).await.verdict {
            Verdict::Broken => {}
            Verdict::Unfinished => unfinished.push(damage.name),
            Verdict::Proven => panic!("{} is not found", damage.name),
        }
    }
    assert_eq!(unfinished, AS_A_KILL_LEAVES_IT);
}

/// A bit anywhere in an object. While a run is on, a value that is merely another cannot be told from a
/// change of that run, but it is never proven.
#[tokio::test]
async fn one_flipped_bit_is_found_wherever_it_is() {
    let mut random = fastrand::Rng::with_seed(7);
    let world = World::healthy().await;
    for path in [USERS.to_owned(), object(&CONVERSATIONS, JANUARY), object(&MESSAGES, FEBRUARY)] {
        let healthy = world.read(&path);
        for _ in 0..15 {
            let mut bytes = healthy.clone();
            bytes[random.usize(..healthy.len())] ^= 1 << random.u8(..8);
            world.write(&path, &bytes);
            let found = world.verify(false).await;
            assert_eq!(found.verdict, Verdict::Broken);
            assert!(found.findings.iter().any(|finding| finding.place == path), "{found:#?}");
            world.edit_manifest(|manifest| manifest.run.status = RunStatus::Running);
            assert_ne!(world.verify(false).await.verdict, Verdict::Proven);
            world.edit_manifest(|manifest| manifest.run.status = RunStatus::Done);
        }
        world.write(&path, &healthy);
    }
    assert_eq!(world.verify(false).await.verdict, Verdict::Proven);
    record("verify mutations", &[("flipped bits", 45)]);
}

#[tokio::test]
async fn all_is_told_and_not_only_the_first() {
    let world = World::healthy().await;
    truncate(&world);
    orphans(&world);
    world.write("users/README", "x");
    let found = world.verify(false).await;
    let (messages, members) = (object(&MESSAGES, JANUARY), object(&CAMPAIGN_MEMBERS, JANUARY));
    for place in [USERS, "users/README", &messages, &members] {
        assert!(found.findings.iter().any(|finding| finding.place == place), "{found:#?}");
    }
    assert_eq!((found.counts.broken, found.counts.proven), (3, 9));
}

/// Row groups are read one by one; the order holds over their edges.
#[tokio::test]
async fn a_row_doubled_over_the_edge_of_row_groups_is_found() {
    let world = World::healthy().await;
    let users = crate::tables::by_name("users").unwrap();
    let rows = batch_of(users, (0..32_800).map(|id| sample(&[id])));
    world.put_and_agree(USERS, &rows);
    assert_eq!(world.verify(false).await.verdict, Verdict::Proven);
    let parts = [rows.slice(0, 32_768), rows.slice(32_767, 33)];
    world.put_and_agree(USERS, &concat_batches(&rows.schema(), &parts).unwrap());
    let found = world.verify(false).await;
    assert!(found.findings[0].what.contains("(1 in all, the first is row 32768)"), "{found:#?}");
}

/// An object of an earlier commit, whole in itself.
#[tokio::test]
async fn a_stale_object_is_broken() {
    let world = World::healthy().await;
    let path = object(&MESSAGES, JANUARY);
    let stale = world.read(&path);
    let mut lake = world.open("r2").await;
    fold(&mut lake, &MESSAGES, Some(JANUARY), messages(0..20).slice(0, 1)).await;
    fold(&mut lake, &CONVERSATIONS, Some(JANUARY), conversations(JANUARY, 300..301)).await;
    fold(&mut lake, &MESSAGES, Some(JANUARY), messages(300..301)).await;
    lake.close(RunStatus::Done).await.unwrap();
    drop(lake);
    assert_eq!(world.verify(false).await.verdict, Verdict::Proven);
    world.write(&path, stale);
    let found = world.verify(false).await;
    assert_eq!((found.verdict, found.findings[0].place.as_str()), (Verdict::Broken, path.as_str()));
    assert!(found.findings[0].hint.contains("overtaken"));
}

fn first(number: u64) -> String {
    format!("_manifest/{number:020}.json")
}

fn flip(world: &World, path: &str, at: fn(usize) -> usize) {
    let mut bytes = world.read(path);
    let at = at(bytes.len());
    bytes[at] ^= 1;
    world.write(path, bytes);
}

fn rewrite(world: &World, change: fn(&[u8]) -> Vec<u8>) {
    world.write(USERS, change(&world.read(USERS)));
}

fn torn(bytes: &[u8]) -> Vec<u8> {
    let (kept, lost) = bytes.split_at(bytes.len() / 3);
    [kept, &vec![0; lost.len()]].concat()
}

fn change_row(world: &World) {
    let rows = world.rows(USERS);
    let names = StringArray::from(vec!["someone else"; rows.num_rows()]);
    world.put(USERS, &with(&rows, "name", Arc::new(names)));
}

fn swap_buckets(world: &World) {
    let other = object(contacts(), "bucket=07");
    let bytes = world.read(BUCKET);
    world.write(BUCKET, world.read(&other));
    world.write(&other, bytes);
}

fn swap_buckets_agreed(world: &World) {
    swap_buckets(world);
    world.agree(BUCKET);
    world.agree(&object(contacts(), "bucket=07"));
}

fn no_messages(world: &World) {
    fs::remove_dir_all(world.path("messages")).unwrap();
}

fn forget_object(world: &World) {
    world.edit_manifest(|manifest| {
        let users = manifest.tables.get_mut("users").unwrap();
        users.objects.remove(USERS);
        (users.rows, users.deleted) = (0, 0);
    });
}

fn copy_beside(world: &World) {
    world.write("contacts/bucket=00/contacts (1).parquet", world.read(BUCKET));
}

fn double_message(world: &World) {
    let rows = world.rows(MESSAGES_OF_FEBRUARY);
    let last = rows.slice(rows.num_rows() - 1, 1);
    world.put_and_agree(MESSAGES_OF_FEBRUARY, &concat_batches(&rows.schema(), [&rows, &last]).unwrap());
}

fn orphans_of_all(world: &World) {
    let path = object(&CONVERSATIONS, FEBRUARY);
    world.put_and_agree(&path, &world.rows(&path).slice(0, 0));
}

fn truncate(world: &World) {
    let bytes = world.read(USERS);
    world.write(USERS, &bytes[..bytes.len() / 2]);
}

fn swap(world: &World) {
    let (one, other) = (object(&MESSAGES, JANUARY), object(&MESSAGES, FEBRUARY));
    let bytes = world.read(&one);
    world.write(&one, world.read(&other));
    world.write(&other, bytes);
}

fn drop_row_mend_sha(world: &World) {
    world.put_and_agree(USERS, &world.rows(USERS).slice(0, 39));
    edit_users(world, |object| object.rows = 40);
    world.edit_manifest(|manifest| manifest.tables.get_mut("users").unwrap().rows = 40);
}

fn other_table(world: &World) {
    world.write(USERS, world.read("accounts/accounts.parquet"));
}

fn other_table_agreed(world: &World) {
    other_table(world);
    let bytes = world.read(USERS);
    edit_users(world, |object| {
        object.sha256 = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&bytes));
        object.bytes = bytes.len() as u64;
    });
}

fn column_missing(world: &World) {
    let rows = world.rows(USERS);
    let kept: Vec<usize> = (0..rows.num_columns()).filter(|column| *column != 3).collect();
    world.write(USERS, foreign(&rows.project(&kept).unwrap()));
    world.agree(USERS);
}

fn edit_users(world: &World, edit: impl FnOnce(&mut crate::manifest::ObjectState)) {
    world.edit_manifest(|manifest| {
        edit(manifest.tables.get_mut("users").unwrap().objects.get_mut(USERS).unwrap());
    });
}

fn edit_rows(world: &World) {
    world.edit_manifest(|manifest| manifest.tables.get_mut("users").unwrap().rows += 1);
}

fn edit_object_rows(world: &World) {
    edit_rows(world);
    edit_users(world, |object| object.rows += 1);
}

fn edit_object_bytes(world: &World) {
    edit_users(world, |object| object.bytes += 1);
}

fn edit_deleted(world: &World) {
    edit_users(world, |object| object.deleted += 1);
    world.edit_manifest(|manifest| manifest.tables.get_mut("users").unwrap().deleted += 1);
}

fn edit_key(world: &World) {
    world.edit_manifest(|manifest| manifest.tables.get_mut("users").unwrap().key = vec!["email".into()]);
}

fn unknown_table(world: &World) {
    world.edit_manifest(|manifest| {
        let mut unknown = manifest.tables["users"].clone();
        let object = unknown.objects.remove(USERS).unwrap();
        unknown.objects.insert("transcripts/transcripts.parquet".into(), object);
        manifest.tables.insert("transcripts".into(), unknown);
    });
}

fn foreign_object(world: &World) {
    world.edit_manifest(|manifest| {
        let users = manifest.tables.get_mut("users").unwrap();
        let object = users.objects[USERS].clone();
        users.rows += object.rows;
        users.objects.insert("users/month=2025-03/users.parquet".into(), object);
    });
}

fn foreign_path(world: &World) {
    world.edit_manifest(|manifest| {
        let users = manifest.tables.get_mut("users").unwrap();
        let object = users.objects[USERS].clone();
        users.objects.insert("../users.parquet".into(), object);
    });
}

fn no_manifests(world: &World) {
    fs::remove_dir_all(world.path("_manifest")).unwrap();
}

fn gap(world: &World) {
    let text = world.read(&world.newest());
    let mut manifest: crate::manifest::Manifest = serde_json::from_slice(&text).unwrap();
    manifest.number += 2;
    world.write(&first(manifest.number), serde_json::to_vec(&manifest).unwrap());
}

fn other_lake(world: &World) {
    let text = String::from_utf8(world.read(&first(1))).unwrap();
    let mut manifest: crate::manifest::Manifest = serde_json::from_str(&text).unwrap();
    manifest.lake_id = "another".into();
    world.write(&first(1), serde_json::to_vec(&manifest).unwrap());
}

fn foreign_in_partition(world: &World) {
    world.write("messages/month=2025-01/x.parquet", world.read(USERS));
}

fn foreign_partition(world: &World) {
    let bytes = world.read(&object(&MESSAGES, JANUARY));
    world.write("messages/backup/messages.parquet", bytes);
}

fn of_nobody(world: &World) {
    let rows = batch_of(contacts(), (0..5).map(|n| sample(&[n * 16 + 3])));
    world.put(&object(contacts(), "bucket=03"), &rows);
}

fn double_row(world: &World) {
    let rows = world.rows(USERS);
    world.put_and_agree(USERS, &concat_batches(&rows.schema(), [&rows.slice(0, 1), &rows]).unwrap());
}

fn reverse(world: &World) {
    let rows = world.rows(USERS);
    let order = Int64Array::from_iter_values((0..40).rev());
    world.put_and_agree(USERS, &take_record_batch(&rows, &order).unwrap());
}

fn wrong_bucket(world: &World) {
    let rows = batch_of(contacts(), (0..5).map(|n| sample(&[n * 16 + 8])));
    world.put_and_agree(&object(contacts(), "bucket=07"), &rows);
}

fn nulled(rows: &RecordBatch, name: &str) -> RecordBatch {
    let column = rows.column_by_name(name).unwrap();
    with(rows, name, new_null_array(column.data_type(), column.len()))
}

fn no_synced(world: &World) {
    world.put_and_agree(USERS, &nulled(&world.rows(USERS), "_synced_at"));
}

fn no_parent(world: &World) {
    let path = object(&MESSAGES, JANUARY);
    world.put_and_agree(&path, &nulled(&world.rows(&path), "conversation_id"));
}

fn extra(world: &World, text: &str) {
    let column = StringArray::from(vec![text; 40]);
    world.put_and_agree(USERS, &with(&world.rows(USERS), "_extra", Arc::new(column)));
}

fn twice(world: &World) {
    world.put_and_agree(&object(&CONVERSATIONS, FEBRUARY), &conversations(FEBRUARY, 19..40));
}

fn message_twice(world: &World) {
    world.put_and_agree(&object(&MESSAGES, FEBRUARY), &messages(19..40));
}

fn orphans(world: &World) {
    world.put_and_agree(&object(&CONVERSATIONS, JANUARY), &conversations(JANUARY, 0..19));
}
