//! The token endpoint: three grants with the same answer.

use std::{sync::OnceLock, time::Duration};

use reqwest::{
    Body, Request, Url,
    header::{CONTENT_TYPE, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::{AccountId, Partner, PartnerPassword, RefreshGrant, command};
use crate::api::{
    attempt::{ApiCall, Authorization, BodyError, Delivery},
    delivery::{Credentials, Dispatcher},
    error::{ApiError, ApiErrorKind, Grant},
    retry::CallKind,
};

const WHAT: &str = "POST /v2/oauth/token";
const SCOPE: &str = "transport,crm";

pub(super) struct FreshToken {
    pub(super) access: SecretString,
    pub(super) refresh: Option<SecretString>,
    /// Remaining lifetime, if known.
    pub(super) life: Option<Duration>,
}

impl From<SecretString> for FreshToken {
    fn from(access: SecretString) -> Self {
        Self {
            access,
            refresh: None,
            life: None,
        }
    }
}

pub(super) struct Endpoint {
    url: Url,
    /// The partner's password from a command.
    printed: OnceLock<SecretString>,
}

impl Endpoint {
    pub(crate) const fn new(url: Url) -> Self {
        Self {
            url,
            printed: OnceLock::new(),
        }
    }

    fn password<'a>(
        &'a self,
        dispatcher: &Dispatcher,
        partner: &'a Partner,
    ) -> Result<&'a SecretString, ApiError> {
        let password = match &partner.password {
            PartnerPassword::Given { password, .. } => password,
            PartnerPassword::Command { command } => {
                if self.printed.get().is_none() {
                    let key = "partner_password_command";
                    let printed = command::run(key, command, &dispatcher.waiter)?;
                    // If another thread was faster, its password is equally good.
                    let _ = self.printed.set(printed);
                }
                self.printed.wait()
            }
        };
        dispatcher.secrets.add(password.expose_secret());
        Ok(password)
    }

    /// Exchanges a refresh token of a chain for a new token pair.
    pub(crate) fn refresh(
        &self,
        dispatcher: &Dispatcher,
        grant: &RefreshGrant,
        refresh_token: &SecretString,
    ) -> Result<FreshToken, ApiError> {
        let body = json!({
            "grant_type": "refresh_token",
            "refresh_token_data": {
                "refresh_token": refresh_token.expose_secret(),
                "client_id": grant.client_id,
            },
        });
        dispatcher.secrets.add(refresh_token.expose_secret());
        let origin = Grant::Refresh(grant.origin.clone());
        self.ask(dispatcher, &grant.partner, origin, &body)
    }

    /// Requests a machine token and exchanges it for a client's token.
    pub(crate) fn exchange(
        &self,
        dispatcher: &Dispatcher,
        partner: &Partner,
        account: &AccountId,
    ) -> Result<FreshToken, ApiError> {
        let body = json!({
            "grant_type": "client_credentials",
            "client_credentials_data": { "scope": SCOPE },
        });
        let machine = self.ask(dispatcher, partner, Grant::Partner, &body)?.access;
        dispatcher.secrets.add(machine.expose_secret());
        let body = json!({
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "token_exchange_data": {
                "subject_token": machine.expose_secret(),
                "subject_token_type": "urn:wazzup:oauth:token-type:machine_token",
                "requested_subject": account.as_str(),
                "scope": SCOPE,
            },
        });
        let grant = Grant::Account(account.to_string());
        self.ask(dispatcher, partner, grant, &body)
    }

    fn ask(
        &self,
        dispatcher: &Dispatcher,
        partner: &Partner,
        grant: Grant,
        body: &Value,
    ) -> Result<FreshToken, ApiError> {
        let basic = Basic::of(partner, self.password(dispatcher, partner)?)?;
        let mut request = Request::new(reqwest::Method::POST, self.url.clone());
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(CONTENT_TYPE, json);
        *request.body_mut() = Some(Body::from(body.to_string()));
        let call = ApiCall {
            request,
            what: WHAT,
            // Retrying is the best option after a lost answer, even if it used up the token.
            is_idempotent: true,
            kind: CallKind::Token,
            entities: 0,
            is_allowed: false,
            may_be_missing: false,
        };
        let detail = match dispatcher.deliver(&call, &basic, &|body: Vec<u8>| read(&body)) {
            Ok(Delivery::Answered { value, .. }) => {
                if let Some(refresh) = &value.refresh {
                    dispatcher.secrets.add(refresh.expose_secret());
                }
                return Ok(value);
            }
            Ok(Delivery::Refused(refusal)) => refusal.to_string(),
            Ok(Delivery::Unknown(reason) | Delivery::Unconfirmed(reason)) => reason,
            Err(ApiError {
                kind: ApiErrorKind::Forbidden { detail },
                ..
            }) => detail,
            Err(error) => return Err(error),
        };
        Err(ApiErrorKind::NotGranted { grant, detail }.into())
    }
}

