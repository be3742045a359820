//! Which conversations a set has, when they began, and how many messages each has.

use clap::ValueEnum;
use drift2parquet::config::CONVERSATIONS_A_MONTH_MAX;
use drift2parquet::schema::Span;
use fastrand::Rng;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

/// Messages of a page; the API does not let callers choose.
pub const MESSAGES_A_PAGE: u32 = 50;

/// How the records are spread over pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shape {
    /// Pages are full: one conversation in 47 has one or two pages of 50 messages each, the others have none.
    Dense,
    /// Every page is full, and nearly all of the bytes are messages: each conversation has 50 or 100 of them.
    Full,
    /// As accounts are: from one to thirteen messages a conversation, so that each costs a detail and a short page.
    Real,
}

impl Shape {
    /// Bytes of JSON that a conversation and its messages take on average, envelopes of pages included.
    fn conversation_bytes(self) -> u64 {
        match self {
            Self::Dense => 1_355,
            Self::Full => 50_850,
            Self::Real => 5_055,
        }
    }
}

/// A set.
#[derive(Debug, Clone)]
pub struct Plan {
    /// From which all follows.
    pub seed: u64,
    /// How the records are spread over pages.
    pub shape: Shape,
    /// Conversations.
    pub conversations: u32,
    /// Months over which they were begun.
    pub months: u32,
    /// When the first of them begins, and the first after the last, in epoch milliseconds.
    starts_ms: Vec<i64>,
}

/// A conversation of a set.
#[derive(Debug, Clone, Copy)]
pub struct Conversation {
    /// Its number, the oldest has 0.
    pub row: u32,
    /// Its id.
    pub id: i64,
    /// Epoch milliseconds.
    pub created_ms: i64,
    /// Epoch milliseconds.
    pub updated_ms: i64,
    /// How many messages it has.
    pub messages: u32,
    gap_ms: i64,
}

impl Plan {
    /// A set of about so many megabytes (of 1,000,000 bytes) of JSON, in the months before November 2026.
    pub fn new(seed: u64, shape: Shape, megabytes: u64, months: u32) -> Self {
        let end: Date = date(2026, 11, 1);
        let start = |back: u32| end.saturating_sub(i64::from(back).months());
        let starts_ms = (0..=months).rev().map(|back| epoch_ms(start(back))).collect();
        let conversations = (megabytes * 1_000_000 / shape.conversation_bytes()).max(1) as u32;
        Self { seed, shape, conversations, months, starts_ms }
    }

    /// When the walk began that read it, in epoch microseconds: the end of the last month.
    pub fn walk_us(&self) -> i64 {
        self.starts_ms.last().copied().unwrap_or_default() * 1_000
    }

    /// What a partition spans, by the rule of `--partition-by auto`.
    pub fn span(&self) -> Span {
        let a_month = u64::from(self.conversations / self.months.max(1));
        if a_month > CONVERSATIONS_A_MONTH_MAX { Span::Day } else { Span::Month }
    }

    /// The conversation of this number.
    pub fn conversation(&self, row: u32) -> Conversation {
        let mut chance = Rng::with_seed(self.seed ^ (u64::from(row) << 24));
        let messages = match self.shape {
            Shape::Dense if row.is_multiple_of(47) => MESSAGES_A_PAGE * (1 + (row / 47) % 2),
            Shape::Dense => 0,
            Shape::Full => MESSAGES_A_PAGE * (1 + row % 2),
            Shape::Real => chance.u32(1..14),
        };
        let gap_ms = chance.i64(1_000..60_000);
        let created_ms = self.created_ms(row, chance.f64());
        let quiet_ms = chance.i64(0..86_400_000);
        let updated_ms = created_ms + i64::from(messages) * gap_ms + quiet_ms;
        Conversation { row, id: 4_100_000_000 + i64::from(row) * 3, created_ms, updated_ms, messages, gap_ms }
    }

    /// Evenly over the months, each of which has as many as the others.
    fn created_ms(&self, row: u32, fraction: f64) -> i64 {
        let place = (f64::from(row) + fraction) * f64::from(self.months) / f64::from(self.conversations);
        let month = (place as usize).min(self.months as usize - 1);
        let (begin, end) = (self.starts_ms[month], self.starts_ms[month + 1]);
        begin + ((place - month as f64).min(0.999_999) * (end - begin) as f64) as i64
    }
}

impl Conversation {
    /// Id and time of a message. Ids grow with time over all conversations, so that threads interleave.
    pub fn message(&self, index: u32) -> (i64, i64) {
        let created_ms = self.created_ms + i64::from(index) * self.gap_ms;
        ((created_ms << 13) | i64::from(self.row & 0x1FFF), created_ms)
    }
}

fn epoch_ms(day: Date) -> i64 {
    TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).map_or(0, Timestamp::as_millisecond)
}
