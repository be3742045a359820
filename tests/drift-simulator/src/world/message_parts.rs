//! What hangs on a message besides its text: buttons, context, attributes, attachments.

use super::World;
use super::body;
use super::message::Author;
use super::unknown::Place;
use crate::chance::{Chance, Topic};
use crate::json::JsonText;

impl World {
    pub(super) fn write_buttons(&self, author: Author, chance: &mut Chance, json: &mut JsonText) {
        let shape = chance.below(10);
        if author != Author::Contact && shape == 9 {
            json.key("buttons").open('[').close(']');
        } else if matches!(author, Author::Bot(_)) && shape < 6 {
            json.key("buttons").open('[');
            for label in ["Yes", "No thanks", "Später 🙂"].iter().take(chance.between(1, 3) as usize) {
                self.write_button(label, chance, json);
            }
            json.close(']');
        }
    }

    fn write_button(&self, label: &str, chance: &mut Chance, json: &mut JsonText) {
        json.open('{').text_field("label", label).text_field("value", label).text_field("type", "reply");
        if chance.one_in(2) {
            json.text_field("style", chance.pick(&["primary", "danger"]));
        }
        match chance.below(4) {
            0 => {
                json.key("reaction")
                    .open('{')
                    .text_field("type", "replace")
                    .text_field("message", "Great 👍")
                    .close('}');
            }
            1 if !self.config.strict => {
                json.raw_field("reaction", "null");
            }
            _ => {}
        }
        self.write_unknown(chance, Place::Button, json);
        json.close('}');
    }

    pub(super) fn write_context(&self, chance: &mut Chance, json: &mut JsonText) {
        let shape = chance.below(4);
        if shape == 0 && !self.config.strict {
            return;
        }
        json.key("context").open('{').text_field("ip", &draw_ips(chance));
        json.text_field("userAgent", "Mozilla/5.0 (X11; Linux x86_64)");
        if shape > 1 {
            json.text_field("href", "https://www.example.test/pricing?utm=a%20b")
                .text_field("title", "Pricing | Example");
            json.text_field("referrer", "")
                .text_field("locale", "de-DE")
                .text_field("timezone", "Europe/Berlin");
        }
        if shape > 2 {
            write_location(chance, json);
        }
        json.close('}');
    }

    pub(super) fn write_attributes(&self, row: u32, index: u16, chance: &mut Chance, json: &mut JsonText) {
        match chance.below(8) {
            0 => json.raw_field("attributes", "{}"),
            1 => json.raw_field(
                "attributes",
                r#"{"interactionId":51234,"score":1.50,"big":12345678901234567890,"exp":1e2}"#,
            ),
            2 => json.raw_field(
                "attributes",
                r#"{"developer_app_id":"app-7f3","nested":{"z":[],"a":{"k":null}}}"#,
            ),
            3 | 4 if index <= 1 => self.write_earlier_messages(row, chance, json),
            _ => json,
        };
    }

    /// `preMessages` comes as a list or as an object.
    fn write_earlier_messages<'j>(
        &self,
        row: u32,
        chance: &mut Chance,
        json: &'j mut JsonText,
    ) -> &'j mut JsonText {
        let sent_ms = self.conversation(row).created_ms - 60_000;
        let earlier = format!(
            r#"{{"body":"{}","type":"chat","createdAt":{sent_ms},"author":{{"id":{},"type":"user","bot":true}}}}"#,
            body::words(chance, 6),
            Self::user_id(0)
        );
        let all = match chance.below(3) {
            0 => "[]".to_owned(),
            1 => format!("[{earlier}]"),
            _ => format!(r#"{{"0":{earlier}}}"#),
        };
        json.raw_field("attributes", &format!(r#"{{"preMessages":{all}}}"#))
    }

    pub(super) fn write_attachments(
        &self,
        row: u32,
        index: u16,
        count: u8,
        chance: &mut Chance,
        json: &mut JsonText,
    ) {
        if count == 0 {
            if chance.one_in(15) {
                json.raw_field("attachments", "[]");
            }
            return;
        }
        json.key("attachments").open('[');
        for number in 0..count {
            let id = Self::attachment_id(row, index, number);
            let (name, media_type) = attachment_kind(id);
            json.open('{')
                .number_field("id", id)
                .text_field("fileName", name)
                .text_field("mimeType", media_type);
            json.text_field("url", &format!("https://driftapi.com/attachments/{id}/data"));
            self.write_unknown(chance, Place::Attachment, json);
            json.close('}');
        }
        json.close(']');
    }

    /// The bytes and media type of an attachment that a message of a living conversation has.
    pub(crate) fn attachment(&self, id: i64) -> Option<(&'static str, Vec<u8>)> {
        let (row, index, number) = self.attachment_place(id)?;
        let there = self.conversation_resolves(row) && self.visible_messages(row).contains(&index);
        if !there || number >= self.outline(row, index).attachments {
            return None;
        }
        let mut chance = Chance::at(self.config.seed, Topic::Attachment, id as u64, 0);
        let length = chance.between(0, 4096) as usize;
        Some((attachment_kind(id).1, (0..length).map(|_| chance.next() as u8).collect()))
    }
}

fn draw_ips(chance: &mut Chance) -> String {
    let first = format!("203.0.113.{}", chance.below(256));
    if chance.one_in(3) { format!("{first},203.0.113.{}", chance.below(256)) } else { first }
}

/// The location stands in a group of its own, or flat beside the other leaves.
fn write_location(chance: &mut Chance, json: &mut JsonText) {
    let nested = chance.one_in(2);
    if nested {
        json.key("location").open('{');
    }
    json.text_field("city", "Zürich").text_field("region", "ZH").text_field("country", "CH");
    json.text_field("countryName", "Switzerland").text_field("postalCode", "8001");
    json.raw_field("latitude", "47.3700").raw_field("longitude", "8.54");
    if nested {
        json.close('}');
    }
}

fn attachment_kind(id: i64) -> (&'static str, &'static str) {
    [("quote.pdf", "application/pdf"), ("Bild größer.png", "image/png"), ("../../etc/passwd", "text/plain")]
        [(id % 3) as usize]
}