/// Parses the answer. Errors never quote it, because it contains secrets.
fn read(body: &[u8]) -> Result<FreshToken, BodyError> {
    let unreadable = |reason: &str| BodyError::Unreadable(reason.to_owned());
    let value: Value = serde_json::from_slice(body).map_err(|_| unreadable("it is not JSON"))?;
    let data = value.get("data").filter(|data| data.is_object());
    let data = data.unwrap_or(&value);
    let text = |key| {
        let text = data.get(key)?.as_str()?.trim();
        (!text.is_empty()).then(|| SecretString::from(text))
    };
    Ok(FreshToken {
        access: text("access_token").ok_or_else(|| unreadable("it has no access_token"))?,
        refresh: text("refresh_token"),
        life: data.get("expires_in").and_then(seconds),
    })
}

fn seconds(value: &Value) -> Option<Duration> {
    let secs = value
        .as_f64()
        .or_else(|| value.as_str()?.trim().parse().ok())?;
    Duration::try_from_secs_f64(secs).ok()
}

/// `Authorization: Basic …`, which can't be renewed.
struct Basic<'a> {
    header: HeaderValue,
    /// The origin of the password.
    origin: &'a str,
}

impl<'a> Basic<'a> {
    fn of(partner: &'a Partner, password: &SecretString) -> Result<Self, ApiError> {
        use base64::{Engine, engine::general_purpose::STANDARD};
        let pair = format!("{}:{}", partner.email, password.expose_secret());
        let text = format!("Basic {}", STANDARD.encode(pair));
        let origin = partner.password.origin();
        let mut header =
            HeaderValue::try_from(text).map_err(|error| ApiErrorKind::WrongPartner {
                origin: origin.to_owned(),
                detail: error.to_string(),
            })?;
        header.set_sensitive(true);
        Ok(Self { header, origin })
    }
}

impl Credentials for Basic<'_> {
    fn ensure(&self, _: &Dispatcher) -> Result<(), ApiError> {
        Ok(())
    }

    fn authorization(&self) -> Result<Authorization, ApiError> {
        Ok(Authorization {
            header: self.header.clone(),
            generation: 0,
        })
    }

    fn rejected(&self, _: &Dispatcher, _: &Authorization, detail: &str) -> Result<(), ApiError> {
        Err(self.unauthorized(detail))
    }

    fn unauthorized(&self, detail: &str) -> ApiError {
        let (origin, detail) = (self.origin.to_owned(), detail.to_owned());
        ApiErrorKind::WrongPartner { origin, detail }.into()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_read_with_and_without_an_envelope() {
        for body in [
            r#"{"data":{"access_token":"a","refresh_token":"r","expires_in":3600}}"#,
            r#"{"access_token":" a ","refresh_token":"r","expires_in":"3600"}"#,
        ] {
            let granted = read(body.as_bytes()).unwrap();
            assert_eq!(granted.access.expose_secret(), "a");
            assert_eq!(granted.refresh.unwrap().expose_secret(), "r");
            assert_eq!(granted.life, Some(Duration::from_secs(3600)));
        }
    }

    #[test]
    fn what_is_no_grant_is_refused_without_being_quoted() {
        for body in [
            "",
            "<html>secret",
            r#"{"data":{"access_token":7,"x":"secret"}}"#,
            "{}",
        ] {
            let error = read(body.as_bytes()).err().unwrap();
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
