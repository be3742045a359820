//! How a run is asked to stop: it commits what it has and ends. Asking twice changes nothing.

use std::sync::Arc;

use tokio::sync::watch;

/// Why a run was asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// `--max-time` was reached.
    OutOfTime,
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

impl StopReason {
    /// The exit code that says so.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::OutOfTime => 8,
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

/// A handle through which a run is asked to stop, and learns that it was.
#[derive(Debug, Clone)]
pub struct Stop(Arc<watch::Sender<Option<StopReason>>>);

impl Default for Stop {
    fn default() -> Self {
        Self(Arc::new(watch::channel(None).0))
    }
}

impl Stop {
    /// Asks the run to stop; the first reason given stays.
    pub fn ask(&self, reason: StopReason) {
        self.0.send_if_modified(|asked| {
            let first = asked.is_none();
            asked.get_or_insert(reason);
            first
        });
    }

    /// Why the run was asked to stop, if it was.
    pub fn asked(&self) -> Option<StopReason> {
        *self.0.borrow()
    }

    /// Waits until the run is asked to stop.
    pub async fn wait(&self) -> StopReason {
        let mut receiver = self.0.subscribe();
        match receiver.wait_for(Option::is_some).await.map(|reason| *reason) {
            Ok(Some(reason)) => reason,
            // The sender lives in `self`, so the channel cannot close while this waits.
            _ => std::future::pending().await,
        }
    }
}
