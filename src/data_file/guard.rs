//! A guard around the library that reads Parquet. On some bytes that no writer makes it panics rather than
//! fails; here such a panic becomes the error it should have been, and nobody need hear of it.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{Error, Result};

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic on this thread, right now, becomes an error: then it needs no report of its own.
pub fn is_guarded() -> bool {
    GUARDED.get()
}

/// Runs the library. What it has touched when it panics is given up with it, so that nothing half-done is seen.
///
/// # Errors
/// Those of `read`; [`Error::store`] when it panics.
pub(super) fn guarded<T>(read: impl FnOnce() -> Result<T>) -> Result<T> {
    GUARDED.set(true);
    let ended = catch_unwind(AssertUnwindSafe(read));
    GUARDED.set(false);
    ended.unwrap_or_else(|_| {
        Err(Error::store("the object is no readable Parquet: its parts contradict each other"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_panic_is_an_error_and_the_guard_ends_with_it() {
        let told = guarded(|| -> Result<()> { panic!("as the library does") });
        assert_eq!(told.unwrap_err().kind(), ErrorKind::Store);
        assert!(!is_guarded());
        assert!(guarded(|| Ok(is_guarded())).unwrap());
    }
}
