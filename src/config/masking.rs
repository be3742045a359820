//! Which columns are left out of a lake, and which are hashed: what may be asked for, and what a lake keeps.

use std::collections::BTreeSet;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::schema::{Absence, Column, Kind, Source, Table};
use crate::tables;

/// Columns that runs read themselves: to find rows, to know what changed, to tell accounts and people apart.
const READ_BY_RUNS: [&str; 5] = ["org_id", "contact_id", "created_at", "updated_at", "deleted"];

/// What a lake keeps of it: columns, as `table.column`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Masking {
    /// Left out.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub excluded: BTreeSet<String>,
    /// Hashed.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub hashed: BTreeSet<String>,
    /// Tells the key of the hashes from others, and says nothing else about it; null when nothing is hashed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
}

/// What a run asks for. What is not said stays as the lake has it.
#[derive(Debug, Clone, Default)]
pub struct AskedMasking {
    /// All columns to leave out.
    pub excluded: Option<BTreeSet<String>>,
    /// All columns to hash.
    pub hashed: Option<BTreeSet<String>>,
    /// The key of the hashes.
    pub key: Option<SecretString>,
}

impl Masking {
    /// Whether the lake holds everything as it was sent.
    pub fn is_empty(&self) -> bool {
        self.excluded.is_empty() && self.hashed.is_empty()
    }

    /// The columns of `table` that are left out, and those that are hashed.
    pub fn of(&self, table: &Table) -> (Vec<&'static str>, Vec<&'static str>) {
        (columns_of(&self.excluded, table), columns_of(&self.hashed, table))
    }
}

impl AskedMasking {
    /// Reads lists of `table.column`; an empty list asks for none.
    ///
    /// # Errors
    /// [`Error::usage`] for a name that is no column, for a column without which the lake could not be kept or
    /// that has nothing to hash, and for one that stands in both lists.
    pub fn read(excluded: Option<&[String]>, hashed: Option<&[String]>) -> Result<Self> {
        let asked = Self {
            excluded: excluded.map(|names| columns(names, may_be_left_out)).transpose()?,
            hashed: hashed.map(|names| columns(names, may_be_hashed)).transpose()?,
            key: None,
        };
        if let (Some(excluded), Some(hashed)) = (&asked.excluded, &asked.hashed)
            && let Some(both) = excluded.intersection(hashed).next()
        {
            return Err(Error::usage(format!("`{both}` is to be left out and to be hashed"))
                .hint("name it in one of --exclude-columns and --hash-columns"));
        }
        Ok(asked)
    }

    /// Whether it asks for any column.
    pub fn is_some(&self) -> bool {
        [&self.excluded, &self.hashed].into_iter().flatten().any(|columns| !columns.is_empty())
    }

    /// What a lake that has `kept` keeps from now on.
    pub fn over(&self, kept: &Masking) -> Masking {
        let mut wanted = kept.clone();
        if let Some(excluded) = &self.excluded {
            wanted.excluded.clone_from(excluded);
        }
        if let Some(hashed) = &self.hashed {
            wanted.hashed.clone_from(hashed);
        }
        wanted.key_id = wanted.key_id.filter(|_| !wanted.hashed.is_empty());
        wanted
    }
}

fn columns_of(names: &BTreeSet<String>, table: &Table) -> Vec<&'static str> {
    let own = table.columns.iter().map(|column| column.name);
    own.filter(|column| names.contains(&format!("{}.{column}", table.name))).collect()
}

type Judge = fn(&Table, &Column) -> std::result::Result<(), &'static str>;

fn columns(names: &[String], judge: Judge) -> Result<BTreeSet<String>> {
    let given = names.iter().map(|name| name.trim()).filter(|name| !name.is_empty());
    given.map(|name| named(name, judge)).collect()
}

