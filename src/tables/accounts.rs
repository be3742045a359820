//! Accounts: the companies that contacts belong to.

use crate::schema::{Absence, Call, Column, Kind, Paging, Partition, Rows, Source, Table};

/// 65 is the greatest size that Drift's own collection names.
const LIST: Call = Call {
    path: "/accounts",
    query: &[("size", "65")],
    paging: Paging::Index,
    rows: Rows::Array(&["data", "accounts"]),
    scope: "account_read",
};

/// API: account-model. A deleted account is no longer listed, yet resolves by id.
const ONE: Call = Call {
    path: "/accounts/{key}",
    query: &[],
    paging: Paging::One,
    rows: Rows::One(&["data"]),
    scope: "account_read",
};

/// One row per account (API: account-model).
pub static ACCOUNTS: Table = Table {
    name: "accounts",
    about: "One row per company account.",
    source: Source::List { call: LIST, absence: Absence::Asks(ONE) },
    key: &["account_id"],
    sort: &["account_id"],
    partition: Partition::Whole,
    brings: &[],
    columns: &[
        Column::field(
            "account_id",
            &["accountId"],
            Kind::Text,
            "Id of the account, a number and a domain joined by `_`.",
        ),
        Column::field("owner_id", &["ownerId"], Kind::Int, "The user who owns it."),
        Column::field("name", &["name"], Kind::Text, "Company name."),
        Column::field("domain", &["domain"], Kind::Text, "Company domain."),
        Column::field(
            "custom_properties",
            &["customProperties"],
            Kind::Records(PROPERTY),
            "Custom properties.",
        ),
        Column::field("deleted", &["deleted"], Kind::Flag, "Whether Drift marks it as deleted."),
        Column::field("targeted", &["targeted"], Kind::Flag, "Whether it is a target account."),
        Column::field("create_date_time", &["createDateTime"], Kind::Time, "When it was created."),
        Column::field("update_date_time", &["updateDateTime"], Kind::Time, "When it last changed."),
    ],
};

const PROPERTY: &[Column] = &[
    Column::field("label", &["label"], Kind::Text, "What people see."),
    Column::field("name", &["name"], Kind::Text, "What programs see."),
    Column::field("value", &["value"], Kind::Json, "The value as JSON; its form follows `type`."),
    Column::field("type", &["type"], Kind::Text, "Type, such as `NUMBER`."),
];
