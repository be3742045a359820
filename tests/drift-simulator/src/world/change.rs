//! How each mutation changes the world.
//!
//! Every change that shows in the list moves the time first, so no two of them share one.

use super::conversation::{ConversationRecord, Status};
use super::message::initial_messages;
use super::user::{Presence, UserRecord};
use super::{AddedMessage, DAY_MS, Mutation, World};
use super::{account::AccountRecord, meeting::MeetingRecord};
use crate::chance::{Chance, Topic};

impl World {
    /// Lets one thing happen.
    pub fn apply(&mut self, mutation: Mutation) {
        match mutation {
            Mutation::AddConversations { count } => (0..count).for_each(|_| self.add_conversation()),
            Mutation::AddMessage { conversation } => self.add_message(conversation, 0),
            Mutation::AddLateMessage { conversation, after_ms } => self.add_message(conversation, after_ms),
            Mutation::EditMessage { conversation, message, silent } => {
                self.edit_message(conversation, message, silent);
            }
            Mutation::DeleteMessage { conversation, message } => self.delete_message(conversation, message),
            Mutation::ChangeConversation { conversation } => self.change_conversation(conversation),
            Mutation::RetagSilently { conversation } => self.next_version(conversation),
            Mutation::Bump { conversation } => self.touch(conversation),
            Mutation::EraseConversation { conversation } => self.erase_conversation(conversation),
            Mutation::EraseContact { contact } => self.erase_contact(contact),
            Mutation::UnlistConversation { conversation } => self.unlist(conversation),
            Mutation::ChangeContact { contact } => self.change_contact(contact),
            Mutation::AdvanceClock { ms } => self.now_ms += ms.max(0),
            other => self.apply_to_lists(other),
        }
    }

    fn apply_to_lists(&mut self, mutation: Mutation) {
        let now_ms = self.tick();
        match mutation {
            Mutation::AddUser => {
                let record = UserRecord::of(&self.config, self.user_rows());
                self.users.push(UserRecord { created_ms: now_ms, updated_ms: now_ms, ..record });
            }
            Mutation::RenameUser { user } => self.change_user(user, |_| ()),
            Mutation::UnlistUser { user } => {
                self.change_user(user, |user| user.presence = Presence::Unlisted);
            }
            Mutation::RemoveUser { user } => self.change_user(user, |user| user.presence = Presence::Gone),
            Mutation::ChangeTeam { team } => {
                if let Some(team) = self.teams.get_mut(team as usize) {
                    (team.version, team.updated_ms) = (team.version + 1, now_ms);
                }
            }
            Mutation::AddAccount => {
                let record = AccountRecord::of(&self.config, self.account_rows());
                let fresh =
                    AccountRecord { created_ms: now_ms, updated_ms: now_ms, deleted: false, ..record };
                self.accounts.push(fresh);
            }
            Mutation::ChangeAccount { account } => self.change_account(account, false),
            Mutation::DeleteAccount { account } => self.change_account(account, true),
            Mutation::ChangePlaybook { playbook } => self.change_playbook(playbook, true),
            Mutation::UnlistPlaybook { playbook } => self.change_playbook(playbook, false),
            Mutation::AddLandingPage => self.landing_pages += 1,
            Mutation::AddMeeting => {
                let starts_ms = now_ms + DAY_MS;
                self.meetings.push(MeetingRecord { starts_ms, updated_ms: now_ms, cancelled: false });
            }
            Mutation::CancelMeeting { meeting } => {
                if let Some(meeting) = self.meetings.get_mut(meeting as usize) {
                    (meeting.cancelled, meeting.updated_ms) = (true, now_ms);
                }
            }
            _ => unreachable!("conversations are handled by apply"),
        }
    }

    /// Time moves by the least step, so that no two changes share one.
    fn tick(&mut self) -> i64 {
        self.now_ms += 1;
        self.now_ms
    }

    fn living(&mut self, row: u32) -> Option<&mut ConversationRecord> {
        self.conversations.get_mut(row as usize).filter(|record| !record.erased)
    }

    fn touch(&mut self, row: u32) {
        let now_ms = self.tick();
        let Some(record) = self.living(row) else { return };
        record.updated_ms = now_ms;
        if !record.unlisted {
            self.by_update.put_on_top(row);
        }
    }

