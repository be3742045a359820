//! The client against a scripted Drift in the same process, in virtual time.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use secrecy::ExposeSecret;
use tokio::time::Instant;

use super::*;
use crate::api::{Broken, Cursor, Method, OAuth, Obstacle, Request, Response, Token, TransportError};
use crate::schema::{Paging, Rows};

const TOKEN: &str = "tok-CANARY-SECRET";
const LIST: Call = Call {
    path: "/conversations/list",
    query: &[("limit", "100")],
    paging: Paging::Conversations,
    rows: Rows::Array(&["data"]),
    scope: "conversation_read",
};
const DETAIL: Call = Call {
    path: "/conversations/{key}",
    query: &[],
    paging: Paging::One,
    rows: Rows::One(&["data"]),
    scope: "conversation_read",
};
const GOOD: &str = r#"{"data":{"id":1}}"#;

type Reply = Result<Response, TransportError>;

/// Answers by a closure that is told the number of the request, from 0.
struct Scripted<F> {
    script: F,
    seen: Arc<Mutex<Vec<Request>>>,
}

#[async_trait]
impl<F: Fn(usize, &Request) -> Reply + Send + Sync> Transport for Scripted<F> {
    async fn send(&self, request: Request) -> Reply {
        let number = {
            let mut seen = self.seen.lock().unwrap();
            seen.push(request.clone());
            seen.len() - 1
        };
        tokio::time::sleep(Duration::from_millis(20)).await;
        (self.script)(number, &request)
    }
}

fn reply(status: u16, body: &'static str) -> Reply {
    replies(status, &[], body)
}

#[allow(clippy::unnecessary_wraps, reason = "a reply may also be no answer")]
fn replies(status: u16, headers: &[(&str, &str)], body: &'static str) -> Reply {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Ok(Response { status, headers, body: Bytes::from_static(body.as_bytes()) })
}

fn refused_connection() -> Reply {
    Err(TransportError::new(Broken::Unreachable, "connection refused"))
}

type Seen = Arc<Mutex<Vec<Request>>>;

fn client(script: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static) -> (Client, Seen) {
    client_with(Token::fixed(TOKEN).unwrap(), 32, script)
}

fn client_with(
    token: Token,
    concurrency: usize,
    script: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static,
) -> (Client, Seen) {
    let seen = Seen::default();
    let mut settings = ClientSettings::new(token, fastrand::Rng::with_seed(1));
    settings.concurrency = concurrency;
    let transport = Arc::new(Scripted { script, seen: seen.clone() });
    (Client::new(settings, transport), seen)
}

async fn detail(client: &Client) -> Result<Answer> {
    client.get(&DETAIL, Some("1"), &[]).await
}

/// The error of one detail call; nothing secret may be in it.
async fn fails(client: &Client) -> crate::error::Error {
    let error = detail(client).await.expect_err("it fails");
    let shown = format!("{error} {error:?} {:?}", error.advice());
    assert!(!shown.contains("CANARY"), "{shown}");
    error
}