fn named(name: &str, judge: Judge) -> Result<String> {
    let Some((table, column)) = name.split_once('.') else {
        return Err(Error::usage(format!("`{name}` names no column")).hint("write it as contacts.email"));
    };
    let Some(table) = tables::by_name(table) else {
        let names: Vec<_> = tables::ALL.iter().map(|table| table.name).collect();
        return Err(Error::usage(format!("`{name}`: there is no table `{table}`"))
            .hint(format!("the tables are {}", names.join(", "))));
    };
    let Some(column) = table.column(column) else {
        let names: Vec<_> = table.columns.iter().map(|column| column.name).collect();
        return Err(Error::usage(format!("`{}` has no column `{column}`", table.name))
            .hint(format!("its columns are {}", names.join(", "))));
    };
    judge(table, column).map_err(|why| {
        Error::usage(format!("`{name}` {why}"))
            .hint("docs/columns.md says which columns can be left out or hashed")
    })?;
    Ok(name.to_owned())
}

/// Whether the lake can be kept without the values of `column`; says why not.
pub fn may_be_left_out(table: &Table, column: &Column) -> std::result::Result<(), &'static str> {
    if table.is_derived() {
        return Err("is computed from other tables; name the column that it comes from");
    }
    if !Table::is_from_api(column) {
        return Err("is filled in by the program, which needs it");
    }
    let parts = table.key.iter().chain(table.sort);
    if parts.copied().any(|name| name == column.name) {
        return Err("is part of the key, by which rows are told apart");
    }
    let judges_absence = matches!(
        table.source,
        Source::List { absence: Absence::DeletesWithin(name), .. } if name == column.name
    );
    if judges_absence || READ_BY_RUNS.contains(&column.name) {
        return Err("is read by the program itself");
    }
    Ok(())
}

/// Whether `column` holds text that can be hashed; says why not.
pub fn may_be_hashed(table: &Table, column: &Column) -> std::result::Result<(), &'static str> {
    may_be_left_out(table, column)?;
    match column.kind {
        Kind::Text | Kind::Scalar => Ok(()),
        _ => Err("holds no plain text, which alone is hashed; leave it out instead"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(ToString::to_string).collect()
    }

    fn refused(excluded: &[&str], hashed: &[&str]) -> String {
        let error = AskedMasking::read(Some(&names(excluded)), Some(&names(hashed))).unwrap_err();
        assert_eq!(error.kind().exit_code(), 2);
        format!("{error}; {}", error.advice().unwrap())
    }

    #[test]
    fn what_a_lake_cannot_be_kept_without_is_refused() {
        for name in ["contacts.id", "meetings.slug", "messages.conversation_id", "conversations.updated_at"] {
            assert!(refused(&[name], &[]).contains(name));
            assert!(refused(&[], &[name]).contains(name));
        }
        assert!(refused(&["campaigns.name"], &[]).contains("computed from other tables"));
        assert!(refused(&["messages._extra"], &[]).contains("filled in by the program"));
        assert!(refused(&["meetings.slot_start"], &[]).contains("read by the program"));
    }

    #[test]
    fn unknown_names_are_told_with_those_that_are_known() {
        assert!(refused(&["contacts.mail"], &[]).contains("email"));
        assert!(refused(&["contact.email"], &[]).contains("contacts"));
        assert!(refused(&["email"], &[]).contains("contacts.email"));
    }

    #[test]
    fn only_plain_text_is_hashed_and_nothing_is_both() {
        assert!(refused(&[], &["messages.buttons"]).contains("no plain text"));
        assert!(refused(&[], &["messages.latitude"]).contains("no plain text"));
        assert!(refused(&["messages.body"], &["messages.body"]).contains("to be left out and to be hashed"));
    }

    #[test]
    fn what_is_not_said_stays() {
        let all = names(&["messages.body", " contacts.email "]);
        let asked = AskedMasking::read(Some(&all), None).unwrap();
        let kept = asked.over(&Masking::default());
        assert_eq!(kept.of(&tables::CONTACTS), (vec!["email"], vec![]));
        assert_eq!(AskedMasking::default().over(&kept), kept);
        assert!(AskedMasking::read(Some(&names(&[""])), None).unwrap().over(&kept).is_empty());
    }
}
