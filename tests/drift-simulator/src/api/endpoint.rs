//! The endpoints, how a path names one, and the right that each demands.

use std::fmt;
use std::str::FromStr;

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each variant is one row of the table below, which names its path")]
pub enum EndpointKind {
    ConversationList,
    Conversation,
    Messages,
    Transcript,
    JsonTranscript,
    Attachment,
    ConversationStats,
    Reports,
    Contact,
    ContactSearch,
    ContactAttributes,
    UserList,
    User,
    UsersById,
    Meetings,
    AccountList,
    Account,
    Teams,
    TeamsOfUser,
    PlaybookList,
    LandingPages,
    TokenInfo,
    OauthToken,
    Unknown,
}

/// Kind, name in scripts, method, path with `*` for an id, and the scope.
type Row = (EndpointKind, &'static str, &'static str, &'static [&'static str], Option<&'static str>);

const ROWS: [Row; 23] = {
    use EndpointKind as E;
    [
        (E::ConversationList, "conversations", "GET", &["conversations", "list"], Some("conversation_read")),
        (E::ConversationStats, "stats", "GET", &["conversations", "stats"], Some("conversation_read")),
        (E::Conversation, "conversation", "GET", &["conversations", "*"], Some("conversation_read")),
        (E::Messages, "messages", "GET", &["conversations", "*", "messages"], Some("conversation_read")),
        (
            E::Transcript,
            "transcript",
            "GET",
            &["conversations", "*", "transcript"],
            Some("conversation_read"),
        ),
        (
            E::JsonTranscript,
            "json-transcript",
            "GET",
            &["conversations", "*", "json_transcript"],
            Some("conversation_read"),
        ),
        (E::Attachment, "attachment", "GET", &["attachments", "*", "data"], Some("conversation_read")),
        (E::Reports, "reports", "POST", &["reports", "conversations"], Some("conversation_read")),
        (
            E::ContactAttributes,
            "contact-attributes",
            "GET",
            &["contacts", "attributes"],
            Some("all_contact_read"),
        ),
        (E::Contact, "contact", "GET", &["contacts", "*"], Some("contact_read")),
        (E::ContactSearch, "contact-search", "GET", &["contacts"], Some("contact_read")),
        (E::UserList, "users", "GET", &["users", "list"], Some("user_read")),
        (E::Meetings, "meetings", "GET", &["users", "meetings", "org"], Some("user_read")),
        (E::User, "user", "GET", &["users", "*"], Some("user_read")),
        (E::UsersById, "users-by-id", "GET", &["users"], Some("user_read")),
        (E::AccountList, "accounts", "GET", &["accounts"], Some("account_read")),
        (E::Account, "account", "GET", &["accounts", "*"], Some("account_read")),
        (E::Teams, "teams", "GET", &["teams", "org"], Some("user_read")),
        (E::TeamsOfUser, "teams-of-user", "GET", &["teams", "users", "*"], Some("user_read")),
        (E::PlaybookList, "playbooks", "GET", &["playbooks", "list"], Some("playbook_read")),
        (E::LandingPages, "landing-pages", "GET", &["playbooks", "clp"], Some("playbook_read")),
        (E::TokenInfo, "token-info", "POST", &["app", "token_info"], None),
        (E::OauthToken, "oauth-token", "POST", &["oauth2", "token"], None),
    ]
};

impl EndpointKind {
    /// Every endpoint that a request can reach.
    pub fn all() -> impl Iterator<Item = Self> {
        ROWS.iter().map(|row| row.0)
    }

    /// Whether answers come in pages.
    pub fn is_paged(self) -> bool {
        matches!(self, Self::ConversationList | Self::Messages | Self::AccountList)
    }

    /// The endpoint that a request names, and the id in its path.
    pub(crate) fn of(method: &str, path: &str) -> (Self, String) {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let found = ROWS.iter().find(|(_, _, verb, pattern, _)| *verb == method && matches(pattern, &parts));
        let Some((kind, _, _, pattern, _)) = found else { return (Self::Unknown, String::new()) };
        let id = pattern.iter().position(|part| *part == "*").map_or("", |place| parts[place]);
        (*kind, percent_decode(id))
    }

    pub(crate) fn scope(self) -> Option<&'static str> {
        ROWS.iter().find(|row| row.0 == self).and_then(|row| row.4)
    }

    fn name(self) -> &'static str {
        ROWS.iter().find(|row| row.0 == self).map_or("unknown", |row| row.1)
    }
}

fn matches(pattern: &[&str], parts: &[&str]) -> bool {
    pattern.len() == parts.len()
        && pattern.iter().zip(parts).all(|(wanted, part)| *wanted == "*" || wanted == part)
}

/// Decodes a path segment; a plus sign stays one, unlike in a query.
fn percent_decode(segment: &str) -> String {
    let as_query = segment.replace('+', "%2B");
    url::form_urlencoded::parse(as_query.as_bytes())
        .next()
        .map_or_else(String::new, |(text, _)| text.into_owned())
}

impl fmt::Display for EndpointKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for EndpointKind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = ROWS.iter().find(|row| row.1 == name).map(|row| row.0);
        found
            .or((name == "unknown").then_some(Self::Unknown))
            .ok_or_else(|| format!("no endpoint is called `{name}`"))
    }
}