#[tokio::test(start_paused = true)]
async fn a_page_comes_with_its_path_key_and_cursor() {
    let date = [("date", "Sun, 06 Nov 1994 08:49:37 GMT")];
    let (client, seen) = client(move |number, _| match number {
        0 => replies(200, &date, r#"{"data":[{}],"links":{"next":"https://x/?page_token=t2"}}"#),
        _ => reply(200, GOOD),
    });
    let Answer::Page(page, envelope) = client.get(&LIST, None, &[]).await.unwrap() else { panic!() };
    assert_eq!((&*page.path, page.parent), ("/conversations/list", None));
    assert_eq!(envelope.next, Some(Cursor::PageToken("t2".to_owned())));
    let Answer::Page(page, _) = client.get(&DETAIL, Some("9007199254740993"), &[]).await.unwrap() else {
        panic!()
    };
    assert_eq!(page.parent, Some(9_007_199_254_740_993));
    client.get(&LIST, None, &envelope.next.unwrap().query()).await.unwrap_err();
    let paths: Vec<_> = seen.lock().unwrap().iter().map(|r| r.path_and_query().to_owned()).take(3).collect();
    assert_eq!(
        paths,
        [
            "/conversations/list?limit=100",
            "/conversations/9007199254740993",
            "/conversations/list?limit=100&page_token=t2"
        ]
    );
    assert_eq!(client.server_time_ms(), Some(784_111_777_000));
    assert_eq!(client.first_server_time_ms(), Some(784_111_777_000));
    assert!(seen.lock().unwrap().iter().all(|r| r.bearer().unwrap().expose_secret() == TOKEN));
}

#[tokio::test(start_paused = true)]
async fn everything_that_may_pass_is_outlasted() {
    let passing: [fn() -> Reply; 12] = [
        || reply(500, r#"{"error":{"type":"internal_error"}}"#),
        || reply(502, "<html>"),
        || reply(503, ""),
        || reply(504, ""),
        || reply(408, ""),
        || reply(409, "{}"),
        || reply(200, "<html>maintenance</html>"),
        || reply(200, r#"{"errors":[{"message":"x"}]}"#),
        || reply(200, "[]"),
        || reply(200, r#"{"data":{"id":"#),
        || Err(TransportError::new(Broken::Cut, "reset")),
        || Err(TransportError::new(Broken::Timeout, "late")),
    ];
    for (index, fault) in passing.into_iter().enumerate() {
        let (client, seen) =
            client(move |number, _| if number % 4 == 3 { reply(200, GOOD) } else { fault() });
        // Something of Drift's must have been seen before a foreign answer counts as passing.
        if index == 6 {
            continue;
        }
        assert!(matches!(detail(&client).await, Ok(Answer::Page(..))), "fault {index}");
        assert_eq!(seen.lock().unwrap().len(), 4);
        assert_eq!(client.stats().retries, 3);
    }
}

#[tokio::test(start_paused = true)]
async fn what_stays_ends_in_an_error_that_tells_all() {
    let (client, seen) = client(|_, _| reply(503, r#"{"error":{"message":"tok-CANARY-SECRET is tired"}}"#));
    let error = fails(&client).await;
    assert_eq!(
        error.to_string(),
        "Drift does not answer usably: status 503: [secret] is tired (call /conversations/1, tries 8)"
    );
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.advice().is_some());
    assert_eq!(seen.lock().unwrap().len(), 8);
}

#[tokio::test(start_paused = true)]
async fn a_first_answer_that_is_not_drifts_is_a_wrong_url() {
    for (status, body) in [(200, "<html>Welcome</html>"), (404, "<html>"), (404, ""), (200, "hello")] {
        let (client, _) = client(move |_, _| reply(status, body));
        let error = fails(&client).await;
        assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
        assert_eq!(error.place("tries"), Some("3"));
    }
    let (client, _) = client(|number, _| if number == 0 { reply(200, GOOD) } else { reply(200, "<html>") });
    detail(&client).await.unwrap();
    assert_eq!(fails(&client).await.kind(), ErrorKind::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn a_refused_connection_is_given_up_soon() {
    let (client, _) = client(|_, _| refused_connection());
    let start = Instant::now();
    assert_eq!(fails(&client).await.kind(), ErrorKind::Unavailable);
    assert!((10.0..16.0).contains(&start.elapsed().as_secs_f64()), "{:?}", start.elapsed());
    assert_eq!(client.token_info().await.unwrap_err().kind(), ErrorKind::Unavailable);
}

fn barred(obstacle: Obstacle) -> Reply {
    Err(TransportError::new(Broken::Barred(obstacle), "tok-CANARY-SECRET is in the way"))
}

/// Bug: a certificate that nobody should believe was tried again like a server that does not answer.
#[tokio::test(start_paused = true)]
async fn what_is_in_the_way_from_the_beginning_is_told_at_once() {
    for (obstacle, tries) in [(Obstacle::UnknownIssuer, "1"), (Obstacle::ProxyRefusal, "3")] {
        let (client, _) = client(move |_, _| barred(obstacle));
        let start = Instant::now();
        let error = fails(&client).await;
        assert_eq!((error.kind(), error.place("tries")), (ErrorKind::Unavailable, Some(tries)));
        assert_eq!(error.advice(), Some(obstacle.hint()));
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
        assert_eq!(client.token_info().await.unwrap_err().kind(), ErrorKind::Unavailable);
    }
}

#[tokio::test(start_paused = true)]
async fn what_comes_in_the_way_later_may_go_away_again() {
    let (hiccup, _) = client(|number, _| match number {
        1..4 => barred(Obstacle::OutOfDate),
        _ => reply(200, GOOD),
    });
    detail(&hiccup).await.unwrap();
    assert!(matches!(detail(&hiccup).await, Ok(Answer::Page(..))));
    let (stays, _) =
        client(|number, _| if number == 0 { reply(200, GOOD) } else { barred(Obstacle::OutOfDate) });
    detail(&stays).await.unwrap();
    let start = Instant::now();
    assert_eq!(fails(&stays).await.advice(), Some(Obstacle::OutOfDate.hint()));
    assert!((10.0..16.0).contains(&start.elapsed().as_secs_f64()), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_hanging_answer_is_cut_off() {
    struct Hangs;
    #[async_trait]
    impl Transport for Hangs {
        async fn send(&self, _: Request) -> Reply {
            std::future::pending().await
        }
    }
    let settings = ClientSettings::new(Token::fixed(TOKEN).unwrap(), fastrand::Rng::with_seed(1));
    let client = Client::new(settings, Arc::new(Hangs));
    let start = Instant::now();
    let error = fails(&client).await;
    assert!(error.found().contains("no whole answer in time"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(460), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn throttling_is_waited_for_and_bounded() {
    let (patient, _) = client(|number, _| match number {
        0..20 => reply(429, r#"{"error":{"type":"rate_limit"}}"#),
        _ => reply(200, GOOD),
    });
    assert!(matches!(detail(&patient).await, Ok(Answer::Page(..))));
    assert_eq!((patient.stats().throttled, patient.stats().retries), (20, 0));

    let (never, _) = client(|_, _| reply(429, ""));
    let start = Instant::now();
    assert_eq!(fails(&never).await.kind(), ErrorKind::Unavailable);
    assert!((900.0..960.0).contains(&start.elapsed().as_secs_f64()), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_obeyed_in_seconds_as_a_date_and_within_reason() {
    let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
    let cases = [("20", 20.0), ("Sun, 06 Nov 1994 08:50:37 GMT", 60.0), ("86400000", 300.0)];
    for (value, seconds) in cases {
        for status in [429, 503] {
            let (client, _) = client(move |number, _| match number {
                0 => replies(status, &[date, ("retry-after", value)], ""),
                _ => reply(200, GOOD),
            });
            let start = Instant::now();
            let answer = detail(&client).await;
            let took = start.elapsed().as_secs_f64();
            // A 503 that wants more than a call may take is given up.
            let given_up = status == 503 && seconds >= 300.0;
            assert_eq!(answer.is_err(), given_up, "{status} {value}");
            assert!(given_up || (seconds..seconds + 3.0).contains(&took), "{status} {value}: {took}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_server_ends_a_large_run_quickly() {
    let (client, seen) = client(|number, _| if number < 50 { reply(200, GOOD) } else { reply(503, "") });
    let start = Instant::now();
    let calls: Vec<_> = (0..3000)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { detail(&client).await.is_err() })
        })
        .collect();
    let mut failed = 0;
    for call in calls {
        failed += u32::from(call.await.unwrap());
    }
    assert_eq!(failed, 2950);
    assert!(seen.lock().unwrap().len() < 50 + 2950 + 600, "{}", seen.lock().unwrap().len());
    assert!(start.elapsed() < Duration::from_secs(120), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_believed_at_once_at_the_start() {
    let error_body = r#"{"error":{"type":"authentication_error","message":"no access"}}"#;
    let (bad, seen) = client(|_, _| reply(401, r#"{"error":{"message":"tok-CANARY-SECRET is invalid"}}"#));
    let error = fails(&bad).await;
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.advice().unwrap().contains("DRIFT_TOKEN"));
    assert_eq!(seen.lock().unwrap().len(), 1);

    let (weak, _) = client(move |_, _| reply(403, error_body));
    let error = fails(&weak).await;
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.advice().unwrap().contains("`conversation_read`"));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_was_accepted_is_not_given_up_at_the_first_refusal() {
    for status in [401, 403] {
        let (hiccup, _) = client(move |number, _| match number {
            1 | 2 => reply(status, ""),
            _ => reply(200, GOOD),
        });
        detail(&hiccup).await.unwrap();
        assert!(matches!(detail(&hiccup).await, Ok(Answer::Page(..))));
        let (revoked, seen) = client(move |number, _| reply(if number == 0 { 200 } else { status }, GOOD));
        detail(&revoked).await.unwrap();
        assert_eq!(fails(&revoked).await.kind(), ErrorKind::Refused);
        assert_eq!(seen.lock().unwrap().len(), 4);
    }
}

#[tokio::test(start_paused = true)]
async fn only_drift_says_that_something_is_missing() {
    let (client, _) = client(|number, _| match number {
        0 => reply(404, r#"{"error":{"type":"not_found","message":"x"}}"#),
        1 => reply(404, "<html>starting</html>"),
        _ => reply(200, GOOD),
    });
    assert!(matches!(detail(&client).await, Ok(Answer::Missing(page)) if page.parent == Some(1)));
    assert!(matches!(detail(&client).await, Ok(Answer::Page(..))));
}

#[tokio::test(start_paused = true)]
async fn what_drift_rejects_or_redirects_is_not_asked_again() {
    let (client_400, seen) =
        client(|_, _| reply(400, r#"{"error":{"type":"validation_error","message":"bad next"}}"#));
    let error = fails(&client_400).await;
    assert_eq!((error.kind(), error.place("status")), (ErrorKind::Unavailable, Some("400")));
    assert!(error.found().contains("bad next"));
    assert_eq!(seen.lock().unwrap().len(), 1);
    let (moved, seen) = client(|_, _| replies(302, &[("location", "https://evil.test/?t=1")], ""));
    let error = fails(&moved).await;
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.found().contains("redirects (status 302) to https://evil.test,"), "{error}");
    assert_eq!(seen.lock().unwrap().len(), 1);
}

/// Bug: a redirect ended the call at once, and `--every` for good when it was met by the first call of a later run.
#[tokio::test(start_paused = true)]
async fn a_redirect_where_drift_has_answered_is_an_obstacle_that_may_pass() {
    let passing = |number, _: &Request| match number {
        1 | 2 => replies(302, &[("location", "https://login.test/")], ""),
        _ => reply(200, GOOD),
    };
    let (passes, seen) = client(passing);
    for _ in 0..2 {
        assert!(matches!(detail(&passes).await, Ok(Answer::Page(..))));
    }
    assert_eq!(seen.lock().unwrap().len(), 4);
    let script = |_: usize, _: &Request| replies(302, &[("location", "https://login.test/")], "");
    let transport = Arc::new(Scripted { script, seen: Seen::default() });
    let settings = ClientSettings::new(Token::fixed(TOKEN).unwrap(), fastrand::Rng::with_seed(1));
    let stays = Client::new(ClientSettings { drift_known: true, ..settings }, transport);
    let error = fails(&stays).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.found().contains("https://login.test") && error.place("tries") == Some("8"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn invalid_utf8_that_stays_is_the_data() {
    let seen = Seen::default();
    let garbled = || {
        Ok(Response {
            status: 200,
            headers: vec![],
            body: Bytes::from_static(b"{\"data\":{\"a\":\"\xff\"}}"),
        })
    };
    let settings = ClientSettings::new(Token::fixed(TOKEN).unwrap(), fastrand::Rng::with_seed(1));
    let transport = Arc::new(Scripted { script: move |_: usize, _: &Request| garbled(), seen: seen.clone() });
    let client = Client::new(settings, transport);
    assert!(matches!(detail(&client).await, Ok(Answer::Page(..))));
    assert_eq!(seen.lock().unwrap().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_body_beyond_the_limit_is_named() {
    let bomb = super::super::gzip::pack(&vec![b' '; 65 << 20]);
    let reply = move || Ok(Response { status: 200, headers: vec![], body: bomb.clone() });
    let (client, seen) = client(move |_, _| reply());
    let error = fails(&client).await;
    assert!(error.found().contains("67108864 bytes"), "{error}");
    assert_eq!(seen.lock().unwrap().len(), 1);
}

fn oauth() -> Token {
    Token::OAuth(OAuth {
        client_id: "app".to_owned(),
        client_secret: "client-CANARY".to_owned().into(),
        refresh_token: "refresh-CANARY".to_owned().into(),
        on_rotation: None,
    })
}

#[tokio::test(start_paused = true)]
async fn an_expired_token_is_renewed_once_for_all() {
    for concurrency in [1, 8] {
        let renewals = Mutex::new(0);
        let (client, seen) = client_with(oauth(), concurrency, move |_, request| {
            let mut renewals = renewals.lock().unwrap();
            if request.method() == Method::PostForm {
                *renewals += 1;
                return match *renewals {
                    1 => reply(200, r#"{"access_token":"first-CANARY","refresh_token":"r2","orgId":5}"#),
                    2 => reply(503, ""),
                    _ => reply(200, r#"{"accessToken":"second-CANARY","refreshToken":"r3"}"#),
                };
            }
            match request.bearer().unwrap().expose_secret() {
                "first-CANARY" if *renewals > 0 => reply(401, r#"{"error":{"message":"expired"}}"#),
                _ => reply(200, GOOD),
            }
        });
        let calls = (0..20).map(|_| {
            let client = client.clone();
            tokio::spawn(async move { detail(&client).await })
        });
        for call in calls.collect::<Vec<_>>() {
            assert!(matches!(call.await.unwrap(), Ok(Answer::Page(..))));
        }
        let posts = seen.lock().unwrap().iter().filter(|r| r.method() == Method::PostForm).count();
        assert_eq!(posts, 3, "concurrency {concurrency}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_renewal_is_the_tokens_fault() {
    for status in [400, 401, 403] {
        let (client, _) = client_with(oauth(), 4, move |_, _| reply(status, r#"{"error":"invalid_grant"}"#));
        let error = fails(&client).await;
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.advice().unwrap().contains("DRIFT_REFRESH_TOKEN"));
        assert_eq!(error.place("call"), Some("/oauth2/token"));
    }
}

#[tokio::test(start_paused = true)]
async fn token_info_tells_the_organization_if_it_can() {
    let (known, seen) = client(|_, _| {
        reply(
            200,
            r#"{"access_token":"tok-CANARY-SECRET","authenticated_userid":"orgId:48213","scope":"a b"}"#,
        )
    });
    let info = known.token_info().await.unwrap();
    assert_eq!((info.org_id, info.scopes.len()), (Some(48213), 2));
    assert_eq!(seen.lock().unwrap()[0].path_and_query(), "/app/token_info");
    for (status, body) in
        [(404, r#"{"error":{"type":"not_found"}}"#), (500, "oops"), (400, "{}"), (200, "{}")]
    {
        let (unknown, _) = client(move |_, _| reply(status, body));
        assert_eq!(unknown.token_info().await.unwrap(), TokenInfo::default());
    }
    let (wrong, _) = client(|_, _| reply(401, ""));
    assert_eq!(wrong.token_info().await.unwrap_err().kind(), ErrorKind::Refused);
    let (foreign, _) = client(|_, _| reply(200, "<html>"));
    assert_eq!(foreign.token_info().await.unwrap_err().kind(), ErrorKind::Usage);
}

#[tokio::test(start_paused = true)]
async fn no_more_are_in_flight_than_allowed() {
    let (client, _) = client_with(Token::fixed(TOKEN).unwrap(), 3, |_, _| reply(200, GOOD));
    let start = Instant::now();
    let calls = (0..60).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { detail(&client).await })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap().unwrap();
    }
    assert!(start.elapsed() >= Duration::from_millis(20 * 20));
    assert_eq!(client.stats().requests, 60);
}
