//! `sync --every`: a run at once, then one at every slot of the schedule, never two at a time, until a signal or
//! something that only a person can mend ends it. The clock is an argument, so that tests can bend it.

use std::time::Duration;

use drift2parquet::schedule::Schedule;
use drift2parquet::stop::Stop;
use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use super::exit::Exit;
use super::figures::span;

/// How often the clock is looked at while nothing is to do: after a machine was asleep, or its clock set forward,
/// the next run begins at most so late.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// Runs at every slot until something ends it: the code of the run that did, or of the signal.
pub async fn repeat(
    schedule: &Schedule,
    clock: impl Fn() -> Timestamp,
    stop: &Stop,
    mut run: impl AsyncFnMut() -> Exit,
) -> Exit {
    loop {
        let began = clock();
        let exit = run().await;
        if exit.ends_the_schedule() {
            return exit;
        }
        let ended = clock();
        let next = schedule.after(ended);
        if stop.asked().is_none() {
            tell(next, ended, schedule.between(began, ended));
        }
        tokio::select! {
            biased;
            reason = stop.wait() => return Exit::from_code(reason.exit_code()),
            () = until(next, &clock) => {}
        }
    }
}

/// Waits until the clock shows `at`, or until it should: a clock that is set back delays nothing.
async fn until(at: Timestamp, clock: impl Fn() -> Timestamp) {
    let planned = Instant::now() + left(at, clock());
    loop {
        let pause = planned.duration_since(Instant::now()).min(left(at, clock()));
        if pause.is_zero() {
            return;
        }
        sleep(pause.min(LOOK_AGAIN)).await;
    }
}

/// The time from `now` to `at`, none when it is over.
fn left(at: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now)).unwrap_or_default()
}

fn tell(next: Timestamp, now: Timestamp, skipped: u64) {
    if skipped > 0 {
        let slots = if skipped == 1 { "1 slot was".to_owned() } else { format!("{skipped} slots were") };
        tracing::info!("the run took longer than --every: {slots} skipped");
    }
    let time = next.strftime("%Y-%m-%d %H:%M:%S UTC");
    tracing::info!("waiting; the next run begins at {time}, in {}", span(left(next, now)));
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use drift2parquet::clock::Clock;
    use drift2parquet::stop::StopReason;

    use super::*;

    const HALF_HOUR: Duration = Duration::from_secs(30 * 60);

    fn minutes(count: u64) -> Duration {
        Duration::from_secs(60 * count)
    }

    /// The times at which runs begin that take so long and end so; the last is followed by nothing.
    async fn begun(
        stop: &Stop,
        clock: impl Fn() -> Timestamp,
        runs: &[(Duration, Exit)],
    ) -> (Vec<String>, Exit) {
        let begun = RefCell::new(Vec::new());
        let run = async || {
            let (takes, ends) = runs[begun.borrow().len()];
            begun.borrow_mut().push(clock());
            sleep(takes).await;
            ends
        };
        let exit = repeat(&Schedule::new(HALF_HOUR, 5), &clock, stop, run).await;
        (begun.into_inner().iter().map(|at| at.strftime("%H:%M").to_string()).collect(), exit)
    }

    fn noon() -> Clock {
        Clock::starting_at("2026-11-29T12:07:00Z".parse().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn runs_begin_at_once_and_then_by_the_clock() {
        let clock = noon();
        let runs = [(minutes(2), Exit::Done), (minutes(1), Exit::Done), (minutes(1), Exit::Refused)];
        let (begun, exit) = begun(&Stop::default(), || clock.now(), &runs).await;
        assert_eq!((begun, exit), (vec!["12:07".into(), "12:30".into(), "13:00".into()], Exit::Refused));
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_that_takes_longer_skips_what_it_missed() {
        let clock = noon();
        let runs = [(minutes(100), Exit::Done), (minutes(30), Exit::Done), (minutes(1), Exit::Store)];
        let (begun, exit) = begun(&Stop::default(), || clock.now(), &runs).await;
        assert_eq!(begun[..2], ["12:07", "14:00"]);
        // A run of exactly one interval has missed its slot or has not, by a few seconds of chance.
        assert!(["14:30", "15:00"].contains(&&*begun[2]), "{begun:?}");
        assert_eq!(exit, Exit::Store);
    }

    #[tokio::test(start_paused = true)]
    async fn what_time_mends_is_tried_again() {
        let clock = noon();
        let runs = [Exit::Unavailable, Exit::Held, Exit::Incomplete, Exit::OutOfTime, Exit::Usage];
        let (begun, exit) =
            begun(&Stop::default(), || clock.now(), &runs.map(|exit| (minutes(1), exit))).await;
        assert_eq!((begun.len(), exit), (5, Exit::Usage));
    }

    #[tokio::test(start_paused = true)]
    async fn a_signal_ends_the_wait_at_once() {
        let (clock, stop) = (noon(), Stop::default());
        let asked = stop.clone();
        tokio::spawn(async move {
            sleep(minutes(10)).await;
            asked.ask(StopReason::Terminate);
        });
        let (begun, exit) = begun(&stop, || clock.now(), &[(minutes(2), Exit::Done)]).await;
        assert_eq!((begun.len(), exit, clock.elapsed()), (1, Exit::Terminated, minutes(10)));
    }

    /// A run that had ended when the signal came, whatever its end, is the last.
    #[tokio::test(start_paused = true)]
    async fn a_signal_at_the_very_end_of_a_run_ends_it_too() {
        let (clock, stop) = (noon(), Stop::default());
        stop.ask(StopReason::Interrupt);
        let (begun, exit) = begun(&stop, || clock.now(), &[(minutes(2), Exit::Unavailable)]).await;
        assert_eq!((begun.len(), exit, clock.elapsed()), (1, Exit::Interrupted, minutes(2)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_set_back_delays_nothing_and_one_set_forward_is_noticed() {
        for (jump, latest) in [(-24, minutes(24)), (24, minutes(6))] {
            let clock = noon();
            let jumps = || {
                clock.now()
                    + jiff::SignedDuration::from_hours(if clock.elapsed() < minutes(5) { 0 } else { jump })
            };
            let runs = [(minutes(2), Exit::Done), (minutes(1), Exit::Refused)];
            let (begun, _) = begun(&Stop::default(), jumps, &runs).await;
            assert_eq!(begun.len(), 2);
            assert!(clock.elapsed() <= latest + minutes(1), "{jump}: {:?}", clock.elapsed());
        }
    }
}
