//! From numbers that grow to what people want to know: share, time left, requests a second. Pure: the time
//! is an argument.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use drift2parquet::progress::{Phase, Snapshot};
use drift2parquet::report::Traffic;

use super::figures::{count, span};

/// The rate of requests is that of the last seconds.
const WINDOW: Duration = Duration::from_secs(10);

/// Too little has happened before to say how long the rest will take.
const GUESS_AFTER: Duration = Duration::from_secs(3);

/// Remembers just enough to tell rates.
#[derive(Debug, Default)]
pub struct Meter {
    phase: Phase,
    phase_began: Duration,
    requests: VecDeque<(Duration, u64)>,
}

/// What is to be told at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The numbers.
    pub now: Snapshot,
    /// Whether a phase has just begun.
    pub is_new_phase: bool,
    /// Time left in this phase, when it can be guessed.
    pub left: Option<Duration>,
    /// Requests a second, lately.
    pub rate: f64,
    /// Answers of 429 so far.
    pub throttled: u64,
}

impl Meter {
    /// Reads the numbers `at` this time since the run began.
    pub fn read(&mut self, at: Duration, now: Snapshot, traffic: &Traffic) -> Reading {
        let is_new_phase = now.phase != self.phase;
        if is_new_phase {
            (self.phase, self.phase_began) = (now.phase, at);
        }
        let rate = self.rate(at, traffic.requests);
        Reading { now, is_new_phase, left: self.left(at, now), rate, throttled: traffic.throttled }
    }

    fn rate(&mut self, at: Duration, requests: u64) -> f64 {
        self.requests.push_back((at, requests));
        while self.requests.len() > 2 && self.requests[1].0 + WINDOW <= at {
            self.requests.pop_front();
        }
        let (since, before) = self.requests[0];
        let seconds = at.saturating_sub(since).as_secs_f64();
        if seconds > 0.0 { requests.saturating_sub(before) as f64 / seconds } else { 0.0 }
    }

    fn left(&self, at: Duration, now: Snapshot) -> Option<Duration> {
        let spent = at.saturating_sub(self.phase_began);
        if now.done == 0 || now.done > now.total || spent < GUESS_AFTER {
            return None;
        }
        let seconds = spent.as_secs_f64() * (now.total - now.done) as f64 / now.done as f64;
        Duration::try_from_secs_f64(seconds).ok()
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Snapshot { phase, done, total, rows, .. } = self.now;
        write!(f, "{}", phase.words())?;
        match total {
            0 if done == 0 => {}
            0 => write!(f, ": {}", count(done))?,
            _ => write!(f, ": {}% ({} of {})", done.min(total) * 100 / total, count(done), count(total))?,
        }
        write!(f, ", {} rows, {:.0} requests/s", count(rows), self.rate)?;
        if self.throttled > 0 {
            write!(f, ", {} times told to slow down", count(self.throttled))?;
        }
        match self.left {
            Some(left) => write!(f, ", {} left", span(left)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn traffic(requests: u64) -> Traffic {
        Traffic { requests, ..Traffic::default() }
    }

    #[test]
    fn tells_share_rate_and_time_left() {
        let mut meter = Meter::default();
        let begun = Snapshot { phase: Phase::Fetching, total: 2000, ..Snapshot::default() };
        assert!(meter.read(at(10), begun, &traffic(100)).is_new_phase);
        let reading = meter.read(at(20), Snapshot { done: 500, rows: 12_345, ..begun }, &traffic(600));
        assert_eq!(
            reading.to_string(),
            "fetching conversations and messages: 25% (500 of 2,000), 12,345 rows, 50 requests/s, 30s left"
        );
    }

    #[test]
    fn says_nothing_that_it_cannot_know() {
        let reading = Meter::default().read(at(0), Snapshot::default(), &traffic(0));
        assert_eq!(reading.to_string(), "starting, 0 rows, 0 requests/s");
    }
}
