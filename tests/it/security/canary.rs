//! The real binary with secrets that can be recognised in any form: they stand in no byte that is written or
//! printed, reach no host but the configured one, and are no arguments.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use drift_simulator::api::OauthClient;
use drift_simulator::{ApiRequest, ApiResponse, Behaviour, Simulator, WorldConfig};
use tempfile::TempDir;

use super::host::Host;
use crate::counts;

/// Letters that look different in a URL, in JSON and in base64, so that those forms are looked for, too.
const TOKEN: &str = "canary+T0k/en=A41&Zz7~qP";
const CLIENT_SECRET: &str = "canary+Cl1/ent=S3cr&Yy8~rO";
const REFRESH: &str = "canary+R3f/resh=T0&Xx9~sN";

/// All forms in which a secret could be found.
fn forms(secret: &str) -> Vec<String> {
    let encoded: String = secret
        .bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() { char::from(byte).into() } else { format!("%{byte:02X}") }
            },
        )
        .collect();
    let form = encoded.replace("%7E", "~");
    let mut forms =
        vec![secret.to_owned(), encoded.clone(), encoded.to_lowercase(), form, secret.replace('/', "\\/")];
    forms.extend((0..3).map(|offset| base64(&secret.as_bytes()[(3 - offset) % 3..])));
    forms.extend(forms.clone().iter().map(|form| form.replace('+', "-").replace('/', "_")));
    let each = |letter: fn(u8) -> String| secret.bytes().map(letter).collect::<Vec<_>>();
    forms.push(each(|byte| format!("{byte:02x}")).concat());
    forms.push(each(|byte| byte.to_string()).join(", "));
    forms
}

/// The whole groups of three bytes.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |group: &[u8]| {
        let bits = group.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
        [18, 12, 6, 0].map(|shift| char::from(LETTERS[bits >> shift & 63]))
    };
    bytes.chunks_exact(3).flat_map(group).collect()
}

/// Fails when any secret stands in `bytes`, in whatever form and case.
fn hides(bytes: &[u8], place: &str) {
    let text = String::from_utf8_lossy(bytes).to_lowercase();
    for secret in [TOKEN, CLIENT_SECRET, REFRESH, "sim-access-", "sim-refresh-"] {
        for form in forms(secret) {
            let found = text.find(&form.to_lowercase());
            assert!(
                found.is_none(),
                "{place} holds {form}: {:?}",
                found.map(|at| &text[at.saturating_sub(80)..])
            );
        }
    }
}

fn all_files(folder: &Path, judge: &mut dyn FnMut(&Path)) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().map(Result::unwrap) {
        if entry.path().is_dir() {
            all_files(&entry.path(), judge);
        } else {
            judge(&entry.path());
        }
    }
}

/// One run of the real binary, looked at from all sides.
struct Case {
    place: TempDir,
    oauth: bool,
}

impl Case {
    fn new() -> Self {
        Self { place: tempfile::tempdir().unwrap(), oauth: false }
    }

    fn run(&self, url: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_drift2parquet"));
        command
            .current_dir(self.place.path())
            .env_clear()
            .env("DRIFT_API_URL", url)
            .env("RUST_BACKTRACE", "full");
        command.args(arguments).args(["--lake", "lake"]);
        if self.oauth {
            command.env("DRIFT_CLIENT_ID", "app").env("DRIFT_CLIENT_SECRET", CLIENT_SECRET);
            command.env("DRIFT_REFRESH_TOKEN", REFRESH);
        } else {
            command.env("DRIFT_TOKEN", TOKEN);
        }
        let child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        hides(
            &std::fs::read(format!("/proc/{}/cmdline", child.id())).unwrap_or_default(),
            "the list of processes",
        );
        let ended = child.wait_with_output().unwrap();
        hides(&ended.stdout, "stdout");
        hides(&ended.stderr, "stderr");
        let mut files = 0;
        all_files(self.place.path(), &mut |path| {
            files += 1;
            hides(path.display().to_string().as_bytes(), "a name");
            hides(&std::fs::read(path).unwrap(), &path.display().to_string());
        });
        assert!(files > 0 || ended.status.code() != Some(0));
        ended
    }
}

