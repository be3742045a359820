//! Teams.

use super::unknown::Place;
use super::{DAY_MS, World, WorldConfig};
use crate::chance::{Chance, Topic};
use crate::json::JsonText;

#[derive(Clone, Copy, Debug)]
pub(super) struct TeamRecord {
    pub(super) version: u32,
    pub(super) updated_ms: i64,
}

impl TeamRecord {
    pub(super) fn of(config: &WorldConfig, row: u32) -> Self {
        let mut chance = Chance::at(config.seed, Topic::Team, u64::from(row), 0);
        Self { version: 0, updated_ms: config.now_ms - (1 + chance.below(400) as i64) * DAY_MS }
    }
}

impl World {
    /// How many teams there are.
    pub fn team_rows(&self) -> u32 {
        self.teams.len() as u32
    }

    /// Whether a user belongs to a team.
    pub(crate) fn is_member(&self, team: u32, user: u32) -> bool {
        user % self.team_rows().max(1) == team
    }

    pub(crate) fn write_team(&self, row: u32, json: &mut JsonText) {
        let record = self.teams[row as usize];
        let mut chance = Chance::at(self.config.seed, Topic::Team, u64::from(row), 1);
        json.open('{').number_field("id", 5_501 + i64::from(row)).number_field("orgId", self.config.org_id);
        json.text_field("workspaceId", &format!("0d9c6b1e-0000-4000-8000-{row:012}"));
        json.text_field("name", &format!("Team {row} v{}", record.version))
            .number_field("updatedAt", record.updated_ms);
        self.write_members(row, json);
        json.number_field("owner", Self::user_id(row))
            .text_field("status", chance.pick(&["ENABLED", "ARCHIVED"]));
        json.bool_field("main", row == 0).bool_field("autoOffline", chance.one_in(2));
        let modes = ["ALWAYS_ONLINE", "ALWAYS_OFFLINE", "CUSTOM_HOURS"];
        json.text_field("teamAvailabilityMode", chance.pick(&modes));
        json.bool_field("responseTimerEnabled", chance.one_in(2));
        if self.config.strict || chance.one_in(2) {
            json.bool_field("teamCsatEnabled", chance.one_in(2));
        }
        self.write_unknown(&mut chance, Place::Team, json);
        json.close('}');
    }

    /// The second team has no members, the third does not say.
    fn write_members(&self, row: u32, json: &mut JsonText) {
        if row == 2 && !self.config.strict {
            return;
        }
        json.key("members").open('[');
        for user in (0..self.user_rows()).filter(|user| row != 1 && self.is_member(row, *user)) {
            json.number(Self::user_id(user));
        }
        json.close(']');
    }
}
