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
mod exchange;
mod limit;
mod list;
mod mischief;
mod reports;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

pub use behaviour::{
    AboveMaximum, Behaviour, CursorKind, Generation, LinksEnd, ListOrder, OauthClient, READ_SCOPES,
    RateLimit, RetryHeader,
};
pub use counters::{Counters, LoggedRequest};
pub use endpoint::EndpointKind;
pub use exchange::{ApiRequest, ApiResponse};

pub(crate) use exchange::Query;

use answer::{Answer, Refusal, View};
use auth::Tokens;
use limit::Bucket;
use list::Snapshots;

use crate::chance::{Chance, Topic, hash};
use crate::clock::Clock;
use crate::faults::{Fault, FaultScript, Injector};
use crate::table::RecordWriter;
use crate::world::{Mutation, MutationCounts, World, WorldConfig};

/// Bodies up to here are never compressed.
const GZIP_ABOVE: usize = 1024;

/// A simulated Drift; clones are handles to the same one.
#[derive(Clone, Debug)]
pub struct Simulator {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    world: World,
    behaviour: Behaviour,
    clock: Clock,
    /// What the clock had shown when the world's date last followed it.
    followed: Duration,
    injector: Injector,
    tokens: Tokens,
    bucket: Bucket,
    report_bucket: Bucket,
    snapshots: Snapshots,
    counters: Counters,
    log: Vec<LoggedRequest>,
    /// Requests ever, also across resets of the counters.
    requests: u64,
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
        let state = State {
            world,
            behaviour,
            clock: Clock::still(),
            followed: Duration::ZERO,
            injector: Injector::default(),
            tokens: Tokens::default(),
            bucket: Bucket::default(),
            report_bucket: Bucket::default(),
            snapshots: Snapshots::new(),
            counters: Counters::default(),
            log: Vec::new(),
            requests: 0,
        };
        Self { state: Arc::new(Mutex::new(state)) }
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

impl State {
    fn records(&self) -> RecordWriter<'_> {
        RecordWriter {
            world: &self.world,
            flips: &self.injector.script.flips,
            detail_updated_offset_ms: self.behaviour.detail_updated_offset_ms,
        }
    }

    fn follow_clock(&mut self) {
        if self.clock.moves_date() {
            let elapsed = self.clock.elapsed();
            let passed = elapsed.saturating_sub(self.followed);
            self.followed += Duration::from_millis(passed.as_millis() as u64);
            self.world.advance_to(self.world.now_ms() + passed.as_millis() as i64);
        }
    }

    fn handle(&mut self, request: &ApiRequest) -> ApiResponse {
        self.follow_clock();
        self.requests += 1;
        let (kind, id) = EndpointKind::of(&request.method, &request.path);
        let struck = self.injector.strike(kind);
        self.counters.faults += struck.len() as u64;
        let fault = struck.iter().copied().find(|fault| !fault.is_event());
        for event in &struck {
            self.before(*event, kind, &id);
        }
        let answer = self.answer(request, kind, &id, fault);
        for event in &struck {
            self.after(*event, &id);
        }
        let answer = self.finish(request, answer);
        self.record(request, kind, &answer);
        answer
    }

    fn answer(
        &mut self,
        request: &ApiRequest,
        kind: EndpointKind,
        id: &str,
        fault: Option<Fault>,
    ) -> ApiResponse {
        let date_ms = self.date_ms();
        if let Some(answer) = fault.and_then(|fault| mischief::instead(fault, &self.behaviour, date_ms)) {
            return answer;
        }
        if let Err(wait) = self.admit(kind) {
            return self.too_many(wait);
        }
        let answer =
            self.reach(request, kind, id, fault).unwrap_or_else(|no| no.into_response(&self.behaviour));
        fault.map_or(answer.clone(), |fault| mischief::alter(fault, answer))
    }

    /// Past the rate limit: the token, then the endpoint.
    fn reach(&mut self, request: &ApiRequest, kind: EndpointKind, id: &str, fault: Option<Fault>) -> Answer {
        self.tokens.admit(request, kind, &self.behaviour, self.world.now_ms())?;
        match kind {
            EndpointKind::TokenInfo => return self.tokens.info(request, &self.behaviour, &self.world),
            EndpointKind::OauthToken => return self.tokens.exchange(request, &self.behaviour, &self.world),
            _ => {}
        }
        let query = Query::parse(&request.query);
        self.bump_between_pages(kind, &query);
        let mut snapshots = std::mem::take(&mut self.snapshots);
        let mut view = View {
            world: &self.world,
            behaviour: &self.behaviour,
            records: self.records(),
            snapshots: &mut snapshots,
            query: &query,
            id,
            body: &request.body,
            fault,
            request: self.requests,
        };
        let answer = answer::answer(kind, &mut view);
        self.snapshots = snapshots;
        answer
    }

