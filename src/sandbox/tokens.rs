//! Issues and checks tokens for three kinds of clients.
//!
//! As with the API, using a refresh token invalidates it: a client that loses the new one is locked out.

use std::collections::{HashMap, HashSet};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use fastrand::Rng;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    answer::ErrorAnswer,
    options::{PartnerAccount, TOKEN},
};

/// Lifetime of an access token in seconds, as announced. It stays valid afterwards.
const ACCESS_LIFETIME: u32 = 3600;

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const MACHINE_TOKEN: &str = "urn:wazzup:oauth:token-type:machine_token";

/// The kind of client that holds a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TokenKind {
    Client,
    /// Can only be exchanged for a client's token.
    Machine,
}

/// The valid tokens, and every token that was issued.
#[derive(Debug)]
pub(super) struct TokenRegistry {
    partner: PartnerAccount,
    access: HashMap<String, TokenKind>,
    refresh: HashSet<String>,
    /// Every issued token, revoked ones included.
    issued: Vec<String>,
}

/// The body of the token call.
#[derive(Deserialize)]
struct TokenRequest {
    grant_type: String,
    refresh_token_data: Option<RefreshData>,
    client_credentials_data: Option<CredentialsData>,
    token_exchange_data: Option<ExchangeData>,
}

#[derive(Deserialize)]
struct RefreshData {
    refresh_token: String,
    client_id: String,
}

#[derive(Deserialize)]
struct CredentialsData {
    scope: String,
}

#[derive(Deserialize)]
struct ExchangeData {
    subject_token: String,
    subject_token_type: String,
    requested_subject: String,
    scope: String,
}

impl TokenRegistry {
    pub(super) fn new() -> Self {
        let partner = PartnerAccount::default();
        let mut tokens = Self {
            access: HashMap::new(),
            refresh: HashSet::from([partner.refresh_token.clone()]),
            issued: Vec::new(),
            partner,
        };
        tokens.accept(TOKEN);
        tokens
    }

    /// Accepts this access token from now on.
    pub(super) fn accept(&mut self, token: &str) {
        self.access.insert(token.to_owned(), TokenKind::Client);
    }

    pub(super) fn kill(&mut self, token: &str) {
        self.access.remove(token);
    }

    /// Revokes all access tokens; refresh tokens stay valid.
    pub(super) fn kill_all(&mut self) {
        self.access.clear();
    }

    pub(super) fn issued(&self) -> &[String] {
        &self.issued
    }

    /// Checks that the token allows calls for contacts.
    pub(super) fn check(&self, authorization: &str) -> Result<(), ErrorAnswer> {
        match self.access.get(bearer_token(authorization)) {
            Some(TokenKind::Client) => Ok(()),
            Some(TokenKind::Machine) => {
                let problem = "a machine token can only be exchanged for a client's";
                Err(ErrorAnswer::new(403, "FORBIDDEN", problem))
            }
            None => {
                let problem = "the token is missing, wrong or expired";
                Err(ErrorAnswer::new(401, "UNAUTHORIZED", problem))
            }
        }
    }

    pub(super) fn grant(&mut self, authorization: &str, body: &[u8]) -> Result<Value, ErrorAnswer> {
        self.check_partner(authorization)?;
        let ask: TokenRequest = serde_json::from_slice(body)
            .map_err(|error| ErrorAnswer::new(400, "INVALID_REQUEST", error.to_string()))?;
        let kind = match ask.grant_type.as_str() {
            "refresh_token" => self.refresh(&required(ask.refresh_token_data)?)?,
            "client_credentials" => {
                check_scope(&required(ask.client_credentials_data)?.scope)?;
                TokenKind::Machine
            }
            EXCHANGE => self.exchange(&required(ask.token_exchange_data)?)?,
            _ => {
                let problem = "unknown grant_type";
                return Err(ErrorAnswer::new(400, "UNSUPPORTED_GRANT_TYPE", problem));
            }
        };
        Ok(self.issue(kind))
    }

    fn check_partner(&self, authorization: &str) -> Result<(), ErrorAnswer> {
        let pair = format!("{}:{}", self.partner.email, self.partner.password);
        let given = authorization.strip_prefix("Basic ").unwrap_or_default();
        if given == STANDARD.encode(pair) {
            Ok(())
        } else {
            let problem = "the partner's email or password is wrong";
            Err(ErrorAnswer::new(401, "UNAUTHORIZED", problem))
        }
    }

    fn refresh(&mut self, data: &RefreshData) -> Result<TokenKind, ErrorAnswer> {
        if data.client_id != self.partner.client_id {
            return Err(ErrorAnswer::new(400, "INVALID_CLIENT", "unknown client_id"));
        }
        if self.refresh.remove(&data.refresh_token) {
            return Ok(TokenKind::Client);
        }
        let problem = "the refresh token is wrong or spent";
        Err(ErrorAnswer::new(400, "INVALID_GRANT", problem))
    }

