//! The limiter against simulated leaky buckets, in virtual time.

use std::collections::VecDeque;
use std::sync::Arc;

use super::super::settings::FIRST_RATE;
use super::*;

/// Refuses what would overflow it; a refusal does not fill it.
struct Bucket {
    rate: f64,
    depth: f64,
    level: f64,
    at: Instant,
}

impl Bucket {
    fn new(rate: f64, depth: f64) -> Self {
        Self { rate, depth, level: 0.0, at: Instant::now() }
    }

    fn accepts(&mut self) -> bool {
        let now = Instant::now();
        self.level = (self.level - now.duration_since(self.at).as_secs_f64() * self.rate).max(0.0);
        self.at = now;
        let fits = self.level + 1.0 <= self.depth + 1e-9;
        self.level += if fits { 1.0 } else { 0.0 };
        fits
    }
}

/// What one bucket saw: when, and whether it accepted.
type Seen = Arc<Mutex<Vec<(Instant, bool)>>>;

struct World {
    limiter: Arc<Limiter>,
    bucket: Arc<Mutex<Bucket>>,
    seen: Seen,
    latency: Duration,
    retry_after: Option<Duration>,
    /// The share of requests that are refused for no reason of pace.
    sporadic: f64,
    chance: Arc<Mutex<fastrand::Rng>>,
}

impl World {
    fn new(max_rate: Option<f64>, rate: f64, depth: f64) -> Self {
        Self {
            limiter: Arc::new(Limiter::new(FIRST_RATE, max_rate)),
            bucket: Arc::new(Mutex::new(Bucket::new(rate, depth))),
            seen: Seen::default(),
            latency: Duration::from_millis(80),
            retry_after: None,
            sporadic: 0.0,
            chance: Arc::new(Mutex::new(fastrand::Rng::with_seed(5))),
        }
    }

    async fn run(&self, seconds: u64) -> Vec<(Instant, bool)> {
        let end = Instant::now() + Duration::from_secs(seconds);
        let workers: Vec<_> = (0..64).map(|_| tokio::spawn(self.worker(end))).collect();
        for worker in workers {
            worker.await.unwrap();
        }
        self.seen.lock().unwrap().clone()
    }

    fn worker(&self, end: Instant) -> impl Future<Output = ()> + use<> {
        let (limiter, bucket, seen) = (self.limiter.clone(), self.bucket.clone(), self.seen.clone());
        let (latency, retry_after, sporadic) = (self.latency, self.retry_after, self.sporadic);
        let chance = self.chance.clone();
        async move {
            while Instant::now() < end {
                let grant = limiter.grant().await;
                tokio::time::sleep(latency / 2).await;
                let spared = chance.lock().unwrap().f64() >= sporadic;
                let accepted = spared && bucket.lock().unwrap().accepts();
                seen.lock().unwrap().push((Instant::now(), accepted));
                tokio::time::sleep(latency / 2).await;
                if !accepted {
                    limiter.throttled(grant, retry_after);
                }
            }
        }
    }
}

/// Share of `rate` that was accepted, and of refusals among all, between two moments (s).
fn shares(seen: &[(Instant, bool)], start: Instant, from: u64, to: u64, rate: f64) -> (f64, f64) {
    let inside = |at: &Instant| {
        let passed = at.duration_since(start).as_secs_f64();
        (from as f64..to as f64).contains(&passed)
    };
    let all = seen.iter().filter(|(at, _)| inside(at)).count() as f64;
    let accepted = seen.iter().filter(|(at, fits)| *fits && inside(at)).count() as f64;
    (accepted / (rate * (to - from) as f64), (all - accepted) / all)
}

/// Below this share of the rate the limiter is too timid after the first minute, above this share of refusals too
/// bold.
const USED_MIN: f64 = 0.97;
const REFUSED_MAX: f64 = 0.01;

/// Runs against limits of many kinds; answers those that were not held between the first minute and the fifth.
async fn not_held(retry_after: Option<Duration>, used_min: f64) -> Vec<String> {
    let mut bad = Vec::new();
    for (latency, rates) in [(20, &[5.0, 50.0, 200.0][..]), (100, &[10.0, 50.0, 200.0]), (400, &[5.0, 50.0])]
    {
        for (rate, depth) in rates.iter().flat_map(|rate| [1.0, 10.0, 60.0].map(|depth| (*rate, depth))) {
            let (start, mut world) = (Instant::now(), World::new(None, rate, depth));
            (world.latency, world.retry_after) = (Duration::from_millis(latency), retry_after);
            let (share, refused) = shares(&world.run(300).await, start, 60, 300, rate);
            if share < used_min || refused > REFUSED_MAX {
                bad.push(format!(
                    "{rate}/s, {depth} at once, {latency} ms: {share:.3} used, {refused:.4} refused"
                ));
            }
        }
    }
    bad
}

#[tokio::test(start_paused = true)]
async fn finds_and_holds_an_unknown_limit() {
    assert_eq!(not_held(None, USED_MIN).await, [""; 0]);
}