    fn next_version(&mut self, row: u32) {
        self.living(row).into_iter().for_each(|record| record.version += 1);
    }

    fn add_conversation(&mut self) {
        let row = self.conversation_rows();
        let created_ms = self.tick();
        self.now_ms += i64::from(initial_messages(&self.config, row));
        let record = ConversationRecord::of(&self.config, row);
        let updated_ms = self.now_ms;
        self.conversations.push(ConversationRecord { created_ms, updated_ms, ..record });
        self.status_counts[record.status as usize] += 1;
        self.by_update.put_on_top(row);
        self.by_creation.put_on_top(row);
    }

    fn add_message(&mut self, row: u32, after_ms: i64) {
        self.touch(row);
        if self.living(row).is_none() || self.messages_ever(row) == u16::MAX {
            return;
        }
        let created_ms = self.now_ms;
        let message = AddedMessage { created_ms, visible_ms: created_ms + after_ms };
        self.histories.entry(row).or_default().added.push(message);
        self.next_contact_version(self.contact_of(row));
    }

    fn edit_message(&mut self, row: u32, message: u16, silent: bool) {
        if self.living(row).is_none() || message >= self.messages_ever(row) {
            return;
        }
        *self.histories.entry(row).or_default().edits.entry(message).or_default() += 1;
        if !silent {
            self.touch(row);
        }
    }

    fn delete_message(&mut self, row: u32, message: u16) {
        if self.living(row).is_some() && message < self.messages_ever(row) {
            self.histories.entry(row).or_default().deleted.insert(message);
            self.touch(row);
        }
    }

    fn change_conversation(&mut self, row: u32) {
        let seed = self.config.seed;
        let Some(record) = self.living(row) else { return };
        record.version += 1;
        let mut chance = Chance::at(seed, Topic::Conversation, u64::from(row), u64::from(record.version));
        let (before, after) = (record.status, Status::draw(&mut chance));
        record.status = after;
        if !record.unlisted {
            self.status_counts[before as usize] -= 1;
            self.status_counts[after as usize] += 1;
        }
        self.touch(row);
    }

    fn erase_conversation(&mut self, row: u32) {
        self.tick();
        self.unlist(row);
        self.living(row).into_iter().for_each(|record| record.erased = true);
    }

    fn unlist(&mut self, row: u32) {
        let Some(record) = self.living(row).filter(|record| !record.unlisted) else { return };
        record.unlisted = true;
        let status = record.status;
        self.status_counts[status as usize] -= 1;
        self.by_update.remove(row);
        self.by_creation.remove(row);
    }

    fn erase_contact(&mut self, contact: u32) {
        self.erased_contacts.insert(contact);
        let rows: Vec<u32> = self.conversations_of(contact).collect();
        for row in rows {
            self.erase_conversation(row);
        }
    }

    fn change_contact(&mut self, contact: u32) {
        let living = self.conversations_of(contact).find(|row| self.conversation_resolves(*row));
        let Some(row) = living else { return };
        self.touch(row);
        self.next_contact_version(contact);
    }

    fn next_contact_version(&mut self, contact: u32) {
        let now_ms = self.now_ms;
        let change = self.changed_contacts.entry(contact).or_default();
        *change = (change.0 + 1, now_ms);
    }

    fn change_user(&mut self, row: u32, change: impl FnOnce(&mut UserRecord)) {
        let now_ms = self.now_ms;
        let Some(user) = self.users.get_mut(row as usize) else { return };
        change(user);
        (user.version, user.updated_ms) = (user.version + 1, now_ms);
    }

    fn change_account(&mut self, row: u32, delete: bool) {
        let now_ms = self.now_ms;
        let Some(account) = self.accounts.get_mut(row as usize) else { return };
        account.deleted |= delete;
        (account.version, account.updated_ms) = (account.version + 1, now_ms);
    }

    fn change_playbook(&mut self, row: u32, active: bool) {
        let now_ms = self.now_ms;
        let Some(playbook) = self.playbooks.get_mut(row as usize) else { return };
        playbook.active &= active;
        (playbook.version, playbook.updated_ms) = (playbook.version + 1, now_ms);
    }
}
