//! Booked meetings; the API shows those of the past 30 days and those to come.

use super::unknown::Place;
use super::{DAY_MS, World, WorldConfig};
use crate::chance::{Chance, Topic};
use crate::json::JsonText;

/// How far back meetings can be asked for.
const WINDOW_MS: i64 = 30 * DAY_MS;

#[derive(Clone, Copy, Debug)]
pub(super) struct MeetingRecord {
    pub(super) starts_ms: i64,
    pub(super) updated_ms: i64,
    pub(super) cancelled: bool,
}

impl MeetingRecord {
    pub(super) fn of(config: &WorldConfig, row: u32) -> Self {
        let mut chance = Chance::at(config.seed, Topic::Meeting, u64::from(row), 0);
        let starts_ms = config.now_ms - 60 * DAY_MS + chance.below(74 * 24) as i64 * (DAY_MS / 24);
        let booked_ms = starts_ms.min(config.now_ms) - chance.below(5 * DAY_MS as u64) as i64;
        Self { starts_ms, updated_ms: booked_ms, cancelled: chance.one_in(8) }
    }
}

impl World {
    /// How many meetings were ever booked.
    pub fn meeting_rows(&self) -> u32 {
        self.meetings.len() as u32
    }

    /// Whether some window shows the meeting.
    pub fn meeting_is_shown(&self, row: u32) -> bool {
        self.meetings[row as usize].starts_ms >= self.now_ms - WINDOW_MS
    }

    /// The meetings within both bounds and the window, the earliest first.
    pub(crate) fn meetings_between(&self, min_ms: i64, max_ms: i64) -> Vec<u32> {
        let min_ms = min_ms.max(self.now_ms - WINDOW_MS);
        let starts = |row: &u32| self.meetings[*row as usize].starts_ms;
        let mut rows: Vec<u32> =
            (0..self.meeting_rows()).filter(|row| (min_ms..=max_ms).contains(&starts(row))).collect();
        rows.sort_by_key(starts);
        rows
    }

    pub(crate) fn write_meeting(&self, row: u32, json: &mut JsonText) {
        let record = self.meetings[row as usize];
        let mut chance = Chance::at(self.config.seed, Topic::Meeting, u64::from(row), 1);
        let agent = Self::user_id(chance.below(u64::from(self.config.users.max(1))) as u32);
        json.open('{').number_field("agentId", agent).number_field("orgId", self.config.org_id);
        json.text_field("status", if record.cancelled { "CANCELED" } else { "ACTIVE" });
        json.text_field("meetingSource", chance.pick(&["EMAIL_DROP", "BOT"]));
        self.write_meeting_links(&mut chance, json);
        json.text_field("eventId", &format!("ev-{row}")).text_field("slug", &format!("m-{row}"));
        json.number_field("slotStart", record.starts_ms)
            .number_field("slotEnd", record.starts_ms + 1_800_000);
        json.number_field("updatedAt", record.updated_ms);
        if self.config.strict || !chance.one_in(5) {
            json.number_field("scheduledAt", record.updated_ms - 1_000)
                .text_field("meetingType", "New Meeting");
        }
        if self.config.strict || chance.one_in(2) {
            json.text_field("endUserTimeZone", "America/New_York").number_field("bookedBy", agent);
            json.text_field("meetingNotes", "Bring \"slides\"\n& coffee ☕");
        }
        self.write_unknown(&mut chance, Place::Meeting, json);
        json.close('}');
    }

    fn write_meeting_links(&self, chance: &mut Chance, json: &mut JsonText) {
        if self.config.conversations == 0 {
            return;
        }
        let row = chance.below(u64::from(self.config.conversations)) as u32;
        json.number_field("schedulerId", self.contact_id(self.contact_of(row)));
        json.number_field("conversationId", self.conversation_id(row));
    }
}
