//! When the conversations of each contact last changed, and when one was last found to be erased. An account may
//! have as many contacts as conversations, so they are kept in 16 bytes each.

use std::collections::HashMap;

use crate::sync::bits::Bits;
use crate::sync::moment::Moment;

/// Notes that may be of keys which are there already, before they are joined with those.
const UNSETTLED_MIN: usize = 1 << 16;

/// What is known of one contact. Times are epoch microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    pub key: i64,
    /// When its conversations were last listed with a change.
    pub listed: Moment,
}

/// All contacts that conversations name.
#[derive(Debug, Default)]
pub(super) struct Latest {
    /// Sorted by key as far as they are settled, the others behind them as they came.
    all: Vec<Known>,
    settled: usize,
    /// By their places.
    left_out: Bits,
    /// Few conversations are ever erased.
    erased: HashMap<i64, i64>,
}

impl Latest {
    /// Notes one conversation of a contact.
    pub fn note(&mut self, key: i64, listed: Option<i64>, erased: Option<i64>) {
        if let Some(erased) = erased {
            let latest = self.erased.entry(key).or_insert(erased);
            *latest = erased.max(*latest);
        }
        self.all.push(Known { key, listed: listed.into() });
        if self.all.len() - self.settled > UNSETTLED_MIN.max(self.settled / 2) {
            self.settle();
        }
    }

    /// Joins what is known of each key.
    pub fn settle(&mut self) {
        self.all.sort_unstable_by_key(|known| (known.key, std::cmp::Reverse(known.listed)));
        self.all.dedup_by_key(|known| known.key);
        self.settled = self.all.len();
    }

    /// Whether a conversation names it. Everything must be settled, here and below.
    pub fn has(&self, key: i64) -> bool {
        self.all.binary_search_by_key(&key, |known| known.key).is_ok()
    }

    /// Keeps these keys only.
    pub fn retain(&mut self, keep: impl Fn(i64) -> bool) {
        self.all.retain(|known| keep(known.key));
        self.settled = self.all.len();
    }

    /// Leaves out a stored contact if it is new enough: as of a time after which nothing was listed, with no
    /// conversation found to be erased since `looked_at`.
    pub fn leave_out(&mut self, key: i64, as_of: Option<i64>, looked_at: Option<i64>) {
        let Ok(at) = self.all.binary_search_by_key(&key, |known| known.key) else { return };
        let erased = self.erased.get(&key);
        let is_new_enough = Moment::from(as_of) >= self.all[at].listed
            && erased.is_none_or(|erased| looked_at > Some(*erased));
        if is_new_enough {
            self.left_out.insert(at);
        }
    }

    /// All that were not left out.
    pub fn into_all(mut self) -> Vec<Known> {
        let (left_out, mut places) = (self.left_out, 0..);
        self.all.retain(|_| places.next().is_some_and(|place| !left_out.has(place)));
        self.all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_contact_the_last_change_counts() {
        let mut random = fastrand::Rng::with_seed(5);
        let (mut latest, mut model) = (Latest::default(), HashMap::new());
        for _ in 0..200_000 {
            let (key, listed) = (random.i64(-40_000..40_000), random.bool().then(|| random.i64(..)));
            latest.note(key, listed, None);
            let entry = model.entry(key).or_insert(listed);
            *entry = listed.max(*entry);
        }
        latest.settle();
        let all = latest.into_all();
        assert!(all.is_sorted_by(|one, other| one.key < other.key));
        let found: HashMap<i64, Option<i64>> =
            all.iter().map(|known| (known.key, known.listed.get())).collect();
        assert_eq!(found, model);
    }

    #[test]
    fn what_was_erased_since_the_last_look_is_asked_for_again() {
        let mut latest = Latest::default();
        latest.note(1, Some(5), Some(9));
        latest.note(2, Some(5), None);
        latest.note(3, Some(5), None);
        latest.settle();
        latest.leave_out(1, Some(6), Some(9));
        latest.leave_out(2, Some(5), Some(9));
        latest.leave_out(3, Some(4), Some(9));
        let left: Vec<i64> = latest.into_all().into_iter().map(|known| known.key).collect();
        assert_eq!(left, [1, 3]);
    }
}
