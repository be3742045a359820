//! What a world is made from.

/// 2026-11-01T00:00:00Z, the default "now" of every world, so that runs can be repeated.
pub const DEFAULT_NOW_MS: i64 = 1_793_491_200_000;

/// Length of a day in milliseconds.
pub(crate) const DAY_MS: i64 = 86_400_000;

/// The recipe of a world; equal recipes make equal worlds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorldConfig {
    /// The one seed from which everything follows.
    pub seed: u64,
    /// Conversations that exist at the start, up to a million and beyond.
    pub conversations: u32,
    /// Over how many months before `now_ms` they were begun.
    pub months: u32,
    /// The world's time at the start, in epoch milliseconds.
    pub now_ms: i64,
    /// Mean number of messages of an ordinary conversation.
    pub mean_messages: u32,
    /// The organization.
    pub org_id: i64,
    /// Agents and bots; two of them are missing from the list, one of these also by id.
    pub users: u32,
    /// Teams.
    pub teams: u32,
    /// Accounts; one in fifty is deleted and resolves by id alone.
    pub accounts: u32,
    /// Playbooks; one in four is inactive and not listed, conversations still name it.
    pub playbooks: u32,
    /// Conversational landing pages.
    pub landing_pages: u32,
    /// Meetings, spread over the 60 days before and the 14 days after the start.
    pub meetings: u32,
    /// Of a thousand contacts, how many answer 404 though conversations name them.
    pub unresolvable_contacts: u32,
    /// Of a thousand records, how many carry fields that no documentation names.
    pub unknown_fields: u32,
    /// No nulls, no second types, no missing lists, bodies or authors (free maps aside), no unknown fields.
    pub strict: bool,
    /// Whether one message has a body of one megabyte.
    pub megabyte_body: bool,
}

impl Default for WorldConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            conversations: 2_000,
            months: 36,
            now_ms: DEFAULT_NOW_MS,
            mean_messages: 6,
            org_id: 48_213,
            users: 40,
            teams: 6,
            accounts: 150,
            playbooks: 12,
            landing_pages: 4,
            meetings: 120,
            unresolvable_contacts: 30,
            unknown_fields: 40,
            strict: false,
            megabyte_body: true,
        }
    }
}

impl WorldConfig {
    /// A world of the given size, all else as by default.
    pub fn new(seed: u64, conversations: u32) -> Self {
        Self { seed, conversations, ..Self::default() }
    }

    /// A small, quick world for suites that make thousands of them.
    pub fn small(seed: u64) -> Self {
        Self {
            conversations: 60,
            months: 4,
            users: 8,
            teams: 2,
            accounts: 12,
            playbooks: 5,
            landing_pages: 2,
            meetings: 12,
            megabyte_body: false,
            ..Self::new(seed, 0)
        }
    }
}
