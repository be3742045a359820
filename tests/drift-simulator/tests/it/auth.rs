//! Tokens, rights, and the rate limit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use drift_simulator::api::{RateLimit, RetryHeader};
use drift_simulator::{ApiRequest, Clock, Mutation, Simulator, WorldConfig};

use crate::caller::{ask, json};

fn simulator() -> Simulator {
    Simulator::new(WorldConfig::small(5))
}

fn refresh(simulator: &Simulator, token: &str) -> (u16, serde_json::Value) {
    let body = format!(
        "client_id=sim-client&client_secret=sim-secret&grant_type=refresh_token&refresh_token={token}"
    );
    let request = ApiRequest { body: body.into(), ..ApiRequest::new("POST", "/oauth2/token") };
    let answer = simulator.handle(&request);
    (answer.status, json(&answer))
}

#[test]
fn a_wrong_or_missing_token_is_401_with_a_message() {
    let simulator = simulator();
    for request in [ApiRequest::get("/users/list"), ApiRequest::get("/users/list").bearer("wrong")] {
        let answer = simulator.handle(&request);
        assert_eq!(answer.status, 401);
        assert!(json(&answer)["error"]["message"].as_str().unwrap().contains("access token"));
    }
    let lower_case = ApiRequest::get("/users/list").header("Authorization", "bearer sim-token");
    assert_eq!(simulator.handle(&lower_case).status, 200);
}

#[test]
fn a_missing_right_is_403_on_its_endpoints_only() {
    let simulator = simulator();
    simulator.set_behaviour(|behaviour| behaviour.scopes.retain(|scope| scope != "user_read"));
    let answer = ask(&simulator, "/users/list");
    assert_eq!((answer.status, json(&answer)["error"]["type"].as_str()), (403, Some("authentication_error")));
    assert_eq!(ask(&simulator, "/playbooks/list").status, 200);
}

#[test]
fn oauth_tokens_expire_and_refresh_tokens_rotate() {
    let simulator = simulator();
    let (status, first) = refresh(&simulator, "sim-refresh");
    assert_eq!((status, first["orgId"].as_i64()), (200, Some(48213)));
    let access = first["access_token"].as_str().unwrap();
    let call = ApiRequest::get("/users/list").bearer(access);
    assert_eq!(simulator.handle(&call).status, 200);
    simulator.apply(Mutation::AdvanceClock { ms: 7_200_000 });
    assert_eq!(simulator.handle(&call).status, 401);
    assert_eq!(refresh(&simulator, "sim-refresh").0, 401);
    assert_eq!(refresh(&simulator, first["refresh_token"].as_str().unwrap()).0, 200);
}

#[test]
fn the_old_spelling_of_token_requests_is_understood() {
    let body = r#"{"clientId":"sim-client","clientSecret":"sim-secret","refreshToken":"sim-refresh","grantType":"refresh_token"}"#;
    let answer = simulator().handle(&ApiRequest::post("/oauth2/token", body));
    assert!(json(&answer)["accessToken"].is_string());
}

#[test]
fn token_info_is_bare_and_names_the_organization() {
    let answer = simulator().handle(&ApiRequest::post("/app/token_info", r#"{"access_token":"sim-token"}"#));
    assert_eq!(json(&answer)["authenticated_userid"], "orgId:48213");
    assert_eq!(json(&answer)["expires_in"], 0);
}

#[test]
fn the_bucket_leaks_with_the_clock_that_was_given() {
    let simulator = simulator();
    let seconds = Arc::new(AtomicU64::new(0));
    let shown = Arc::clone(&seconds);
    simulator.set_clock(Clock::from_fn(move || Duration::from_secs(shown.load(Ordering::Relaxed))));
    simulator
        .set_behaviour(|behaviour| behaviour.rate_limit = Some(RateLimit { per_second: 2.0, burst: 5.0 }));
    let allowed = || (0..20).filter(|_| ask(&simulator, "/teams/org").status == 200).count();
    assert_eq!(allowed(), 5);
    seconds.store(1, Ordering::Relaxed);
    assert_eq!(allowed(), 2);
    seconds.store(60, Ordering::Relaxed);
    assert_eq!(allowed(), 5);
    assert_eq!(simulator.stats().status(429), 60 - 12);
}

#[test]
fn a_429_has_no_header_unless_it_is_switched_on() {
    let simulator = simulator();
    simulator
        .set_behaviour(|behaviour| behaviour.rate_limit = Some(RateLimit { per_second: 0.25, burst: 1.0 }));
    assert_eq!(ask(&simulator, "/teams/org").status, 200);
    let answer = ask(&simulator, "/teams/org");
    assert_eq!(
        (json(&answer)["error"]["type"].as_str(), answer.header("retry-after")),
        (Some("rate_limit"), None)
    );
    simulator.set_behaviour(|behaviour| behaviour.retry_header = RetryHeader::Seconds);
    assert_eq!(ask(&simulator, "/teams/org").header("retry-after"), Some("4"));
    simulator.set_behaviour(|behaviour| behaviour.retry_header = RetryHeader::Date);
    assert_eq!(ask(&simulator, "/teams/org").header("retry-after"), Some("Sun, 01 Nov 2026 00:00:04 GMT"));
}

#[test]
fn contacts_refuse_parameters_that_they_do_not_know() {
    let simulator = simulator();
    let id = simulator.with_world(|world| world.contact_id(0));
    let answer = ask(&simulator, &format!("/contacts/{id}?limit=1"));
    assert_eq!((answer.status, json(&answer)["error"]["code"].as_str()), (400, Some("CONTACT-10")));
    assert_eq!(json(&ask(&simulator, "/contacts/5"))["error"]["code"], "CONTACT-1");
}
