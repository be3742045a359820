//! Meetings that were booked. Drift shows only those of the past 30 days, so a nightly run keeps what
//! would otherwise be gone.

use crate::schema::{Absence, Call, Column, Kind, Paging, Partition, Rows, Source, Table};

/// API: get-booked-meetings. At most 1000 meetings an answer.
const LIST: Call = Call {
    path: "/users/meetings/org",
    query: &[("limit", "1000")],
    paging: Paging::Window,
    rows: Rows::Array(&["data"]),
    scope: "user_read",
};

/// One row per meeting (API: meeting-model).
pub static MEETINGS: Table = Table {
    name: "meetings",
    about: "One row per booked meeting; Drift shows the past 30 days, earlier rows stay as they were last seen.",
    source: Source::List { call: LIST, absence: Absence::DeletesWithin("slot_start") },
    key: &["slug"],
    sort: &["slug"],
    partition: Partition::Whole,
    brings: &[],
    columns: &[
        Column::field("slug", &["slug"], Kind::Text, "Id of the meeting."),
        Column::field("org_id", &["orgId"], Kind::Int, "Drift organization."),
        Column::field("agent_id", &["agentId"], Kind::Int, "The user it is with."),
        Column::field("scheduler_id", &["schedulerId"], Kind::Int, "The contact who booked it."),
        Column::field(
            "conversation_id",
            &["conversationId"],
            Kind::Int,
            "The conversation it was booked in.",
        ),
        Column::field("status", &["status"], Kind::Text, "`ACTIVE` or `CANCELED`."),
        Column::field(
            "meeting_source",
            &["meetingSource"],
            Kind::Text,
            "Where it came from, such as `EMAIL_DROP`.",
        ),
        Column::field("meeting_type", &["meetingType"], Kind::Text, "Type."),
        Column::field("event_id", &["eventId"], Kind::Text, "Id in the calendar."),
        Column::field("slot_start", &["slotStart"], Kind::Time, "When it begins."),
        Column::field("slot_end", &["slotEnd"], Kind::Time, "When it ends."),
        Column::field("scheduled_at", &["scheduledAt"], Kind::Time, "When it was booked."),
        Column::field("updated_at", &["updatedAt"], Kind::Time, "When it last changed."),
        Column::field("end_user_time_zone", &["endUserTimeZone"], Kind::Text, "The contact's time zone."),
        Column::field("meeting_notes", &["meetingNotes"], Kind::Text, "Notes."),
        Column::field("booked_by", &["bookedBy"], Kind::Int, "The user who booked it."),
        Column::field("conference_type", &["conferenceType"], Kind::Text, "Kind of conference."),
        Column::field("is_recurring", &["isRecurring"], Kind::Flag, "Whether it repeats."),
        Column::field("is_private", &["isPrivate"], Kind::Flag, "Whether it is private."),
        Column::field(
            "conference_details_join_url",
            &["conferenceDetails", "join_url"],
            Kind::Text,
            "Where to join the conference.",
        ),
    ],
};
