//! Conversations: the compact record, the list row and the detail.

use super::config::DAY_MS;
use super::message::{gap_ms, initial_messages};
use super::unknown::Place;
use super::{World, WorldConfig};
use crate::chance::{Chance, Topic, hash};
use crate::json::JsonText;

/// The media type of a plain transcript.
pub(crate) const TRANSCRIPT_TYPE: &str = "text/plain; charset=utf-8";

const INBOXES: u64 = 5;
const TAGS: [(&str, &str); 8] = [
    ("7695A5", "pricing"),
    ("0960C5", "enterprise"),
    ("F2545B", "größe"),
    ("00AA88", "العربية"),
    ("123abc", "hot 🔥"),
    ("FFFFFF", ""),
    ("C0FFEE", "a \"quoted\" tag"),
    ("0F0F0F", "renewal"),
];

/// Where a conversation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Status {
    /// Awaits an answer.
    Open,
    /// Done, for now.
    Closed,
    /// Waits for someone.
    Pending,
    /// A playbook message reached the visitor, who has not replied.
    BulkSent,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Open, Self::Closed, Self::Pending, Self::BulkSent];

    /// As the API spells it in records.
    pub fn as_str(self) -> &'static str {
        ["open", "closed", "pending", "bulk_sent"][self as usize]
    }

    /// The code that `statusId` uses; `bulk_sent` has none.
    pub fn code(self) -> Option<u8> {
        [Some(1), Some(2), Some(3), None][self as usize]
    }

    pub(crate) fn draw(chance: &mut Chance) -> Self {
        match chance.below(100) {
            0..70 => Self::Closed,
            70..85 => Self::Open,
            85..95 => Self::Pending,
            _ => Self::BulkSent,
        }
    }
}

/// All that is kept of a conversation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConversationRecord {
    pub(crate) created_ms: i64,
    pub(crate) updated_ms: i64,
    /// Grows when the detail changes: status, tags, participants.
    pub(crate) version: u16,
    pub(crate) status: Status,
    /// Answers 404 and is not listed.
    pub(crate) erased: bool,
    /// Is not listed, yet answers by id.
    pub(crate) unlisted: bool,
}

impl ConversationRecord {
    /// The record of a row at the start.
    pub(super) fn of(config: &WorldConfig, row: u32) -> Self {
        let mut chance = Chance::at(config.seed, Topic::Conversation, u64::from(row), 0);
        let created_ms = initial_creation(config, row, &mut chance);
        let lasts = i64::from(initial_messages(config, row)) * gap_ms(config, row);
        Self {
            created_ms,
            updated_ms: initial_update(config, created_ms + lasts, &mut chance),
            version: 0,
            status: Status::draw(&mut chance),
            erased: false,
            unlisted: false,
        }
    }
}

/// Rows are begun one after the other, evenly over the months, the last some hours before the start.
fn initial_creation(config: &WorldConfig, row: u32, chance: &mut Chance) -> i64 {
    let span = i64::from(config.months.max(1)) * 30 * DAY_MS;
    let begin = config.now_ms - span - DAY_MS / 3;
    let step = (span / i64::from(config.conversations.max(1))).max(1);
    begin + i64::from(row) * step + chance.below(step as u64) as i64
}

/// Half are last updated with their last message, the others later; some at a full hour, where updates coincide.
/// Nothing happens in the last hour before the start, so that a reader finds the world settled.
fn initial_update(config: &WorldConfig, last_message_ms: i64, chance: &mut Chance) -> i64 {
    let hour = DAY_MS / 24;
    let later = match chance.below(10) {
        0..5 => last_message_ms,
        5..9 => last_message_ms + chance.below(30 * DAY_MS as u64) as i64,
        _ => (last_message_ms / hour + 1) * hour,
    };
    let quiet_ms = config.now_ms - hour;
    if later < quiet_ms { later } else { last_message_ms + (quiet_ms - last_message_ms) / 2 }
}

impl World {
    pub(crate) fn conversation(&self, row: u32) -> &ConversationRecord {
        &self.conversations[row as usize]
    }

    /// Whether `GET /conversations/{id}` answers.
    pub fn conversation_resolves(&self, row: u32) -> bool {
        !self.conversation(row).erased
    }

    /// Whether the list holds the conversation.
    pub fn conversation_is_listed(&self, row: u32) -> bool {
        !self.conversation(row).erased && !self.conversation(row).unlisted
    }

