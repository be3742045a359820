//! The only way time enters: as a value that whoever runs the simulator provides.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How much time has passed since some beginning, and whether the world's date follows it.
#[derive(Clone)]
pub struct Clock {
    elapsed: Arc<dyn Fn() -> Duration + Send + Sync>,
    moves_date: bool,
}

impl Clock {
    /// Time stands still, except when a mutation advances it.
    pub fn still() -> Self {
        Self::from_fn(|| Duration::ZERO)
    }

    /// The rate limit follows real time, the world's date stands still.
    pub fn wall() -> Self {
        let start = Instant::now();
        Self::from_fn(move || start.elapsed())
    }

    /// The rate limit follows the given time, for example that of a paused runtime.
    pub fn from_fn(elapsed: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self { elapsed: Arc::new(elapsed), moves_date: false }
    }

    /// Lets the world's date follow too.
    #[must_use]
    pub fn moving_the_date(self) -> Self {
        Self { moves_date: true, ..self }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        (self.elapsed)()
    }

    pub(crate) fn moves_date(&self) -> bool {
        self.moves_date
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Clock").field("moves_date", &self.moves_date).finish_non_exhaustive()
    }
}
