//! Whether to ask again, and when: for one call ([`Tries`]) and for all of them together ([`Budget`]).

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::obstacle::Obstacle;
use super::settings::RetryPolicy;

/// Why a try did not bring what was asked for, as far as it matters for the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// A failure that may pass.
    Passing,
    /// Nobody listens there.
    Unreachable,
    /// This is suddenly in the way, though Drift has answered before: one of its machines, or a proxy, may just be
    /// changing.
    Barred(Obstacle),
    /// Something else than Drift answers, and Drift has never answered yet.
    Foreign,
    /// It points elsewhere, though Drift has answered before.
    Redirected,
    /// The token was refused although it had been accepted before.
    Denied,
    /// The body is not valid UTF-8.
    Garbled,
    /// Too fast.
    Throttled,
}

/// The tries of one call.
#[derive(Debug)]
pub(super) struct Tries<'a> {
    policy: &'a RetryPolicy,
    /// How often the call was sent.
    pub(super) sent: u32,
    failed: u32,
    throttled: u32,
    same: u32,
    last: Option<Failure>,
    last_since: Instant,
    /// When the clock of `call_total` began; moved on by the time that 429s took.
    since: Instant,
}

impl<'a> Tries<'a> {
    pub(super) fn new(policy: &'a RetryPolicy, now: Instant) -> Self {
        Self { policy, sent: 0, failed: 0, throttled: 0, same: 0, last: None, last_since: now, since: now }
    }

    /// How long to wait before the next try; `None` to give up.
    pub(super) fn after(
        &mut self,
        failure: Failure,
        asked: Option<Duration>,
        now: Instant,
        random: &mut fastrand::Rng,
    ) -> Option<Duration> {
        self.note(failure, now);
        let policy = self.policy;
        let here = now.duration_since(self.last_since);
        let delay = match failure {
            Failure::Throttled => {
                return (here < policy.throttled_total).then(|| self.throttled_delay(random));
            }
            Failure::Unreachable | Failure::Barred(_) if here >= policy.unreachable_total => return None,
            Failure::Unreachable | Failure::Barred(_) => {
                self.backoff(policy.backoff_max.min(Duration::from_secs(2)), random)
            }
            Failure::Foreign if self.same >= policy.foreign_attempts => return None,
            Failure::Denied if self.same >= policy.denied_attempts => return None,
            // Whole seconds: what refuses a good token for a moment needs a moment.
            Failure::Denied => Duration::from_millis(500 * 3_u64.pow(self.same.min(4)) + random.u64(0..500)),
            Failure::Garbled if self.same >= policy.encoding_attempts => return None,
            _ if self.failed >= policy.attempts => return None,
            _ => self.backoff(policy.backoff_max, random),
        };
        let delay = delay.max(asked.unwrap_or_default());
        (now.duration_since(self.since) + delay <= policy.call_total).then_some(delay)
    }

    /// Whether so many garbled bodies came in a row that another one is the data as it is.
    pub(super) fn garbled_for_good(&self) -> bool {
        self.last == Some(Failure::Garbled) && self.same + 1 >= self.policy.encoding_attempts
    }

    fn note(&mut self, failure: Failure, now: Instant) {
        if self.last == Some(failure) {
            self.same += 1;
        } else {
            self.end_of_throttling(now);
            (self.last, self.last_since, self.same) = (Some(failure), now, 1);
        }
        match failure {
            Failure::Throttled => self.throttled += 1,
            Failure::Unreachable | Failure::Barred(_) => {}
            _ => self.failed += 1,
        }
    }

    /// Time spent on 429s is not time spent on failures.
    fn end_of_throttling(&mut self, now: Instant) {
        if self.last == Some(Failure::Throttled) {
            self.since += now.duration_since(self.last_since);
            self.throttled = 0;
        }
    }

    /// Full jitter: a random part of twice as much each time.
    fn backoff(&self, max: Duration, random: &mut fastrand::Rng) -> Duration {
        let doubled = self.policy.backoff.saturating_mul(1 << self.same.max(self.failed).clamp(1, 20) >> 1);
        doubled.min(max).mul_f64(random.f64())
    }

