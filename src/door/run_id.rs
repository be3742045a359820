//! The name of a run.

use drift2parquet::lake::RunId;
use jiff::Timestamp;

use super::settings::seed;

/// Sortable by time, and no two alike.
pub fn fresh(now: Timestamp) -> RunId {
    let seed = seed(now);
    let id = format!("{}-{:08x}", now.strftime("%Y%m%dT%H%M%SZ"), seed as u32);
    RunId { id, version: env!("CARGO_PKG_VERSION").to_owned(), seed }
}
