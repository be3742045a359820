//! Whether a list comes newest first. A list that moves while it is walked shows rows again, which does not
//! contradict its order; so the rows of the last pages are remembered.

use std::collections::VecDeque;

/// Rows that are remembered: those of ten pages, which a busy account does not push down between two calls.
const REMEMBERED: usize = 1_000;

/// What is known of the order so far. Times are epoch microseconds.
#[derive(Debug, Default)]
pub(super) struct Order {
    last: Option<i64>,
    remembered: VecDeque<(i64, i64)>,
}

impl Order {
    /// Takes in the next row; answers whether it fits behind those before it.
    pub fn fits(&mut self, id: i64, time: i64) -> bool {
        let later = self.last.is_some_and(|last| time > last);
        if later && self.remembered.contains(&(id, time)) {
            return true;
        }
        self.last = Some(time);
        if self.remembered.len() == REMEMBERED {
            self.remembered.pop_front();
        }
        self.remembered.push_back((id, time));
        !later
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_is_shown_again_contradicts_nothing() {
        let mut order = Order::default();
        for (id, time, fits) in
            [(1, 9, true), (2, 8, true), (1, 9, true), (2, 8, true), (3, 8, true), (4, 9, false)]
        {
            assert_eq!(order.fits(id, time), fits, "{id}");
        }
    }
}
