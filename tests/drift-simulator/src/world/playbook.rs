//! Playbooks and conversational landing pages; only active playbooks are listed.

use super::unknown::Place;
use super::{DAY_MS, World, WorldConfig};
use crate::chance::{Chance, Topic};
use crate::json::JsonText;

#[derive(Clone, Copy, Debug)]
pub(super) struct PlaybookRecord {
    pub(super) version: u32,
    pub(super) created_ms: i64,
    pub(super) updated_ms: i64,
    pub(super) active: bool,
}

impl PlaybookRecord {
    pub(super) fn of(config: &WorldConfig, row: u32) -> Self {
        let mut chance = Chance::at(config.seed, Topic::Playbook, u64::from(row), 0);
        let created_ms = config.now_ms - (300 + chance.below(900) as i64) * DAY_MS;
        let updated_ms = created_ms + chance.below(300 * DAY_MS as u64) as i64;
        Self { version: 0, created_ms, updated_ms, active: row % 4 != 3 }
    }
}

impl World {
    /// How many playbooks there ever were.
    pub fn playbook_rows(&self) -> u32 {
        self.playbooks.len() as u32
    }

    /// Whether the playbook is in `GET /playbooks/list`.
    pub fn playbook_is_listed(&self, row: u32) -> bool {
        self.playbooks[row as usize].active
    }

    /// How many landing pages there are.
    pub fn landing_page_rows(&self) -> u32 {
        self.landing_pages
    }

    pub(crate) fn write_playbook(&self, row: u32, json: &mut JsonText) {
        let record = self.playbooks[row as usize];
        let mut chance = Chance::at(self.config.seed, Topic::Playbook, u64::from(row), 1);
        json.open('{').number_field("id", Self::playbook_id(row));
        json.text_field("name", &format!("Greeter {row} v{}", record.version));
        json.number_field("orgId", self.config.org_id);
        json.raw_field("meta", chance.pick(&["{}", r#"{"audience":{"pages":["/pricing"],"share":0.50}}"#]));
        json.number_field("createdAt", record.created_ms).number_field("updatedAt", record.updated_ms);
        json.number_field("createdAuthorId", Self::user_id(row % self.config.users.max(1)));
        json.number_field("updatedAuthorId", Self::user_id(0));
        if self.config.strict || !chance.one_in(4) {
            json.number_field("interactionId", 51_234 + i64::from(row));
        }
        json.text_field("reportType", chance.pick(&["BOOK_MORE_MEETINGS", "COLLECT_EMAILS"]));
        self.write_goals(row, &mut chance, json);
        self.write_unknown(&mut chance, Place::Playbook, json);
        json.close('}');
    }

    fn write_goals(&self, row: u32, chance: &mut Chance, json: &mut JsonText) {
        if row == 1 && !self.config.strict {
            return;
        }
        json.key("goals").open('[');
        for goal in 0..chance.below(3) {
            json.open('{').text_field("id", &format!("5b1f0c6a-0000-4000-{row:04}-{goal:012}"));
            json.text_field("message", "Meeting booked ✅");
            self.write_unknown(chance, Place::Goal, json);
            json.close('}');
        }
        json.close(']');
    }

    /// Every second page belongs to the same playbook as the one before it.
    pub(crate) fn write_landing_page(&self, row: u32, json: &mut JsonText) {
        let playbook = row / 2 % self.playbook_rows().max(1);
        json.open('{').number_field("playbookId", Self::playbook_id(playbook));
        json.text_field("playbookName", &format!("Greeter {playbook}"));
        json.text_field("landingPageUrl", &format!("https://pages.example.test/p/{row}?größe=1")).close('}');
    }
}
