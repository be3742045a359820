//! What a reader gets who reads everything correctly, now: the records as JSON text, table by table.
//!
//! The texts are byte for byte those of the API, unknown fields and flips included. Records stream; nothing but the one
//! at hand is kept, and the world is locked only while one row is written.

use crate::Table;
use crate::api::Simulator;
use crate::world::World;

/// The records of one table.
#[derive(Debug)]
pub struct Truth {
    simulator: Simulator,
    table: Table,
    next_row: u32,
    /// Records of the last row, the first on top.
    ready: Vec<String>,
}

impl Simulator {
    /// The records of a table as they stand now. Conversations come by row, not in list order; contacts are those that
    /// a listed conversation names and that resolve.
    pub fn truth(&self, table: Table) -> Truth {
        Truth { simulator: self.clone(), table, next_row: 0, ready: Vec::new() }
    }

    /// The messages of one conversation, oldest first.
    pub fn messages_of(&self, conversation_row: u32) -> Vec<String> {
        self.records_of(Table::Messages, conversation_row)
    }

    fn records_of(&self, table: Table, row: u32) -> Vec<String> {
        self.with_records(|records| {
            let texts = places(records.world, table, row).into_iter();
            texts.map(|index| records.text(table, row, index)).collect()
        })
    }
}

fn rows(world: &World, table: Table) -> u32 {
    match table {
        Table::ListRows | Table::Conversations | Table::Messages | Table::Contacts => {
            world.conversation_rows()
        }
        Table::Users => world.user_rows(),
        Table::Teams => world.team_rows(),
        Table::Accounts => world.account_rows(),
        Table::Playbooks => world.playbook_rows(),
        Table::LandingPages => world.landing_page_rows(),
        Table::Meetings => world.meeting_rows(),
    }
}

/// The records that a row stands for: none, one, or the messages of a conversation.
fn places(world: &World, table: Table, row: u32) -> Vec<u16> {
    let shown = match table {
        Table::Messages if world.conversation_is_listed(row) => return world.visible_messages(row),
        Table::Messages => false,
        Table::ListRows | Table::Conversations => world.conversation_is_listed(row),
        Table::Contacts => {
            world.contact_resolves(row)
                && world.conversations_of(row).any(|row| world.conversation_is_listed(row))
        }
        Table::Users => world.user_is_listed(row),
        Table::Accounts => world.account_is_listed(row),
        Table::Playbooks => world.playbook_is_listed(row),
        Table::Meetings => world.meeting_is_shown(row),
        Table::Teams | Table::LandingPages => true,
    };
    if shown { vec![0] } else { Vec::new() }
}

impl Iterator for Truth {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        while self.ready.is_empty() {
            if self.next_row >= self.simulator.with_records(|records| rows(records.world, self.table)) {
                return None;
            }
            self.ready = self.simulator.records_of(self.table, self.next_row);
            self.ready.reverse();
            self.next_row += 1;
        }
        self.ready.pop()
    }
}
