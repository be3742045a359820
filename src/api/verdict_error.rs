//! The words for what cannot be mended by asking again. Each says what was found and what the user can do.

use crate::error::Error;

use super::obstacle::Obstacle;
use super::retry::Failure;

/// The right that is missing, and the detail of Drift's that costs people an afternoon.
fn scope_hint(scope: Option<&'static str>) -> String {
    match scope {
        Some(scope) => format!(
            "the app needs the scope `{scope}`: add it at dev.drift.com, then install the app again, since \
             only a new token has a new scope"
        ),
        None => "check the app's scopes at dev.drift.com".to_owned(),
    }
}

/// Drift refuses the token or a right.
pub(super) fn denied(found: &str, token_is_bad: bool, scope: Option<&'static str>) -> Error {
    let what = if token_is_bad { "the token" } else { "a right" };
    let error = Error::refused(format!("Drift refuses {what}: {found}")).at("status", status_in(found));
    if token_is_bad && found.starts_with("status 401") {
        return error.hint(
            "the token is wrong, revoked or expired: check DRIFT_TOKEN (or DRIFT_TOKEN_FILE, or the OAuth \
             variables)",
        );
    }
    error.hint(scope_hint(scope))
}

/// Drift refuses to renew the token.
pub(super) fn renewal_refused(found: &str) -> Error {
    Error::refused(format!("Drift refuses to renew the token: {found}")).hint(
        "check DRIFT_CLIENT_ID, DRIFT_CLIENT_SECRET and DRIFT_REFRESH_TOKEN; a refresh token that was used \
         before may have been replaced",
    )
}

/// All tries of a call have failed.
pub(super) fn given_up(failure: Failure, found: &str, scope: Option<&'static str>) -> Error {
    match failure {
        Failure::Denied => denied(found, found.starts_with("status 401"), scope),
        Failure::Foreign => Error::usage(format!("the API URL does not answer like Drift: {found}"))
            .hint("check --api-url; Drift is at https://driftapi.com, which is the default"),
        Failure::Unreachable => Error::unavailable(format!("Drift cannot be reached: {found}"))
            .hint("check the network, --api-url and, where a proxy is set, HTTPS_PROXY; then run again"),
        Failure::Barred(obstacle) => barred(obstacle, found),
        Failure::Redirected => redirected(found, true),
        Failure::Throttled => Error::unavailable(format!("Drift lets nothing through: {found}"))
            .hint("another program may use up the account's limit; run again later, or with --max-rate"),
        Failure::Passing | Failure::Garbled => {
            Error::unavailable(format!("Drift does not answer usably: {found}"))
                .hint("run again later: what was fetched is kept")
        }
    }
}

/// Something is in the way that stays there.
pub(super) fn barred(obstacle: Obstacle, found: &str) -> Error {
    Error::unavailable(format!("Drift cannot be reached: {found}")).hint(obstacle.hint())
}

/// The body exceeds the limit.
pub(super) fn too_large(bytes_max: usize) -> Error {
    Error::unavailable(format!("Drift's answer is larger than the limit of {bytes_max} bytes"))
        .at("status", 200)
        .hint("this answer cannot be read; if it is genuine, please report it")
}

/// What was asked points elsewhere, and the token does not go there. What has never answered as Drift does is another
/// address; where Drift has answered before, something stands in its way for a while.
pub(super) fn redirected(target: &str, drift_known: bool) -> Error {
    if drift_known {
        return Error::unavailable(format!("Drift has answered at this address, and now it {target}")).hint(
            "no redirect is followed; a proxy, a login page or works at Drift may be in the way: run again later; if \
             Drift has moved, give its new address to --api-url",
        );
    }
    Error::usage(format!("the API URL {target}, and no redirect is followed, so that the token goes nowhere else"))
        .hint("check --api-url; Drift is at https://driftapi.com, which is the default; if it has moved, give its new address")
}

/// Drift does not like the request.
pub(super) fn rejected(found: &str) -> Error {
    Error::unavailable(format!("Drift rejects the call: {found}"))
        .at("status", status_in(found))
        .hint("run again; if it stays, Drift's API has changed: please report it")
}

/// The status that a finding begins with.
fn status_in(found: &str) -> String {
    found.chars().filter(char::is_ascii_digit).take(3).collect()
}
