//! The clock of a run: the wall time it was started with, moved on by the runtime's own time, so that a
//! test can bend it.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// The clock of a run.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Timestamp,
    since: Instant,
}

impl Clock {
    /// A clock that shows `started` now.
    pub fn starting_at(started: Timestamp) -> Self {
        Self { started, since: Instant::now() }
    }

    /// What it shows now.
    pub fn now(&self) -> Timestamp {
        self.started + self.elapsed()
    }

    /// How long it has run.
    pub fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }
}