fn drift() -> Simulator {
    let oauth = OauthClient {
        client_id: "app".to_owned(),
        client_secret: CLIENT_SECRET.to_owned(),
        refresh_token: REFRESH.to_owned(),
        access_lifetime_ms: 3_600_000,
        rotates: true,
    };
    let behaviour = Behaviour { token: TOKEN.to_owned(), oauth: Some(oauth), ..Behaviour::default() };
    Simulator::with_behaviour(
        WorldConfig { conversations: 4, accounts: 3, ..WorldConfig::small(51) },
        behaviour,
    )
}

const TALKS: [&[&str]; 3] =
    [&["sync"], &["sync", "-v"], &["sync", "-v", "--log-format", "json", "--report", "report.json"]];

fn is_json(text: &str) -> bool {
    text.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok())
}

#[test]
fn no_secret_is_written_or_printed_by_runs_that_succeed() {
    let host = Host::of(&drift(), |_, _| {});
    let mut cases = 0;
    for oauth in [false, true] {
        for arguments in TALKS {
            // Each exchange of a refresh token ends the one before.
            let fresh = Host::of(&drift(), |_, _| {});
            let case = Case { oauth, ..Case::new() };
            let ended = case.run(if oauth { fresh.url() } else { host.url() }.as_str(), arguments);
            let said = String::from_utf8_lossy(&ended.stderr);
            assert_eq!(ended.status.code(), Some(0), "{said}");
            assert!(!arguments.contains(&"json") || is_json(&said), "{said}");
            for reads in [&["status"][..], &["verify"], &["files"], &["status", "--format", "json"]] {
                assert_eq!(case.run(&host.url(), reads).status.code(), Some(0), "{reads:?}");
            }
            cases += 5;
        }
    }
    let sent = host.seen().concat();
    assert!(String::from_utf8_lossy(&sent).contains(TOKEN), "the configured host does get it");
    counts::record("security", &[("cases", cases)]);
}

/// An answer whose body and headers hold what was sent, in every form.
fn echo(request: &ApiRequest, answer: &mut ApiResponse) {
    let sent: Vec<String> = request.headers.iter().map(|(_, value)| value.clone()).collect();
    let sent = format!("{} {}", sent.join(" "), String::from_utf8_lossy(&request.body));
    // What the host was not told it cannot echo.
    let known = [TOKEN, CLIENT_SECRET, REFRESH].map(|secret| (secret, forms(secret)));
    let told = |(secret, forms): (&str, Vec<String>)| {
        if sent.contains(secret) || sent.contains(&forms[3]) { forms[..5].join(" ") } else { String::new() }
    };
    let secrets = known.map(told).join(" ");
    let all = format!("{sent} {secrets} {}", base64(sent.as_bytes()));
    let message = serde_json::json!({ "error": { "type": "echo", "message": all } }).to_string();
    answer.body =
        if request.path.len().is_multiple_of(2) { message } else { format!("<html>{all}</html>") }.into();
    answer.headers.retain(|(name, _)| name == "date");
    answer.headers.push(("retry-after".to_owned(), "0".to_owned()));
    answer.headers.push(("www-authenticate".to_owned(), TOKEN.to_owned()));
    answer.headers.push(("location".to_owned(), format!("https://{}.test/{TOKEN}", forms(TOKEN)[1])));
}

#[test]
fn no_secret_is_written_or_printed_when_drift_refuses_and_echoes_it() {
    let mut cases = 0;
    for status in [200, 307, 400, 401, 403, 404, 429, 503] {
        for within in ["", "/users/list", "/oauth2/token"] {
            for oauth in [false, true] {
                if within == "/oauth2/token" && !oauth {
                    continue;
                }
                let host = Host::of(&drift(), move |request, answer| {
                    if request.path.starts_with(within) && request.path != "/app/token_info" {
                        answer.status = status;
                        echo(request, answer);
                    }
                });
                let case = Case { oauth, ..Case::new() };
                let arguments = ["sync", "-v", "--max-time", "1s", "--tables", "conversations,users"];
                let ended = case.run(&host.url(), &arguments);
                assert_ne!(ended.status.code(), Some(0), "{status} {within}");
                assert_ne!(ended.status.code(), Some(1), "{}", String::from_utf8_lossy(&ended.stderr));
                assert!(!host.seen().is_empty());
                cases += 1;
            }
        }
    }
    counts::record("security", &[("cases", cases)]);
}