/// Bug: after a pause one request too many was sent, so that a limit that allows no two at once asked for pauses for
/// ever, and between 1 % and 50 % of its rate were used.
#[tokio::test(start_paused = true)]
async fn bears_a_limit_that_asks_for_pauses() {
    assert_eq!(not_held(Some(Duration::from_secs(1)), 0.96).await, [""; 0]);
}

/// Another program of the same account asks at a steady pace, whatever it is answered.
#[tokio::test(start_paused = true)]
async fn uses_what_another_program_leaves() {
    for (theirs, depth, refused_max) in
        [(10.0, 10.0, 0.01), (25.0, 10.0, 0.01), (40.0, 10.0, 0.08), (25.0, 60.0, 0.01)]
    {
        let world = World::new(None, 50.0, depth);
        let bucket = world.bucket.clone();
        let other = tokio::spawn(async move {
            let mut refused = 0;
            for _ in 0..(300.0 * theirs) as u64 {
                tokio::time::sleep(Duration::from_secs_f64(1.0 / theirs)).await;
                refused += u32::from(!bucket.lock().unwrap().accepts());
            }
            refused
        });
        let start = Instant::now();
        let (share, refused) = shares(&world.run(300).await, start, 60, 300, 50.0 - theirs);
        let theirs_refused = f64::from(other.await.unwrap()) / (300.0 * theirs);
        assert!(share >= 0.95 && refused <= refused_max, "{theirs}/s, {depth} at once: {share} {refused}");
        assert!(theirs_refused <= 0.05, "{theirs}/s, {depth} at once: {theirs_refused} of theirs");
    }
}

#[tokio::test(start_paused = true)]
async fn follows_a_limit_that_rises_and_falls() {
    let world = World::new(None, 50.0, 10.0);
    world.run(120).await;
    world.bucket.lock().unwrap().rate = 10.0;
    let start = Instant::now();
    let (share, refused) = shares(&world.run(120).await, start, 30, 120, 10.0);
    assert!(share >= 0.9 && refused <= 0.03, "{share} {refused}");
    world.bucket.lock().unwrap().rate = 100.0;
    let start = Instant::now();
    let (share, _) = shares(&world.run(600).await, start, 480, 600, 100.0);
    assert!(share >= 0.5, "{share}");
}

#[tokio::test(start_paused = true)]
async fn refusals_that_are_not_about_the_pace_do_not_stall_it() {
    for sporadic in [0.005, 0.01, 0.03, 0.05, 0.1] {
        let mut world = World::new(None, 1e9, 1e9);
        world.sporadic = sporadic;
        let start = Instant::now();
        let seen = world.run(300).await;
        let (rate, _) = shares(&seen, start, 60, 300, 1.0);
        assert!(rate > 20.0, "{sporadic} refused: {rate:.1}/s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_is_held_among_refusals_of_another_cause() {
    for (rate, depth) in [(10.0, 10.0), (50.0, 10.0), (200.0, 60.0)] {
        let mut world = World::new(None, rate, depth);
        world.sporadic = 0.03;
        let start = Instant::now();
        let (share, refused) = shares(&world.run(300).await, start, 60, 300, rate);
        assert!(share >= 0.7 && refused <= 0.1, "{rate} {depth}: {share} {refused}");
    }
}

#[tokio::test(start_paused = true)]
async fn never_exceeds_the_greatest_rate() {
    for max in [1.0, 5.0, 33.0, 200.0] {
        let limiter = Limiter::new(FIRST_RATE, Some(max));
        let mut recent: VecDeque<Instant> = VecDeque::new();
        for step in 0..2000_u64 {
            if step % 97 == 0 {
                tokio::time::sleep(Duration::from_millis(step * 3)).await;
            }
            limiter.grant().await;
            let now = Instant::now();
            recent.push_back(now);
            while recent.front().is_some_and(|at| now.duration_since(*at) >= Duration::from_secs(1)) {
                recent.pop_front();
            }
            assert!(recent.len() as f64 <= max + 2.0, "{} in a second at {max}", recent.len());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_limit_it_soon_holds_nothing_back() {
    let mut world = World::new(None, 1e9, 1e9);
    world.latency = Duration::from_millis(8);
    let start = Instant::now();
    let seen = world.run(30).await;
    let by = |count: usize| seen[count].0.duration_since(start).as_secs_f64();
    assert!(by(100_000) < 27.0, "10,000 after {:.1} s, 100,000 after {:.1} s", by(10_000), by(100_000));
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_refusals_slows_down_once() {
    let limiter = Limiter::new(FIRST_RATE, None);
    let mut grants = Vec::new();
    for _ in 0..20 {
        grants.push(limiter.grant().await);
    }
    let before = limiter.rate();
    for grant in &grants {
        limiter.throttled(*grant, None);
    }
    assert!(limiter.rate() >= before * 0.49, "{before} -> {}", limiter.rate());
}

#[tokio::test(start_paused = true)]
async fn a_pause_holds_everyone() {
    let limiter = Limiter::new(FIRST_RATE, None);
    let grant = limiter.grant().await;
    limiter.throttled(grant, Some(Duration::from_secs(7)));
    let start = Instant::now();
    limiter.grant().await;
    assert!(start.elapsed() >= Duration::from_secs(7));
}
