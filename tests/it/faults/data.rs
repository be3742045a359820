//! Bad data: every declared field of every kind of record, spoiled in every way. The run goes on, the value
//! stands in `_extra`, the report counts it, and every other value is what it would have been.

use std::collections::BTreeSet;

use drift_simulator::faults::{FieldFlip, Flip};
use drift_simulator::{Behaviour, FaultScript, Simulator, Table as Truth, WorldConfig};
use drift2parquet::config::Selection;
use drift2parquet::report::Report;
use drift2parquet::schema::{Column, Origin, Table};
use drift2parquet::tables::{CONVERSATION_LIST, by_name};
use drift2parquet::verify::Verdict;

use super::{Cells, Found, settle};
use crate::account::Account;

/// The table that a kind of record becomes.
fn table_of(truth: Truth) -> &'static Table {
    let name = if truth == Truth::ListRows { "conversations" } else { truth.name() };
    by_name(name).unwrap()
}

/// A world of few records.
fn world(seed: u64, truth: Truth) -> WorldConfig {
    let (conversations, mean_messages) = if truth == Truth::Messages { (2, 8) } else { (6, 3) };
    WorldConfig {
        conversations,
        months: 1,
        mean_messages,
        unknown_fields: 0,
        accounts: 6,
        meetings: 8,
        unresolvable_contacts: 0,
        ..WorldConfig::small(seed)
    }
}

/// A seed whose few records have every field between them.
fn seed(truth: Truth) -> u64 {
    let has_all = |seed: &u64| {
        let drift = Simulator::new(world(*seed, truth));
        let read = |record: String| serde_json::from_str::<serde_json::Value>(&record).unwrap();
        let records: Vec<_> = drift.truth(truth).map(read).collect();
        let has = |path: &&str| {
            let pointer = format!("/{}", path.replace('.', "/"));
            records.iter().any(|record| record.pointer(&pointer).is_some_and(|value| !value.is_null()))
        };
        truth.paths().iter().all(has)
    };
    (0..5_000).find(has_all).expect("some world has it all")
}

fn account(truth: Truth, seed: u64) -> Account {
    let mut account = Account::of(world(seed, truth), Behaviour::default());
    account.settings.tables = Selection::only(&[table_of(truth).name.to_owned()]).unwrap();
    account
}

/// Columns that show what stands below the first step of a path.
fn affected(table: &Table, path: &str) -> BTreeSet<&'static str> {
    let first = path.split('.').next().unwrap();
    let begins = |paths: &[&str]| paths.first().is_some_and(|step| *step == first);
    let reads = |column: &&Column| match column.origin {
        Origin::Field(path) | Origin::Parent(path) => begins(path),
        Origin::Lifted(paths) => paths.iter().any(|path| begins(path)),
        Origin::Run => column.name == "_extra",
    };
    table.all_columns().filter(reads).map(|column| column.name).collect()
}

/// Whether the path is the record's key, or a part of it.
fn is_key(truth: Truth, path: &str) -> bool {
    let table = if truth == Truth::ListRows { &CONVERSATION_LIST } else { table_of(truth) };
    let named =
        |column: &Column| column.api_name().as_deref() == Some(path) && table.key.contains(&column.name);
    table.all_columns().any(named)
}

/// One flip, against what the same world gives without it.
async fn flip(truth: Truth, seed: u64, path: &str, flip: Flip, sound: &Cells) -> Found<bool> {
    let mut account = account(truth, seed);
    let every = match flip {
        // A few of these exceed what a body may have, which is another test's business.
        Flip::TenMegabytes if truth == Truth::Messages => 16,
        Flip::TenMegabytes => 3,
        flip => 1 + flip as u64 % 2,
    };
    let flipped = FieldFlip { table: truth, path: path.to_owned(), flip, every };
    account.drift.set_faults(FaultScript::flip(flipped));
    let ended = account.attempt().await.map_err(|error| format!("the run was refused: {error}"))?;
    if let Some(error) = ended.error {
        return Err(format!("the run ended: {error}"));
    }
    let report = ended.report;
    account.is_valid(Verdict::Proven).await?;
    if truth == Truth::Messages && path == "id" && report.tables["messages"].duplicates > 0 {
        // Messages of two conversations may share an id: both stay, and that is told.
        return Ok(true);
    }
    let found = account.cells(table_of(truth))?;
    if is_key(truth, path) {
        return judge_keys(&account, &report, &found, sound).map(|()| true);
    }
    if truth == Truth::Accounts && path == "deleted" && flip == Flip::Boolean {
        return if report.tables["accounts"].deleted > 0 { Ok(true) } else { Err("no tombstone".into()) };
    }
    if flip == Flip::TenMegabytes && report.exit_code == 7 && !report.pending.is_empty() {
        return Ok(true);
    }
    if report.exit_code != 0 {
        return Err(format!("exit code {}, pending {:?}", report.exit_code, report.pending));
    }
    judge_rows(truth, path, flip, &report, &found, sound)?;
    Ok(found != *sound)
}

