//! The world behind the API: one Drift account that can be of any size and changes while it is read.
//!
//! A record's content is a pure function of the seed, its row and its version; nothing with a body is kept. Of each
//! conversation the world holds some two dozen bytes, and what has happened to it since the start only if something has.
//! Every mutation carries a later time than all before it.

mod account;
mod body;
mod change;
mod config;
mod contact;
mod conversation;
mod ids;
mod meeting;
mod message;
mod message_parts;
mod mutation;
mod order;
mod playbook;
mod team;
mod transcript;
mod unknown;
mod user;

use std::collections::{BTreeSet, HashMap, HashSet};

pub use config::{DEFAULT_NOW_MS, WorldConfig};
pub use conversation::Status;
pub use mutation::{Mutation, MutationCounts};

pub(crate) use config::DAY_MS;
pub(crate) use contact::ATTRIBUTES as CONTACT_ATTRIBUTES;
pub(crate) use conversation::{ConversationRecord, TRANSCRIPT_TYPE};
pub(crate) use message::{Author, MESSAGES_PER_PAGE};
pub(crate) use order::OrderIndex;
pub(crate) use transcript::day_number;

use account::AccountRecord;
use meeting::MeetingRecord;
use playbook::PlaybookRecord;
use team::TeamRecord;
use user::UserRecord;

/// One Drift account.
#[derive(Clone, Debug)]
pub struct World {
    config: WorldConfig,
    now_ms: i64,
    conversations: Vec<ConversationRecord>,
    by_update: OrderIndex,
    by_creation: OrderIndex,
    status_counts: [u64; Status::ALL.len()],
    /// Only of conversations whose messages are no longer those of the start.
    histories: HashMap<u32, History>,
    /// Version and last activity of contacts that changed.
    changed_contacts: HashMap<u32, (u32, i64)>,
    erased_contacts: HashSet<u32>,
    users: Vec<UserRecord>,
    teams: Vec<TeamRecord>,
    accounts: Vec<AccountRecord>,
    playbooks: Vec<PlaybookRecord>,
    landing_pages: u32,
    meetings: Vec<MeetingRecord>,
}

/// What happened to the messages of one conversation since the start.
#[derive(Clone, Debug, Default)]
struct History {
    added: Vec<AddedMessage>,
    edits: HashMap<u16, u32>,
    deleted: BTreeSet<u16>,
}

/// A message that came later.
#[derive(Clone, Copy, Debug)]
struct AddedMessage {
    created_ms: i64,
    /// From when on the API shows it; later than its creation for a message that shows up late.
    visible_ms: i64,
}

impl World {
    /// Makes the world of a recipe.
    pub fn new(config: WorldConfig) -> Self {
        let conversations: Vec<_> =
            (0..config.conversations).map(|row| ConversationRecord::of(&config, row)).collect();
        let mut world = Self {
            now_ms: config.now_ms,
            by_update: OrderIndex::default(),
            by_creation: OrderIndex::from_bottom(0..config.conversations),
            status_counts: [0; Status::ALL.len()],
            histories: HashMap::new(),
            changed_contacts: HashMap::new(),
            erased_contacts: HashSet::new(),
            users: (0..config.users).map(|row| UserRecord::of(&config, row)).collect(),
            teams: (0..config.teams).map(|row| TeamRecord::of(&config, row)).collect(),
            accounts: (0..config.accounts).map(|row| AccountRecord::of(&config, row)).collect(),
            playbooks: (0..config.playbooks).map(|row| PlaybookRecord::of(&config, row)).collect(),
            landing_pages: config.landing_pages,
            meetings: (0..config.meetings).map(|row| MeetingRecord::of(&config, row)).collect(),
            conversations,
            config,
        };
        world.order_by_update();
        world
    }

    fn order_by_update(&mut self) {
        let mut rows: Vec<u32> = (0..self.conversations.len() as u32).collect();
        rows.sort_unstable_by_key(|row| (self.conversations[*row as usize].updated_ms, *row));
        self.by_update = OrderIndex::from_bottom(rows);
        for record in &self.conversations {
            self.status_counts[record.status as usize] += 1;
        }
    }

    /// What a conversation costs in memory: its record, and its place in two orders.
    pub const BYTES_PER_CONVERSATION: usize = size_of::<ConversationRecord>() + 2 * OrderIndex::BYTES_PER_ROW;

    /// The recipe.
    pub fn config(&self) -> &WorldConfig {
        &self.config
    }

    /// The world's time in epoch milliseconds.
    pub fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// Moves the world's time forward to `now_ms`; time never goes back.
    pub fn advance_to(&mut self, now_ms: i64) {
        self.now_ms = self.now_ms.max(now_ms);
    }

    /// How many conversations were ever begun; their rows are below this number.
    pub fn conversation_rows(&self) -> u32 {
        self.conversations.len() as u32
    }

    /// How many conversations the list holds.
    pub fn listed_conversations(&self) -> u32 {
        self.by_update.len()
    }

    /// Conversations by status, in the order of [`Status::ALL`].
    pub fn status_counts(&self) -> &[u64] {
        &self.status_counts
    }

    pub(crate) fn by_update(&self) -> &OrderIndex {
        &self.by_update
    }

    pub(crate) fn by_creation(&self) -> &OrderIndex {
        &self.by_creation
    }
}