    fn exchange(&self, data: &ExchangeData) -> Result<TokenKind, ErrorAnswer> {
        check_scope(&data.scope)?;
        if data.subject_token_type != MACHINE_TOKEN {
            let problem = "subject_token_type is not that of a machine token";
            return Err(ErrorAnswer::new(400, "INVALID_REQUEST", problem));
        }
        if self.access.get(&data.subject_token) != Some(&TokenKind::Machine) {
            let problem = "subject_token is not a machine token";
            return Err(ErrorAnswer::new(400, "INVALID_GRANT", problem));
        }
        if data.requested_subject != self.partner.account_id {
            let problem = "requested_subject is not an account of this partner";
            return Err(ErrorAnswer::new(403, "FORBIDDEN", problem));
        }
        Ok(TokenKind::Client)
    }

    fn issue(&mut self, kind: TokenKind) -> Value {
        let access_token = self.name("access");
        let refresh_token = self.name("refresh");
        self.access.insert(access_token.clone(), kind);
        if kind == TokenKind::Client {
            self.refresh.insert(refresh_token.clone());
        }
        json!({
            "access_token": access_token,
            "refresh_token": refresh_token,
            "expires_in": ACCESS_LIFETIME,
        })
    }

    /// Token names are long and unique, so that tests can search for leaks.
    fn name(&mut self, kind: &str) -> String {
        let number = self.issued.len();
        let name = format!(
            "sandbox-{kind}-{number}-{:016x}",
            Rng::with_seed(number as u64).u64(..)
        );
        self.issued.push(name.clone());
        name
    }
}

/// The token of `Authorization: Bearer …`; empty if it is missing.
pub(super) fn bearer_token(authorization: &str) -> &str {
    authorization.strip_prefix("Bearer ").unwrap_or_default()
}

fn required<T>(data: Option<T>) -> Result<T, ErrorAnswer> {
    data.ok_or_else(|| {
        let problem = "the data that belongs to grant_type is missing";
        ErrorAnswer::new(400, "INVALID_REQUEST", problem)
    })
}

fn check_scope(scope: &str) -> Result<(), ErrorAnswer> {
    if scope.split(',').any(|part| part.trim() == "crm") {
        Ok(())
    } else {
        let problem = "the scope crm is missing";
        Err(ErrorAnswer::new(400, "INVALID_SCOPE", problem))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn basic() -> String {
        format!(
            "Basic {}",
            STANDARD.encode("partner@example.com:sandbox-password")
        )
    }

    fn refresh_with(token: &str) -> Vec<u8> {
        let data = json!({"refresh_token": token, "client_id": "sandbox-client"});
        json!({"grant_type": "refresh_token", "refresh_token_data": data})
            .to_string()
            .into_bytes()
    }

    fn text<'a>(answer: &'a Value, field: &str) -> &'a str {
        answer[field].as_str().unwrap()
    }

    #[test]
    fn a_refresh_token_is_spent_by_its_use() {
        let mut tokens = TokenRegistry::new();
        let first = tokens
            .grant(&basic(), &refresh_with("sandbox-refresh-token"))
            .unwrap();
        let access = format!("Bearer {}", text(&first, "access_token"));
        assert!(tokens.check(&access).is_ok());
        let again = tokens.grant(&basic(), &refresh_with("sandbox-refresh-token"));
        assert_eq!(again.unwrap_err().code, "INVALID_GRANT");
        let second = refresh_with(text(&first, "refresh_token"));
        assert!(tokens.grant(&basic(), &second).is_ok());
        assert!(tokens.check(&access).is_ok());
        assert_eq!(tokens.issued().len(), 4);
    }

    #[test]
    fn the_simplified_authorization_takes_two_steps() {
        let mut tokens = TokenRegistry::new();
        let ask = json!({"grant_type": "client_credentials", "client_credentials_data": {"scope": "transport,crm"}});
        let machine = tokens.grant(&basic(), ask.to_string().as_bytes()).unwrap();
        let machine = text(&machine, "access_token").to_owned();
        assert_eq!(
            tokens
                .check(&format!("Bearer {machine}"))
                .unwrap_err()
                .status,
            403
        );
        let mut exchange = |subject: &str| {
            let data = json!({"subject_token": machine, "subject_token_type": MACHINE_TOKEN,
                "requested_subject": subject, "scope": "transport,crm"});
            let ask = json!({"grant_type": EXCHANGE, "token_exchange_data": data});
            tokens.grant(&basic(), ask.to_string().as_bytes())
        };
        assert_eq!(exchange("7204-2419").unwrap_err().status, 403);
        let client = exchange("72042419").unwrap();
        let client = format!("Bearer {}", text(&client, "access_token"));
        assert!(tokens.check(&client).is_ok());
    }

    #[test]
    fn a_killed_token_is_refused() {
        let mut tokens = TokenRegistry::new();
        assert!(tokens.check("Bearer sandbox-token").is_ok());
        tokens.kill("sandbox-token");
        assert!(tokens.check("Bearer sandbox-token").is_err());
    }

    #[test]
    fn a_stranger_gets_no_token() {
        let mut tokens = TokenRegistry::new();
        let ask = refresh_with("sandbox-refresh-token");
        for stranger in ["", "Basic", "Basic !!", "Bearer sandbox-token"] {
            assert_eq!(tokens.grant(stranger, &ask).unwrap_err().status, 401);
        }
        assert_eq!(tokens.grant(&basic(), b"{}").unwrap_err().status, 400);
        assert!(tokens.grant(&basic(), &ask).is_ok());
    }
}
