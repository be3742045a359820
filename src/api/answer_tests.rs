//! Answers of every kind, and what they amount to.

use super::*;
use crate::schema::{Paging, Rows};

const LIST: Call = Call {
    path: "/list",
    query: &[],
    paging: Paging::Conversations,
    rows: Rows::Array(&["data"]),
    scope: "x_read",
};

fn response(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Response {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Response { status, headers, body: body.into() }
}

fn verdict(response: &Response, drift_known: bool) -> Verdict {
    let secrets = Secrets::default();
    judge(response, &Question { call: Some(&LIST), bytes_max: 10_000, secrets: &secrets, drift_known })
}

#[test]
fn opens_what_is_compressed_whatever_the_header_says() {
    let packed = gzip::pack(b"{\"data\":[]}");
    for headers in [&[("content-encoding", "GZIP")][..], &[], &[("content-encoding", "identity")]] {
        assert!(matches!(verdict(&response(200, headers, packed.clone()), true), Verdict::Page(body, _)
            if body == "{\"data\":[]}"));
    }
    let wrong = response(200, &[("content-encoding", "br")], "{\"data\":[]}");
    assert!(matches!(verdict(&wrong, true), Verdict::Unusable(_)));
    let bomb = response(200, &[("content-encoding", "gzip")], gzip::pack(&vec![b' '; 10_001]));
    assert!(matches!(verdict(&bomb, true), Verdict::TooLarge));
    assert!(matches!(verdict(&response(200, &[], vec![b' '; 10_001]), true), Verdict::TooLarge));
    assert!(matches!(verdict(&response(200, &[], "\u{feff}{\"data\":[]}"), true), Verdict::Page(..)));
}

#[test]
fn tells_drift_from_what_stands_before_it() {
    let html = |status| response(status, &[], "<html>nginx</html>");
    let json = |status| response(status, &[], r#"{"error":{"type":"not_found","message":"no"}}"#);
    assert!(matches!(verdict(&html(200), true), Verdict::Foreign(_)));
    assert!(matches!(verdict(&html(404), true), Verdict::Foreign(_)));
    assert!(matches!(verdict(&json(404), false), Verdict::Missing(_)));
    assert!(matches!(verdict(&response(404, &[], ""), true), Verdict::Missing(_)));
    assert!(matches!(verdict(&response(404, &[], ""), false), Verdict::Foreign(_)));
    assert!(matches!(verdict(&html(502), true), Verdict::Unusable(found) if found.contains("nginx")));
    assert!(matches!(verdict(&response(204, &[], ""), true), Verdict::Unusable(_)));
    assert!(matches!(verdict(&json(400), true), Verdict::Rejected(found) if found.contains("not_found: no")));
}

#[test]
fn tells_a_bad_token_from_a_missing_right() {
    let error = r#"{"error":{"type":"authentication_error","message":"no"}}"#;
    let bad = |status, body: &'static str| match verdict(&response(status, &[], body), true) {
        Verdict::Denied { token_is_bad, .. } => token_is_bad,
        other => panic!("{other:?}"),
    };
    assert!(bad(401, "") && bad(403, error) && !bad(403, "{}"));
}

#[test]
fn invalid_utf8_is_garbled() {
    let body = response(200, &[], Bytes::from_static(b"{\"data\":[\"\xff\"]}"));
    assert!(matches!(verdict(&body, true), Verdict::Garbled(..)));
}

/// Bug: another port of the same host was told as the same address, and no address at all as another path.
#[test]
fn of_a_redirect_only_scheme_host_and_port_are_kept() {
    let said = |headers: &[(&str, &str)]| match verdict(&response(302, headers, ""), true) {
        Verdict::Redirect(said) => said,
        other => panic!("{other:?}"),
    };
    let to = |place: &str| said(&[("location", place)]);
    assert_eq!(to("https://u:p@evil.test/x?token=1"), "redirects (status 302) to https://evil.test");
    assert_eq!(to("http://evil.test:8443/x"), "redirects (status 302) to http://evil.test:8443");
    assert_eq!(to("//evil.test:8443/x"), "redirects (status 302) to evil.test:8443");
    assert_eq!(to("/x?token=1"), "redirects (status 302) to another path of the same host");
    for nowhere in [&[][..], &[("location", " ")]] {
        assert_eq!(said(nowhere), "redirects (status 302) without saying where to");
    }
}

#[test]
fn retry_after_is_seconds_or_a_date_by_the_servers_clock() {
    let after = |value: &str| {
        let headers = [("retry-after", value), ("date", "Sun, 06 Nov 1994 08:49:37 GMT")];
        retry_after(&response(429, &headers, ""), None)
    };
    assert_eq!(after("7"), Some(Duration::from_secs(7)));
    assert_eq!(after("0.5"), Some(Duration::from_millis(500)));
    assert_eq!(after("Sun, 06 Nov 1994 08:50:37 GMT"), Some(Duration::from_secs(60)));
    assert_eq!(after("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
    assert_eq!(after("-1"), None);
    assert_eq!(after("soon"), None);
    assert!(after(&"9".repeat(400)).is_none_or(|wait| wait > Duration::from_secs(1 << 40)));
    let dated = response(429, &[("retry-after", "Sun, 06 Nov 1994 08:50:37 GMT")], "");
    assert_eq!(retry_after(&dated, None), None);
    assert_eq!(retry_after(&dated, Some(784_111_777_000)), Some(Duration::from_secs(60)));
}
