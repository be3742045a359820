//! TLS: a certificate of a trusted root is good; every other ends a run at once, says what is wrong with it, and
//! sees no request.

use drift_simulator::Table as Truth;

use super::certificates::{Authority, HTTP_1};
use super::server::{Fate, Server};
use super::{Place, Said, drift};
use crate::account::Account;
use drift2parquet::tables::{CONVERSATIONS, MESSAGES};

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_over_tls_ends_in_the_truth() {
    let (place, drift) = (Place::new(), drift(12));
    let server = Server::start(&drift, place.authority.good(HTTP_1), Fate::Endless).await;
    place.sync(&server.url(), &[]).await.is_done();
    let account = Account::on(drift).with_lake(place.lake);
    assert_eq!(account.ids(&CONVERSATIONS, "id", true), account.true_ids(Truth::Conversations));
    assert_eq!(account.ids(&MESSAGES, "id", true), account.true_ids(Truth::Messages));
}

/// Runs against this server, which must be left after one connection.
async fn once(place: &Place, server: &Server) -> Said {
    let said = place.sync(&server.url(), &[]).await;
    assert_eq!(server.connections(), 1, "one try is enough: {}", said.stderr);
    assert_eq!(std::fs::read_dir(place.lake.path()).unwrap().count(), 0, "nothing is begun");
    said
}

/// Against a server of these names and years; no request may reach it.
async fn refused(names: &[&str], years: [i32; 2]) -> Said {
    let (place, drift) = (Place::new(), drift(1));
    let server = Server::start(&drift, place.authority.server(names, years, HTTP_1), Fate::Endless).await;
    let said = once(&place, &server).await;
    assert_eq!(drift.stats().total, 0);
    said
}

/// Bug: it was tried again for as long as a server that does not answer, and told like one.
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_an_unknown_issuer_ends_a_run_at_once() {
    let (place, drift) = (Place::new(), drift(1));
    let server = Server::start(&drift, Authority::new().good(HTTP_1), Fate::Endless).await;
    let said = once(&place, &server).await;
    said.fails(4, "of an issuer that this machine does not know", "SSL_CERT_FILE");
    assert_eq!(drift.stats().total, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_out_of_date_ends_a_run_at_once() {
    let clock = "check this machine's clock";
    refused(&["127.0.0.1"], [2020, 2021]).await.fails(4, "expired on 2021-01-01", clock);
    refused(&["127.0.0.1"], [2080, 2090]).await.fails(4, "is not valid before 2080-01-01", clock);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_for_another_host_ends_a_run_at_once() {
    let said = refused(&["driftapi.test", "*.driftapi.test"], [2020, 2090]).await;
    said.fails(4, "is for another host: driftapi.test, *.driftapi.test", "check --api-url");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_without_tls_ends_a_run_at_once() {
    let server = Server::saying(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").await;
    once(&Place::new(), &server).await.fails(4, "answers, but not in TLS", "check --api-url and its port");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_another_age_ends_a_run_at_once() {
    // A fatal alert in TLS 1.0: protocol_version.
    let server = Server::saying(&[21, 3, 1, 0, 2, 2, 70]).await;
    once(&Place::new(), &server).await.fails(4, "ProtocolVersion", "TLS 1.2 or 1.3 is needed");
}

/// Bug: it was told as a bug of the program, also where no certificate was needed.
#[tokio::test(flavor = "multi_thread")]
async fn a_machine_without_root_certificates_is_told_so() {
    let (place, drift) = (Place::new(), drift(1));
    let server = Server::start(&drift, place.authority.good(HTTP_1), Fate::Endless).await;
    let nowhere = place.folder.path().join("no-roots.pem");
    let said = place.sync_with(&server.url(), &nowhere, &[], &[]).await;
    said.fails(2, "no root certificates", "ca-certificates");
    let plain = drift.serve("127.0.0.1:0".parse().unwrap()).await.unwrap();
    place.sync_with(&plain.url(), &nowhere, &[], &["--tables", "users"]).await.is_done();
}