    /// The limiter paces; this only keeps one unlucky call from spending the rate of all on itself.
    fn throttled_delay(&self, random: &mut fastrand::Rng) -> Duration {
        let doubled = self.policy.backoff.saturating_mul(1 << self.throttled.clamp(1, 6) >> 1);
        doubled.min(Duration::from_secs(10)).mul_f64(random.f64())
    }
}

/// The retries that all calls share.
#[derive(Debug)]
pub(super) struct Budget {
    full: u32,
    outage: Duration,
    state: Mutex<Shared>,
}

#[derive(Debug)]
struct Shared {
    left: u32,
    failures: u32,
    failing_since: Option<Instant>,
}

/// Fewer failures than this in a row are one call's bad luck, not an outage.
const OUTAGE_FAILURES: u32 = 20;

impl Budget {
    pub(super) fn new(policy: &RetryPolicy) -> Self {
        let state = Shared { left: policy.budget, failures: 0, failing_since: None };
        Self { full: policy.budget, outage: policy.outage, state: Mutex::new(state) }
    }

    /// A usable answer came.
    pub(super) fn earn(&self) {
        let mut state = self.state();
        state.left = (state.left + 1).min(self.full);
        state.failures = 0;
        state.failing_since = None;
    }

    /// A try failed; whether there may be another.
    pub(super) fn spend(&self, now: Instant) -> bool {
        let mut state = self.state();
        state.failures += 1;
        let since = *state.failing_since.get_or_insert(now);
        let outage = state.failures >= OUTAGE_FAILURES && now.duration_since(since) >= self.outage;
        let granted = state.left > 0 && !outage;
        state.left -= u32::from(granted);
        granted
    }

    fn state(&self) -> MutexGuard<'_, Shared> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The delays until it gives up, when time passes by the delays alone.
    fn delays(failure: Failure, asked: Option<Duration>) -> Vec<Duration> {
        let policy = RetryPolicy::default();
        let mut now = Instant::now();
        let mut tries = Tries::new(&policy, now);
        let mut random = fastrand::Rng::with_seed(7);
        let mut delays = Vec::new();
        while let Some(delay) = tries.after(failure, asked, now, &mut random) {
            delays.push(delay);
            now += delay + Duration::from_millis(1);
        }
        delays
    }

    #[test]
    fn a_passing_failure_is_tried_eight_times_with_growing_jitter() {
        let delays = delays(Failure::Passing, None);
        assert_eq!(delays.len(), 7);
        for (index, delay) in delays.iter().enumerate() {
            assert!(*delay <= Duration::from_millis(250 << index), "{index}: {delay:?}");
        }
    }

    #[test]
    fn each_failure_has_its_patience() {
        let total = |failure| delays(failure, None).iter().sum::<Duration>().as_secs_f64();
        assert!((10.0..16.0).contains(&total(Failure::Unreachable)));
        assert!((10.0..16.0).contains(&total(Failure::Barred(Obstacle::OutOfDate))));
        assert!((900.0..915.0).contains(&total(Failure::Throttled)));
        assert!((2.0..8.0).contains(&total(Failure::Denied)));
        assert_eq!(delays(Failure::Foreign, None).len(), 2);
        assert_eq!(delays(Failure::Garbled, None).len(), 2);
    }

    #[test]
    fn a_wish_to_wait_is_granted_within_the_total() {
        let wish = Duration::from_secs(100);
        assert_eq!(delays(Failure::Passing, Some(wish)), [wish, wish]);
    }

    #[test]
    fn the_budget_is_shared_and_earned_back() {
        let policy = RetryPolicy { budget: 3, ..RetryPolicy::default() };
        let budget = Budget::new(&policy);
        let now = Instant::now();
        assert_eq!([0; 4].map(|_| budget.spend(now)), [true, true, true, false]);
        budget.earn();
        assert_eq!([0; 2].map(|_| budget.spend(now)), [true, false]);
    }

    #[test]
    fn an_outage_ends_all_retries_until_an_answer_comes() {
        let budget = Budget::new(&RetryPolicy::default());
        let now = Instant::now();
        (0..30).for_each(|_| assert!(budget.spend(now)));
        let later = now + Duration::from_secs(200);
        assert!(!budget.spend(later));
        budget.earn();
        assert!(budget.spend(later));
    }
}