/// Every record is there, or set aside, or pending, or gone, or was given twice; and what is not there makes
/// the run incomplete.
fn judge_keys(account: &Account, report: &Report, found: &Cells, sound: &Cells) -> Found {
    let sum = |number: fn(&drift2parquet::report::TableReport) -> u64| -> u64 {
        report.tables.values().map(number).sum()
    };
    let aside = sum(|table| table.set_aside);
    let told = aside + sum(|table| table.pending + table.missing + table.duplicates);
    let gone = report.completeness.as_ref().map_or(0, |sum| sum.missing);
    // Of conversations listed under one id only their number is known.
    let counted = report.warnings.iter().any(|warning| warning.contains("conversations but counts"));
    if (found.len() as u64 + told + gone) < sound.len() as u64 && !counted {
        return Err(format!("{} of {} rows, {told} told of: {:?}", found.len(), sound.len(), report.tables));
    }
    if (aside > 0) != quarantined(account) {
        return Err(format!("{aside} set aside, in quarantine: {}", quarantined(account)));
    }
    let incomplete = aside > 0 || !report.pending.is_empty();
    if report.exit_code == if incomplete { 7 } else { 0 } { Ok(()) } else { Err(format!("exit {report:?}")) }
}

fn quarantined(account: &Account) -> bool {
    !account.lake.files("_quarantine").is_empty()
}

fn judge_rows(truth: Truth, path: &str, flip: Flip, report: &Report, found: &Cells, sound: &Cells) -> Found {
    if !found.keys().eq(sound.keys()) {
        return Err(format!("{} rows instead of {}", found.len(), sound.len()));
    }
    let affected = affected(table_of(truth), path);
    let mut extras = 0;
    for (key, sound) in sound {
        let found = &found[key];
        let differ: Vec<&str> = sound
            .iter()
            .filter(|(name, value)| found[*name] != **value)
            .map(|(name, _)| name.as_str())
            .collect();
        if let Some(name) = differ.iter().find(|name| !affected.contains(**name)) {
            return Err(format!("{key}: {name} is `{:.80}` instead of `{:.80}`", found[*name], sound[*name]));
        }
        let kept = found["_extra"] != sound["_extra"];
        extras += u64::from(kept);
        if kept && !as_sent(flip).is_none_or(|text| found["_extra"].contains(text)) {
            return Err(format!("{key}: `{:.300}` is not as sent", found["_extra"]));
        }
        let emptied = differ.iter().find(|name| found[**name] == "∅");
        let harmless = matches!(flip, Flip::Null | Flip::Missing) || is_in_free_map(truth, path);
        if let Some(name) = emptied.filter(|_| !kept && !harmless) {
            return Err(format!("{key}: {name} lost `{:.80}`", sound[*name]));
        }
    }
    let counted: u64 =
        report.tables.values().flat_map(|table| table.misfits.values().chain(table.unknown.values())).sum();
    if counted < extras { Err(format!("{extras} rows with `_extra`, {counted} counted")) } else { Ok(()) }
}

/// What `_extra` must show of a flip.
fn as_sent(flip: Flip) -> Option<&'static str> {
    Some(match flip {
        Flip::FloatForId => "4100200301.5",
        Flip::NumberForString => "17",
        Flip::ObjectForString => r#"{"unexpected":[1.50]}"#,
        Flip::ArrayForObject => r#""two""#,
        Flip::Boolean => "true",
        Flip::DuplicateKey => "earlier",
        Flip::DeepNesting => "[[[[[[[[",
        Flip::BeyondSixtyFourBits => "123456789012345678901234567890",
        Flip::TimeInSeconds => "1755000123",
        Flip::FarFuture => "9223372036854775807",
        Flip::Negative => "-1",
        Flip::LoneSurrogate => "ud800",
        Flip::TenMegabytes => "0123456789abcdef0123456789abcdef",
        Flip::NotANumber => "NaN",
        Flip::StringForNumber | Flip::Null | Flip::Missing => return None,
    })
}

/// Below a free map nothing misfits: the whole map is kept as it is.
fn is_in_free_map(truth: Truth, path: &str) -> bool {
    let first = path.split('.').next().unwrap();
    let free = ["attributes", "context", "meta"].contains(&first);
    free && (path.contains('.') || truth != Truth::Contacts || first == "attributes")
}

async fn all_flips(truth: Truth, flips: &[Flip]) {
    let seed = seed(truth);
    let mut clean = account(truth, seed);
    clean.run_to_the_end().await;
    let sound = clean.cells(table_of(truth)).unwrap();
    assert!(!sound.is_empty());
    let (mut cases, mut wrong) = (0, Vec::new());
    for path in truth.paths() {
        let mut showing = 0;
        for kind in flips {
            cases += 1;
            match flip(truth, seed, path, *kind, &sound).await {
                Ok(shows) => showing += u32::from(shows),
                Err(found) => wrong.push(format!("{truth} {path} {kind}: {found}")),
            }
        }
        if showing == 0 {
            wrong.push(format!("{truth} {path}: no flip shows, so this world does not have it"));
        }
    }
    settle("bad data", cases, &wrong);
}

macro_rules! tables {
    ($($name:ident: $truth:expr;)+) => {$(
        #[tokio::test(start_paused = true)]
        async fn $name() {
            all_flips($truth, &Flip::ALL).await;
        }
    )+};
}

tables! {
    every_flip_of_every_field_of_list_rows: Truth::ListRows;
    every_flip_of_every_field_of_conversations: Truth::Conversations;
    every_flip_of_every_field_of_messages: Truth::Messages;
    every_flip_of_every_field_of_contacts: Truth::Contacts;
    every_flip_of_every_field_of_users: Truth::Users;
    every_flip_of_every_field_of_teams: Truth::Teams;
    every_flip_of_every_field_of_accounts: Truth::Accounts;
    every_flip_of_every_field_of_playbooks: Truth::Playbooks;
    every_flip_of_every_field_of_landing_pages: Truth::LandingPages;
    every_flip_of_every_field_of_meetings: Truth::Meetings;
}
