//! Users: agents and bots. Old conversations name some who are no longer listed.

use super::unknown::Place;
use super::{DAY_MS, World, WorldConfig};
use crate::chance::{Chance, Topic};
use crate::json::JsonText;

/// Whether a user can still be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    Listed,
    /// Answers by id alone.
    Unlisted,
    /// Answers 404.
    Gone,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct UserRecord {
    pub(super) version: u32,
    pub(super) created_ms: i64,
    pub(super) updated_ms: i64,
    pub(super) presence: Presence,
}

impl UserRecord {
    pub(super) fn of(config: &WorldConfig, row: u32) -> Self {
        let mut chance = Chance::at(config.seed, Topic::User, u64::from(row), 0);
        let created_ms = config.now_ms - (1_000 + chance.below(500) as i64) * DAY_MS;
        let presence = match row {
            3 => Presence::Unlisted,
            5 => Presence::Gone,
            _ => Presence::Listed,
        };
        let updated_ms = created_ms + chance.below(900 * DAY_MS as u64) as i64;
        Self { version: 0, created_ms, updated_ms, presence }
    }
}

impl World {
    /// How many users there ever were.
    pub fn user_rows(&self) -> u32 {
        self.users.len() as u32
    }

    /// Whether the user is in `GET /users/list`.
    pub fn user_is_listed(&self, row: u32) -> bool {
        self.users[row as usize].presence == Presence::Listed
    }

    /// Whether `GET /users/{id}` answers.
    pub fn user_resolves(&self, row: u32) -> bool {
        self.users[row as usize].presence != Presence::Gone
    }

    pub(crate) fn write_user(&self, row: u32, json: &mut JsonText) {
        let record = self.users[row as usize];
        let mut chance = Chance::at(self.config.seed, Topic::User, u64::from(row), 1);
        let bot = row.is_multiple_of(9);
        let name = if bot { format!("Bot {row}") } else { format!("Agent {row} v{}", record.version) };
        json.open('{').number_field("id", Self::user_id(row)).number_field("orgId", self.config.org_id);
        json.text_field("name", &name).text_field("email", &format!("user-{row}@example.test"));
        json.text_field("availability", chance.pick(&["AVAILABLE", "OFFLINE", "ON_CALL"]));
        json.text_field("role", chance.pick(&["member", "admin", "agent", "manager"]));
        self.write_optional(&mut chance, json);
        json.bool_field("verified", !chance.one_in(4)).bool_field("bot", bot);
        json.number_field("createdAt", record.created_ms).number_field("updatedAt", record.updated_ms);
        self.write_unknown(&mut chance, Place::User, json);
        json.close('}');
    }

    fn write_optional(&self, chance: &mut Chance, json: &mut JsonText) {
        let fields = [
            ("alias", r#""Al""#),
            ("phone", r#""+1 555 0100""#),
            ("locale", r#""en-US""#),
            ("timeZone", r#""Europe\/Paris""#),
            ("avatarUrl", r#""https://cdn.example.test/a.png""#),
        ];
        for (key, value) in fields {
            match chance.below(4) {
                0 if !self.config.strict => {}
                1 if !self.config.strict => {
                    json.raw_field(key, "null");
                }
                _ => {
                    json.raw_field(key, value);
                }
            }
        }
    }
}
