//! What went over the wire: counted as it happens, read as one snapshot.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// A snapshot of what a client has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Traffic {
    /// Requests sent, retries included.
    pub requests: u64,
    /// Answers with status 429.
    pub throttled: u64,
    /// Requests that were sent because an earlier try had failed (429s not included).
    pub retries: u64,
    /// Bytes of bodies as they came over the wire.
    pub wire_bytes: u64,
    /// Bytes of bodies, decompressed.
    pub body_bytes: u64,
    /// Time spent waiting for the limiter, summed over all calls, in ms.
    pub limiter_wait_ms: u64,
    /// The rate that the limiter allows at present, per second.
    pub rate: f64,
}

/// The counters behind the snapshot, and the server's clock.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) requests: AtomicU64,
    pub(super) throttled: AtomicU64,
    pub(super) retries: AtomicU64,
    pub(super) wire_bytes: AtomicU64,
    pub(super) body_bytes: AtomicU64,
    limiter_wait_us: AtomicU64,
    /// Milliseconds; 0 while unknown.
    first_server_time: AtomicI64,
    server_time: AtomicI64,
}

impl Counters {
    pub(super) fn waited(&self, time: Duration) {
        self.limiter_wait_us.fetch_add(time.as_micros() as u64, Relaxed);
    }

    pub(super) fn server_said(&self, time_ms: i64) {
        let _ = self.first_server_time.compare_exchange(0, time_ms, Relaxed, Relaxed);
        self.server_time.store(time_ms, Relaxed);
    }

    pub(super) fn first_server_time_ms(&self) -> Option<i64> {
        Some(self.first_server_time.load(Relaxed)).filter(|time| *time != 0)
    }

    pub(super) fn server_time_ms(&self) -> Option<i64> {
        Some(self.server_time.load(Relaxed)).filter(|time| *time != 0)
    }

    pub(super) fn snapshot(&self, rate: f64) -> Traffic {
        Traffic {
            requests: self.requests.load(Relaxed),
            throttled: self.throttled.load(Relaxed),
            retries: self.retries.load(Relaxed),
            wire_bytes: self.wire_bytes.load(Relaxed),
            body_bytes: self.body_bytes.load(Relaxed),
            limiter_wait_ms: self.limiter_wait_us.load(Relaxed) / 1000,
            rate,
        }
    }
}
