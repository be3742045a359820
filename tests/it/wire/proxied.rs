//! Proxies: those of the environment are used, see neither the token nor a request, and say clearly when they refuse.

use std::net::SocketAddr;

use drift_simulator::Simulator;

use super::certificates::{HTTP_1, HTTP_2};
use super::proxy::Proxy;
use super::server::{Fate, Server};
use super::{Place, Said, TOKEN, drift};

/// A host that only the proxy knows how to reach.
const URL: &str = "https://drift.test";

/// A server behind TLS, and what is needed to run against it.
async fn behind_tls(speaks: &[&[u8]]) -> (Place, Simulator, Server) {
    let (place, drift) = (Place::new(), drift(3));
    let server = Server::start(&drift, place.authority.good(speaks), Fate::Endless).await;
    (place, drift, server)
}

/// A run through a proxy that answers its first asks like this; how it ended, and how often the proxy was asked.
async fn asked(statuses: &'static [u16]) -> (Said, usize) {
    let (place, _, server) = behind_tls(HTTP_1).await;
    let proxy = Proxy::start(server.addr, statuses).await;
    let said = place.sync(URL, &[("HTTPS_PROXY", &proxy.url())]).await;
    (said, proxy.seen().len())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_proxy_of_the_environment_is_used_and_sees_no_token() {
    for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
        let (place, drift, server) = behind_tls(HTTP_2).await;
        let proxy = Proxy::start(server.addr, &[200]).await;
        let login = format!("http://user:pass@{}", proxy.addr);
        place.sync(URL, &[(variable, &login)]).await.is_done();
        assert_eq!(server.http_2_requests(), [drift.stats().total as usize], "one tunnel is enough");
        let seen = proxy.seen().concat();
        assert!(seen.starts_with("CONNECT drift.test:443 HTTP/1.1\r\n"), "{seen}");
        // user:pass, in lower case as all the rest.
        assert!(seen.to_lowercase().contains("proxy-authorization: basic dxnlcjpwyxnz\r\n"), "{seen}");
        assert!(!seen.contains(TOKEN) && !seen.contains("/users/list"), "it reads what is secret");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_of_no_proxy_is_reached_without() {
    let (place, drift, server) = behind_tls(HTTP_1).await;
    let proxy = Proxy::start(server.addr, &[200]).await;
    let environment = [("HTTPS_PROXY", &*proxy.url()), ("NO_PROXY", "example.test,127.0.0.1")];
    place.sync(&server.url(), &environment).await.is_done();
    assert_eq!((proxy.seen().len(), drift.stats().total > 0), (0, true));
}

/// The token would be readable in it.
#[tokio::test(flavor = "multi_thread")]
async fn plain_http_never_goes_through_a_proxy() {
    let (place, drift) = (Place::new(), drift(3));
    let plain = drift.serve(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let proxy = Proxy::start(plain.addr, &[200]).await;
    let environment = ["HTTP_PROXY", "http_proxy", "ALL_PROXY"].map(|name| (name, proxy.url()));
    let environment: Vec<(&str, &str)> = environment.iter().map(|(name, url)| (*name, &**url)).collect();
    place.sync(&plain.url(), &environment).await.is_done();
    assert_eq!(proxy.seen().len(), 0);
}

/// Bug: it was tried again for as long as a server that does not answer, and told like one.
#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_wants_a_login_ends_a_run_at_once() {
    let (said, asked) = asked(&[407]).await;
    said.fails(4, "the proxy asks for a login (status 407)", "http://user:password@host:port");
    assert_eq!(asked, 1);
}

/// What its rules forbid and what it cannot reach for a moment look alike from here.
#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_refuses_is_believed_at_the_third_time() {
    let (said, times) = asked(&[403]).await;
    said.fails(4, "the proxy refuses to connect to the host", "HTTPS_PROXY");
    assert_eq!(times, 3);
    let (said, _) = asked(&[502, 503, 200]).await;
    said.is_done();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_is_not_there_is_named() {
    let place = Place::new();
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let said = place.sync(URL, &[("HTTPS_PROXY", &format!("http://{closed}"))]).await;
    said.fails(4, "no connection to the proxy: connection refused", "HTTPS_PROXY");
}

/// A proxy that opens TLS shows a certificate of its own; unless its root is trusted, it gets nothing to read.
#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_opens_tls_gets_nothing_unless_it_is_trusted() {
    let (place, drift) = (Place::new(), drift(3));
    let opener = Place::new();
    let server = Server::start(&drift, opener.authority.good(HTTP_1), Fate::Endless).await;
    let proxy = Proxy::start(server.addr, &[200]).await;
    let environment = [("HTTPS_PROXY", &*proxy.url())];
    let said = place.sync(URL, &environment).await;
    said.fails(4, "the certificate of the server is of an issuer", "SSL_CERT_FILE");
    assert_eq!((drift.stats().total, proxy.seen().len()), (0, 1));
    place.sync_with(URL, &opener.roots(), &environment, &[]).await.is_done();
}
