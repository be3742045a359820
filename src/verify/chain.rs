//! The chain of manifests: it can be read, has no gap but those that an erasure has left, belongs to one lake,
//! and adds up.

use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{Log, MANIFESTS_KEPT, Manifest, RunStatus, TableState, number_of};
use crate::schema::{Table, fingerprint};
use crate::store::{Entry, Store};
use crate::{lake, tables};

use super::verdict::{Finding, Verification};

const LATEST: &str = "_manifest/latest.json";
const RESTORE: &str = "restore this file from a backup";

/// The newest manifest, or nothing when it cannot be read, which is then a finding.
///
/// # Errors
/// [`Error::usage`] when there is no lake, or a newer program wrote it.
pub(super) async fn newest(
    store: &dyn Store,
    entries: &[Entry],
    found: &mut Verification,
) -> Result<Option<Manifest>> {
    let numbers: Vec<u64> = entries.iter().filter_map(|entry| number_of(&entry.path)).collect();
    let Some(number) = numbers.last().copied() else {
        let all = store.list("").await?;
        if all.iter().any(|entry| lake::is_data(&entry.path)) {
            found.findings.push(Finding::broken("_manifest", lake::LOST, lake::BRING_BACK));
            return Ok(None);
        }
        return Err(no_lake(store));
    };
    match Log::new(store).read(number).await {
        Ok(manifest) => Ok(Some(manifest)),
        Err(error) if error.kind() == ErrorKind::Usage => Err(error),
        Err(error) => {
            found.findings.push(unreadable(number, &error));
            Ok(None)
        }
    }
}

/// Checks the manifests before the newest, and the pointer to it.
pub(super) async fn check(
    store: &dyn Store,
    entries: &[Entry],
    newest: &Manifest,
    quick: bool,
    found: &mut Verification,
) -> Result<()> {
    let numbers: Vec<u64> = entries.iter().filter_map(|entry| number_of(&entry.path)).collect();
    let kept: Vec<u64> =
        numbers.into_iter().filter(|number| number + MANIFESTS_KEPT > newest.number).collect();
    let erased = |number: u64| newest.erased_commits.contains(&number);
    for pair in kept.windows(2).filter(|pair| !(pair[0] + 1..pair[1]).all(erased)) {
        let what =
            format!("commits {} to {} are missing between others that are kept", pair[0] + 1, pair[1] - 1);
        found.findings.push(Finding::broken("_manifest", what, "restore the files from a backup"));
    }
    if !quick {
        for number in kept.iter().copied().filter(|number| *number != newest.number) {
            check_earlier(store, number, newest, found).await;
        }
    }
    check_pointer(store, newest, found).await
}

async fn check_earlier(store: &dyn Store, number: u64, newest: &Manifest, found: &mut Verification) {
    match Log::new(store).read(number).await {
        Ok(manifest) if manifest.lake_id != newest.lake_id => {
            let what = format!("is of lake {} instead of {}", manifest.lake_id, newest.lake_id);
            found.findings.push(Finding::broken(&path_of(number), what, RESTORE));
        }
        Ok(_) => {}
        Err(error) => found.findings.push(unreadable(number, &error)),
    }
}

/// A pointer behind the chain is harmless; one ahead of it tells that commits were lost.
async fn check_pointer(store: &dyn Store, newest: &Manifest, found: &mut Verification) -> Result<()> {
    let Some(stored) = store.get(LATEST).await? else {
        found.notes.push(format!("{LATEST} is missing; the next commit writes it again"));
        return Ok(());
    };
    match serde_json::from_slice::<Manifest>(&stored.bytes) {
        Ok(latest) if latest.number > newest.number => {
            let what = format!("names commit {}, but the newest there is {}", latest.number, newest.number);
            found.findings.push(Finding::broken(LATEST, what, "restore the lost manifests from a backup"));
        }
        Ok(latest) if latest == *newest => {}
        Ok(_) => found.notes.push(format!("{LATEST} is not the newest commit; the next commit renews it")),
        Err(_) => found.notes.push(format!("{LATEST} cannot be read; the next commit writes it again")),
    }
    Ok(())
}

/// Checks that the newest manifest adds up and names only what belongs into it.
pub(super) fn check_sums(manifest: &Manifest, found: &mut Verification) {
    let path = path_of(manifest.number);
    for (name, state) in &manifest.tables {
        let broken = |what: String| Finding::broken(&path, format!("table {name}: {what}"), RESTORE);
        match tables::by_name(name) {
            Some(table) => {
                found.findings.extend(table_faults(table, state).into_iter().map(broken));
                note_schema(table, state, found);
            }
            None => found.findings.push(Finding::broken(
                &path,
                format!("table {name} is not known to this version"),
                "verify with the version of drift2parquet that wrote it",
            )),
        }
    }
    note_state(manifest, found);
}

fn table_faults(table: &Table, state: &TableState) -> Vec<String> {
    let mut faults = Vec::new();
    let sums = [
        ("rows", state.rows, state.objects.values().map(|object| u128::from(object.rows)).sum::<u128>()),
        (
            "deleted rows",
            state.deleted,
            state.objects.values().map(|object| u128::from(object.deleted)).sum(),
        ),
    ];
    for (what, stated, sum) in sums {
        if u128::from(stated) != sum {
            faults.push(format!("{stated} {what} are stated, but its objects have {sum}"));
        }
    }
    if state.key != table.key {
        faults.push(format!("key {:?} is stated instead of {:?}", state.key, table.key));
    }
    let foreign = |path: &&String| lake::table_of(path).is_none_or(|other| other.name != table.name);
    faults.extend(state.objects.keys().filter(foreign).map(|path| format!("{path} is none of its objects")));
    faults
}

fn note_schema(table: &Table, state: &TableState, found: &mut Verification) {
    if !state.objects.is_empty() && state.schema != fingerprint(table) {
        found.notes.push(format!(
            "the manifest has another fingerprint of the schema of {} than this version of drift2parquet",
            table.name
        ));
    }
}

fn note_state(manifest: &Manifest, found: &mut Verification) {
    if manifest.run.status == RunStatus::Running {
        found.notes.push(format!("run {} is still at work or was killed", manifest.run.id));
    }
    if manifest.walk.is_some() {
        found
            .notes
            .push("a walk of the conversation list is in progress; the next `sync` goes on with it".into());
    }
    if !manifest.pending.is_empty() {
        found
            .notes
            .push(format!("{} keys are pending; the next `sync` tries them again", manifest.pending.len()));
    }
}

pub(super) fn path_of(number: u64) -> String {
    format!("_manifest/{number:020}.json")
}

fn unreadable(number: u64, error: &Error) -> Finding {
    Finding::broken(&path_of(number), error.to_string(), RESTORE)
}

fn no_lake(store: &dyn Store) -> Error {
    Error::usage("there is no lake at this place")
        .at("lake", store.uri(""))
        .hint("give the directory that `drift2parquet sync` wrote to as --lake")
}
