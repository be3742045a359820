//! Keys that stand more than once in a table: in two objects, or under two parents.

use std::collections::BTreeMap;

use crate::schema::Table;

use super::object::Judged;
use super::verdict::{Finding, Verification};

const DOUBLE: &str =
    "restore both objects from a backup of one moment; or move the lake away and run a new `sync`";

const DOUBTED: &str = "another hand has changed objects: run `sync`, which sets them right";

/// A key, what follows it in the identity, and the object it stands in.
pub(super) type Place = (i64, i64, u32);

/// Keys that stand more than once.
#[derive(Debug, Default)]
pub(super) struct Doubles {
    /// By table and the two objects: how many, and the first key.
    broken: BTreeMap<(&'static str, u32, u32), (u64, i64)>,
    /// Keys that Drift itself gave to several records.
    of_drift: BTreeMap<&'static str, (u64, i64)>,
}

impl Doubles {
    /// Takes in the keys of one table in one pass.
    pub(super) fn note(&mut self, table: &'static Table, mut places: Vec<Place>) {
        places.sort_unstable();
        for pair in places.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
            let ((key, one, first), (_, other, second)) = (pair[0], pair[1]);
            let entry = if one == other {
                // Within one object the order of rows has told it already.
                if first == second {
                    continue;
                }
                self.broken.entry((table.name, first, second)).or_insert((0, key))
            } else {
                self.of_drift.entry(table.name).or_insert((0, key))
            };
            entry.0 += 1;
        }
    }

    /// A key in two objects is broken, unless there are objects in doubt, which the next run sets right; an id that
    /// Drift gave twice is a note.
    pub(super) fn tell(self, judged: &[Judged], certain: bool, found: &mut Verification) {
        let path = |object: u32| judged[object as usize].verdict.path.as_str();
        for ((_, one, other), (count, first)) in self.broken {
            let what = format!("keys stand also in {}: {count} in all, the first is {first}", path(one));
            found.findings.push(if certain {
                Finding::broken(path(other), what, DOUBLE)
            } else {
                Finding::unfinished(path(other), what, DOUBTED)
            });
        }
        for (table, (count, first)) in self.of_drift {
            found.notes.push(format!(
                "{table}: duplicate in the API: Drift gave one id to several records, {count} in all, the first is {first}"
            ));
        }
    }
}
