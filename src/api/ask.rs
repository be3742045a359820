//! What becomes of one call: asked, paced, tried again, given up.
//!
//! Every call goes the same way: a place among those in flight, the limiter's leave, one try, a verdict.
//! What the verdict means for the call is decided in `next`, and only there.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, warn};

use crate::cpu;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::Call;

use super::answer::{Question, Verdict, date_ms, judge, retry_after};
use super::auth::{Keeper, Used};
use super::envelope::Envelope;
use super::gzip;
use super::limit::{Grant, Limiter};
use super::obstacle::Obstacle;
use super::request::{Broken, REFRESH, Request, Response, Transport, TransportError};
use super::retry::{Budget, Failure, Tries};
use super::settings::ClientSettings;
use super::traffic::{Counters, Traffic};
use super::verdict_error as errors;

/// Opening and reading a body of this size costs less than the trip to the pool, in bytes.
const INLINE_BYTES: usize = 16 * 1024;
/// The same for what it opens to.
const INLINE_OPENED_BYTES: usize = 256 * 1024;

/// What all calls of one client share.
pub(super) struct Inner {
    settings: ClientSettings,
    transport: Arc<dyn Transport>,
    pub(super) keeper: Keeper,
    limiter: Limiter,
    in_flight: Semaphore,
    budget: Budget,
    pub(super) counters: Counters,
    random: Mutex<fastrand::Rng>,
    /// Whether anything has answered as Drift does.
    drift_known: AtomicBool,
    /// Whether the token has ever been accepted.
    token_accepted: AtomicBool,
}

/// What a call says; everything else about it is the same for all.
#[derive(Clone, Copy)]
pub(super) enum Ask<'a> {
    Get { call: &'a Call, path_and_query: &'a str },
    TokenInfo,
    Refresh,
}

/// What became of one try.
enum Next {
    Done(Bytes, Option<Envelope>),
    Again {
        failure: Failure,
        found: String,
        asked: Option<Duration>,
    },
    /// The token was renewed; ask again at once.
    Renewed,
    Stop(Error),
}

impl Inner {
    /// Everything that the calls of one client share.
    pub(super) fn new(settings: ClientSettings, transport: Arc<dyn Transport>) -> Self {
        Self {
            keeper: Keeper::new(settings.token.clone()),
            limiter: Limiter::new(settings.first_rate, settings.max_rate),
            in_flight: Semaphore::new(settings.concurrency.max(1)),
            budget: Budget::new(&settings.retry),
            counters: Counters::default(),
            random: Mutex::new(settings.random.clone()),
            drift_known: AtomicBool::new(settings.drift_known),
            token_accepted: AtomicBool::new(false),
            transport,
            settings,
        }
    }

    pub(super) fn traffic(&self) -> Traffic {
        self.counters.snapshot(self.limiter.rate())
    }

    /// Asks until there is an answer or no point in asking. A missing thing has no envelope.
    pub(super) async fn ask(&self, ask: Ask<'_>, path: &str) -> Result<(Bytes, Option<Envelope>)> {
        let mut tries = Tries::new(&self.settings.retry, Instant::now());
        let mut renewed = false;
        loop {
            let next = self.one_try(ask, path, &mut tries, &mut renewed).await;
            let (failure, found, asked) = match next {
                Next::Done(body, envelope) => return Ok((body, envelope)),
                Next::Stop(error) => return Err(error.at("call", path).at("tries", tries.sent)),
                Next::Renewed => continue,
                Next::Again { failure, found, asked } => (failure, found, asked),
            };
            let Some(delay) = self.delay(failure, asked, &mut tries) else {
                let error = errors::given_up(failure, &found, ask.scope());
                let error = if failure == Failure::Redirected { self.located(error) } else { error };
                return Err(error.at("call", path).at("tries", tries.sent));
            };
            self.note_retry(failure, &found, path, delay, tries.sent);
            sleep(delay).await;
        }
    }

    /// Names the address that was asked.
    fn located(&self, error: Error) -> Error {
        match self.transport.address() {
            Some(address) => error.at("address", address),
            None => error,
        }
    }

    fn delay(&self, failure: Failure, asked: Option<Duration>, tries: &mut Tries<'_>) -> Option<Duration> {
        let now = Instant::now();
        let asked = asked.map(|asked| asked.min(self.settings.retry.retry_after_max));
        let delay = {
            let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
            tries.after(failure, asked, now, &mut random)
        };
        // Nothing is spent on waiting for one's turn: a 429 shows that Drift is alive.
        if failure == Failure::Throttled {
            return delay;
        }
        let granted = self.budget.spend(now);
        delay.filter(|_| granted)
    }

    fn note_retry(&self, failure: Failure, found: &str, path: &str, delay: Duration, tries: u32) {
        let ms = delay.as_millis() as u64;
        if failure == Failure::Throttled {
            debug!(path, tries, ms, "too fast for Drift, waiting");
            return;
        }
        self.counters.retries.fetch_add(1, Relaxed);
        // A first failure is everyday; one that stays is worth a line.
        if tries >= 3 {
            warn!(path, tries, ms, found, "asking again");
        } else {
            debug!(path, tries, ms, found, "asking again");
        }
    }

