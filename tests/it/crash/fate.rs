//! When a program dies: the operations of its disk and of its transport are counted together, and at one of
//! them everything ends. Nobody is told; from then on nothing answers any more.

use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

/// How much of the operation at which a program dies is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Nothing.
    Before,
    /// All of it, but the program never learns so.
    After,
    /// Half of it, where it can be halved: a write, a sync.
    Torn,
    /// The program lives and is told that no space is left; a write is half done.
    Refused,
}

/// What becomes of one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// It is done, and answered.
    Goes,
    /// It is the last one.
    Ends(Cut),
    /// It fails.
    Fails,
    /// The program is dead already.
    Dead,
}

/// The fate of one program after the other.
#[derive(Debug, Default)]
pub struct Fate {
    thread: Mutex<Thread>,
    stopped: Notify,
}

#[derive(Debug, Default)]
struct Thread {
    operations: Vec<&'static str>,
    end: Option<(usize, Cut)>,
    is_cut: bool,
}

impl Fate {
    /// The next program begins; it dies at the operation of this number, counted from 0.
    pub fn begin(&self, end: Option<(usize, Cut)>) {
        *self.thread() = Thread { end, ..Thread::default() };
    }

    /// What this program has done so far.
    pub fn operations(&self) -> Vec<&'static str> {
        self.thread().operations.clone()
    }

    /// Counts an operation and says what becomes of it.
    pub fn meet(&self, operation: &'static str) -> Course {
        let mut thread = self.thread();
        if thread.is_cut {
            return Course::Dead;
        }
        let number = thread.operations.len();
        thread.operations.push(operation);
        match thread.end {
            Some((end, Cut::Refused)) if end == number => Course::Fails,
            Some((end, cut)) if end == number => {
                thread.is_cut = true;
                Course::Ends(cut)
            }
            _ => Course::Goes,
        }
    }

    /// The program is dead; whoever waits for an answer waits for ever.
    pub async fn halt<T>(&self) -> T {
        self.stopped.notify_one();
        std::future::pending().await
    }

    /// Waits for the program's death.
    pub async fn stopped(&self) {
        while !self.thread().is_cut {
            self.stopped.notified().await;
        }
    }

    fn thread(&self) -> std::sync::MutexGuard<'_, Thread> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