    /// The row of the contact a conversation is with; some contacts have several.
    pub fn contact_of(&self, row: u32) -> u32 {
        let draw = hash(self.config.seed, Topic::ContactOf, u64::from(row), 0);
        match row {
            1.. if draw.is_multiple_of(3) => row - 1 - ((draw >> 8) % u64::from(row.min(8))) as u32,
            _ => row,
        }
    }

    /// The conversations of a contact, erased ones included.
    pub fn conversations_of(&self, contact: u32) -> impl Iterator<Item = u32> + '_ {
        let end = contact.saturating_add(9).min(self.conversation_rows());
        (contact..end).filter(move |row| self.contact_of(*row) == contact)
    }

    fn inbox_of(&self, row: u32) -> i64 {
        71_234
            + (hash(self.config.seed, Topic::ConversationDetail, u64::from(row), u64::MAX) % INBOXES) as i64
                * 111
    }

    /// The six fields of a list row.
    pub(crate) fn write_list_row(&self, row: u32, json: &mut JsonText) {
        let record = self.conversation(row);
        json.open('{')
            .text_field("status", record.status.as_str())
            .number_field("contactId", self.contact_id(self.contact_of(row)))
            .number_field("createdAt", record.created_ms)
            .number_field("id", self.conversation_id(row))
            .number_field("inboxId", self.inbox_of(row))
            .number_field("updatedAt", record.updated_ms)
            .close('}');
    }

    /// The record of `GET /conversations/{id}`; its `updatedAt` can be made to differ from the list's.
    pub(crate) fn write_conversation(&self, row: u32, updated_offset_ms: i64, json: &mut JsonText) {
        let record = self.conversation(row);
        let mut chance = self.detail_chance(row);
        json.open('{')
            .number_field("id", self.conversation_id(row))
            .text_field("status", record.status.as_str());
        self.write_participants(&mut chance, json);
        json.number_field("contactId", self.contact_id(self.contact_of(row)))
            .number_field("inboxId", self.inbox_of(row))
            .number_field("createdAt", record.created_ms)
            .number_field("updatedAt", record.updated_ms + updated_offset_ms);
        self.write_related_playbook(row, json);
        self.write_tags(&mut chance, json);
        if self.config.strict || chance.one_in(2) {
            json.number_field("orgId", self.config.org_id);
        }
        self.write_unknown(&mut chance, Place::Conversation, json);
        json.close('}');
    }

    fn detail_chance(&self, row: u32) -> Chance {
        let version = u64::from(self.conversation(row).version);
        Chance::at(self.config.seed, Topic::ConversationDetail, u64::from(row), version)
    }

    fn write_participants(&self, chance: &mut Chance, json: &mut JsonText) {
        let shape = chance.below(10);
        if shape == 0 && !self.config.strict {
            return;
        }
        json.key("participants").open('[');
        let count = if shape == 1 { 0 } else { chance.between(1, 3) };
        for _ in 0..count {
            json.number(Self::user_id(chance.below(u64::from(self.config.users)) as u32));
        }
        json.close(']');
    }

    /// The playbook row that started a conversation; it never changes.
    pub(crate) fn playbook_of(&self, row: u32) -> Option<u32> {
        let draw = hash(self.config.seed, Topic::Playbook, u64::from(row), u64::MAX);
        let listed = !self.playbooks.is_empty() && draw % 100 < 55;
        listed.then(|| ((draw >> 16) % self.playbooks.len() as u64) as u32)
    }

    fn write_related_playbook(&self, row: u32, json: &mut JsonText) {
        let spelling = hash(self.config.seed, Topic::Playbook, u64::from(row), u64::MAX - 1) % 10;
        match self.playbook_of(row).map(Self::playbook_id) {
            Some(id) if spelling == 0 && !self.config.strict => {
                json.text_field("relatedPlaybookId", &id.to_string())
            }
            Some(id) => json.number_field("relatedPlaybookId", id),
            None if spelling < 3 && !self.config.strict => json.raw_field("relatedPlaybookId", "null"),
            None => json,
        };
    }

    fn write_tags(&self, chance: &mut Chance, json: &mut JsonText) {
        let shape = chance.below(10);
        if shape < 2 && !self.config.strict {
            return;
        }
        json.key("conversationTags").open('[');
        let count = if shape < 5 { 0 } else { chance.between(1, 3) };
        for _ in 0..count {
            let (color, name) = TAGS[chance.below(TAGS.len() as u64) as usize];
            json.open('{').text_field("color", color).text_field("name", name);
            self.write_unknown(chance, Place::Tag, json);
            json.close('}');
        }
        json.close(']');
    }
}
