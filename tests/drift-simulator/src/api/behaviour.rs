//! How the API behaves where its documentation leaves a choice, and how fast it is.
//!
//! The defaults are those that the documentation, or else the most credible client code, suggests.

use std::time::Duration;

/// Which form the conversation list takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Generation {
    /// `page_token` present (even empty) means links, else pagination.
    #[default]
    Auto,
    /// Always `pagination`; `page_token` is not known.
    Old,
    /// Always `links`.
    New,
}

/// The order of the conversation list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ListOrder {
    /// Latest change first.
    #[default]
    Updated,
    /// Latest beginning first.
    Created,
    /// The given number of rows by latest change, all others by latest beginning.
    UpdatedAtHeadOnly(u32),
}

/// What a list cursor remembers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CursorKind {
    /// How many rows were given: a row that moves to the top shifts the others, so rows repeat.
    #[default]
    Position,
    /// The last row that was given: nothing repeats, moved rows are missed.
    Keyset,
    /// The list as it was when the walk began; erased rows still appear.
    Snapshot,
}

/// What happens to a `limit` above the maximum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AboveMaximum {
    /// The maximum holds.
    #[default]
    Clamp,
    /// 400.
    Refuse,
}

/// The end of the list in the `links` form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinksEnd {
    /// `links` without `next`.
    #[default]
    NoNext,
    /// No `links` at all.
    NoLinks,
    /// `next` is an empty string.
    EmptyNext,
    /// `next` is null.
    NullNext,
}

/// The header that comes with a 429 of the rate limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RetryHeader {
    /// None, since no documentation names one.
    #[default]
    None,
    /// `Retry-After` in seconds.
    Seconds,
    /// `Retry-After` as a date.
    Date,
}

/// A leaky bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateLimit {
    /// Requests that drain per second.
    pub per_second: f64,
    /// Requests that fit.
    pub burst: f64,
}

/// The app that may refresh tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OauthClient {
    /// The client id.
    pub client_id: String,
    /// The client secret.
    pub client_secret: String,
    /// The refresh token that is valid at the start; any code is also taken for an authorization code.
    pub refresh_token: String,
    /// How long access tokens live, in milliseconds.
    pub access_lifetime_ms: i64,
    /// Whether each refresh gives a new refresh token and ends the old one.
    pub rotates: bool,
}

/// Every switch of the API.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::struct_excessive_bools, reason = "each is an independent switch of the checklist")]
pub struct Behaviour {
    /// Which form the list takes.
    pub generation: Generation,
    /// In which order the list comes.
    pub order: ListOrder,
    /// What its cursor remembers.
    pub cursor: CursorKind,
    /// Whether old cursors are strings rather than numbers.
    pub cursor_as_string: bool,
    /// What happens above the maximal `limit`.
    pub above_maximum: AboveMaximum,
    /// Scheme and host of `links`.
    pub link_host: String,
    /// Whether `links.next` keeps `statusId`.
    pub links_keep_filters: bool,
    /// How `links` ends.
    pub links_end: LinksEnd,
    /// How long page tokens live, in milliseconds.
    pub page_token_lifetime_ms: Option<i64>,
    /// Whether `bulk_sent` conversations are in the unfiltered list.
    pub list_bulk_sent: bool,
    /// Whether stats count them, under `BULK_SENT`.
    pub stats_bulk_sent: bool,
    /// Touched between two pages of the list.
    pub bumps_between_pages: u32,
    /// Added to `updatedAt` in the detail.
    pub detail_updated_offset_ms: i64,
    /// Whether messages come newest first.
    pub messages_newest_first: bool,
    /// Whether the last page of messages says `more:false` rather than nothing.
    pub messages_end_pagination: bool,
    /// Whether a transcript comes as `{"data":…}` rather than as text.
    pub transcript_in_envelope: bool,
    /// Whether reports are gone (404).
    pub reports_retired: bool,
    /// Whether a missing metric is a quoted `"NaN"`.
    pub quoted_nan: bool,
    /// Whether the `data` of contacts by email is an object when there is one.
    pub single_contact_as_object: bool,
    /// Whether errors come as `errors[]`.
    pub plural_errors: bool,
    /// The token of the private app.
    pub token: String,
    /// The rights of every token.
    pub scopes: Vec<String>,
    /// The OAuth app, if any.
    pub oauth: Option<OauthClient>,
    /// The general limit.
    pub rate_limit: Option<RateLimit>,
    /// The stricter limit of reports.
    pub report_limit: Option<RateLimit>,
    /// What a 429 carries.
    pub retry_header: RetryHeader,
    /// The least time to an answer.
    pub latency: Duration,
    /// At most so much is added to it.
    pub jitter: Duration,
    /// Whether bodies above 1 KiB are compressed for callers that accept it.
    pub gzip: bool,
    /// How far the `Date` header runs ahead of the records' times, in milliseconds.
    pub date_skew_ms: i64,
    /// Whether requests are kept for [`crate::Simulator::requests`].
    pub record_requests: bool,
}

/// The scopes that a reader needs.
pub const READ_SCOPES: [&str; 6] =
    ["conversation_read", "contact_read", "all_contact_read", "user_read", "account_read", "playbook_read"];

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            generation: Generation::Auto,
            order: ListOrder::Updated,
            cursor: CursorKind::Position,
            cursor_as_string: true,
            above_maximum: AboveMaximum::Clamp,
            link_host: "https://api.drift.com".into(),
            links_keep_filters: true,
            links_end: LinksEnd::NoNext,
            page_token_lifetime_ms: None,
            list_bulk_sent: true,
            stats_bulk_sent: true,
            bumps_between_pages: 0,
            detail_updated_offset_ms: 0,
            messages_newest_first: false,
            messages_end_pagination: true,
            transcript_in_envelope: false,
            reports_retired: false,
            quoted_nan: false,
            single_contact_as_object: false,
            plural_errors: false,
            token: "sim-token".into(),
            scopes: READ_SCOPES.map(String::from).into(),
            oauth: Some(OauthClient::default()),
            rate_limit: None,
            report_limit: Some(RateLimit { per_second: 1.0, burst: 60.0 }),
            retry_header: RetryHeader::None,
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            gzip: true,
            date_skew_ms: 0,
            record_requests: false,
        }
    }
}

impl Default for OauthClient {
    fn default() -> Self {
        Self {
            client_id: "sim-client".into(),
            client_secret: "sim-secret".into(),
            refresh_token: "sim-refresh".into(),
            access_lifetime_ms: 7_200_000,
            rotates: true,
        }
    }
}
