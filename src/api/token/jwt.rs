//! Reads the claims of a token that is a JWT. Nothing is verified: that is up to the server.

use std::time::{Duration, SystemTime};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

/// Claims that may name the account, the most explicit first.
const ACCOUNT_CLAIMS: [&str; 5] = ["account_id", "accountId", "account", "client_id", "sub"];

/// The claims that the tool uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Claims {
    pub(crate) expires_at: Option<SystemTime>,
    pub(crate) account: Option<String>,
}

/// Reads the claims; a token that is not a JWT has none.
pub(crate) fn claims(token: &str) -> Claims {
    payload(token).map_or_else(Claims::default, |payload| Claims {
        expires_at: payload.get("exp").and_then(instant),
        account: ACCOUNT_CLAIMS
            .iter()
            .filter_map(|claim| payload.get(claim))
            .find_map(text),
    })
}

fn payload(token: &str) -> Option<Value> {
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
    fn what_is_no_jwt_claims_nothing() {
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
