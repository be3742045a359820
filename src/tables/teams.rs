//! Teams of the organization.

use crate::schema::{Absence, Call, Column, Kind, Paging, Partition, Rows, Source, Table};

/// The whole list in one answer.
const LIST: Call = Call {
    path: "/teams/org",
    query: &[],
    paging: Paging::One,
    rows: Rows::Array(&["data"]),
    scope: "user_read",
};

/// One row per team (API: team-model).
pub static TEAMS: Table = Table {
    name: "teams",
    about: "One row per team of the organization.",
    source: Source::List { call: LIST, absence: Absence::Deletes },
    key: &["id"],
    sort: &["id"],
    partition: Partition::Whole,
    brings: &[],
    columns: &[
        Column::field("id", &["id"], Kind::Int, "Id of the team."),
        Column::field("org_id", &["orgId"], Kind::Int, "Drift organization."),
        Column::field("workspace_id", &["workspaceId"], Kind::Text, "Workspace (a UUID)."),
        Column::field("name", &["name"], Kind::Text, "Name."),
        Column::field("updated_at", &["updatedAt"], Kind::Time, "When the team last changed."),
        Column::field("members", &["members"], Kind::Ints, "Ids of its users."),
        Column::field("owner", &["owner"], Kind::Int, "The user who owns it."),
        Column::field("status", &["status"], Kind::Text, "`ENABLED` or `ARCHIVED`."),
        Column::field("main", &["main"], Kind::Flag, "Whether it is the main team."),
        Column::field(
            "auto_offline",
            &["autoOffline"],
            Kind::Flag,
            "Whether members go offline by themselves.",
        ),
        Column::field(
            "team_availability_mode",
            &["teamAvailabilityMode"],
            Kind::Text,
            "`ALWAYS_ONLINE`, `ALWAYS_OFFLINE` or `CUSTOM_HOURS`.",
        ),
        Column::field(
            "response_timer_enabled",
            &["responseTimerEnabled"],
            Kind::Flag,
            "Whether the response timer is on.",
        ),
        Column::field(
            "team_csat_enabled",
            &["teamCsatEnabled"],
            Kind::Flag,
            "Whether satisfaction surveys are on.",
        ),
    ],
};
