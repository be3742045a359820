//! Connections are few: one for all requests where HTTP/2 is offered, and about as many as requests at once otherwise.

use std::time::Duration;

use super::certificates::{HTTP_1, HTTP_2};
use super::server::{Fate, Server};
use super::{Place, drift};

#[tokio::test(flavor = "multi_thread")]
async fn all_requests_of_a_run_share_one_connection_of_http_2() {
    let (place, drift) = (Place::new(), drift(40));
    drift.set_behaviour(|behaviour| behaviour.latency = Duration::from_millis(50));
    let server = Server::start(&drift, place.authority.good(HTTP_2), Fate::Endless).await;
    place.sync(&server.url(), &[]).await.is_done();
    assert_eq!(server.http_2_requests(), [drift.stats().total as usize]);
    assert_eq!(server.connections(), 1);
    assert!(server.most_flying() > 1, "requests are under way side by side");
}

/// Gateways end a connection after so many requests; what is under way is answered, what comes goes to the next.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_of_http_2_that_is_ended_in_good_order_loses_nothing() {
    let (place, drift) = (Place::new(), drift(40));
    drift.set_behaviour(|behaviour| behaviour.latency = Duration::from_millis(20));
    let server = Server::start(&drift, place.authority.good(HTTP_2), Fate::EndedAfter(30)).await;
    place.sync(&server.url(), &[]).await.is_done();
    let requests = server.http_2_requests();
    assert_eq!(requests.iter().sum::<usize>(), drift.stats().total as usize, "{requests:?}");
    assert!(requests.len() >= 3, "{requests:?}");
}

/// All requests wait on the one connection, and would go on to do so: only a ping that is not answered tells that
/// nobody is there. This takes half a minute, in which nothing is computed.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_of_http_2_that_falls_silent_is_given_up() {
    let (place, drift) = (Place::new(), drift(20));
    drift.set_behaviour(|behaviour| behaviour.latency = Duration::from_millis(20));
    let server = Server::start(&drift, place.authority.good(HTTP_2), Fate::SilentAfter(30)).await;
    place.sync(&server.url(), &[]).await.is_done();
    // Several may be opened at once then, since nobody knows yet that one is enough; only one of them is used.
    let requests = server.http_2_requests();
    let used: Vec<usize> = requests.iter().copied().filter(|count| *count > 0).collect();
    assert_eq!((used.len(), used[0]), (2, 30), "{requests:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_of_http_1_are_used_again() {
    let (place, drift) = (Place::new(), drift(40));
    drift.set_behaviour(|behaviour| behaviour.latency = Duration::from_millis(50));
    let server = Server::start(&drift, place.authority.good(HTTP_1), Fate::Endless).await;
    place.sync_with(&server.url(), &place.roots(), &[], &["--concurrency", "4"]).await.is_done();
    assert!(drift.stats().total > 80);
    // A call that finds none idle opens one, and takes whichever is free first; the other is for those after it.
    assert!(server.http_1_connections() <= 2 * 4, "{}", server.http_1_connections());
}
