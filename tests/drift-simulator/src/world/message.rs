//! Messages: how many a conversation has, when they came, and what they say.

use super::body;
use super::unknown::Place;
use super::{World, WorldConfig};
use crate::chance::{Chance, Topic, hash};
use crate::json::JsonText;

/// Messages per page; the API does not let callers choose.
pub(crate) const MESSAGES_PER_PAGE: usize = 50;

/// The row and message that hold the body of one megabyte.
const MEGABYTE_PLACE: (u32, u16) = (11, 5);

/// Who wrote a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Author {
    Contact,
    Agent(u32),
    Bot(u32),
    Missing,
}

/// What kind of message it is, before any text is written.
#[derive(Clone, Debug)]
pub(crate) struct Outline {
    pub(crate) author: Author,
    kind: &'static str,
    pub(crate) attachments: u8,
    chance: Chance,
}

/// How many messages a conversation of the start has: some none, most a few, a few more than one or two pages.
pub(super) fn initial_messages(config: &WorldConfig, row: u32) -> u16 {
    let draw = hash(config.seed, Topic::Message, u64::from(row), u64::MAX);
    let count = match (row % 97, row % 211) {
        _ if row >= config.conversations => 1 + draw % 3 + if draw.is_multiple_of(17) { 50 } else { 0 },
        (11, _) => 51 + draw % 40,
        (_, 13) => 101 + draw % 130,
        (29, _) => 50,
        _ if draw.is_multiple_of(20) => 0,
        _ => 1 + (draw >> 8) % u64::from(config.mean_messages.max(1) * 2 - 1),
    };
    count as u16
}

/// The time between two messages of a conversation of the start; later ones come in one burst.
pub(super) fn gap_ms(config: &WorldConfig, row: u32) -> i64 {
    if row >= config.conversations {
        return 1;
    }
    1_000 + (hash(config.seed, Topic::Message, u64::from(row), u64::MAX - 1) % 60_000) as i64
}

impl World {
    /// How many messages a conversation ever had, deleted and not yet visible ones included.
    pub(crate) fn messages_ever(&self, row: u32) -> u16 {
        let added = self.histories.get(&row).map_or(0, |history| history.added.len() as u16);
        initial_messages(&self.config, row) + added
    }

    /// The messages that the API shows now, oldest first.
    pub(crate) fn visible_messages(&self, row: u32) -> Vec<u16> {
        let initial = initial_messages(&self.config, row);
        let Some(history) = self.histories.get(&row) else { return (0..initial).collect() };
        let visible = |index: &u16| match history.added.get(usize::from(index.wrapping_sub(initial))) {
            Some(added) if *index >= initial => added.visible_ms <= self.now_ms,
            _ => true,
        };
        (0..self.messages_ever(row))
            .filter(|index| !history.deleted.contains(index))
            .filter(visible)
            .collect()
    }

    pub(crate) fn message_created_ms(&self, row: u32, index: u16) -> i64 {
        let initial = initial_messages(&self.config, row);
        if index >= initial {
            return self.histories[&row].added[usize::from(index - initial)].created_ms;
        }
        let gap = gap_ms(&self.config, row);
        let jitter = hash(self.config.seed, Topic::Message, u64::from(row), u64::from(index)) % gap as u64;
        self.conversation(row).created_ms + i64::from(index) * gap + jitter as i64
    }

    fn message_version(&self, row: u32, index: u16) -> u32 {
        self.histories.get(&row).and_then(|history| history.edits.get(&index).copied()).unwrap_or(0)
    }

    /// Draws author, kind and attachments; these never change, an edit changes the text alone.
    pub(crate) fn outline(&self, row: u32, index: u16) -> Outline {
        let mut chance = Chance::at(self.config.seed, Topic::Message, u64::from(row), u64::from(index));
        let author = self.draw_author(&mut chance, index);
        let kind = draw_kind(&mut chance, author, index);
        let attachments = if chance.one_in(25) { chance.between(1, 2) as u8 } else { 0 };
        Outline { author, kind, attachments, chance }
    }

    fn draw_author(&self, chance: &mut Chance, index: u16) -> Author {
        let user = chance.below(u64::from(self.config.users.max(1))) as u32;
        match chance.below(100) {
            0 if !self.config.strict => Author::Missing,
            _ if index == 0 => Author::Bot(0),
            0..50 => Author::Contact,
            50..65 => Author::Bot(if user.is_multiple_of(9) { user } else { 0 }),
            _ => Author::Agent(user),
        }
    }

    pub(crate) fn write_message(&self, row: u32, index: u16, json: &mut JsonText) {
        let Outline { author, kind, attachments, mut chance } = self.outline(row, index);
        json.open('{')
            .number_field("id", self.message_id(row, index))
            .number_field("orgId", self.config.org_id);
        if self.config.strict || !chance.one_in(200) {
            json.number_field("conversationId", self.conversation_id(row));
        }
        json.text_field("type", kind).number_field("createdAt", self.message_created_ms(row, index));
        self.write_body(row, index, kind, json);
        self.write_author(row, author, &mut chance, json);
        self.write_buttons(author, &mut chance, json);
        if author == Author::Contact {
            self.write_context(&mut chance, json);
        }
        self.write_attributes(row, index, &mut chance, json);
        self.write_attachments(row, index, attachments, &mut chance, json);
        if kind == "edit" {
            let edit = chance.pick(&["delete", "replace", "replace_body", "replace_buttons"]);
            json.number_field("editedMessageId", self.message_id(row, index - 1))
                .text_field("editType", edit);
        }
        self.write_unknown(&mut chance, Place::Message, json);
        json.close('}');
    }

    /// Draws apart from all else, so that an edit changes the body and nothing more.
    fn write_body(&self, row: u32, index: u16, kind: &str, json: &mut JsonText) {
        let place = u64::from(self.message_version(row, index)) << 16 | u64::from(index);
        let mut chance = Chance::at(self.config.seed, Topic::MessageBody, u64::from(row), place);
        if self.config.megabyte_body && (row, index) == MEGABYTE_PLACE {
            json.key("body").string(&body::megabyte(&mut chance), body::spelling(&mut chance));
            return;
        }
        match chance.below(60) {
            0 if !self.config.strict => {}
            1 if !self.config.strict => {
                json.raw_field("body", "null");
            }
            _ if kind == "edit" && chance.one_in(2) && !self.config.strict => {}
            _ => {
                let text = body::draw(&mut chance);
                json.key("body").string(&text, body::spelling(&mut chance));
            }
        }
    }

    fn write_author(&self, row: u32, author: Author, chance: &mut Chance, json: &mut JsonText) {
        let (id, kind) = match author {
            Author::Contact => (self.contact_id(self.contact_of(row)), "contact"),
            Author::Agent(user) | Author::Bot(user) => (Self::user_id(user), "user"),
            Author::Missing if chance.one_in(2) => {
                json.raw_field("author", "null");
                return;
            }
            Author::Missing => return,
        };
        json.key("author").open('{').number_field("id", id).text_field("type", kind);
        let bot = matches!(author, Author::Bot(_));
        if bot || self.config.strict || !chance.one_in(5) {
            json.bool_field("bot", bot);
        }
        self.write_unknown(chance, Place::Author, json);
        json.close('}');
    }
}

fn draw_kind(chance: &mut Chance, author: Author, index: u16) -> &'static str {
    match chance.below(200) {
        0..16 if matches!(author, Author::Agent(_)) => "private_note",
        16..20 if index > 0 => "edit",
        20 => "private_prompt",
        21 => "suggestion",
        22 => "future_kind",
        _ => "chat",
    }
}
