//! Lists that are asked for by a window of time. A window whose answer is full is split in two.

use jiff::{Timestamp, ToSpan};

use super::Run;
use crate::api::Answer;
use crate::archive;
use crate::decode::skim;
use crate::error::{Error, Result};
use crate::lake::Departed;
use crate::page::Page;
use crate::schema::{Call, Paging, Rows};

/// Drift shows the past 30 days (API: get-booked-meetings).
const PAST_DAYS: i64 = 30;
/// Meetings are booked ahead; nobody books further than this.
const FUTURE_DAYS: i64 = 366;
/// Drift's own clock cuts the past off a little later than ours; nothing is inferred about this first hour.
const EDGE_US: i64 = 3_600_000_000;

/// A window of time, in epoch milliseconds, both ends inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    from_ms: i64,
    to_ms: i64,
}

impl From<Window> for archive::Window {
    fn from(Window { from_ms, to_ms }: Window) -> Self {
        Self { from_ms, to_ms }
    }
}

impl From<archive::Window> for Window {
    fn from(archive::Window { from_ms, to_ms }: archive::Window) -> Self {
        Self { from_ms, to_ms }
    }
}

impl Window {
    /// The widest window that Drift answers, around `now`, for lists that are asked for this way.
    pub fn of(paging: Paging, now: Timestamp) -> Option<Self> {
        let day = 24.hours();
        let shift = |days: i64| now.checked_add(day.checked_mul(days).ok()?).ok();
        let (from, to) = (shift(-PAST_DAYS)?, shift(FUTURE_DAYS)?);
        (paging == Paging::Window)
            .then(|| Self { from_ms: from.as_millisecond(), to_ms: to.as_millisecond() })
    }

    /// All pages of the window, or nothing when the run is asked to stop.
    pub async fn read(self, run: &Run, call: &Call) -> Result<Option<Vec<Page>>> {
        let (mut pages, mut windows) = (Vec::new(), vec![self]);
        while let Some(window) = windows.pop() {
            let page = match run.get(call, None, &window.pairs()).await? {
                None => return Ok(None),
                Some(Answer::Missing(page)) => {
                    return Err(
                        Error::unavailable("Drift does not know this list (404)").at("call", &page.path)
                    );
                }
                Some(Answer::Page(page, _)) => page,
            };
            match window.halves().filter(|_| is_full(call, &page)) {
                Some((earlier, later)) => windows.extend([later, earlier]),
                None => pages.push(page),
            }
        }
        Ok(Some(pages))
    }

    /// Stored rows whose time lies well inside the window, and that were not answered, are gone.
    pub fn departed(self, column: &'static str) -> Departed {
        Departed::AbsentWithin { column, from_us: self.from_ms * 1000 + EDGE_US, to_us: self.to_ms * 1000 }
    }

    fn pairs(self) -> Vec<(String, String)> {
        vec![
            ("min_start_time".to_owned(), self.from_ms.to_string()),
            ("max_start_time".to_owned(), self.to_ms.to_string()),
        ]
    }

    fn halves(self) -> Option<(Self, Self)> {
        let middle = self.from_ms + (self.to_ms - self.from_ms) / 2;
        let earlier = Self { to_ms: middle, ..self };
        let later = Self { from_ms: middle + 1, ..self };
        (self.to_ms > self.from_ms).then_some((earlier, later))
    }
}

/// Whether an answer has as many records as were asked for, so that there may be more.
fn is_full(call: &Call, page: &Page) -> bool {
    let limit =
        call.query.iter().find(|(name, _)| *name == "limit").and_then(|(_, value)| value.parse().ok());
    let Rows::Array(path) = call.rows else { return false };
    let records = skim::find(&page.body, path).map_or(0, |rows| skim::elements(rows).count());
    limit.is_some_and(|limit: usize| records >= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_meet_without_overlap() {
        let window = Window { from_ms: 10, to_ms: 15 };
        let (earlier, later) = window.halves().unwrap();
        assert_eq!((earlier.from_ms, earlier.to_ms, later.from_ms, later.to_ms), (10, 12, 13, 15));
        assert!(Window { from_ms: 10, to_ms: 10 }.halves().is_none());
    }

    #[test]
    fn only_lists_with_windows_have_one() {
        let now = Timestamp::from_second(1_790_000_000).unwrap();
        assert!(Window::of(Paging::One, now).is_none());
        let window = Window::of(Paging::Window, now).unwrap();
        assert_eq!(now.as_millisecond() - window.from_ms, 30 * 24 * 3_600_000);
    }
}
