//! What an endpoint gets to see, and how it says no.

use super::behaviour::Behaviour;
use super::endpoint::EndpointKind;
use super::exchange::{ApiResponse, Query};
use super::list::Snapshots;
use crate::faults::Fault;
use crate::json::JsonText;
use crate::table::RecordWriter;
use crate::world::World;

/// Everything an endpoint may look at.
pub(super) struct View<'a> {
    pub(super) world: &'a World,
    pub(super) behaviour: &'a Behaviour,
    pub(super) records: RecordWriter<'a>,
    pub(super) snapshots: &'a mut Snapshots,
    pub(super) query: &'a Query,
    /// The id in the path.
    pub(super) id: &'a str,
    pub(super) body: &'a [u8],
    /// A fault that alters pages from within.
    pub(super) fault: Option<Fault>,
    /// The number of this request.
    pub(super) request: u64,
}

impl View<'_> {
    pub(super) fn struck_by(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    /// The number in the path.
    pub(super) fn number(&self) -> Option<i64> {
        self.id.parse().ok()
    }

    /// A whole-number parameter; absent and empty are the same.
    pub(super) fn parameter(&self, name: &str) -> Result<Option<i64>, Refusal> {
        match self.query.get(name) {
            None | Some("") => Ok(None),
            Some(text) => {
                text.parse().map(Some).map_err(|_| Refusal::invalid(&format!("{name} must be a number")))
            }
        }
    }
}

/// An answer, or the reason why there is none.
pub(super) type Answer = Result<ApiResponse, Refusal>;

/// A documented error.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    kind: &'static str,
    code: Option<&'static str>,
    message: String,
}

impl Refusal {
    pub(super) fn new(status: u16, message: &str) -> Self {
        let kind = match status {
            400 => "validation_error",
            401 | 403 => "authentication_error",
            404 => "not_found",
            429 => "rate_limit",
            _ => "internal_error",
        };
        Self { status, kind, code: None, message: message.into() }
    }

    pub(super) fn invalid(message: &str) -> Self {
        Self::new(400, message)
    }

    pub(super) fn not_found(what: &str) -> Self {
        Self::new(404, &format!("{what} not found"))
    }

    /// An error of the contacts endpoints, which have codes of their own.
    pub(super) fn contact(code: &'static str, status: u16, message: &str) -> Self {
        Self { code: Some(code), ..Self::new(status, message) }
    }

    pub(super) fn into_response(self, behaviour: &Behaviour) -> ApiResponse {
        let mut json = JsonText::new();
        json.open('{').text_field("type", self.kind).text_field("message", &self.message);
        if let Some(code) = self.code {
            json.text_field("code", code);
        }
        json.close('}');
        let error = json.into_string();
        let body = if behaviour.plural_errors {
            format!(r#"{{"errors":[{error}]}}"#)
        } else {
            format!(r#"{{"error":{error}}}"#)
        };
        ApiResponse::new(self.status, "application/json;charset=utf-8", body)
    }
}

/// Sends a request to its endpoint.
pub(super) fn answer(kind: EndpointKind, view: &mut View<'_>) -> Answer {
    use EndpointKind as E;
    match kind {
        E::ConversationList => super::list::conversations(view),
        E::Conversation => super::conversation::detail(view),
        E::Messages => super::conversation::messages(view),
        E::Transcript => super::conversation::transcript(view),
        E::JsonTranscript => super::conversation::json_transcript(view),
        E::Attachment => super::conversation::attachment(view),
        E::ConversationStats => Ok(super::conversation::stats(view)),
        E::Reports => super::reports::conversations(view),
        E::Contact => super::contacts::by_id(view),
        E::ContactSearch => super::contacts::search(view),
        E::ContactAttributes => Ok(super::contacts::attributes()),
        E::UserList => Ok(super::directory::users(view)),
        E::User => super::directory::user(view),
        E::UsersById => super::directory::users_by_id(view),
        E::Meetings => super::directory::meetings(view),
        E::AccountList => super::directory::accounts(view),
        E::Account => super::directory::account(view),
        E::Teams => Ok(super::directory::teams(view)),
        E::TeamsOfUser => super::directory::teams_of_user(view),
        E::PlaybookList => Ok(super::directory::playbooks(view)),
        E::LandingPages => Ok(super::directory::landing_pages(view)),
        E::TokenInfo | E::OauthToken | E::Unknown => Err(Refusal::not_found("endpoint")),
    }
}
