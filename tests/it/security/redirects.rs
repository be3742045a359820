//! No redirect is followed: whatever the status, whatever the call, wherever it points.

use std::sync::Arc;

use drift2parquet::api::{ApiUrl, Client, ClientSettings, HttpTransport, OAuth, Timeouts, Token};
use drift2parquet::schema::{Absence, Call, Source};
use drift2parquet::tables;

use super::host::Host;
use crate::counts;

const STATUSES: [u16; 11] = [300, 301, 302, 303, 304, 305, 306, 307, 308, 310, 399];

/// Every call that is ever made with GET.
fn calls() -> Vec<Call> {
    let of_table = |source: &Source| match *source {
        Source::Walk { list, detail, stats } => vec![list, detail, stats],
        Source::List { call, absence: Absence::Asks(one) } => vec![call, one],
        Source::Thread { call } | Source::Lookup { call, .. } | Source::List { call, .. } => vec![call],
        Source::Derived { .. } => Vec::new(),
    };
    tables::ALL.iter().flat_map(|table| of_table(&table.source)).collect()
}

fn client(host: &Host, token: Token) -> Client {
    let url = ApiUrl::parse(&host.url()).unwrap();
    let transport = HttpTransport::new(url, Timeouts::default(), 1 << 20).unwrap();
    let mut settings = ClientSettings::new(token, fastrand::Rng::with_seed(1));
    settings.retry.backoff_max = std::time::Duration::from_millis(1);
    settings.max_rate = Some(10_000.0);
    Client::new(settings, Arc::new(transport))
}

/// A host that redirects everything to `target`.
fn redirecting(status: u16, target: &str) -> Host {
    let head = format!(
        "HTTP/1.1 {status} Moved\r\nlocation: {target}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    Host::start(move |_| head.clone().into_bytes())
}

/// Where redirects point: another host, in several ways of writing it, and the same one.
fn targets(other: &Host) -> [String; 4] {
    let port = other.addr.port();
    [
        other.url() + "/steal",
        format!("//localhost:{port}/steal"),
        format!("http://u:p@127.0.0.1:{port}"),
        "/elsewhere".into(),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn no_redirect_is_followed_by_any_call() {
    let (other, mut cases) = (Host::forbidden(), 0);
    for (turn, status) in STATUSES.into_iter().enumerate() {
        // Every way of pointing for the status that is usual, one of them for each other.
        let targets = targets(&other);
        let wanted = if status == 302 { &targets[..] } else { &targets[turn % 4..=turn % 4] };
        for target in wanted {
            let host = redirecting(status, target);
            let client = client(&host, Token::fixed("token").unwrap());
            for call in calls() {
                let key = call.path.contains("{key}").then_some("7");
                let before = host.seen().len();
                let error = client.get(&call, key, &[]).await.unwrap_err();
                // Bug: it was taken for an outage, so that `--every` asked it again for ever.
                assert_eq!(error.kind().exit_code(), 2, "{status} {}: {error}", call.path);
                assert_eq!(error.place("address"), Some(host.url().as_str()), "{error}");
                let sent = &host.seen()[before..];
                assert!(
                    sent.iter().all(|sent| !sent.starts_with(b"GET /elsewhere")),
                    "{status} {}",
                    call.path
                );
                cases += 1;
            }
            assert!(client.token_info().await.is_err() || status < 400);
            cases += 1;
        }
    }
    assert_eq!(other.seen(), Vec::<Vec<u8>>::new());
    counts::record("security", &[("cases", cases)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_redirect_is_followed_with_a_refresh_token() {
    let other = Host::forbidden();
    for status in STATUSES {
        let host = redirecting(status, &format!("{}/oauth2/token", other.url()));
        let token = Token::OAuth(OAuth {
            client_id: "app".into(),
            client_secret: "secret".to_owned().into(),
            refresh_token: "refresh".to_owned().into(),
            on_rotation: None,
        });
        let client = client(&host, token);
        assert!(client.get(&calls()[0], None, &[]).await.is_err());
        assert!(host.seen().iter().all(|sent| sent.starts_with(b"POST /oauth2/token ")));
    }
    assert_eq!(other.seen(), Vec::<Vec<u8>>::new());
    counts::record("security", &[("cases", STATUSES.len() as u64)]);
}
