//! The records of a set as JSON, in the spelling of the API. Every record follows from the seed and its number
//! alone.

use std::io::Write as _;

use fastrand::Rng;

use crate::plan::{Conversation, Plan};
use crate::words::Words;

const STATUSES: [&str; 4] = ["closed", "open", "pending", "bulk_sent"];
const TAGS: [(&str, &str); 5] = [
    ("7695A5", "pricing"),
    ("0960C5", "enterprise"),
    ("F2545B", "größe"),
    ("00AA88", "hot 🔥"),
    ("123ABC", "renewal"),
];
const ORG: i64 = 48_213;

/// Writes records.
pub struct Records<'a> {
    plan: &'a Plan,
    words: Words,
}

/// What the list and the detail of a conversation both say.
pub struct Listed {
    /// Its status.
    pub status: &'static str,
    /// Its contact.
    pub contact: i64,
    /// Its inbox.
    pub inbox: i64,
}

impl<'a> Records<'a> {
    /// Records of this plan.
    pub fn new(plan: &'a Plan) -> Self {
        Self { plan, words: Words::new() }
    }

    fn chance(&self, row: u32, topic: u64) -> Rng {
        Rng::with_seed(
            self.plan.seed ^ (u64::from(row) << 24) ^ (topic + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15),
        )
    }

    /// What the list says of a conversation, beside its times.
    pub fn listed(&self, one: &Conversation) -> Listed {
        let mut chance = self.chance(one.row, 0);
        let status = STATUSES[[0, 0, 0, 0, 0, 0, 0, 1, 2, 3][chance.usize(0..10)]];
        let contact = 18_820_000_000 + i64::from(chance.u32(0..=one.row / 2)) * 7;
        Listed { status, contact, inbox: 71_234 + i64::from(chance.u8(0..5)) * 111 }
    }

    /// Appends the row of the list.
    pub fn list_row(&self, one: &Conversation, text: &mut Vec<u8>) {
        let Listed { status, contact, inbox } = self.listed(one);
        let _ = write!(
            text,
            r#"{{"status":"{status}","contactId":{contact},"createdAt":{},"id":{},"inboxId":{inbox},"updatedAt":{}}}"#,
            one.created_ms, one.id, one.updated_ms
        );
    }

    /// Appends the whole conversation.
    pub fn conversation(&self, one: &Conversation, text: &mut Vec<u8>) {
        let Listed { status, contact, inbox } = self.listed(one);
        let mut chance = self.chance(one.row, 1);
        let _ = write!(text, r#"{{"id":{},"orgId":{ORG},"status":"{status}","participants":["#, one.id);
        let participants = chance.u32(0..4);
        for number in 0..participants {
            let comma = if number > 0 { "," } else { "" };
            let _ = write!(text, "{comma}{}", 302_990 + chance.i64(0..40) * 11);
        }
        let _ = write!(
            text,
            r#"],"contactId":{contact},"inboxId":{inbox},"createdAt":{},"updatedAt":{}"#,
            one.created_ms, one.updated_ms
        );
        if chance.u32(0..10) < 6 {
            let _ = write!(text, r#","relatedPlaybookId":{}"#, 90_412 + chance.i64(0..12));
        }
        text.extend_from_slice(br#","conversationTags":["#);
        for number in 0..chance.u32(0..4) {
            let (color, name) = TAGS[chance.usize(0..TAGS.len())];
            let comma = if number > 0 { "," } else { "" };
            let _ = write!(text, r#"{comma}{{"color":"{color}","name":"{name}"}}"#);
        }
        text.extend_from_slice(b"]}");
    }

    /// Appends a message of a conversation, the oldest has the index 0.
    pub fn message(&self, one: &Conversation, index: u32, text: &mut Vec<u8>) {
        let mut chance = self.chance(one.row, 2 + u64::from(index));
        let (id, created_ms) = one.message(index);
        let by_contact = chance.u32(0..10) < 4;
        let (kind, author) = if by_contact {
            ("contact", self.listed(one).contact)
        } else {
            ("user", 302_990 + chance.i64(0..40) * 11)
        };
        let bot = !by_contact && chance.bool();
        let what = if !by_contact && chance.u32(0..20) == 0 { "private_note" } else { "chat" };
        let _ = write!(
            text,
            concat!(
                r#"{{"id":{},"orgId":{},"conversationId":{},"type":"{}","createdAt":{},"#,
                r#""author":{{"id":{},"type":"{}","bot":{}}},"body":""#
            ),
            id, ORG, one.id, what, created_ms, author, kind, bot
        );
        self.words.body(&mut chance, text);
        text.push(b'"');
        if bot && chance.u32(0..4) == 0 {
            text.extend_from_slice(
                br#","buttons":[{"label":"Book a demo","value":"demo","type":"reply","style":"primary","reaction":{"type":"delete","message":"Great"}},{"label":"Not now","value":"no","type":"reply"}]"#,
            );
        }
        if chance.u32(0..50) == 0 {
            let file = chance.u32(..);
            let _ = write!(
                text,
                concat!(
                    r#","attachments":[{{"id":{},"fileName":"offer-{}.pdf","mimeType":"application/pdf","#,
                    r#""url":"https://driftapi.com/attachments/{}/data"}}]"#
                ),
                file,
                file % 100,
                file
            );
        }
        if by_contact {
            text.extend_from_slice(br#","context":"#);
            Words::context(&mut chance, text);
        }
        let attributes: &[u8] = if chance.u32(0..20) == 0 {
            br#","attributes":{"developer_app_id":"app-7f3"}}"#
        } else {
            br#","attributes":{}}"#
        };
        text.extend_from_slice(attributes);
    }
}
