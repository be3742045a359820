//! The one limiter of the process: who may ask, and when. Requests leave one by one, evenly, at the rate
//! that `pace` has learned; a pause that Drift asks for holds all of them.
//!
//! Callers queue first in, first out. Only the head of the queue sleeps, so a change of the rate or a
//! pause reaches everyone at once, and a grant without waiting costs no timer.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::pace::Pace;

/// Timers are exact to a millisecond; so much lateness is made up for, or one request, if that is more.
const LATENESS: Duration = Duration::from_millis(2);

/// The limiter.
#[derive(Debug)]
pub(super) struct Limiter {
    /// The head of the queue holds this while it waits for its time.
    queue: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

/// The leave to send one request; tells later refusals of one burst from new ones.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grant {
    at: Instant,
}

#[derive(Debug)]
struct State {
    pace: Pace,
    /// When the last request was due.
    last: Option<Instant>,
    paused_until: Option<Instant>,
    slowed_at: Option<Instant>,
    used: Used,
}

/// The rate that was really used, measured over a second or ten requests.
#[derive(Debug, Default)]
struct Used {
    since: Option<Instant>,
    count: u32,
    rate: f64,
}

impl Limiter {
    /// A limiter that begins with `first_rate` requests per second and never grants more than `max_rate`.
    pub(super) fn new(first_rate: f64, max_rate: Option<f64>) -> Self {
        let state = State {
            pace: Pace::new(first_rate, max_rate),
            last: None,
            paused_until: None,
            slowed_at: None,
            used: Used::default(),
        };
        Self { queue: tokio::sync::Mutex::new(()), state: Mutex::new(state) }
    }

    /// Waits for the leave to send one request.
    pub(super) async fn grant(&self) -> Grant {
        let _turn = self.queue.lock().await;
        let mut held_back = false;
        loop {
            let due = match self.state().take(Instant::now(), held_back) {
                Ok(grant) => return grant,
                Err(due) => due,
            };
            held_back = true;
            sleep_until(due).await;
        }
    }

    /// Drift refused the request of this grant, and perhaps said how long to wait.
    pub(super) fn throttled(&self, grant: Grant, retry_after: Option<Duration>) {
        self.state().throttled(Instant::now(), grant, retry_after);
    }

    /// Requests per second, at present.
    pub(super) fn rate(&self) -> f64 {
        self.state().pace.rate()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The grant, if its time has come; else when to ask again.
    fn take(&mut self, now: Instant, held_back: bool) -> Result<Grant, Instant> {
        if let Some(until) = self.paused_until.filter(|until| *until > now) {
            return Err(until);
        }
        let interval = Duration::from_secs_f64(1.0 / self.pace.rate());
        let due = self.last.map_or(now, |last| last + interval);
        if due > now {
            return Err(due);
        }
        let earliest = now.checked_sub(interval.max(LATENESS)).unwrap_or(now);
        // A pause is no lateness: what it held back is not made up for, or a limit that allows no two requests at
        // once would ask for the next pause at once.
        let slot = due.max(earliest).max(self.paused_until.unwrap_or(earliest));
        if held_back {
            let since_last = self.last.map_or(Duration::ZERO, |last| slot.saturating_duration_since(last));
            self.pace.went(since_last.min(interval + LATENESS).as_secs_f64());
        } else {
            self.count_free(slot, interval);
        }
        self.last = Some(slot);
        self.used.count(now);
        Ok(Grant { at: now })
    }

    /// A grant without a wait: either the head was late and makes up for it, or nobody was waiting.
    fn count_free(&mut self, slot: Instant, interval: Duration) {
        match self.last {
            Some(last) if slot == last + interval => self.pace.went(interval.as_secs_f64()),
            _ => self.pace.went_freely(),
        }
    }

    fn throttled(&mut self, now: Instant, grant: Grant, retry_after: Option<Duration>) {
        self.pace.refused();
        let pause = retry_after.unwrap_or_default();
        if !pause.is_zero() {
            self.paused_until = self.paused_until.max(Some(now + pause));
        }
        if self.slowed_at.is_none_or(|slowed| grant.at > slowed) {
            self.pace.slow_down(self.used.lately(now), pause.as_secs_f64());
            self.slowed_at = Some(now);
        }
    }
}

impl Used {
    fn count(&mut self, now: Instant) {
        let since = *self.since.get_or_insert(now);
        self.count += 1;
        let passed = now.duration_since(since);
        if passed >= Duration::from_secs(1) && self.count >= 10 {
            *self = Self { since: Some(now), count: 0, rate: f64::from(self.count) / passed.as_secs_f64() };
        }
    }

    /// An upper bound of the rate used lately; the margin covers a rate that doubles every second.
    fn lately(&self, now: Instant) -> f64 {
        let passed = self.since.map_or(Duration::ZERO, |since| now.duration_since(since));
        let current = f64::from(self.count) / passed.as_secs_f64().max(0.25);
        let measured = if self.rate > 0.0 { self.rate.max(current) } else { f64::INFINITY };
        measured * 1.5
    }
}

#[cfg(test)]
#[path = "limit_tests.rs"]
mod tests;
