//! Users: agents and bots of the organization.

use crate::schema::{Absence, Call, Column, Kind, Paging, Partition, Rows, Source, Table};

/// The whole list in one answer.
const LIST: Call = Call {
    path: "/users/list",
    query: &[],
    paging: Paging::One,
    rows: Rows::Array(&["data"]),
    scope: "user_read",
};

/// API: retrieving-user.
const ONE: Call = Call { path: "/users/{key}", rows: Rows::One(&["data"]), ..LIST };

/// One row per user (API: user-model).
pub static USERS: Table = Table {
    name: "users",
    about: "One row per agent or bot of the organization.",
    source: Source::List { call: LIST, absence: Absence::Asks(ONE) },
    key: &["id"],
    sort: &["id"],
    partition: Partition::Whole,
    brings: &[],
    columns: &[
        Column::field("id", &["id"], Kind::Int, "Id of the user."),
        Column::field("org_id", &["orgId"], Kind::Int, "Drift organization."),
        Column::field("name", &["name"], Kind::Text, "Full name."),
        Column::field("alias", &["alias"], Kind::Text, "Name shown to visitors."),
        Column::field("email", &["email"], Kind::Text, "Email address."),
        Column::field("phone", &["phone"], Kind::Text, "Phone number."),
        Column::field("locale", &["locale"], Kind::Text, "Locale."),
        Column::field("availability", &["availability"], Kind::Text, "`AVAILABLE`, `OFFLINE` or `ON_CALL`."),
        Column::field("role", &["role"], Kind::Text, "`member`, `admin` or `agent`."),
        Column::field("time_zone", &["timeZone"], Kind::Text, "Time zone."),
        Column::field("avatar_url", &["avatarUrl"], Kind::Text, "Picture."),
        Column::field("verified", &["verified"], Kind::Flag, "Whether the email address was verified."),
        Column::field("bot", &["bot"], Kind::Flag, "Whether this is a bot."),
        Column::field("created_at", &["createdAt"], Kind::Time, "When the user was created."),
        Column::field("updated_at", &["updatedAt"], Kind::Time, "When the user last changed."),
    ],
};
