//! The one bridge from waiting to computing: runs a closure on the pool and awaits its result. What is too small
//! to be worth the way there is done in place. The only place with rayon.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{Error, Result};

/// What is worked through faster than it is handed to another thread and back.
const FEW_BYTES: u64 = 64 << 10;

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

/// Runs `work` that reads so many `bytes`: where it is awaited when they are few, else on the pool.
///
/// # Errors
/// Those of `work`, or [`Error::internal`] when it panicked.
pub async fn run_on<T, F>(bytes: u64, work: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T> + Send + 'static,
{
    if bytes > FEW_BYTES {
        return run(work).await;
    }
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().cloned();
        let said = said.or_else(|| panic.downcast_ref::<&str>().map(|said| (*said).to_owned()));
        Err(Error::internal("a computation failed").caused_by(said.unwrap_or_default()))
    })
}

/// Maps `items` that hold so many `bytes`, keeping their order: one after the other when they are few, else on
/// the pool.
pub fn map<T, U, F>(bytes: u64, items: Vec<T>, work: F) -> Result<Vec<U>>
where
    T: Send,
    U: Send,
    F: Fn(T) -> Result<U> + Send + Sync,
{
    use rayon::prelude::*;
    if bytes <= FEW_BYTES {
        return items.into_iter().map(work).collect();
    }
    // Each item is worth being handed over by itself: several in one hand could be all that takes long.
    items.into_par_iter().with_max_len(1).map(work).collect()
}

/// Does two things at once, where both read many `bytes`.
pub fn both<A, B>(bytes: u64, one: impl FnOnce() -> A + Send, other: impl FnOnce() -> B + Send) -> (A, B)
where
    A: Send,
    B: Send,
{
    if bytes <= FEW_BYTES { (one(), other()) } else { rayon::join(one, other) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[tokio::test]
    async fn little_work_is_done_in_place_and_much_on_the_pool() {
        let here = std::thread::current().id();
        let place = || Ok(std::thread::current().id());
        assert_eq!(run_on(FEW_BYTES, place).await.unwrap(), here);
        assert_ne!(run_on(FEW_BYTES + 1, place).await.unwrap(), here);
    }

    #[tokio::test]
    async fn a_panic_is_an_error_wherever_the_work_is_done() {
        for bytes in [0, FEW_BYTES + 1] {
            let ended = run_on(bytes, || -> Result<()> { panic!("a mistake in the program") }).await;
            assert_eq!(ended.unwrap_err().kind(), ErrorKind::Internal);
        }
    }

    #[test]
    fn order_is_kept_wherever_the_work_is_done() {
        for bytes in [0, FEW_BYTES + 1] {
            let doubled = map(bytes, (0..1_000).collect(), |item: u32| Ok(item * 2)).unwrap();
            assert!(doubled.into_iter().eq((0..1_000).map(|item| item * 2)));
        }
    }
}
