//! The token or a right is refused: at the start, in the middle, for a while, for good, everywhere or at one
//! endpoint only; and answers that are larger than any may be.

use drift_simulator::faults::{ErrorBody, When};
use drift_simulator::{Behaviour, EndpointKind as E, Fault, FaultScript};

use super::api::{CHANGES, Ground, SUITE, tiny};
use super::{OF_CONVERSATIONS, is_placed, settle};
use crate::account::Account;

/// Everything that a run reads, so that a refusal strikes in the middle of any of it.
const ALL: &[&str] = &[
    "conversations",
    "messages",
    "contacts",
    "campaigns",
    "campaign_members",
    "inboxes",
    "users",
    "teams",
    "accounts",
    "playbooks",
    "landing_pages",
    "meetings",
];

const ENDPOINTS: [Option<E>; 10] = [
    None,
    Some(E::TokenInfo),
    Some(E::ConversationList),
    Some(E::Conversation),
    Some(E::Messages),
    Some(E::Contact),
    Some(E::ConversationStats),
    Some(E::UserList),
    Some(E::PlaybookList),
    Some(E::Meetings),
];

/// At the start, in the middle, for a while short and long, now and again, and for good.
const WHENS: [When; 9] = [
    When::Nth(1),
    When::First(2),
    When::First(4),
    When::Nth(9),
    When::Window(5, 6),
    When::Window(12, 19),
    When::Every(5),
    When::From(1),
    When::From(8),
];

async fn refused(status: u16, changes: &'static [drift_simulator::Mutation]) {
    let ground = Ground::of(tiny(21), ALL, changes).await;
    let mut wrong = Vec::new();
    let cases: Vec<_> =
        ENDPOINTS.into_iter().flat_map(|endpoint| WHENS.map(|when| (endpoint, when))).collect();
    for (endpoint, when) in &cases {
        if let Err(found) = ground.attack(*endpoint, *when, Fault::status(status, ErrorBody::Json)).await {
            let endpoint = endpoint.map_or("any".to_owned(), |endpoint| endpoint.to_string());
            wrong.push(format!("{endpoint} {when} {status}: {found}"));
        }
    }
    settle(SUITE, cases.len(), &wrong);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_refused_at_any_time() {
    refused(401, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_right_that_is_refused_at_any_time() {
    refused(403, CHANGES).await;
}

/// A right that the token lacks leaves every other table readable.
#[tokio::test(start_paused = true)]
async fn a_missing_right_concerns_its_own_tables_only() {
    let (endpoints, mut wrong) =
        ([E::ConversationList, E::Conversation, E::Messages, E::Contact], Vec::new());
    for endpoint in endpoints {
        let mut account = Account::of(tiny(20), Behaviour::default());
        account.drift.set_faults(FaultScript::one(
            Some(endpoint),
            When::From(1),
            "403-json".parse().unwrap(),
        ));
        let ended = account.run().await;
        let read =
            ["users", "teams", "accounts"].iter().all(|name| !account.live().unwrap()[name].is_empty());
        let placed = ended.error.as_ref().is_some_and(|error| is_placed(error, &[3]).is_ok());
        if !(read && placed && ended.report.exit_code == 3) {
            wrong.push(format!("{endpoint}: read {read}, {:?}", ended.error));
        }
    }
    settle(SUITE, endpoints.len(), &wrong);
}

/// The limit that the program has by itself, where the suites of many cases have a lower one.
#[tokio::test(start_paused = true)]
async fn bodies_beyond_the_usual_limit_are_refused_and_asked_for_again() {
    let (faults, mut wrong) = (["oversize:80", "deflate-bomb:256"], Vec::new());
    for fault in faults {
        let mut account = Account::of(tiny(22), Behaviour::default());
        let fault = fault.parse().unwrap();
        account.drift.set_faults(FaultScript::one(Some(E::Messages), When::Nth(2), fault));
        let ended = account.run().await;
        assert_eq!((ended.report.exit_code, ended.report.pending.len()), (7, 1), "{:?}", ended.report);
        account.sound_run().await.unwrap();
        wrong.extend(account.holds_the_truth(&OF_CONVERSATIONS).err());
    }
    settle(SUITE, faults.len(), &wrong);
}
