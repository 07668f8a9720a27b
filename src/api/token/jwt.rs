//! Reads the claims of a JWT. Nothing is verified, which is up to the server.

use std::time::{Duration, SystemTime};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

/// Claims that identify the account, the most explicit first.
const ACCOUNT_CLAIMS: [&str; 3] = ["account_id", "accountId", "account"];

/// The partner's application: the same in the tokens of all of its accounts. \[seen\]
const CLIENT_CLAIM: &str = "client_id";

/// Claims that differ between tokens of one account, or are the same for all accounts of a partner.
const UNRELATED_CLAIMS: [&str; 21] = [
    "acr",
    "amr",
    "at_hash",
    "aud",
    "auth_time",
    "azp",
    "c_hash",
    "cid",
    CLIENT_CLAIM,
    "exp",
    "iat",
    "iss",
    "jti",
    "nbf",
    "nonce",
    "scope",
    "scp",
    "session_state",
    "sid",
    "token_type",
    "typ",
];

/// The claims that are used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Claims {
    pub(crate) expires_at: Option<SystemTime>,
    pub(crate) account: Option<String>,
    /// Distinguishes accounts, for the account's fingerprint: the account's name, or a digest of the claims that all tokens of
    /// an account share.
    pub(crate) identity: Option<String>,
}

/// Reads the claims. A token that is not a JWT has none.
pub(crate) fn claims(token: &str) -> Claims {
    let Some(payload) = payload(token) else {
        return Claims::default();
    };
    let claim = |name: &str| payload.get(name).and_then(text);
    let explicit = ACCOUNT_CLAIMS.into_iter().find_map(claim);
    let client = claim(CLIENT_CLAIM);
    let subject = claim("sub").filter(|subject| client.as_ref() != Some(subject));
    let account = explicit.or(subject);
    Claims {
        expires_at: payload.get("exp").and_then(instant),
        identity: account.clone().or_else(|| digest(&payload)),
        account,
    }
}

/// A digest of the claims that may distinguish accounts; `None` if there are none.
fn digest(payload: &Map<String, Value>) -> Option<String> {
    let client = payload.get(CLIENT_CLAIM);
    let mut stable: Vec<_> = payload
        .iter()
        .filter(|(name, value)| {
            !UNRELATED_CLAIMS.contains(&name.as_str()) && Some(*value) != client
        })
        .collect();
    stable.sort_by_key(|(name, _)| *name);
    let text = serde_json::to_vec(&stable).ok()?;
    (!stable.is_empty()).then(|| format!("claims {}", blake3::hash(&text).to_hex()))
}

fn payload(token: &str) -> Option<Map<String, Value>> {
    let mut parts = token.split('.');
    let (_head, payload, _signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let json = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&json).ok()
}

fn instant(value: &Value) -> Option<SystemTime> {
    let since_epoch = Duration::try_from_secs_f64(value.as_f64()?).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(since_epoch)
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt(payload: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload))
    }

    #[test]
    fn the_end_and_the_account_are_read() {
        let read = claims(&jwt(
            r#"{"exp":1800000000,"sub":"user","accountId":72042419}"#,
        ));
        let end = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        assert_eq!(read.expires_at, Some(end));
        assert_eq!(read.account.as_deref(), Some("72042419"));
    }

    #[test]
    fn the_client_id_of_the_partner_never_names_the_account() {
        let identity = |payload: &str| claims(&jwt(payload)).identity;
        let named = identity(r#"{"client_id":"partner","sub":"account-7","exp":1}"#);
        assert_eq!(named.as_deref(), Some("account-7"));
        for alone in [
            r#"{"client_id":"partner","exp":1}"#,
            r#"{"client_id":"partner","sub":"partner","iat":5,"jti":"x","scope":"crm"}"#,
        ] {
            assert_eq!(identity(alone), None, "{alone}");
        }
    }

    #[test]
    fn claims_that_tokens_of_one_account_share_tell_accounts_apart() {
        let account = |payload: &str| claims(&jwt(payload)).identity;
        let first = account(r#"{"client_id":"p","company":7,"user":"u","exp":1,"jti":"a"}"#);
        let renewed = account(r#"{"user":"u","client_id":"p","company":7,"exp":2,"jti":"b"}"#);
        let other = account(r#"{"client_id":"p","company":8,"user":"u","exp":1,"jti":"a"}"#);
        assert!(first.is_some());
        assert_eq!(first, renewed);
        assert_ne!(first, other);
    }

    #[test]
    fn a_token_that_is_not_a_jwt_claims_nothing() {
        for token in [
            "",
            "abc",
            "a.b.c",
            "a.b",
            "....",
            &jwt("[]"),
            &jwt(r#"{"exp":-1e99}"#),
        ] {
            assert_eq!(claims(token), Claims::default(), "{token}");
        }
    }
}