/// All at the same time, since what leads elsewhere in the middle of a run is tried again for a while.
#[test]
fn no_secret_reaches_another_host() {
    let places = [
        ("/app/token_info", "users"),
        ("/conversations/list", "conversations"),
        ("/conversations/", "messages"),
        ("/contacts/", "contacts"),
        ("/users/list", "users"),
        ("/accounts", "accounts"),
        ("/playbooks/", "playbooks"),
    ];
    let cases: Vec<_> =
        places.into_iter().flat_map(|place| [200, 302, 308].map(|status| (place, status))).collect();
    std::thread::scope(|scope| {
        for ((within, table), status) in &cases {
            scope.spawn(move || no_secret_is_led_away(within, table, *status));
        }
    });
    counts::record("security", &[("cases", cases.len() as u64)]);
}

fn no_secret_is_led_away(within: &'static str, table: &str, status: u16) {
    let other = Host::forbidden();
    let elsewhere = format!("{}/steal?page_token=next&index=65&size=65", other.url());
    let host = Host::of(&drift(), move |request, answer| {
        lead_away(request, answer, within, status, &elsewhere);
    });
    let ended = Case::new().run(&host.url(), &["sync", "-v", "--tables", table]);
    assert_ne!(ended.status.code(), Some(1), "{}", String::from_utf8_lossy(&ended.stderr));
    assert!(host.seen().iter().any(|sent| is_for(sent, within)), "{within} was not asked for");
    assert!(other.seen().is_empty(), "{within} {status}: {:?}", other.seen());
}

fn is_for(request: &[u8], path: &str) -> bool {
    let line = String::from_utf8_lossy(request);
    line.split(' ').nth(1).is_some_and(|asked| asked.starts_with(path))
}

/// Redirects, or names another host wherever an answer can name one.
fn lead_away(request: &ApiRequest, answer: &mut ApiResponse, within: &str, status: u16, elsewhere: &str) {
    if !request.path.starts_with(within) {
        return;
    }
    for name in ["location", "content-location", "refresh", "link", "alt-svc"] {
        answer.headers.push((name.to_owned(), elsewhere.to_owned()));
    }
    answer.status = status;
    if status == 200
        && let Ok(mut body) = serde_json::from_slice::<serde_json::Value>(&answer.body)
        && let Some(object) = body.as_object_mut()
    {
        object.insert("links".to_owned(), serde_json::json!({ "next": elsewhere, "self": elsewhere }));
        if let Some(data) = object.get_mut("data").and_then(|data| data.as_object_mut()) {
            data.insert("next".to_owned(), elsewhere.into());
        }
        answer.body = body.to_string().into();
    }
}

#[test]
fn no_secret_is_sent_through_a_proxy_to_this_machine_or_shown_by_a_broken_address() {
    let (proxy, host) = (Host::forbidden(), Host::of(&drift(), |_, _| {}));
    let place = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_drift2parquet"));
    command.current_dir(place.path()).args(["sync", "--lake", "lake", "--tables", "users"]);
    for name in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"] {
        command.env(name, proxy.url());
    }
    let ended = command.env("DRIFT_TOKEN", TOKEN).env("DRIFT_API_URL", host.url()).output().unwrap();
    assert_eq!(ended.status.code(), Some(0), "{}", String::from_utf8_lossy(&ended.stderr));
    assert!(proxy.seen().is_empty());
    let encoded = &forms(TOKEN)[1];
    for url in [
        format!("https://{encoded}@x.test"),
        format!("https://x.test/?t={TOKEN}"),
        format!("https://x.test#{TOKEN}"),
    ] {
        let ended = Case::new().run(&url, &["sync", "-v"]);
        assert_eq!(ended.status.code(), Some(2));
    }
    counts::record("security", &[("cases", 4)]);
}