    fn admit(&mut self, kind: EndpointKind) -> Result<(), Duration> {
        let now = self.clock.elapsed() + self.advanced();
        if kind == EndpointKind::Reports
            && let Some(limit) = self.behaviour.report_limit
        {
            self.report_bucket.admit(limit, now)?;
        }
        self.behaviour.rate_limit.map_or(Ok(()), |limit| self.bucket.admit(limit, now))
    }

    /// How far mutations have moved the date; buckets drain by that too, so that they do so when time stands still.
    fn advanced(&self) -> Duration {
        let moved =
            if self.clock.moves_date() { 0 } else { self.world.now_ms() - self.world.config().now_ms };
        Duration::from_millis(moved.max(0) as u64)
    }

    fn too_many(&self, wait: Duration) -> ApiResponse {
        let answer = Refusal::new(429, "Too many requests for this token").into_response(&self.behaviour);
        let seconds = wait.as_secs_f64().ceil() as i64;
        match self.behaviour.retry_header {
            RetryHeader::None => answer,
            RetryHeader::Seconds => answer.with("retry-after", seconds.to_string()),
            RetryHeader::Date => {
                answer.with("retry-after", mischief::http_date(self.date_ms() + seconds * 1000))
            }
        }
    }

    fn bump_between_pages(&mut self, kind: EndpointKind, query: &Query) {
        let goes_on =
            ["page_token", "next"].iter().any(|name| query.get(name).is_some_and(|value| !value.is_empty()));
        if kind == EndpointKind::ConversationList && goes_on {
            self.bump(self.behaviour.bumps_between_pages);
        }
    }

    fn draws(&self) -> Chance {
        Chance::at(self.world.config().seed, Topic::Faults, self.requests, 1)
    }

    fn bump(&mut self, count: u32) {
        let mut chance = self.draws();
        for _ in 0..count {
            let conversation = self.world.draw_living(&mut chance);
            self.world.apply(Mutation::Bump { conversation });
        }
    }

    /// Events that happen before the answer.
    fn before(&mut self, event: Fault, kind: EndpointKind, id: &str) {
        match event {
            Fault::Bump(count) => self.bump(count),
            Fault::Begin(count) => self.world.apply(Mutation::AddConversations { count }),
            Fault::Erase(count) => {
                let mut chance = self.draws();
                for _ in 0..count {
                    let conversation = self.world.draw_living(&mut chance);
                    self.world.apply(Mutation::EraseConversation { conversation });
                }
            }
            Fault::EraseAsked => self.erase_asked(kind, id),
            Fault::ExpireTokens => self.tokens.expire_all(),
            _ => {}
        }
    }

    fn erase_asked(&mut self, kind: EndpointKind, id: &str) {
        let Ok(id) = id.parse() else { return };
        if kind == EndpointKind::Contact {
            if let Some(contact) = self.world.contact_row(id) {
                self.world.apply(Mutation::EraseContact { contact });
            }
        } else if let Some(conversation) = self.world.conversation_row(id) {
            self.world.apply(Mutation::EraseConversation { conversation });
        }
    }

    /// Events that happen right after the answer.
    fn after(&mut self, event: Fault, id: &str) {
        let after_ms = match event {
            Fault::MessageAfter => 0,
            Fault::LateMessageAfter(seconds) => i64::from(seconds) * 1000,
            _ => return,
        };
        if let Some(conversation) = id.parse().ok().and_then(|id| self.world.conversation_row(id)) {
            self.world.apply(Mutation::AddLateMessage { conversation, after_ms });
        }
    }

    fn date_ms(&self) -> i64 {
        self.world.now_ms() + self.behaviour.date_skew_ms
    }

    /// What every answer gets: date, delay, and compression if the caller takes it.
    fn finish(&self, request: &ApiRequest, answer: ApiResponse) -> ApiResponse {
        let accepts = request.header_value("accept-encoding").is_some_and(|value| value.contains("gzip"));
        let worthwhile = self.behaviour.gzip && accepts && answer.body.len() > GZIP_ABOVE;
        let mut answer = if worthwhile { mischief::compressed(answer) } else { answer };
        answer.delay = self.behaviour.latency + self.jitter();
        answer.with("date", mischief::http_date(self.date_ms()))
    }

    fn jitter(&self) -> Duration {
        let share = hash(self.world.config().seed, Topic::Latency, self.requests, 0) as f64 / u64::MAX as f64;
        self.behaviour.jitter.mul_f64(share)
    }

    fn record(&mut self, request: &ApiRequest, kind: EndpointKind, answer: &ApiResponse) {
        let status = if answer.fault.is_some() { 0 } else { answer.status };
        self.counters.record(kind, status, answer.body.len());
        if self.behaviour.record_requests {
            let (method, path, query) = (request.method.clone(), request.path.clone(), request.query.clone());
            self.log.push(LoggedRequest { method, path, query, status });
        }
    }
}
