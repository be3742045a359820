//! A growing set of ids, in eight bytes each: sorted runs, of which neighbours of like length are joined. Steps of a
//! walk come with ids that hardly overlap, so most questions are answered by the ends of the runs.

/// A set of ids.
#[derive(Debug, Default)]
pub(super) struct Ids {
    /// Each sorted, and more than twice as long as the next.
    runs: Vec<Vec<i64>>,
}

impl Ids {
    /// Whether one of these is in it.
    pub fn has_any(&self, ids: &[i64]) -> bool {
        let inside = |run: &Vec<i64>, id: &i64| {
            let within =
                run.first().is_some_and(|first| first <= id) && run.last().is_some_and(|last| id <= last);
            within && run.binary_search(id).is_ok()
        };
        self.runs.iter().any(|run| ids.iter().any(|id| inside(run, id)))
    }

    /// Adds ids that are not in it.
    #[allow(clippy::stable_sort_primitive, reason = "the stable sort joins two sorted runs in one pass")]
    pub fn add(&mut self, mut ids: Vec<i64>) {
        ids.sort_unstable();
        while self.runs.last().is_some_and(|last| last.len() <= 2 * ids.len()) {
            let mut longer = self.runs.pop().unwrap_or_default();
            longer.append(&mut ids);
            longer.sort();
            ids = longer;
        }
        self.runs.push(ids);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn it_is_a_set() {
        let mut random = fastrand::Rng::with_seed(3);
        let (mut ids, mut model) = (Ids::default(), HashSet::new());
        for _ in 0..500 {
            let some: HashSet<i64> = (0..random.usize(0..9)).map(|_| random.i64(-2_000..2_000)).collect();
            let some: Vec<i64> = some.into_iter().collect();
            let known = some.iter().any(|id| model.contains(id));
            assert_eq!(ids.has_any(&some), known);
            if !known {
                model.extend(some.iter().copied());
                ids.add(some);
            }
        }
        assert!(model.len() > 300);
        assert!(ids.runs.len() < 12);
        assert!(model.iter().all(|id| ids.has_any(&[*id])));
    }
}
