//! A time that may be none, in eight bytes: so there is room for millions.

/// Epoch microseconds; the smallest number stands for none, and comes before all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(i64);

impl Moment {
    /// The time, if it is one.
    pub fn get(self) -> Option<i64> {
        (self.0 != i64::MIN).then_some(self.0)
    }
}

impl From<Option<i64>> for Moment {
    fn from(time: Option<i64>) -> Self {
        Self(time.unwrap_or(i64::MIN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_stays_none_and_comes_first() {
        for time in [None, Some(i64::MIN + 1), Some(0), Some(i64::MAX)] {
            assert_eq!(Moment::from(time).get(), time);
            assert!(Moment::from(None) <= Moment::from(time));
        }
    }
}
