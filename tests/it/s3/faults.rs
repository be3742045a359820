//! Every kind of misfortune that requests meet with on their way to a store, at every request of a run: it goes
//! on and ends exactly, or it ends with exit code 5 and the next one ends exactly.

use drift2parquet::error::ErrorKind;
use futures::{StreamExt, stream};

use super::proxy::{Mishap, Proxy};
use super::{Prefix, prepared, tiny, unharmed};
use crate::account::Account;
use crate::counts::record;
use crate::faults::{Found, nothing_is};
use crate::lake::Lake;

/// What a run survives by itself, once.
const PASSING: [Mishap; 8] = [
    Mishap::Status(500, "InternalError"),
    Mishap::Status(503, "SlowDown"),
    Mishap::Status(409, "ConditionalRequestConflict"),
    Mishap::Status(412, "PreconditionFailed"),
    Mishap::Reset,
    Mishap::LoseAnswer,
    Mishap::HalfAnswer,
    Mishap::Slow,
];

/// Each request meets with one of them; which, goes round, so that all of them meet with every kind of request.
const STRIDE: usize = 5;

/// Cases side by side: they mostly wait for the server.
const AT_ONCE: usize = 4;

/// A refusal without a condition is nothing that a store says of a reading or a listing.
fn is_said(mishap: Mishap, method: &str) -> bool {
    !matches!(mishap, Mishap::Status(409 | 412, _)) || method == "PUT"
}

async fn try_out(mut account: Account, prefix: &Prefix, at: usize, mishap: Mishap) -> Found<Account> {
    let proxy = Proxy::once(&prefix.endpoint(), at, mishap).await;
    account.lake = Lake::Bucket(prefix.through(proxy.endpoint()));
    account.sound_run().await?;
    account.lake = Lake::Bucket(prefix.clone());
    Ok(account)
}

/// How the requests of a run without mishaps go.
async fn methods(account: &mut Account, prefix: &Prefix) -> Vec<String> {
    let proxy = Proxy::to(&prefix.endpoint(), Box::new(|_, _| None)).await;
    account.lake = Lake::Bucket(prefix.through(proxy.endpoint()));
    account.run_to_the_end().await;
    account.lake = Lake::Bucket(prefix.clone());
    proxy.seen().into_iter().map(|seen| seen.method).collect()
}

async fn sweep(changed: bool) {
    let wanted = unharmed(changed).await;
    let (mut first, prefix) = prepared(changed).await;
    let methods = methods(&mut first, &prefix).await;
    let chosen = methods.iter().enumerate().step_by(STRIDE).filter_map(|(at, method)| {
        let mishap = PASSING[(at / STRIDE) % PASSING.len()];
        is_said(mishap, method).then_some((at, method, mishap))
    });
    let tried = stream::iter(chosen.collect::<Vec<_>>()).map(|(at, method, mishap)| {
        let wanted = &wanted;
        async move {
            let (account, prefix) = prepared(changed).await;
            let found = match try_out(account, &prefix, at, mishap).await {
                Ok(account) => account.is_exactly(wanted).await,
                Err(found) => Err(found),
            };
            found.map_err(|found| format!("{mishap:?} at {at} ({method}): {found}"))
        }
    });
    let tried: Vec<Found> = tried.buffer_unordered(AT_ONCE).collect().await;
    let cases = tried.len() as u64;
    record("S3 faults", &[("cases", cases)]);
    nothing_is(&tried.into_iter().filter_map(Result::err).collect::<Vec<_>>(), cases);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_load_survives_what_requests_meet_with() {
    sweep(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_survives_what_requests_meet_with() {
    sweep(true).await;
}

/// Every kind at the puts of one data object and of one manifest.
#[tokio::test(flavor = "multi_thread")]
async fn each_mishap_at_a_manifest_and_at_a_data_object() {
    let wanted = unharmed(false).await;
    let (mut cases, mut wrong) = (0, Vec::new());
    for place in ["/_manifest/0000", "/conversations.parquet"] {
        for mishap in PASSING {
            let prefix = Prefix::new();
            let mut account = tiny(prefix.clone());
            let mut is_over = false;
            let plan = move |_, seen: &super::proxy::Seen| {
                let now = !is_over && seen.method == "PUT" && seen.path.contains(place);
                is_over |= now;
                now.then_some(mishap)
            };
            let proxy = Proxy::to(&prefix.endpoint(), Box::new(plan)).await;
            account.lake = Lake::Bucket(prefix.through(proxy.endpoint()));
            cases += 1;
            let found = match account.sound_run().await {
                Ok(_) => account.is_exactly(&wanted).await,
                Err(found) => Err(found),
            };
            wrong.extend(found.err().map(|found| format!("{mishap:?} at {place}: {found}")));
        }
    }
    record("S3 faults", &[("cases", cases)]);
    nothing_is(&wrong, cases);
}

/// A store that refuses a right is asked no more, and the right is named.
#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_is_missing_ends_the_run_at_once_and_is_named() {
    let rights = [("GET", "s3:"), ("PUT", "s3:PutObject"), ("DELETE", "s3:DeleteObject")];
    for (method, right) in rights {
        let prefix = Prefix::new();
        let mut account = tiny(prefix.clone());
        let plan = move |_, seen: &super::proxy::Seen| {
            (seen.method == method).then_some(Mishap::Status(403, "AccessDenied"))
        };
        let proxy = Proxy::to(&prefix.endpoint(), Box::new(plan)).await;
        account.lake = Lake::Bucket(prefix.through(proxy.endpoint()));
        let error = match account.attempt().await {
            Ok(ended) => ended.error.unwrap_or_else(|| panic!("{method}: it ended well")),
            Err(error) => error,
        };
        assert_eq!(error.kind(), ErrorKind::Store, "{error}");
        assert!(error.advice().unwrap().contains(right), "{method}: {error}; {:?}", error.advice());
    }
    record("S3 faults", &[("cases", rights.len() as u64)]);
}
