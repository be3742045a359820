//! Contacts: the people conversations are with. Drift lists no contacts, so they are asked for by id.

use crate::schema::{Call, Column, Kind, Paging, Partition, Rows, Source, Table};

/// API: retrieving-contact. A stray query parameter would be refused (`CONTACT-10`).
const CALL: Call = Call {
    path: "/contacts/{key}",
    query: &[],
    paging: Paging::One,
    rows: Rows::One(&["data"]),
    scope: "contact_read",
};

const NAME: &[&[&str]] = &[&["attributes", "name"]];

/// One row per contact that any conversation names (API: contact-model).
pub static CONTACTS: Table = Table {
    name: "contacts",
    about: "One row per contact that a conversation names, fetched when it is new and when one of its conversations changed.",
    source: Source::Lookup { keys: "contact_id", call: CALL },
    key: &["id"],
    sort: &["id"],
    partition: Partition::Bucket(16),
    brings: &["conversations"],
    columns: &[
        Column::field("id", &["id"], Kind::Int, "Id of the contact."),
        Column::field("created_at", &["createdAt"], Kind::Time, "When the contact was first seen."),
        Column::lifted("email", &[&["attributes", "email"]], Kind::Text, "Email address, from `attributes`."),
        Column::lifted("name", NAME, Kind::Text, "Full name, from `attributes`."),
        Column::lifted(
            "first_name",
            &[&["attributes", "first_name"]],
            Kind::Text,
            "First name, from `attributes`.",
        ),
        Column::lifted("phone", &[&["attributes", "phone"]], Kind::Text, "Phone number, from `attributes`."),
        Column::lifted(
            "external_id",
            &[&["attributes", "externalId"], &["attributes", "external_id"]],
            Kind::Scalar,
            "Your own id for the contact, as text, from `attributes`.",
        ),
        Column::lifted(
            "start_date",
            &[&["attributes", "start_date"]],
            Kind::Time,
            "First visit, from `attributes`.",
        ),
        Column::lifted(
            "last_active",
            &[&["attributes", "last_active"]],
            Kind::Time,
            "Last visit, from `attributes`.",
        ),
        Column::lifted(
            "last_contacted",
            &[&["attributes", "last_contacted"]],
            Kind::Time,
            "When the team last wrote, from `attributes`.",
        ),
        Column::field(
            "attributes",
            &["attributes"],
            Kind::Json,
            "All attributes, standard and custom: the whole map as sent.",
        ),
        Column::run(
            "_as_of",
            Kind::Time,
            "The greatest `_listed_at` of its conversations when it was fetched.",
        ),
    ],
};
