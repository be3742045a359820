//! The name of a run, and where its chance comes from.

use drift2parquet::lake::RunId;
use jiff::Timestamp;

/// Sortable by time, and no two alike: two runs of one machine differ in the process, two machines in the
/// nanosecond.
pub fn fresh(now: Timestamp) -> RunId {
    let seed = seed(now);
    let id = format!("{}-{:08x}", now.strftime("%Y%m%dT%H%M%SZ"), seed as u32);
    RunId { id, version: env!("CARGO_PKG_VERSION").to_owned(), seed }
}

/// What the chance of a run follows from.
pub fn seed(now: Timestamp) -> u64 {
    let nanoseconds = now.as_nanosecond() as u64;
    nanoseconds.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ u64::from(std::process::id())
}
