//! What a Delta table holds at one version: the sum of all actions up to it.

use std::collections::BTreeMap;

use super::actions::{Action, Add, MetaData, Protocol, Remove, Txn};

/// A table at one version.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// The version; none before the first commit.
    pub version: Option<u64>,
    /// What readers and writers must be able to do.
    pub protocol: Option<Protocol>,
    /// What the table is.
    pub meta_data: Option<MetaData>,
    /// How far applications have got.
    pub txns: BTreeMap<String, Txn>,
    /// The files of this version, by path.
    pub live: BTreeMap<String, Add>,
    /// Files of earlier versions that still lie there, by path.
    pub gone: BTreeMap<String, Remove>,
}

impl State {
    /// Adds an action.
    pub fn apply(&mut self, action: Action) {
        if let Some(add) = action.add {
            self.gone.remove(&add.path);
            self.live.insert(add.path.clone(), add);
        }
        if let Some(remove) = action.remove {
            self.live.remove(&remove.path);
            self.gone.insert(remove.path.clone(), remove);
        }
        if let Some(txn) = action.txn {
            self.txns.insert(txn.app_id.clone(), txn);
        }
        self.protocol = action.protocol.or(self.protocol.take());
        self.meta_data = action.meta_data.or(self.meta_data.take());
    }

    /// The fewest actions that come to the same.
    pub fn actions(&self) -> Vec<Action> {
        let first = [self.protocol.clone().map(Action::from), self.meta_data.clone().map(Action::from)];
        let txns = self.txns.values().cloned().map(Action::from);
        let gone = self.gone.values().cloned().map(Action::from);
        let live = self.live.values().cloned().map(Action::from);
        first.into_iter().flatten().chain(txns).chain(gone).chain(live).collect()
    }
}
