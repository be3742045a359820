//! Conversational landing pages.

use crate::schema::{Absence, Call, Column, Kind, Paging, Partition, Rows, Source, Table};

/// A bare array.
const LIST: Call = Call {
    path: "/playbooks/clp",
    query: &[],
    paging: Paging::One,
    rows: Rows::Array(&[]),
    scope: "playbook_read",
};

/// One row per playbook and page.
pub static LANDING_PAGES: Table = Table {
    name: "landing_pages",
    about: "One row per conversational landing page; `_deleted_at` means that it is no longer listed.",
    source: Source::List { call: LIST, absence: Absence::Deletes },
    key: &["playbook_id", "landing_page_url"],
    sort: &["playbook_id", "landing_page_url"],
    partition: Partition::Whole,
    brings: &[],
    columns: &[
        Column::field("playbook_id", &["playbookId"], Kind::Int, "The playbook it belongs to."),
        Column::field("playbook_name", &["playbookName"], Kind::Text, "That playbook's name."),
        Column::field("landing_page_url", &["landingPageUrl"], Kind::Text, "Address of the page."),
    ],
};
