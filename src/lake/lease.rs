//! The lease: where a store has no lock, the newest manifest says until when a run may write, and every commit
//! renews it. It is renewed while the run waits, and before an object is put, so that a run which slept longer
//! than its lease learns that it was taken over before it does anything else.
//!
//! The lease is courtesy; safety is the numbers of the manifests and the conditions of the puts.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use tokio::time::sleep_until;

use super::Lake;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{Lease, Log, Manifest};

/// How long a lease lasts without being renewed.
const LEASE: Duration = Duration::from_secs(15 * 60);
/// How long a commit may be ago while the run goes on. The rest of the lease is for the longest single
/// operation of a store, and for clocks that differ.
const RENEWED_EVERY: Duration = Duration::from_secs(5 * 60);

impl Lake {
    /// The lease as a commit made now writes it.
    pub(super) fn lease(&self) -> Lease {
        Lease { run: self.run.id.clone(), until: self.clock.now() + LEASE }
    }

    /// Awaits something that may take long, and renews the lease meanwhile.
    ///
    /// # Errors
    /// Those of `work`; [`Error::held`] when the lake was taken over meanwhile.
    pub async fn meanwhile<T>(&mut self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let mut work = pin!(work);
        if self.is_locked() {
            return work.await;
        }
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = sleep_until(self.committed + RENEWED_EVERY) => self.renew().await?,
            }
        }
    }

    /// Renews the lease when the last commit is long ago.
    ///
    /// # Errors
    /// [`Error::held`] when the lake was taken over meanwhile.
    pub(super) async fn renew_if_due(&mut self) -> Result<()> {
        let is_due = !self.is_locked() && self.since_commit() >= RENEWED_EVERY;
        if is_due { self.renew().await } else { Ok(()) }
    }

    /// Makes sure, after an object was read and before it is put, that nobody has taken the lake over. Without
    /// it an overtaken run could read what the present one has put, fold its own older rows into that, and put
    /// it under a condition that holds.
    ///
    /// # Errors
    /// [`Error::held`] when the lake was taken over.
    pub(super) async fn check_right_to_put(&mut self) -> Result<()> {
        if self.is_locked() {
            return Ok(());
        }
        if self.since_commit() >= RENEWED_EVERY {
            return self.renew().await;
        }
        Log::new(self.store.as_ref()).check_newest(self.manifest.number).await
    }

    /// Boxed, so that what merely may have to commit does not carry all that a commit needs.
    async fn renew(&mut self) -> Result<()> {
        Box::pin(self.commit()).await
    }

    /// Whether a put may have been refused because of a late put: one that a run which was taken over had on
    /// its way when it was. A lock leaves no room for such.
    pub(super) fn may_be_late_put(&self, error: &Error) -> bool {
        error.kind() == ErrorKind::Held && !self.is_locked()
    }

    /// Makes sure that the lake is still this run's, by the one act that proves it: the next commit. Whoever
    /// has put late is then the one that was taken over, and can put no more than what is on its way.
    pub(super) async fn outrank(&mut self, refused: &Error) -> Result<()> {
        self.renew().await?;
        tracing::warn!(error = %refused, "a run that was taken over has put an object late; folding into that one");
        Ok(())
    }

    /// An exclusive lock is stronger than any lease and needs no renewal.
    pub(super) fn is_locked(&self) -> bool {
        self.guard.is_some()
    }
}

/// Refuses a lake whose lease another run holds, unless the store itself has said, or a person, that nobody
/// writes.
pub(super) fn check_lease(manifest: &Manifest, now: jiff::Timestamp, is_free: bool) -> Result<()> {
    match &manifest.lease {
        Some(lease) if lease.until > now && !is_free => Err(Error::held("another run holds this lake")
            .at("run", &lease.run)
            .at("until", lease.until)
            .hint("wait for it to end; if you are sure that it is dead, run again with --takeover")),
        _ => Ok(()),
    }
}
