//! Fields that no documentation names, strewn over a share of the records.
//!
//! An exporter that promises to lose nothing must keep them, digit for digit.

use super::World;
use crate::chance::Chance;
use crate::json::JsonText;

/// Where an unknown field can stand.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    Conversation,
    Tag,
    Message,
    Author,
    Button,
    Attachment,
    Contact,
    User,
    Team,
    Account,
    AccountProperty,
    Playbook,
    Goal,
    Meeting,
}

impl Place {
    fn fields(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Conversation => &[("slaBreached", "true"), ("channel", r#"{"kind":"chat","weight":1.50}"#)],
            Self::Tag => &[("tagId", "9007199254740995")],
            Self::Message => &[("sentiment", "0.250"), ("translations", r#"[{"lang":"fr","ok":null}]"#)],
            Self::Author => &[("nick", r#""x""#)],
            Self::Button => &[("foo", "1e2")],
            Self::Attachment => &[("size", "20480"), ("sha1", "null")],
            Self::Contact => &[("source", r#"{"b":2,"a":1}"#)],
            Self::User => &[("pronouns", r#""she\/her""#)],
            Self::Team => &[("calendar", "[]")],
            Self::Account => &[("health", "-0.0")],
            Self::AccountProperty => &[("readOnly", "false")],
            Self::Playbook => &[("experiment", r#"{"arm":"B","share":5e-1}"#)],
            Self::Goal => &[("weight", "1.0")],
            Self::Meeting => &[("conferenceType", r#""ZOOM""#), ("isPrivate", "false")],
        }
    }
}

impl World {
    /// Writes the unknown fields of a place, for the configured share of records.
    pub(super) fn write_unknown(&self, chance: &mut Chance, place: Place, json: &mut JsonText) {
        if chance.per_mille(self.config.unknown_fields) && !self.config.strict {
            for (key, value) in place.fields() {
                json.raw_field(key, value);
            }
        }
    }
}
