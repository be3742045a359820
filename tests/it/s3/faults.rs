//! Every kind of misfortune that requests meet with on their way to a store, at every request of a run: it goes
//! on and ends exactly, or it ends with exit code 5 and the next one ends exactly.

use drift2parquet::error::ErrorKind;
use futures::{StreamExt, stream};

use super::proxy::{Mishap, Proxy, Seen};
use super::{Prefix, prepared, unharmed};
use crate::account::Account;
use crate::counts::record;
use crate::faults::{Found, nothing_is};
use crate::lake::Lake;

/// What a run survives by itself, once.
pub const PASSING: [Mishap; 8] = [
    Mishap::Status(500, "InternalError"),
    Mishap::Status(503, "SlowDown"),
    Mishap::Status(409, "ConditionalRequestConflict"),
    Mishap::Status(412, "PreconditionFailed"),
    Mishap::Reset,
    Mishap::LoseAnswer,
    Mishap::HalfAnswer,
    Mishap::Slow,
];

/// So many requests of a run each meet with one of them, spread over it; which, goes round.
const MOMENTS: usize = 24;

/// Cases side by side: they mostly wait for the server.
pub const AT_ONCE: usize = 4;

/// A refusal by a condition is nothing that a store says where there is none, and what is only read meets with nobody.
fn is_said(mishap: Mishap, seen: &Seen) -> bool {
    match mishap {
        Mishap::Status(412, _) => seen.is_conditional,
        Mishap::Status(409, _) => seen.method != "GET",
        _ => true,
    }
}

async fn try_out(mut account: Account, prefix: &Prefix, at: usize, mishap: Mishap) -> Found<Account> {
    let proxy = Proxy::once(&prefix.endpoint(), at, mishap).await;
    account.lake = Lake::Bucket(prefix.through(proxy.endpoint()));
    account.sound_run().await?;
    account.lake = Lake::Bucket(prefix.clone());
    Ok(account)
}

/// How the requests of a run without mishaps go.
async fn requests(account: &mut Account, prefix: &Prefix) -> Vec<Seen> {
    let proxy = Proxy::to(&prefix.endpoint(), Box::new(|_, _| None)).await;
    account.lake = Lake::Bucket(prefix.through(proxy.endpoint()));
    account.run_to_the_end().await;
    account.lake = Lake::Bucket(prefix.clone());
    proxy.seen()
}

async fn sweep(changed: bool) {
    let wanted = unharmed(changed).await;
    let (mut first, prefix) = prepared(changed).await;
    let requests = requests(&mut first, &prefix).await;
    let tried = stream::iter(0..MOMENTS).map(|moment| {
        let mishap = PASSING[moment % PASSING.len()];
        // Where it cannot be said, it meets with the next one to which it can.
        let from = moment * requests.len() / MOMENTS;
        let mut on = (from..requests.len()).chain(0..from);
        let at = on.find(|at| is_said(mishap, &requests[*at])).unwrap();
        let seen = &requests[at];
        let wanted = &wanted;
        async move {
            let (account, prefix) = prepared(changed).await;
            let found = match try_out(account, &prefix, at, mishap).await {
                Ok(account) => account.is_exactly(wanted).await,
                Err(found) => Err(found),
            };
            found.map_err(|found| format!("{mishap:?} at {at} ({} {}): {found}", seen.method, seen.path))
        }
    });
    nothing_was(tried.buffer_unordered(AT_ONCE).collect().await);
}

/// Counts the cases, and fails the test with all that were wrong.
fn nothing_was(tried: Vec<Found>) {
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

/// Every kind at the put of a manifest, of a data object, and of what has no condition: the walk in progress and
/// the report. Bug: a 409 there ended the run.
#[tokio::test(flavor = "multi_thread")]
async fn each_mishap_at_each_kind_of_object() {
    let wanted = unharmed(false).await;
    let places = ["/_manifest/0000", "/conversations.parquet", "/_todo/", "/_reports/"];
    let cases = places.into_iter().flat_map(|place| PASSING.map(|mishap| (place, mishap)));
    let tried = stream::iter(cases).map(|(place, mishap)| {
        let wanted = &wanted;
        async move {
            let (mut account, prefix) = prepared(false).await;
            let mut is_over = false;
            let plan = move |_, seen: &Seen| {
                let now = !is_over && seen.method == "PUT" && seen.path.contains(place);
                is_over |= now;
                now.then_some(mishap)
            };
            let proxy = Proxy::to(&prefix.endpoint(), Box::new(plan)).await;
            account.lake = Lake::Bucket(prefix.through(proxy.endpoint()));
            let found = match account.sound_run().await {
                Ok(_) => account.is_exactly(wanted).await,
                Err(found) => Err(found),
            };
            found.map_err(|found| format!("{mishap:?} at {place}: {found}"))
        }
    });
    nothing_was(tried.buffer_unordered(AT_ONCE).collect().await);
}

/// A store that refuses a right is asked no more, and the right is named.
#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_is_missing_ends_the_run_at_once_and_is_named() {
    let rights = [
        ("GET", "list-type", "s3:ListBucket"),
        ("GET", ".parquet", "s3:GetObject"),
        ("PUT", "", "s3:PutObject"),
    ];
    for (method, part, right) in rights {
        let (mut account, prefix) = prepared(true).await;
        let proxy = refusing(&prefix, method, part).await;
        account.lake = Lake::Bucket(prefix.through(proxy.endpoint()));
        let error = match account.attempt().await {
            Ok(ended) => ended.error.unwrap_or_else(|| panic!("{right}: it ended well")),
            Err(error) => error,
        };
        assert_eq!(error.kind(), ErrorKind::Store, "{error}");
        assert!(error.advice().unwrap().contains(right), "{right}: {error}; {:?}", error.advice());
        let refused = |seen: &&Seen| seen.method == method && seen.path.contains(part);
        assert_eq!(proxy.seen().iter().filter(refused).count(), 1, "{right}: asked again");
    }
    record("S3 faults", &[("cases", rights.len() as u64)]);
}

/// Everywhere 403 is answered to these.
pub async fn refusing(prefix: &Prefix, method: &'static str, part: &'static str) -> Proxy {
    let plan = move |_, seen: &Seen| {
        (seen.method == method && seen.path.contains(part)).then_some(Mishap::Status(403, "AccessDenied"))
    };
    Proxy::to(&prefix.endpoint(), Box::new(plan)).await
}

/// Deleting is only tidying: what stays is named by nothing, so that a run needs no right to it once a lake is there.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_may_not_delete_ends_exactly_all_the_same() {
    let (mut account, prefix) = prepared(true).await;
    let proxy = refusing(&prefix, "DELETE", "").await;
    account.lake = Lake::Bucket(prefix.through(proxy.endpoint()));
    account.sound_run().await.unwrap();
    assert!(proxy.seen().iter().any(|seen| seen.method == "DELETE"));
    account.lake = Lake::Bucket(prefix);
    account.is_exactly(&unharmed(true).await).await.unwrap();
    record("S3 faults", &[("cases", 1)]);
}
