//! The leaky bucket behind the 429s.

use std::time::Duration;

use super::behaviour::RateLimit;

/// How full the bucket is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bucket {
    level: f64,
    at: Duration,
}

impl Bucket {
    /// Takes one request in, or tells how long it would have to wait.
    pub(super) fn admit(&mut self, limit: RateLimit, now: Duration) -> Result<(), Duration> {
        let drained = now.saturating_sub(self.at).as_secs_f64() * limit.per_second;
        self.level = (self.level - drained).max(0.0);
        self.at = now.max(self.at);
        let excess = self.level + 1.0 - limit.burst.max(1.0);
        if excess > 1e-9 {
            return Err(Duration::from_secs_f64((excess / limit.per_second).min(1e6)));
        }
        self.level += 1.0;
        Ok(())
    }
}
