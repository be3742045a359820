//! The rate at which to ask, learned from what Drift accepts and refuses. Pure arithmetic: no clock, no
//! waiting; `limit` tells it how much time has passed.
//!
//! Drift publishes no figure, so the rate is found: it doubles every second until the first 429, then
//! approaches the rate that was refused without reaching it, stays there, and rarely looks above.
//! A refusal is believed as far as the figures support it: what was *accepted* between two refusals is a
//! rate that Drift certainly bears, and refusals that keep coming far below it have another cause than
//! our pace.

/// Never slower than this, so that a limit that rises again is noticed within seconds.
const SLOWEST: f64 = 0.5;
/// How close to the refused rate we stay: 2 % is what the approach costs at most.
const BELOW_CEILING: f64 = 0.98;
/// Below what was accepted, so that a full bucket drains a little.
const LANDING: f64 = 0.97;
/// The ceiling is held for this many requests before we look above: one probe costs one or two refusals,
/// which stay below 1 %.
const DWELL_REQUESTS: f64 = 150.0;
/// And for this long, in seconds.
const DWELL_SECONDS: f64 = 10.0;
/// A ceiling that was found again and again is held up to this many times longer.
const DWELL_FACTOR_MAX: f64 = 8.0;
/// A pause that was asked for costs as much as this many times its length may lose.
const DWELL_PER_PAUSE: f64 = 40.0;
/// So many refusals in a row, each below what was accepted before, are not about our pace.
const FUTILE: u32 = 3;
/// A refusal stands alone when at least so many requests went out since the one before. Fewer than that
/// accepted say nothing about a rate.
const ALONE: u32 = 8;
/// The weight of one request in the share of refusals: it looks back over twenty.
const SHARE_WEIGHT: f64 = 0.05;
/// More refusals than this are about our pace, whatever came before.
const SHARE_MAX: f64 = 0.25;
/// Growth per request and per second while refusals are not about our pace.
const RECOVERY: (f64, f64) = (0.005, 0.1);

/// What happened since the last refusal that counted, while the rate was what held us back.
#[derive(Debug, Default, Clone, Copy)]
struct Span {
    seconds: f64,
    accepted: f64,
    /// Seconds spent looking above the ceiling.
    above: f64,
}

/// The rate and what is known about its limit.
#[derive(Debug)]
pub(super) struct Pace {
    rate: f64,
    max: f64,
    /// The rate that was refused last; `None` until the first refusal.
    ceiling: Option<f64>,
    span: Span,
    dwell_factor: f64,
    pause_s: f64,
    /// The last accepted rates, to tell a limit from refusals of another cause.
    sustained: [f64; 4],
    futile: u32,
    since_refusal: u32,
    /// Whether the last refusal stood alone.
    alone: bool,
    /// The share of refusals among the latest requests.
    share: f64,
}

impl Pace {
    /// A pace that begins with `first` requests per second and never exceeds `max`.
    pub(super) fn new(first: f64, max: Option<f64>) -> Self {
        let max = max.unwrap_or(f64::INFINITY);
        Self {
            rate: first.min(max),
            max,
            ceiling: None,
            span: Span::default(),
            dwell_factor: 1.0,
            pause_s: 0.0,
            sustained: [0.0; 4],
            futile: 0,
            since_refusal: 0,
            alone: false,
            share: 0.0,
        }
    }

    /// Requests per second.
    pub(super) fn rate(&self) -> f64 {
        self.rate
    }

    /// One request went out after the rate had held it back for `seconds` (since the one before).
    pub(super) fn went(&mut self, seconds: f64) {
        self.went_freely();
        self.span.seconds += seconds;
        self.span.accepted += 1.0;
        self.rate = match self.ceiling {
            None => self.rate * seconds.exp2(),
            Some(_) if self.looks_above() => self.above(seconds),
            Some(ceiling) => self.approach(ceiling, seconds),
        };
        self.rate = self.rate.clamp(SLOWEST.min(self.max), self.max);
    }

    /// One request went out that the rate had not held back; it says nothing about the rate.
    pub(super) fn went_freely(&mut self) {
        self.since_refusal += 1;
        self.share *= 1.0 - SHARE_WEIGHT;
    }

    fn looks_above(&self) -> bool {
        let dwell_s = DWELL_SECONDS.max(self.pause_s * DWELL_PER_PAUSE) * self.dwell_factor;
        let dwelt = self.span.seconds >= dwell_s && self.span.accepted >= DWELL_REQUESTS * self.dwell_factor;
        dwelt || self.futile >= FUTILE
    }

