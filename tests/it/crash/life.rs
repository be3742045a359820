//! One program after the other on one lake: each lives to its end or dies by its fate, and what it leaves is
//! held against the promises.

use drift2parquet::error::ErrorKind;
use drift2parquet::progress::Progress;
use drift2parquet::report::Report;
use drift2parquet::sync::Ended;
use drift2parquet::verify::{Verdict, verify};

use super::{Cut, Kept};
use crate::account::Account;
use crate::faults::Found;

/// How a program ends.
#[derive(Debug, Clone)]
pub struct Death {
    /// At which operation, counted from 0.
    pub at: usize,
    /// With how much of it done.
    pub cut: Cut,
    /// Whether the power fails too, and what that leaves.
    pub power: Option<Kept>,
}

/// Runs something on a runtime of its own, whose time is bent and which is dropped with all its tasks.
pub fn live<T>(life: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.unwrap().block_on(life)
}

impl Account {
    /// One run that dies, unless it is too short for that; how it ended if it did not die.
    pub fn run_to_death(&mut self, death: Death) -> Option<drift2parquet::error::Result<Ended>> {
        let disk = self.lake.disk().clone();
        disk.fate().begin(Some((death.at, death.cut)));
        let ended = live(async {
            tokio::select! {
                biased;
                () = disk.fate().stopped() => None,
                ended = self.attempt() => Some(ended),
            }
        });
        disk.fate().begin(None);
        if let (None, Some(kept)) = (&ended, death.power) {
            disk.lose_power(kept);
        }
        ended
    }

    /// Wrong unless every file of every table is readable, each key stands once over its table, and `verify`
    /// finds nothing broken. That there is no lake yet is fine.
    pub fn is_whole(&self) -> Found {
        self.live()?;
        match self.judged()? {
            Some(Verdict::Broken) => Err("verify: broken".to_owned()),
            _ => Ok(()),
        }
    }

    /// What `verify` says of the lake; nothing while there is none.
    fn judged(&self) -> Found<Option<Verdict>> {
        let store = self.lake.store();
        match live(verify(store.as_ref(), false, &Progress::default())) {
            Ok(found) if found.verdict == Verdict::Broken => Err(format!("verify: {:?}", found.findings)),
            Ok(found) => Ok(Some(found.verdict)),
            Err(error) if error.kind() == ErrorKind::Usage && !self.has_manifests() => Ok(None),
            Err(error) => Err(format!("verify failed: {error}")),
        }
    }

    fn has_manifests(&self) -> bool {
        !self.lake.files("_manifest").is_empty()
    }

    /// A run without faults, after which nothing is wrong, nothing is left behind, and nothing that it or any
    /// run before it has put can be lost any more.
    pub fn recovers(&mut self) -> Found<Report> {
        let report = live(self.sound_run())?;
        self.is_settled()?;
        let lasting = || (self.objects(), self.lake.files("_manifest"));
        let before = lasting();
        self.lake.disk().lose_power(Kept::Nothing);
        let is_kept = lasting() == before;
        if is_kept { Ok(report) } else { Err("a power loss took away what a run had put".to_owned()) }
    }

    fn is_settled(&self) -> Found {
        if self.judged()? != Some(Verdict::Proven) {
            return Err("verify: not proven after a sound run".to_owned());
        }
        for folder in ["_tmp", "_todo"] {
            if let Some(left) = self.lake.files(folder).keys().next() {
                return Err(format!("{left} was left behind"));
            }
        }
        Ok(())
    }
}
