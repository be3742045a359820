//! Doubts: another hand has changed an object after a run had ended. Such an object is whole, but may lack rows that
//! were there, or have some that belong elsewhere. It stays in doubt, over all runs, until one has asked Drift again
//! for what should be in it; so no run says that all is there while nobody knows.

use super::Lake;
use crate::schema::{Partition, Table};

impl Lake {
    /// Remembers that another hand has changed an object. A walk in progress believes what it has fetched to be there,
    /// so it is begun anew.
    pub(super) fn doubt(&mut self, table: &Table, path: &str) {
        tracing::warn!(
            "`{path}` was changed by another hand and is taken as it is; `sync` asks Drift again for what should be in it"
        );
        if matches!(table.partition, Partition::Time(_) | Partition::OfConversation) {
            self.manifest.walk = None;
        }
        self.untold = true;
        self.manifest.doubted.insert(path.to_owned());
    }

    /// An object that another one in doubt has given rows to is no better than that one.
    pub fn doubt_beside(&mut self, path: String) {
        self.manifest.doubted.insert(path);
    }

    /// Whether a run is to say, however it ends, that another hand has changed something: nobody has told of it yet, or
    /// something is in doubt still.
    pub fn tells_of_changes(&self) -> bool {
        self.untold || !self.manifest.doubted.is_empty()
    }

    /// The objects of a table that are in doubt.
    pub fn doubted(&self, table: &Table) -> Vec<String> {
        let of_table = |path: &&String| path.split('/').next() == Some(table.name);
        self.manifest.doubted.iter().filter(of_table).cloned().collect()
    }

    /// These objects hold again what they should.
    pub fn trust_again(&mut self, paths: &[String]) {
        self.manifest.doubted.retain(|path| !paths.contains(path));
    }
}
