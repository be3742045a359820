//! Everything that can happen to a running world, as values that can be listed, printed and repeated.

use super::World;
use crate::chance::{Chance, Topic};

/// One thing that happens. Numbers are rows; a row that does not exist, or is erased, makes it a no-op.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the variants name rows, indices and milliseconds as their fields say")]
pub enum Mutation {
    /// New conversations begin, with their messages.
    AddConversations {
        count: u32,
    },
    /// The contact or an agent writes; the contact's activity moves too.
    AddMessage {
        conversation: u32,
    },
    /// As `AddMessage`, but the message is shown only after a while, though `updatedAt` moves at once.
    AddLateMessage {
        conversation: u32,
        after_ms: i64,
    },
    /// A body changes in place; a silent edit leaves `updatedAt` alone.
    EditMessage {
        conversation: u32,
        message: u16,
        silent: bool,
    },
    /// A message vanishes and the conversation is touched.
    DeleteMessage {
        conversation: u32,
        message: u16,
    },
    /// Status, tags and participants change.
    ChangeConversation {
        conversation: u32,
    },
    /// Tags and participants change, `updatedAt` does not.
    RetagSilently {
        conversation: u32,
    },
    /// `updatedAt` moves, nothing else does.
    Bump {
        conversation: u32,
    },
    /// The conversation answers 404 and vanishes from the list.
    EraseConversation {
        conversation: u32,
    },
    /// The contact, all their conversations and messages answer 404.
    EraseContact {
        contact: u32,
    },
    /// The conversation vanishes from the list, yet answers by id.
    UnlistConversation {
        conversation: u32,
    },
    /// The contact's attributes change, and their first living conversation is bumped.
    ChangeContact {
        contact: u32,
    },
    AddUser,
    RenameUser {
        user: u32,
    },
    /// The user leaves the list, yet answers by id.
    UnlistUser {
        user: u32,
    },
    /// The user leaves the list and answers 404.
    RemoveUser {
        user: u32,
    },
    ChangeTeam {
        team: u32,
    },
    AddAccount,
    ChangeAccount {
        account: u32,
    },
    /// The account leaves the list and answers by id with `deleted: true`.
    DeleteAccount {
        account: u32,
    },
    ChangePlaybook {
        playbook: u32,
    },
    /// The playbook is deactivated and leaves the list.
    UnlistPlaybook {
        playbook: u32,
    },
    AddLandingPage,
    AddMeeting,
    CancelMeeting {
        meeting: u32,
    },
    AdvanceClock {
        ms: i64,
    },
}

/// How many of each kind [`World::mutate`] makes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MutationCounts {
    /// New conversations.
    pub added: u32,
    /// Conversations that get a new message.
    pub messages: u32,
    /// Conversations whose detail, or one of whose messages, changes.
    pub edited: u32,
    /// Conversations that are only touched.
    pub bumped: u32,
    /// Conversations erased.
    pub erased: u32,
    /// Contacts erased, with their conversations.
    pub erased_contacts: u32,
    /// Changes to users, teams, accounts, playbooks and meetings.
    pub others: u32,
    /// How far time moves before all that.
    pub advance_ms: i64,
}

/// Draws one mutation of a kind.
type Draw = fn(&World, &mut Chance) -> Mutation;

impl World {
    /// Draws a mix of mutations, applies them and tells them.
    pub fn mutate(&mut self, seed: u64, counts: MutationCounts) -> Vec<Mutation> {
        let mut chance = Chance::at(seed, Topic::Mutation, u64::from(self.conversation_rows()), 0);
        let mut done = vec![Mutation::AdvanceClock { ms: counts.advance_ms }];
        self.apply(done[0]);
        let plan: [(u32, Draw); 7] = [
            (u32::from(counts.added > 0), |_, _| Mutation::AddConversations { count: 0 }),
            (counts.messages, |world, chance| Mutation::AddMessage {
                conversation: world.draw_living(chance),
            }),
            (counts.edited, Self::draw_edit),
            (counts.bumped, |world, chance| Mutation::Bump { conversation: world.draw_living(chance) }),
            (counts.erased, |world, chance| Mutation::EraseConversation {
                conversation: world.draw_living(chance),
            }),
            (counts.erased_contacts, |world, chance| Mutation::EraseContact {
                contact: world.contact_of(world.draw_living(chance)),
            }),
            (counts.others, Self::draw_other),
        ];
        for (times, draw) in plan {
            for _ in 0..times {
                let mutation = match draw(self, &mut chance) {
                    Mutation::AddConversations { .. } => Mutation::AddConversations { count: counts.added },
                    other => other,
                };
                self.apply(mutation);
                done.push(mutation);
            }
        }
        done
    }

    /// A conversation that is listed, or row 0 when there is none.
    pub(crate) fn draw_living(&self, chance: &mut Chance) -> u32 {
        let rank = chance.below(u64::from(self.by_update.len())) as u32;
        self.by_update.rows_from_rank(rank).next().unwrap_or(0)
    }

    fn draw_edit(&self, chance: &mut Chance) -> Mutation {
        let conversation = self.draw_living(chance);
        if self.conversations.is_empty() {
            return Mutation::ChangeConversation { conversation };
        }
        let messages = self.visible_messages(conversation);
        match chance.below(3) {
            0 if !messages.is_empty() => {
                let message = messages[chance.below(messages.len() as u64) as usize];
                Mutation::EditMessage { conversation, message, silent: false }
            }
            1 => Mutation::ChangeContact { contact: self.contact_of(conversation) },
            _ => Mutation::ChangeConversation { conversation },
        }
    }

    fn draw_other(&self, chance: &mut Chance) -> Mutation {
        let mut row = |rows: u32| chance.below(u64::from(rows)) as u32;
        let (user, team) = (row(self.user_rows()), row(self.team_rows()));
        let (account, playbook) = (row(self.account_rows()), row(self.playbook_rows()));
        match row(12) {
            0 => Mutation::AddUser,
            1 | 2 => Mutation::RenameUser { user },
            3 => Mutation::UnlistUser { user },
            4 => Mutation::RemoveUser { user },
            5 => Mutation::ChangeTeam { team },
            6 => Mutation::AddAccount,
            7 => Mutation::ChangeAccount { account },
            8 => Mutation::DeleteAccount { account },
            9 => Mutation::ChangePlaybook { playbook },
            10 => Mutation::AddMeeting,
            _ => Mutation::CancelMeeting { meeting: row(self.meeting_rows()) },
        }
    }
}
