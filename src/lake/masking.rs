//! Which columns of a lake are left out or hashed: asked for by a run, kept by the lake.

use std::collections::BTreeSet;

use crate::config::{AskedMasking, Masking};
use crate::error::{Error, Result};
use crate::mask::{Mask, key_id};
use crate::schema::{Source, Table};
use crate::tables;

use super::Lake;

impl Lake {
    /// Takes over what a run asks for, and makes the mask that its pages go through. Must be committed before anything
    /// is put, so that a run which dies leaves no data of which nobody knows what it lacks.
    ///
    /// # Errors
    /// [`Error::usage`] when a table already holds data that was read otherwise, when the lake keeps raw pages, and
    /// for a key of the hashes that is missing or another one.
    pub fn keep_masking(&mut self, asked: &AskedMasking) -> Result<Option<Mask>> {
        let kept = self.manifest.masking.clone();
        let mut wanted = asked.over(&kept);
        if !wanted.is_empty() && self.archives() {
            return Err(archived());
        }
        if let Some(table) =
            tables::ALL.iter().find(|table| kept.of(table) != wanted.of(table) && self.holds(table))
        {
            return Err(changed(table, &kept));
        }
        // Without any data under the key before, another one is as good.
        let any = tables::ALL.iter().any(|table| !wanted.of(table).1.is_empty() && self.holds(table));
        wanted.key_id = wanted.key_id.filter(|_| any);
        let mask = Mask::of(&wanted, asked.key.as_ref(), &self.manifest.lake_id)?;
        if let Some(key) = asked.key.as_ref().filter(|_| !wanted.hashed.is_empty()) {
            wanted.key_id = Some(key_id(key, &self.manifest.lake_id));
        }
        self.manifest.masking = wanted;
        Ok(mask)
    }

    /// Whether anything was read for the table, be it only the list of a walk in progress.
    fn holds(&self, table: &Table) -> bool {
        let is_walked = matches!(table.source, Source::Walk { .. });
        let state = self.manifest.tables.get(table.name);
        state.is_some_and(|state| !state.objects.is_empty()) || (is_walked && self.manifest.walk.is_some())
    }
}

fn archived() -> Error {
    Error::usage("this lake keeps the raw pages, in which nothing is left out or hashed")
        .hint("give a new lake to `sync` with --exclude-columns or --hash-columns, and without --raw")
}

fn changed(table: &Table, kept: &Masking) -> Error {
    let name = table.name;
    let named = |columns: &BTreeSet<String>| match columns.len() {
        0 => "none".to_owned(),
        _ => columns.iter().map(String::as_str).collect::<Vec<_>>().join(","),
    };
    Error::usage(format!("`{name}` was read with other columns left out or hashed"))
        .at("excluded", named(&kept.excluded))
        .at("hashed", named(&kept.hashed))
        .hint(format!(
            "leave --exclude-columns and --hash-columns as they were (or out, the lake keeps them), or drop what was read by `drift2parquet reset --table {name}` and run again"
        ))
}
