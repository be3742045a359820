//! The one bridge from waiting to computing: runs a closure on the pool and awaits its result.
//! The only place with rayon.

use tokio::sync::oneshot;

use crate::error::{Error, Result};

/// Runs `work` on the pool; an async task may await it without blocking its thread.
pub async fn run<T, F>(work: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T> + Send + 'static,
{
    let (sender, receiver) = oneshot::channel();
    rayon::spawn(move || {
        // A receiver that is gone means that the run was stopped; nobody wants the result then.
        let _ = sender.send(work());
    });
    receiver.await.map_err(|_| Error::internal("a computation was dropped before it ended"))?
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
