//! Ids from which the record can be found again, so that no index of ids is kept.
//!
//! A share of conversations, contacts and messages has ids above 2^53. These are odd, so that a reader that passes an
//! id through a float is caught: no odd number above 2^53 survives it.

use super::World;
use crate::chance::{Topic, hash};

/// 2^53 + 1, the first whole number that a float cannot hold.
const BEYOND_FLOAT: i64 = 9_007_199_254_740_993;
const CONVERSATION_BASE: i64 = 4_100_000_000;
const CONVERSATION_STEP: i64 = 97;
const CONTACT_BASE: i64 = 18_800_000_000;
const CONTACT_STEP: i64 = 31;
const MESSAGE_BASE: i64 = 7_700_000_000_000;
const ATTACHMENT_BASE: i64 = 640_000_000_000;
const USER_BASE: i64 = 301_800;
const USER_STEP: i64 = 37;
const PLAYBOOK_BASE: i64 = 90_400;

/// The id of a row: sparse, not in steps that a reader could guess, and beyond 2^53 for some.
fn sparse_id(base: i64, step: i64, row: u32, big: bool, chance: u64) -> i64 {
    let row = i64::from(row);
    if big {
        BEYOND_FLOAT + 2 * (row * step + (chance % step as u64) as i64)
    } else {
        base + row * step + (chance % step as u64) as i64
    }
}

/// The only row that can have this id.
fn row_of(base: i64, step: i64, id: i64) -> Option<u32> {
    let offset = if id >= BEYOND_FLOAT { (id - BEYOND_FLOAT) / 2 } else { id.checked_sub(base)? };
    u32::try_from(offset / step).ok().filter(|_| offset >= 0)
}

impl World {
    /// The id of conversation `row`.
    pub fn conversation_id(&self, row: u32) -> i64 {
        let chance = hash(self.config.seed, Topic::ConversationId, u64::from(row), 0);
        sparse_id(CONVERSATION_BASE, CONVERSATION_STEP, row, row % 41 == 7, chance)
    }

    /// The row of a conversation id, erased ones included.
    pub fn conversation_row(&self, id: i64) -> Option<u32> {
        row_of(CONVERSATION_BASE, CONVERSATION_STEP, id)
            .filter(|row| (*row as usize) < self.conversations.len() && self.conversation_id(*row) == id)
    }

    /// The id of contact `row`.
    pub fn contact_id(&self, row: u32) -> i64 {
        let chance = hash(self.config.seed, Topic::ContactId, u64::from(row), 0);
        sparse_id(CONTACT_BASE, CONTACT_STEP, row, row % 9 == 2, chance)
    }

    /// The row of a contact id, whether or not the contact still resolves.
    pub fn contact_row(&self, id: i64) -> Option<u32> {
        row_of(CONTACT_BASE, CONTACT_STEP, id)
            .filter(|row| (*row as usize) < self.conversations.len() && self.contact_id(*row) == id)
    }

    /// The id of message `index` of conversation `row`.
    pub fn message_id(&self, row: u32, index: u16) -> i64 {
        let place = place(row, index);
        if row % 7 == 3 { BEYOND_FLOAT + 2 * place } else { MESSAGE_BASE + place }
    }

    /// The id of attachment `number` (0 or 1) of a message.
    pub(crate) fn attachment_id(row: u32, index: u16, number: u8) -> i64 {
        ATTACHMENT_BASE + place(row, index) * 2 + i64::from(number)
    }

    /// The conversation row, message index and number that an attachment id stands for.
    pub(crate) fn attachment_place(&self, id: i64) -> Option<(u32, u16, u8)> {
        let offset = id.checked_sub(ATTACHMENT_BASE).filter(|offset| *offset >= 0)?;
        let row =
            u32::try_from(offset >> 17).ok().filter(|row| (*row as usize) < self.conversations.len())?;
        Some((row, (offset >> 1) as u16, (offset & 1) as u8))
    }

    /// The id of user `row`.
    pub fn user_id(row: u32) -> i64 {
        USER_BASE + i64::from(row) * USER_STEP
    }

    /// The row of a user id.
    pub fn user_row(&self, id: i64) -> Option<u32> {
        let offset = id.checked_sub(USER_BASE).filter(|offset| *offset >= 0 && offset % USER_STEP == 0)?;
        u32::try_from(offset / USER_STEP).ok().filter(|row| (*row as usize) < self.users.len())
    }

    /// The id of playbook `row`.
    pub fn playbook_id(row: u32) -> i64 {
        PLAYBOOK_BASE + i64::from(row) * 12
    }
}

fn place(row: u32, index: u16) -> i64 {
    (i64::from(row) << 16) | i64::from(index)
}
