//! The one state behind all handles, and the way of a request through it.

use std::time::Duration;

use super::answer::{self, Answer, Refusal, View};
use super::auth::Tokens;
use super::behaviour::{Behaviour, RetryHeader};
use super::counters::{Counters, LoggedRequest};
use super::endpoint::EndpointKind;
use super::exchange::{ApiRequest, ApiResponse, Query};
use super::limit::Bucket;
use super::list::Snapshots;
use super::mischief;
use crate::chance::{Topic, hash};
use crate::clock::Clock;
use crate::faults::{Fault, Injector};
use crate::table::RecordWriter;
use crate::world::World;

/// Bodies up to here are never compressed.
const GZIP_ABOVE: usize = 1024;

#[derive(Debug)]
pub(super) struct State {
    pub(super) world: World,
    pub(super) behaviour: Behaviour,
    pub(super) clock: Clock,
    /// What the clock had shown when the world's date last followed it.
    pub(super) followed: Duration,
    pub(super) injector: Injector,
    pub(super) tokens: Tokens,
    bucket: Bucket,
    report_bucket: Bucket,
    snapshots: Snapshots,
    pub(super) counters: Counters,
    pub(super) log: Vec<LoggedRequest>,
    /// Requests ever, also across resets of the counters.
    pub(super) requests: u64,
}

impl State {
    pub(super) fn new(world: World, behaviour: Behaviour) -> Self {
        Self {
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
        }
    }

    pub(super) fn records(&self) -> RecordWriter<'_> {
        RecordWriter {
            world: &self.world,
            flips: &self.injector.script.flips,
            detail_updated_offset_ms: self.behaviour.detail_updated_offset_ms,
        }
    }

    pub(super) fn follow_clock(&mut self) {
        if self.clock.moves_date() {
            let elapsed = self.clock.elapsed();
            let passed = elapsed.saturating_sub(self.followed);
            self.followed += Duration::from_millis(passed.as_millis() as u64);
            self.world.advance_to(self.world.now_ms() + passed.as_millis() as i64);
        }
    }

    pub(super) fn handle(&mut self, request: &ApiRequest) -> ApiResponse {
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
