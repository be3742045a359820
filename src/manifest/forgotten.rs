//! What was forgotten: a keyed hash of each id, by which it is recognised and left out for good. The manifest
//! keeps the hashes and never the ids; who has both the lake and an id can tell whether it was forgotten.

use std::collections::HashSet;

use super::Manifest;
use crate::hmac::Hmac;

/// What can be forgotten. Conversations and contacts are numbered apart, so the kind is part of what is hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A conversation with all that hangs on it.
    Conversation(i64),
    /// A contact, with their conversations, those to come included.
    Contact(i64),
    /// What Drift says of a contact, but not their conversations.
    ContactRow(i64),
}

/// The ids that were forgotten, as far as a keyed hash tells.
#[derive(Debug, Clone)]
pub struct Forgotten {
    key: Hmac,
    markers: HashSet<[u8; 32]>,
}

impl Forgotten {
    /// What this manifest remembers.
    pub fn of(manifest: &Manifest) -> Self {
        let mut markers = HashSet::new();
        for text in &manifest.forgotten {
            let mut marker = [0; 32];
            if hex::decode_to_slice(text, &mut marker).is_ok() {
                markers.insert(marker);
            }
        }
        Self { key: Hmac::new(manifest.lake_id.as_bytes()), markers }
    }

    /// Whether nothing was ever forgotten.
    pub fn is_empty(&self) -> bool {
        self.markers.is_empty()
    }

    /// How the manifest remembers this one: HMAC-SHA256 of kind and id under the lake's id, in hex.
    pub fn marker(&self, subject: Subject) -> String {
        hex::encode(self.hash(subject))
    }

    /// Remembers one more; answers whether it is new.
    pub fn insert(&mut self, subject: Subject) -> bool {
        self.markers.insert(self.hash(subject))
    }

    /// Whether this very one was forgotten.
    pub fn contains(&self, subject: Subject) -> bool {
        !self.is_empty() && self.markers.contains(&self.hash(subject))
    }

    /// Whether this number is the id of anything that was forgotten.
    pub fn names(&self, id: i64) -> bool {
        let all = [Subject::Conversation(id), Subject::Contact(id), Subject::ContactRow(id)];
        all.into_iter().any(|subject| self.contains(subject))
    }

    /// Whether any number in the text is the id of something that was forgotten. Digits that stand side by
    /// side are one number, wherever they stand: in JSON, in a path, in a sentence. Nobody writes an id with a
    /// zero before it, but times are written so.
    pub fn names_in(&self, text: &str) -> bool {
        let numbers = text.split(|letter: char| !letter.is_ascii_digit());
        let numbers = numbers.filter(|digits| !digits.is_empty() && !digits.starts_with('0'));
        !self.is_empty()
            && numbers.filter_map(|digits| digits.parse().ok()).any(|id| self.names(id) || self.names(-id))
    }

    fn hash(&self, subject: Subject) -> [u8; 32] {
        let text = match subject {
            Subject::Conversation(id) => format!("conversation/{id}"),
            Subject::Contact(id) => format!("contact/{id}"),
            Subject::ContactRow(id) => format!("contact row/{id}"),
        };
        self.key.of(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forgotten() -> Forgotten {
        Forgotten { key: Hmac::new(b"lake"), markers: HashSet::new() }
    }

    #[test]
    fn a_conversation_and_a_contact_of_one_number_are_told_apart() {
        let mut forgotten = forgotten();
        assert!(forgotten.insert(Subject::Contact(7)) && !forgotten.insert(Subject::Contact(7)));
        assert!(forgotten.contains(Subject::Contact(7)));
        assert!(!forgotten.contains(Subject::Conversation(7)) && !forgotten.contains(Subject::ContactRow(7)));
        assert!(!forgotten.contains(Subject::Contact(8)));
    }

    #[test]
    fn a_number_is_found_wherever_it_stands() {
        let mut forgotten = forgotten();
        forgotten.insert(Subject::Conversation(4_100_200_301));
        for text in
            ["/conversations/4100200301/messages", "{\"id\":\"4100200301\"}", "4100200301.5", "x4100200301y"]
        {
            assert!(forgotten.names_in(text), "{text}");
        }
        for text in
            ["41002003010", "14100200301", "4100200302", "", "99999999999999999999999999", "04100200301"]
        {
            assert!(!forgotten.names_in(text), "{text}");
        }
    }
}
