//! The transcript: a chat as text, with all the losses that make it no substitute for the messages.

use std::fmt::Write as _;

use super::message::Author;
use super::{DAY_MS, World};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl World {
    /// A line per message: time without year, name, text.
    pub(crate) fn transcript(&self, row: u32) -> String {
        let mut text = String::new();
        for index in self.visible_messages(row) {
            let time = transcript_time(self.message_created_ms(row, index));
            let name = self.transcript_name(row, index);
            writeln!(text, "{time} {name}: message {index}").expect("writing to a string cannot fail");
        }
        text
    }

    /// Agents and bots are marked; who is unknown is called null.
    fn transcript_name(&self, row: u32, index: u16) -> String {
        match self.outline(row, index).author {
            Author::Contact => format!("Visitor {}", self.contact_of(row)),
            Author::Agent(user) if self.user_resolves(user) => format!("Agent {user} (Agent)"),
            Author::Bot(user) => format!("Bot {user} (Agent)"),
            Author::Agent(_) | Author::Missing => "null".into(),
        }
    }
}

/// `Nov 2, 12:48:26 PM PDT`: local time, no year.
fn transcript_time(ms: i64) -> String {
    let local_ms = ms - 7 * DAY_MS / 24;
    let (_, month, day) = civil_date(local_ms.div_euclid(DAY_MS));
    let second = local_ms.rem_euclid(DAY_MS) / 1000;
    let (hour, half) = (second / 3600, if second < 43_200 { "AM" } else { "PM" });
    let name = MONTHS[month as usize - 1];
    format!("{name} {day}, {}:{:02}:{:02} {half} PDT", (hour + 11) % 12 + 1, second / 60 % 60, second % 60)
}

/// Year, month and day of a day number since 1970, by Hinnant's formula.
pub(crate) fn civil_date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * month_index + 2) / 5 + 1)
}

/// The day number of a date, the inverse of [`civil_date`].
pub(crate) fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_go_there_and_back() {
        assert_eq!(civil_date(0), (1970, 1, 1));
        assert_eq!(day_number(2026, 11, 1) * DAY_MS, super::super::DEFAULT_NOW_MS);
        for day in (-1_000..40_000).step_by(13) {
            let (year, month, date) = civil_date(day);
            assert_eq!(day_number(year, month, date), day);
        }
    }
}
