//! How a run is asked to stop: it commits what it has and ends. Asking twice changes nothing.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

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

    /// A handle of its own that is asked whenever this one is, for one run of several: what stops that one alone
    /// leaves this one unasked. It follows until the set that comes with it is dropped.
    pub fn follower(&self) -> (Self, JoinSet<()>) {
        let (own, mut following) = (Self::default(), JoinSet::new());
        if let Some(reason) = self.asked() {
            own.ask(reason);
        }
        let (leader, follower) = (self.clone(), own.clone());
        following.spawn(async move { follower.ask(leader.wait().await) });
        (own, following)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_follower_is_stopped_with_its_leader_and_not_the_other_way() {
        let leader = Stop::default();
        let (first, _following) = leader.follower();
        first.ask(StopReason::OutOfTime);
        assert_eq!(leader.asked(), None);
        let (second, _following) = leader.follower();
        leader.ask(StopReason::Terminate);
        assert_eq!(second.wait().await, StopReason::Terminate);
        assert_eq!(leader.follower().0.asked(), Some(StopReason::Terminate));
        assert_eq!(first.asked(), Some(StopReason::OutOfTime));
    }
}