    /// Towards the ceiling, slower the slower the pace, so that a bucket has the time to object.
    fn approach(&self, ceiling: f64, seconds: f64) -> f64 {
        let target = ceiling * BELOW_CEILING;
        let time_constant_s = (15.0 / self.rate).max(5.0);
        let step = (seconds / time_constant_s).min(1.0);
        self.rate.max(self.rate + (target - self.rate) * step)
    }

    /// Above the ceiling: gently at first, and, where nothing objects, at last as in the beginning.
    fn above(&mut self, seconds: f64) -> f64 {
        let growth = if self.futile >= FUTILE {
            (self.rate * RECOVERY.0).min(RECOVERY.1)
        } else {
            (self.rate * 0.0005).min(0.01) + 0.05 * (self.span.above / 300.0).powi(2) * self.rate.min(10.0)
        };
        self.span.above += seconds;
        self.rate * (growth.min(std::f64::consts::LN_2) * seconds).exp()
    }

    /// A 429, whichever request it answers: it was sent, and it was not accepted.
    pub(super) fn refused(&mut self) {
        self.share += SHARE_WEIGHT;
        self.alone = std::mem::take(&mut self.since_refusal) >= ALONE;
        self.span.accepted = (self.span.accepted - 1.0).max(0.0);
    }

    /// A 429 to a request that was sent after the last slowing down; `used` is the rate that was really
    /// asked lately, and `pause_s` what Drift asked to wait.
    pub(super) fn slow_down(&mut self, used: f64, pause_s: f64) {
        let refused_at = self.rate.min(used.max(SLOWEST));
        let alone = self.alone && pause_s == 0.0;
        self.pause_s = pause_s;
        match self.ceiling {
            None => self.first_refusal(refused_at),
            Some(ceiling) if alone || self.span.accepted >= 20.0 => self.weigh(ceiling, refused_at, alone),
            Some(_) => self.land_by_share(refused_at),
        }
    }

    fn first_refusal(&mut self, refused_at: f64) {
        self.land(refused_at, refused_at / 2.0, refused_at);
    }

    /// Too little was accepted to know what Drift bears: what the share of refusals says must do.
    fn land_by_share(&mut self, refused_at: f64) {
        if self.futile < FUTILE || self.share > SHARE_MAX {
            self.futile = if self.share > SHARE_MAX { 0 } else { self.futile };
            let kept = (0.95 - self.share).clamp(0.5, 0.9);
            self.land(refused_at, refused_at * kept, refused_at);
        }
    }

    /// Enough was accepted since the last refusal to know what Drift bears.
    fn weigh(&mut self, ceiling: f64, refused_at: f64, alone: bool) {
        let accepted = self.span.accepted / self.span.seconds.max(0.001);
        let best = self.sustained.iter().copied().fold(0.0, f64::max);
        self.sustained.rotate_right(1);
        self.sustained[0] = accepted.min(refused_at);
        if self.futile >= FUTILE && self.share <= SHARE_MAX {
            self.span = Span::default();
            return;
        }
        let below_what_was_borne = self.futile < FUTILE && refused_at < best * BELOW_CEILING;
        self.futile = if below_what_was_borne { self.futile + u32::from(alone) } else { 0 };
        let again = (0.85..1.15).contains(&(refused_at / ceiling)) || accepted <= ceiling * 1.02;
        let probed = self.span.above > 0.0;
        self.dwell_factor = match (probed, again) {
            (true, true) => (self.dwell_factor * 2.0).min(DWELL_FACTOR_MAX),
            (true, false) => 1.0,
            (false, _) => self.dwell_factor,
        };
        // A deep bucket lets a probe overshoot by far; what it accepted in the long run says so.
        let next =
            if probed && accepted <= ceiling * 1.02 { refused_at.min(ceiling * 1.02) } else { refused_at };
        self.land(refused_at, (accepted * LANDING).min(next * LANDING), next);
    }

    fn land(&mut self, refused_at: f64, rate: f64, ceiling: f64) {
        self.rate = rate.max(refused_at / 2.0).clamp(SLOWEST.min(self.max), self.max);
        self.ceiling = Some(ceiling.max(SLOWEST));
        self.span = Span::default();
    }
}
