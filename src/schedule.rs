//! When runs begin that come again and again: at the multiples of an interval by the clock in UTC, each a little
//! later by chance, so that programs on the same interval do not all ask in the same second.
//!
//! Pure: the time and the seed of chance are arguments, so the same lake keeps the same times after a restart.

use std::time::Duration;

use jiff::Timestamp;

/// A slot is at most this part of the interval late.
pub const JITTER_PART: u32 = 10;

/// No slot is later than this: who asks for a run at midnight wants it about then.
pub const JITTER_MAX: Duration = Duration::from_secs(60);

/// The shortest interval: less than a second leaves no room for a run that asks anything.
pub const EVERY_MIN: Duration = Duration::from_secs(1);

/// The longest interval: a longer one is a slip of the finger.
pub const EVERY_MAX: Duration = Duration::from_secs(366 * 24 * 3600);

/// The times at which runs begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    every_ms: i64,
    seed: u64,
}

impl Schedule {
    /// A run at every multiple of `every`, counted from 1970-01-01 00:00 UTC, late by chance as `seed` has it.
    /// Intervals out of range become the nearest one that is not.
    pub fn new(every: Duration, seed: u64) -> Self {
        let every = every.clamp(EVERY_MIN, EVERY_MAX);
        Self { every_ms: every.as_millis() as i64, seed }
    }

    /// When the first slot after `now` begins: at most one interval and its jitter away.
    pub fn after(&self, now: Timestamp) -> Timestamp {
        let next = self.begins(self.slot(now) + 1);
        Timestamp::from_millisecond(next).unwrap_or(Timestamp::MAX)
    }

    /// How many slots began after `from` and up to `to`; none when the clock was set back.
    pub fn between(&self, from: Timestamp, to: Timestamp) -> u64 {
        u64::try_from(self.slot(to) - self.slot(from)).unwrap_or(0)
    }

    /// The number of the slot that began last.
    fn slot(&self, now: Timestamp) -> i64 {
        let now = now.as_millisecond();
        let slot = now.div_euclid(self.every_ms);
        if self.begins(slot) <= now { slot } else { slot - 1 }
    }

    /// When the slot of this number begins, in epoch milliseconds.
    fn begins(&self, slot: i64) -> i64 {
        slot * self.every_ms + self.jitter(slot)
    }

    /// How late it is, in milliseconds: another number for each slot, yet always the same for the same.
    fn jitter(&self, slot: i64) -> i64 {
        let most = (self.every_ms / i64::from(JITTER_PART)).min(JITTER_MAX.as_millis() as i64);
        let chance = self.seed ^ (slot as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        fastrand::Rng::with_seed(chance).i64(0..=most)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HALF_HOUR: Duration = Duration::from_secs(30 * 60);

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// How long after the last multiple of the interval a slot begins.
    fn late(every: Duration, slot: Timestamp) -> Duration {
        Duration::from_millis(slot.as_millisecond().rem_euclid(every.as_millis() as i64) as u64)
    }

    #[test]
    fn slots_are_the_multiples_of_the_interval_a_little_late() {
        let schedule = Schedule::new(HALF_HOUR, 1);
        let next = schedule.after(at("2026-11-29T12:07:00Z"));
        assert!(next >= at("2026-11-29T12:30:00Z") && next <= at("2026-11-29T12:31:00Z"), "{next}");
        let night = Schedule::new(Duration::from_secs(24 * 3600), 1).after(at("2026-11-29T12:07:00Z"));
        assert!(night >= at("2026-11-30T00:00:00Z") && night <= at("2026-11-30T00:01:00Z"), "{night}");
    }

    #[test]
    fn chance_is_the_same_for_the_same_seed_and_another_for_each_slot() {
        let begin = at("2026-11-29T00:00:00Z");
        let times = |seed| {
            let schedule = Schedule::new(HALF_HOUR, seed);
            let next = |now: &Timestamp| Some(schedule.after(*now));
            std::iter::successors(Some(begin), next).skip(1).take(48).collect::<Vec<_>>()
        };
        assert_eq!(times(7), times(7));
        assert_ne!(times(7), times(8));
        let mut lates: Vec<_> = times(7).iter().map(|slot| late(HALF_HOUR, *slot)).collect();
        lates.sort_unstable();
        lates.dedup();
        assert!(lates.len() > 40, "one of {} times", lates.len());
        assert!(lates[0] < JITTER_MAX / 4 && *lates.last().unwrap() > JITTER_MAX * 3 / 4, "{lates:?}");
    }

    #[test]
    fn slots_that_began_meanwhile_are_counted() {
        let schedule = Schedule::new(HALF_HOUR, 3);
        let count = |from, to| schedule.between(at(from), at(to));
        assert_eq!(count("2026-11-29T12:05:00Z", "2026-11-29T12:20:00Z"), 0);
        assert_eq!(count("2026-11-29T12:05:00Z", "2026-11-29T14:20:00Z"), 4);
        assert_eq!(count("2026-11-29T14:05:00Z", "2026-11-29T12:20:00Z"), 0, "the clock was set back");
    }

    proptest! {
        #[test]
        fn the_next_slot_is_ahead_near_and_none_is_left_out(
            every in 1_000u64..1_000_000_000,
            now in -1_000_000_000_000i64..4_000_000_000_000,
            seed: u64,
        ) {
            let every = Duration::from_millis(every);
            let schedule = Schedule::new(every, seed);
            let now = Timestamp::from_millisecond(now).unwrap();
            let next = schedule.after(now);
            prop_assert!(next > now);
            prop_assert!(next.duration_since(now).unsigned_abs() <= every + JITTER_MAX);
            prop_assert!(late(every, next) <= (every / JITTER_PART).min(JITTER_MAX));
            prop_assert_eq!(schedule.between(now, next), 1);
        }
    }
}
