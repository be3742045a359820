//! Who may ask: the private token, OAuth tokens that expire, and rights.

use std::collections::HashMap;

use super::answer::{Answer, Refusal};
use super::behaviour::{Behaviour, OauthClient};
use super::endpoint::EndpointKind;
use super::exchange::{ApiRequest, ApiResponse, Query};
use crate::json::JsonText;
use crate::world::World;

/// The tokens that were issued.
#[derive(Clone, Debug, Default)]
pub(super) struct Tokens {
    /// When each access token ends.
    access: HashMap<String, i64>,
    /// The refresh token that is valid now, when it is no longer the first.
    refresh: Option<String>,
    issued: u32,
}

impl Tokens {
    pub(super) fn expire_all(&mut self) {
        self.access.clear();
    }

    fn is_valid(&self, token: &str, behaviour: &Behaviour, now_ms: i64) -> bool {
        let private = !token.is_empty() && token == behaviour.token;
        private || self.access.get(token).is_some_and(|ends_ms| now_ms < *ends_ms)
    }

    /// Lets a request pass if its token is valid and has the right.
    pub(super) fn admit(
        &self,
        request: &ApiRequest,
        kind: EndpointKind,
        behaviour: &Behaviour,
        now_ms: i64,
    ) -> Result<(), Refusal> {
        let Some(scope) = kind.scope() else { return Ok(()) };
        let header = request.header_value("authorization").unwrap_or("");
        let token = header.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        if !token.is_some_and(|(_, token)| self.is_valid(token, behaviour, now_ms)) {
            return Err(Refusal::new(401, "The access token is invalid or has expired"));
        }
        if !behaviour.scopes.iter().any(|known| known == scope) {
            return Err(Refusal::new(403, &format!("The access token lacks the scope {scope}")));
        }
        Ok(())
    }

    /// `POST /app/token_info`: bare, about the token in the body.
    pub(super) fn info(&self, request: &ApiRequest, behaviour: &Behaviour, world: &World) -> Answer {
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let token =
            body["access_token"].as_str().ok_or_else(|| Refusal::invalid("access_token is required"))?;
        if !self.is_valid(token, behaviour, world.now_ms()) {
            return Err(Refusal::new(401, "The access token is invalid or has expired"));
        }
        let lifetime = self.access.get(token).map_or(0, |ends_ms| (ends_ms - world.now_ms()) / 1000);
        let mut json = JsonText::new();
        json.open('{').text_field("access_token", token);
        json.text_field("authenticated_userid", &format!("orgId:{}", world.config().org_id));
        json.text_field("credential_id", "app-7f3").text_field("token_type", "bearer");
        json.number_field("expires_in", lifetime).number_field("created_at", 1_754_300_000_000);
        json.text_field("scope", &behaviour.scopes.join(" ")).text_field("id", "tkn-991").close('}');
        Ok(ApiResponse::json(json.into_string()))
    }

    /// `POST /oauth2/token`, in the form of today and in the JSON of old.
    pub(super) fn exchange(&mut self, request: &ApiRequest, behaviour: &Behaviour, world: &World) -> Answer {
        let client = behaviour.oauth.as_ref().ok_or_else(|| Refusal::not_found("endpoint"))?;
        let asked = Asked::read(request);
        if asked.get("client_id") != client.client_id || asked.get("client_secret") != client.client_secret {
            return Err(Refusal::new(401, "The client is not known"));
        }
        let valid_refresh = self.refresh.as_deref().unwrap_or(&client.refresh_token);
        let granted = match asked.get("grant_type") {
            "refresh_token" => asked.get("refresh_token") == valid_refresh,
            "authorization_code" => !asked.get("code").is_empty(),
            _ => return Err(Refusal::invalid("grant_type is not known")),
        };
        if !granted {
            return Err(Refusal::new(401, "The grant is invalid or has expired"));
        }
        Ok(ApiResponse::json(self.issue(client, asked.old_spelling, world)))
    }

    fn issue(&mut self, client: &OauthClient, old_spelling: bool, world: &World) -> String {
        self.issued += 1;
        let access = format!("sim-access-{}", self.issued);
        self.access.insert(access.clone(), world.now_ms() + client.access_lifetime_ms);
        if client.rotates {
            self.refresh = Some(format!("sim-refresh-{}", self.issued));
        }
        let refresh = self.refresh.as_deref().unwrap_or(&client.refresh_token);
        let names = if old_spelling {
            ["accessToken", "refreshToken", "tokenType", "expiresIn"]
        } else {
            ["access_token", "refresh_token", "token_type", "expires_in"]
        };
        let mut json = JsonText::new();
        json.open('{')
            .text_field(names[0], &access)
            .text_field(names[1], refresh)
            .text_field(names[2], "bearer");
        json.number_field(names[3], client.access_lifetime_ms / 1000);
        json.number_field("orgId", world.config().org_id).close('}');
        json.into_string()
    }
}

/// The fields of a token request under their names of today.
struct Asked {
    fields: HashMap<String, String>,
    old_spelling: bool,
}

impl Asked {
    fn read(request: &ApiRequest) -> Self {
        let parsed: Option<HashMap<String, String>> = serde_json::from_slice(&request.body).ok();
        let old_spelling = parsed.is_some();
        let fields = if let Some(fields) = parsed {
            fields.into_iter().map(|(name, value)| (snake_case(&name), value)).collect()
        } else {
            let form = String::from_utf8_lossy(&request.body);
            let query = Query::parse(&form);
            query.names().map(|name| (name.to_owned(), query.get(name).unwrap_or("").to_owned())).collect()
        };
        Self { fields, old_spelling }
    }

    fn get(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for character in name.chars() {
        if character.is_uppercase() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}
