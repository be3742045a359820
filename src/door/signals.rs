//! Ctrl-C and SIGTERM ask a run to commit what it has and end, and a `rebuild` to remove what it has made; a second
//! Ctrl-C ends at once, which loses only what was not committed. A limit on the size of files (`ulimit -f`) becomes an
//! error of the write.

use drift2parquet::error::{Error, Result};
use drift2parquet::stop::{Stop, StopReason};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::exit::Exit;
use super::talk::Talk;

/// SIGXFSZ, which would kill the program without a word where nobody listens.
const FILE_TOO_LARGE: i32 = 25;

/// Listens from now on, in a task of its own; `then` says what is done when one is heard.
pub fn listen(stop: Stop, talk: Talk, then: &'static str) -> Result<()> {
    let (interrupts, terminations) = (heard(SignalKind::interrupt())?, heard(SignalKind::terminate())?);
    // That somebody listens is enough: the write that was refused says the rest.
    drop(heard(SignalKind::from_raw(FILE_TOO_LARGE))?);
    tokio::spawn(obey(interrupts, terminations, stop, talk, then));
    Ok(())
}

fn heard(kind: SignalKind) -> Result<Signal> {
    signal(kind).map_err(|cause| Error::internal("cannot listen for signals").caused_by(cause))
}

async fn obey(mut interrupts: Signal, mut terminations: Signal, stop: Stop, talk: Talk, then: &'static str) {
    let mut interrupted = false;
    loop {
        tokio::select! {
            _ = interrupts.recv() => {
                if interrupted {
                    talk.share_with(None);
                    std::process::exit(Exit::Interrupted.code().into());
                }
                interrupted = true;
                tracing::info!("stopping: {then}; Ctrl-C again ends at once");
                stop.ask(StopReason::Interrupt);
            }
            _ = terminations.recv() => {
                tracing::info!("stopping: {then}");
                stop.ask(StopReason::Terminate);
            }
        }
    }
}
