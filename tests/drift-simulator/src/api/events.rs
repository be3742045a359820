//! Faults that are events: what happens to the world around an answer.

use super::endpoint::EndpointKind;
use super::state::State;
use crate::chance::{Chance, Topic};
use crate::faults::Fault;
use crate::world::Mutation;

impl State {
    fn draws(&self) -> Chance {
        Chance::at(self.world.config().seed, Topic::Faults, self.requests, 1)
    }

    pub(super) fn bump(&mut self, count: u32) {
        let mut chance = self.draws();
        for _ in 0..count {
            let conversation = self.world.draw_living(&mut chance);
            self.world.apply(Mutation::Bump { conversation });
        }
    }

    /// Events that happen before the answer.
    pub(super) fn before(&mut self, event: Fault, kind: EndpointKind, id: &str) {
        match event {
            Fault::Bump(count) => self.bump(count),
            Fault::Begin(count) => self.world.apply(Mutation::AddConversations { count }),
            Fault::Erase(count) => {
                let mut chance = self.draws();
                for _ in 0..count {
                    let conversation = self.world.draw_living(&mut chance);
                    self.world.apply(Mutation::EraseConversation { conversation });
                }
            }
            Fault::EraseAsked => self.erase_asked(kind, id),
            Fault::ExpireTokens => self.tokens.expire_all(),
            _ => {}
        }
    }

    fn erase_asked(&mut self, kind: EndpointKind, id: &str) {
        let Ok(id) = id.parse() else { return };
        if kind == EndpointKind::Contact {
            if let Some(contact) = self.world.contact_row(id) {
                self.world.apply(Mutation::EraseContact { contact });
            }
        } else if let Some(conversation) = self.world.conversation_row(id) {
            self.world.apply(Mutation::EraseConversation { conversation });
        }
    }

    /// Events that happen right after the answer.
    pub(super) fn after(&mut self, event: Fault, id: &str) {
        let after_ms = match event {
            Fault::MessageAfter => 0,
            Fault::LateMessageAfter(seconds) => i64::from(seconds) * 1000,
            _ => return,
        };
        if let Some(conversation) = id.parse().ok().and_then(|id| self.world.conversation_row(id)) {
            self.world.apply(Mutation::AddLateMessage { conversation, after_ms });
        }
    }
}
