//! Contacts: they have no list, are found by the ids that conversations name, and some do not resolve at all.

use super::body;
use super::unknown::Place;
use super::{DAY_MS, World};
use crate::chance::{Chance, Topic, hash};
use crate::json::{JsonText, Spelling};

/// Definitions of custom attributes: type, display name, name.
pub(crate) const ATTRIBUTES: [(&str, &str, &str); 6] = [
    ("STRING", "Email", "email"),
    ("STRING", "Name", "name"),
    ("NUMERIC", "Seats", "seats"),
    ("BOOLEAN", "Is customer", "is_customer"),
    ("DATETIME", "Last active", "last_active"),
    ("DATE", "Renewal", "renewal_date"),
];

const NAMES: [&str; 8] = [
    "Ana Ruiz",
    "Bo Öst",
    "Çağla Demir",
    "李雷",
    "نور الهدى",
    "O'Brien, \"Pat\"",
    "Zoë 🦊",
    "Max Mustermann",
];

impl World {
    /// Whether `GET /contacts/{id}` answers.
    pub fn contact_resolves(&self, row: u32) -> bool {
        let draw = hash(self.config.seed, Topic::Contact, u64::from(row), u64::MAX);
        let known = draw % 1000 >= u64::from(self.config.unresolvable_contacts);
        known && !self.erased_contacts.contains(&row) && self.conversations_of(row).next().is_some()
    }

    /// The address of a contact; two in sixteen share theirs.
    pub(crate) fn email_of(row: u32) -> String {
        match row % 16 {
            3 | 9 => format!("shared-{}@example.test", row / 16),
            _ => format!("visitor-{row}@example.test"),
        }
    }

    /// The contacts with an address, by row.
    pub(crate) fn contacts_with_email(&self, email: &str) -> Vec<u32> {
        let Some((kind, number)) = email.strip_suffix("@example.test").and_then(|name| name.split_once('-'))
        else {
            return Vec::new();
        };
        let Ok(number) = number.parse::<u32>() else { return Vec::new() };
        let candidates = match kind {
            "shared" => vec![number.saturating_mul(16) + 3, number.saturating_mul(16) + 9],
            _ => vec![number],
        };
        let exists = |row: &u32| *row < self.conversation_rows() && self.contact_resolves(*row);
        candidates.into_iter().filter(exists).filter(|row| Self::email_of(*row) == email).collect()
    }

    /// The contact with an external id, if it resolves.
    pub(crate) fn contact_with_external_id(&self, external: &str) -> Option<u32> {
        let row = external.strip_prefix("u-").unwrap_or(external).parse().ok()?;
        Some(row).filter(|row| *row < self.conversation_rows() && self.contact_resolves(*row))
    }

    pub(crate) fn write_contact(&self, row: u32, json: &mut JsonText) {
        let mut chance = Chance::at(self.config.seed, Topic::Contact, u64::from(row), 0);
        let created_ms = self.conversation(row).created_ms - chance.below(DAY_MS as u64) as i64;
        json.open('{').number_field("id", self.contact_id(row)).number_field("createdAt", created_ms);
        json.key("attributes").open('{');
        self.write_attributes_of(row, created_ms, &mut chance, json);
        json.close('}');
        self.write_unknown(&mut chance, Place::Contact, json);
        json.close('}');
    }

    fn write_attributes_of(&self, row: u32, created_ms: i64, chance: &mut Chance, json: &mut JsonText) {
        let (version, active_ms) =
            self.changed_contacts.get(&row).copied().unwrap_or((0, created_ms + 81_000));
        let name = NAMES[(u64::from(row) + u64::from(version)) as usize % NAMES.len()];
        json.text_field("email", &Self::email_of(row)).key("name").string(name, body::spelling(chance));
        self.write_external_id(row, chance, json);
        write_tags(chance, json);
        json.raw_field(
            "events",
            if chance.one_in(2) { "{}" } else { r#"{"signup":{"count":2,"last":1.0}}"# },
        );
        json.raw_field("socialProfiles", "{}").number_field("start_date", created_ms);
        json.number_field("last_active", active_ms);
        if chance.one_in(2) {
            json.number_field("last_contacted", created_ms + 5_000).text_field("first_name", "Ana");
        }
        json.number_field("_END_USER_VERSION", i64::from(version) + 12);
        json.number_field("_end_user_version", i64::from(version) + 12);
        json.key("last_context_location").string(r#"{"city":"Lyon","country":"FR"}"#, Spelling::Slashes);
        write_custom(chance, json);
    }

    fn write_external_id(&self, row: u32, chance: &mut Chance, json: &mut JsonText) {
        match chance.below(5) {
            0 | 1 => json.text_field("externalId", &format!("u-{row}")),
            _ if self.config.strict => json.text_field("externalId", &format!("u-{row}")),
            2 => json.number_field("externalId", i64::from(row)),
            3 => json.raw_field("externalId", "null"),
            _ => json,
        };
    }
}

/// Tags are strings for some and objects for others.
fn write_tags(chance: &mut Chance, json: &mut JsonText) {
    let tags = ["[]", r#"["vip","trial"]"#, r#"[{"name":"vip","color":"0960C5"}]"#];
    if !chance.one_in(5) {
        json.raw_field("tags", chance.pick(&tags));
    }
}

/// Custom attributes have values of every type.
fn write_custom(chance: &mut Chance, json: &mut JsonText) {
    match chance.below(6) {
        0 => json.raw_field("seats", "25").raw_field("is_customer", "true"),
        1 => json.raw_field("seats", "25.0").raw_field("renewal_date", "null"),
        2 => json.text_field("phone", "+41 44 000 00 00").raw_field("list", "[1,[2,{}]]"),
        3 => json.raw_field("ratio", "1e-7").text_field("ip", "203.0.113.7,203.0.113.8"),
        4 => json.text_field("phone", "").text_field("schlüssel mit raum", "wert"),
        _ => json,
    };
}
