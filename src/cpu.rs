//! The one bridge from waiting to computing: runs a closure on the pool and awaits its result.
//! The only place with rayon.

use crate::error::{Error, Result};

/// Runs `work` on the pool; an async task may await it without blocking its thread.
///
/// A thread of the runtime's blocking pool waits meanwhile. That is worth its few microseconds: a panic in
/// `work` becomes an error instead of ending the process, and the paused clock of tests, which leaps ahead
/// when nothing seems to happen, knows that something does.
///
/// # Errors
/// Those of `work`, or [`Error::internal`] when it panicked.
pub async fn run<T, F>(work: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T> + Send + 'static,
{
    let computed = tokio::task::spawn_blocking(|| rayon::scope(|_| work())).await;
    computed.unwrap_or_else(|cause| Err(Error::internal("a computation failed").caused_by(cause)))
}

/// Maps `items` on the pool, keeping their order.
pub fn map<T, U, F>(items: Vec<T>, work: F) -> Result<Vec<U>>
where
    T: Send,
    U: Send,
    F: Fn(T) -> Result<U> + Send + Sync,
{
    use rayon::prelude::*;
    items.into_par_iter().map(work).collect()
}
