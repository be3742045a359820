//! The API in process: a request goes in as a value, an answer comes out as a value.
//!
//! Nothing here sleeps, opens a socket or reads a clock. The order in which a request meets the parts is that of a real
//! service: events of the fault script, faults that stand in for an answer, rate limit, token, endpoint, and then
//! whatever befalls the finished answer.

mod answer;
mod auth;
mod behaviour;
mod contacts;
mod conversation;
mod counters;
mod directory;
mod endpoint;
mod events;
mod exchange;
mod limit;
mod list;
mod mischief;
mod reports;
mod state;

use std::sync::{Arc, Mutex, MutexGuard};

pub use behaviour::{
    AboveMaximum, Behaviour, CursorKind, Generation, LinksEnd, ListOrder, OauthClient, READ_SCOPES,
    RateLimit, RetryHeader,
};
pub use counters::{Counters, LoggedRequest};
pub use endpoint::EndpointKind;
pub use exchange::{ApiRequest, ApiResponse};

pub(crate) use exchange::Query;

use state::State;

use crate::clock::Clock;
use crate::faults::{FaultScript, Injector};
use crate::table::RecordWriter;
use crate::world::{Mutation, MutationCounts, World, WorldConfig};

/// A simulated Drift; clones are handles to the same one.
#[derive(Clone, Debug)]
pub struct Simulator {
    state: Arc<Mutex<State>>,
}

impl Simulator {
    /// A simulator of the world of a recipe, with default behaviour, no faults, and time standing still.
    pub fn new(config: WorldConfig) -> Self {
        Self::with_behaviour(config, Behaviour::default())
    }

    /// As [`Self::new`], with the given behaviour.
    pub fn with_behaviour(config: WorldConfig, behaviour: Behaviour) -> Self {
        Self::of_world(World::new(config), behaviour)
    }

    /// A simulator of a world that exists already, for example a clone of another's.
    pub fn of_world(world: World, behaviour: Behaviour) -> Self {
        Self { state: Arc::new(Mutex::new(State::new(world, behaviour))) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no request panics while it holds the state")
    }

    /// Answers one request.
    pub fn handle(&self, request: &ApiRequest) -> ApiResponse {
        self.lock().handle(request)
    }

    /// Looks at the world or changes it by hand.
    pub fn with_world<R>(&self, work: impl FnOnce(&mut World) -> R) -> R {
        let mut state = self.lock();
        state.follow_clock();
        work(&mut state.world)
    }

    /// Lets one thing happen.
    pub fn apply(&self, mutation: Mutation) {
        self.with_world(|world| world.apply(mutation));
    }

    /// Lets a seeded mix of things happen and tells which.
    pub fn mutate(&self, seed: u64, counts: MutationCounts) -> Vec<Mutation> {
        self.with_world(|world| world.mutate(seed, counts))
    }

    /// Changes switches.
    pub fn set_behaviour(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.lock().behaviour);
    }

    /// Starts a fault script; the one before is forgotten.
    pub fn set_faults(&self, script: FaultScript) {
        self.lock().injector = Injector::new(script);
    }

    /// Sets where time comes from.
    pub fn set_clock(&self, clock: Clock) {
        let mut state = self.lock();
        state.followed = clock.elapsed();
        state.clock = clock;
    }

    /// Ends every OAuth access token.
    pub fn expire_tokens(&self) {
        self.lock().tokens.expire_all();
    }

    /// What was counted so far.
    pub fn stats(&self) -> Counters {
        self.lock().counters.clone()
    }

    /// Counts from zero again and forgets the requests.
    pub fn reset_stats(&self) {
        let mut state = self.lock();
        state.counters = Counters::default();
        state.log.clear();
    }

    /// The requests since the last reset, if [`Behaviour::record_requests`] is on.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.lock().log.clone()
    }

    /// Works with the writer of records, flips included.
    pub(crate) fn with_records<R>(&self, work: impl FnOnce(RecordWriter<'_>) -> R) -> R {
        work(self.lock().records())
    }
}