    async fn one_try(&self, ask: Ask<'_>, path: &str, tries: &mut Tries<'_>, renewed: &mut bool) -> Next {
        let used = match self.token(ask).await {
            Ok(used) => used,
            Err(error) => return Next::Stop(error),
        };
        let Some(request) = self.request(ask, used.as_ref()) else {
            return Next::Stop(Error::internal("a token was to be renewed that cannot be"));
        };
        let Ok(place) = self.in_flight.acquire().await else {
            return Next::Stop(Error::internal("the client was closed"));
        };
        let grant = self.leave().await;
        tries.sent += 1;
        let (answer, after) = self.exchange(request, grant, path, tries.sent).await;
        let verdict = match answer {
            Ok(response) => self.judged(response, ask).await,
            Err(error) => return self.unanswered(&error, tries),
        };
        // The renewal below needs a place of its own.
        drop(place);
        match verdict {
            Ok(Verdict::Denied { token_is_bad: true, .. }) if self.may_renew(ask, *renewed) => {
                *renewed = true;
                let seen = used.map_or(0, |used| used.generation);
                Box::pin(self.renew(seen)).await.map_or_else(Next::Stop, |()| Next::Renewed)
            }
            Ok(verdict) => self.next(verdict, ask, after, tries),
            Err(error) => Next::Stop(error),
        }
    }

    /// The token to ask with; an OAuth app's is renewed before the first use.
    async fn token(&self, ask: Ask<'_>) -> Result<Option<Used>> {
        if matches!(ask, Ask::Refresh) {
            return Ok(None);
        }
        if self.keeper.current().is_none() {
            Box::pin(self.renew(0)).await?;
        }
        Ok(self.keeper.current())
    }

    fn request(&self, ask: Ask<'_>, used: Option<&Used>) -> Option<Request> {
        let token = used.map(|used| used.token.clone());
        match ask {
            Ask::Get { path_and_query, .. } => Some(Request::get(path_and_query.to_owned(), token?)),
            Ask::TokenInfo => Some(Request::token_info(token?)),
            Ask::Refresh => self.keeper.renewal_request(),
        }
    }

    fn may_renew(&self, ask: Ask<'_>, renewed: bool) -> bool {
        self.keeper.is_oauth() && !renewed && !matches!(ask, Ask::Refresh)
    }

    /// Renews the token of generation `seen`, unless someone else has done so meanwhile.
    async fn renew(&self, seen: u64) -> Result<()> {
        let _turn = self.keeper.renewal.lock().await;
        if self.keeper.generation() != seen {
            return Ok(());
        }
        let (body, _) = self.ask(Ask::Refresh, REFRESH).await?;
        debug!("renewed the OAuth token");
        self.keeper.renewed(&body)
    }

    async fn leave(&self) -> Grant {
        let start = Instant::now();
        let grant = self.limiter.grant().await;
        self.counters.waited(start.elapsed());
        grant
    }

    /// Sends once; with the answer comes how long Drift asks to wait.
    async fn exchange(
        &self,
        request: Request,
        grant: Grant,
        path: &str,
        tries: u32,
    ) -> (Result<Response, TransportError>, Option<Duration>) {
        self.counters.requests.fetch_add(1, Relaxed);
        let start = Instant::now();
        let sent = timeout(self.settings.answer_timeout, self.transport.send(request)).await;
        let late = |_| Err(TransportError::new(Broken::Timeout, "no whole answer in time"));
        let answer = sent.unwrap_or_else(late);
        let ms = start.elapsed().as_millis() as u64;
        let Ok(response) = &answer else {
            debug!(path, tries, ms, "no answer");
            return (answer, None);
        };
        debug!(path, tries, ms, status = response.status, bytes = response.body.len(), "answer");
        self.counters.wire_bytes.fetch_add(response.body.len() as u64, Relaxed);
        let wait_max = self.settings.retry.retry_after_max;
        let after = retry_after(response, self.counters.server_time_ms()).map(|wait| wait.min(wait_max));
        if response.status == 429 {
            self.counters.throttled.fetch_add(1, Relaxed);
            self.limiter.throttled(grant, after);
        }
        (answer, after)
    }

    /// Judges an answer: here if it is small, else on the pool.
    async fn judged(&self, response: Response, ask: Ask<'_>) -> Result<Verdict> {
        let call = ask.call().copied();
        let bytes_max = self.settings.body_bytes_max;
        let secrets = self.keeper.secrets();
        let drift_known = self.knows_drift();
        let date = date_ms(&response);
        let small = is_small(&response);
        let work = move || {
            let question = Question { call: call.as_ref(), bytes_max, secrets: &secrets, drift_known };
            Ok(judge(&response, &question))
        };
        let verdict = if small { work()? } else { cpu::run(work).await? };
        self.learn(&verdict, date);
        Ok(verdict)
    }

