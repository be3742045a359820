//! A run that ends at a request to the store, before or after that was done, and the real binary killed by
//! SIGKILL at seeded moments: the next run ends exactly.

use std::time::Duration;

use drift_simulator::MutationCounts;
use drift2parquet::verify::Verdict;
use futures::{StreamExt, stream};

use super::proxy::{Mishap, Proxy};
use super::{Prefix, prepared, tiny, unharmed};
use crate::account::Account;
use crate::counts::record;
use crate::faults::{Found, nothing_is};
use crate::kill::{Served, finish};
use crate::lake::Lake;

/// So many requests of a run are each once the last, spread over it.
const MOMENTS: usize = 12;

/// Cases side by side: they mostly wait for the server.
const AT_ONCE: usize = 4;

/// Kills of the real binary, and how many follow each other before a run may end.
const KILLS: u64 = 12;
const IN_A_ROW: u64 = 3;

/// How many requests a run makes that nothing disturbs.
async fn requests(mut account: Account, prefix: &Prefix) -> usize {
    let proxy = Proxy::to(&prefix.endpoint(), Box::new(|_, _| None)).await;
    account.lake = Lake::Bucket(prefix.through(proxy.endpoint()));
    account.run_to_the_end().await;
    proxy.seen().len()
}

async fn dies(account: &mut Account, prefix: &Prefix, at: usize, mishap: Mishap) -> Found {
    let proxy = Proxy::once(&prefix.endpoint(), at, mishap).await;
    account.lake = Lake::Bucket(prefix.through(proxy.endpoint()));
    tokio::select! {
        biased;
        () = proxy.stopped() => {}
        // What runs side by side comes in another order each time, so that the last requests may be fewer.
        ended = account.attempt() => match ended {
            Ok(ended) if ended.report.exit_code == 0 => {}
            ended => return Err(format!("it ended by itself: {ended:?}")),
        },
    }
    account.lake = Lake::Bucket(prefix.clone());
    account.is_valid(Verdict::Unfinished).await?;
    account.no_key_twice()
}

async fn sweep(changed: bool) {
    let wanted = unharmed(changed).await;
    let (account, prefix) = prepared(changed).await;
    let requests = requests(account, &prefix).await;
    let moments = (0..MOMENTS).map(|moment| (moment * requests + usize::from(changed)) / MOMENTS);
    let cases = moments.flat_map(|at| [(at, Mishap::StopBefore), (at, Mishap::StopAfter)]);
    let tried = stream::iter(cases).map(|(at, mishap)| {
        let wanted = &wanted;
        async move {
            let (mut account, prefix) = prepared(changed).await;
            let died = dies(&mut account, &prefix, at, mishap).await;
            let found = match died {
                Ok(()) => account.ends_exactly(wanted).await,
                Err(found) => Err(found),
            };
            found.map_err(|found| format!("{mishap:?} at {at}: {found}"))
        }
    });
    let tried: Vec<Found> = tried.buffer_unordered(AT_ONCE).collect().await;
    let cases = tried.len() as u64;
    record("S3 crashes", &[("stops", cases)]);
    nothing_is(&tried.into_iter().filter_map(Result::err).collect::<Vec<_>>(), cases);
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_at_a_request_of_a_first_load_the_next_run_ends_exactly() {
    sweep(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_at_a_request_of_a_change_the_next_run_ends_exactly() {
    sweep(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_binary_may_be_killed_at_any_moment() {
    let mut chance = fastrand::Rng::with_seed(17);
    let (mut left, mut seed) = (KILLS, 0);
    while left > 0 {
        let served = Served::on(tiny(Prefix::new())).await;
        for requests in [24, 12] {
            for _ in 0..left.min(IN_A_ROW) {
                let mut child = served.start(&["--concurrency", "8"]);
                let alive = served.reaches(&mut child, chance.u64(0..requests)).await;
                tokio::time::sleep(Duration::from_millis(chance.u64(0..200))).await;
                if !alive || child.try_wait().unwrap().is_some() {
                    let (code, said) = finish(child);
                    assert_eq!(code, Some(0), "{said}");
                    continue;
                }
                child.kill().unwrap();
                child.wait().unwrap();
                left -= 1;
                served.verdict().await;
            }
            served.recovers(&format!("seed {seed}")).await;
            served
                .account
                .drift
                .mutate(seed, MutationCounts { added: 2, messages: 3, ..MutationCounts::default() });
        }
        seed += 1;
    }
    record("S3 crashes", &[("kills", KILLS)]);
}
