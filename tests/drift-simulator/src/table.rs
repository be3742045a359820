//! The kinds of records, and how one of them is written: for an answer and for the ground truth alike.

use std::fmt;
use std::str::FromStr;

use crate::faults::FieldFlip;
use crate::json::JsonText;
use crate::world::World;

/// A kind of record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// The six-field rows of the conversation list.
    ListRows,
    /// Details of conversations.
    Conversations,
    /// Messages.
    Messages,
    /// Contacts.
    Contacts,
    /// Users.
    Users,
    /// Teams.
    Teams,
    /// Accounts.
    Accounts,
    /// Playbooks.
    Playbooks,
    /// Conversational landing pages.
    LandingPages,
    /// Meetings.
    Meetings,
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 10] = [
        Self::ListRows,
        Self::Conversations,
        Self::Messages,
        Self::Contacts,
        Self::Users,
        Self::Teams,
        Self::Accounts,
        Self::Playbooks,
        Self::LandingPages,
        Self::Meetings,
    ];

    /// The name in scripts and in the paths of the ground truth.
    pub fn name(self) -> &'static str {
        [
            "list_rows",
            "conversations",
            "messages",
            "contacts",
            "users",
            "teams",
            "accounts",
            "playbooks",
            "landing_pages",
            "meetings",
        ][self as usize]
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Table {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|table| table.name() == name)
            .ok_or_else(|| format!("no table is called `{name}`"))
    }
}

/// Writes records as the API gives them, flips included.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecordWriter<'a> {
    pub(crate) world: &'a World,
    pub(crate) flips: &'a [FieldFlip],
    pub(crate) detail_updated_offset_ms: i64,
}

impl RecordWriter<'_> {
    /// Writes the record of a row; `index` is the message's place and 0 for all others.
    pub(crate) fn write(&self, table: Table, row: u32, index: u16, json: &mut JsonText) {
        let struck = |flip: &&FieldFlip| flip.table == table && flip.strikes(row, index);
        if !self.flips.iter().any(|flip| struck(&flip)) {
            return self.write_sound(table, row, index, json);
        }
        let mut sound = JsonText::new();
        self.write_sound(table, row, index, &mut sound);
        let flipped =
            self.flips.iter().filter(struck).fold(sound.into_string(), |text, flip| flip.apply(&text));
        json.raw(&flipped);
    }

    fn write_sound(&self, table: Table, row: u32, index: u16, json: &mut JsonText) {
        match table {
            Table::ListRows => self.world.write_list_row(row, json),
            Table::Conversations => self.world.write_conversation(row, self.detail_updated_offset_ms, json),
            Table::Messages => self.world.write_message(row, index, json),
            Table::Contacts => self.world.write_contact(row, json),
            Table::Users => self.world.write_user(row, json),
            Table::Teams => self.world.write_team(row, json),
            Table::Accounts => self.world.write_account(row, json),
            Table::Playbooks => self.world.write_playbook(row, json),
            Table::LandingPages => self.world.write_landing_page(row, json),
            Table::Meetings => self.world.write_meeting(row, json),
        }
    }

    /// The text of one record.
    pub(crate) fn text(&self, table: Table, row: u32, index: u16) -> String {
        let mut json = JsonText::new();
        self.write(table, row, index, &mut json);
        json.into_string()
    }
}