    /// What an answer tells about Drift as a whole.
    fn learn(&self, verdict: &Verdict, date: Option<i64>) {
        let (Verdict::Page(body, _) | Verdict::Garbled(body, _) | Verdict::Missing(body)) = verdict else {
            if matches!(verdict, Verdict::Throttled) {
                self.budget.earn();
            }
            return;
        };
        self.counters.body_bytes.fetch_add(body.len() as u64, Relaxed);
        if let Some(date) = date {
            self.counters.server_said(date);
        }
        self.drift_known.store(true, Relaxed);
        if !matches!(verdict, Verdict::Garbled(..)) {
            self.budget.earn();
        }
    }

    /// What is in the way before Drift has ever answered is told at once: it has always been there.
    fn unanswered(&self, error: &TransportError, tries: &Tries<'_>) -> Next {
        let found = self.keeper.secrets().hide(&error.found);
        let failure = match error.broken {
            Broken::Unreachable => Failure::Unreachable,
            Broken::Timeout | Broken::Cut => Failure::Passing,
            Broken::Barred(obstacle) if self.is_barred_for_good(obstacle, tries) => {
                return Next::Stop(errors::barred(obstacle, &found));
            }
            Broken::Barred(obstacle) => Failure::Barred(obstacle),
            Broken::TooLarge => return Next::Stop(errors::too_large(self.settings.body_bytes_max)),
        };
        Next::Again { failure, found, asked: None }
    }

    fn is_barred_for_good(&self, obstacle: Obstacle, tries: &Tries<'_>) -> bool {
        let known = obstacle.is_sure() || tries.sent >= self.settings.retry.foreign_attempts;
        known && !self.knows_drift()
    }

    /// What a verdict means for the call.
    fn next(&self, verdict: Verdict, ask: Ask<'_>, asked: Option<Duration>, tries: &Tries<'_>) -> Next {
        let again = |failure, found| Next::Again { failure, found, asked };
        match verdict {
            Verdict::Page(body, envelope) => {
                self.accepted(ask);
                Next::Done(body, Some(envelope))
            }
            Verdict::Garbled(body, envelope) if tries.garbled_for_good() => {
                warn!("Drift answers with invalid UTF-8 again and again; taking it as it is");
                self.accepted(ask);
                Next::Done(body, Some(envelope))
            }
            Verdict::Garbled(..) => again(Failure::Garbled, "invalid UTF-8".to_owned()),
            Verdict::Missing(body) => Next::Done(body, None),
            Verdict::Throttled => again(Failure::Throttled, "nothing but status 429".to_owned()),
            Verdict::Unusable(found) => again(Failure::Passing, found),
            Verdict::Foreign(found) if self.knows_drift() => again(Failure::Passing, found),
            Verdict::Foreign(found) => again(Failure::Foreign, found),
            Verdict::TooLarge => Next::Stop(errors::too_large(self.settings.body_bytes_max)),
            Verdict::Denied { found, .. } if matches!(ask, Ask::Refresh) => {
                Next::Stop(errors::renewal_refused(&found))
            }
            Verdict::Denied { token_is_bad, found } => self.denied(ask, token_is_bad, found),
            Verdict::Redirect(found) if self.knows_drift() => again(Failure::Redirected, found),
            Verdict::Redirect(found) => Next::Stop(self.located(errors::redirected(&found, false))),
            Verdict::Rejected(found) if matches!(ask, Ask::Refresh) => {
                Next::Stop(errors::renewal_refused(&found))
            }
            Verdict::Rejected(found) => Next::Stop(errors::rejected(&found)),
        }
    }

    fn accepted(&self, ask: Ask<'_>) {
        if !matches!(ask, Ask::Refresh) {
            self.token_accepted.store(true, Relaxed);
        }
    }

    /// A token that was accepted before is not given up at the first refusal.
    fn denied(&self, ask: Ask<'_>, token_is_bad: bool, found: String) -> Next {
        if self.token_accepted.load(Relaxed) {
            return Next::Again { failure: Failure::Denied, found, asked: None };
        }
        Next::Stop(errors::denied(&found, token_is_bad, ask.scope()))
    }

    pub(super) fn knows_drift(&self) -> bool {
        self.drift_known.load(Relaxed)
    }

    /// Whether the error means that nothing has ever answered.
    pub(super) fn is_unreachable(&self, error: &Error) -> bool {
        error.kind() == ErrorKind::Unavailable && self.counters.wire_bytes.load(Relaxed) == 0
    }
}

impl<'a> Ask<'a> {
    fn call(self) -> Option<&'a Call> {
        match self {
            Self::Get { call, .. } => Some(call),
            Self::TokenInfo | Self::Refresh => None,
        }
    }

    fn scope(self) -> Option<&'static str> {
        self.call().map(|call| call.scope)
    }
}

fn is_small(response: &Response) -> bool {
    let body = &response.body;
    body.len() <= INLINE_BYTES && (!gzip::is_gzip(body) || gzip::claimed_bytes(body) <= INLINE_OPENED_BYTES)
}
