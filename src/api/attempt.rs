//! One attempt to send a request, and the meaning of its answer.

use reqwest::{Method, Request, Url, header::HeaderValue};

use super::{
    base_url::is_loopback,
    error::{ApiError, ApiErrorKind},
    refusal::{Refusal, describe_body, is_markup, with_status},
    retry::{AttemptOutcome, CallKind, Consequence},
    scheme,
    secrets::Secrets,
    transport::{BODY_BYTES_MAX, HttpAnswer},
};
use crate::{characters::plain, contact::Operation};

/// A request, and facts that affect its handling.
pub(super) struct ApiCall {
    pub(super) request: Request,
    /// Method and path for messages, without ids, which may be personal data.
    pub(super) what: &'static str,
    /// True if sending it twice has the same effect as sending it once.
    pub(super) is_idempotent: bool,
    pub(crate) kind: CallKind,
    /// Number of contacts in the body.
    pub(super) entities: usize,
    /// True if a write of this kind was accepted before, so a 403 concerns the content of this one.
    pub(super) is_allowed: bool,
    /// True if any 404 is a valid answer. Otherwise a 404 that is not about contacts means that the API is at
    /// another URL.
    pub(super) may_be_missing: bool,
}

impl ApiCall {
    pub(super) fn read(url: Url, what: &'static str) -> Self {
        Self {
            request: Request::new(Method::GET, url),
            what,
            is_idempotent: true,
            kind: CallKind::Read,
            entities: 0,
            is_allowed: false,
            may_be_missing: false,
        }
    }
}

/// Method and path of a write.
pub(crate) const fn write_of(operation: Operation) -> &'static str {
    match operation {
        Operation::Create => "POST /v2/contacts",
        Operation::Update => "PATCH /v2/contacts",
        Operation::Delete => "DELETE /v2/contacts",
    }
}

/// The `Authorization` header, and the number of its token.
#[derive(Clone)]
pub(super) struct Authorization {
    pub(super) header: HeaderValue,
    pub(super) generation: u64,
}

impl Authorization {
    /// The token, or the encoded email and password. A few lowercase letters don't count as secret: hiding a word
    /// like `wrong` would garble the server's message.
    pub(super) fn secret(&self) -> Option<&str> {
        let header = self.header.to_str().ok()?;
        let token = header.split_once(' ').map_or(header, |(_, token)| token);
        let is_word = token.len() < 12 && token.bytes().all(|byte| byte.is_ascii_lowercase());
        (!is_word).then_some(token)
    }
}

pub(super) type Parse<'a, T> = &'a dyn Fn(Vec<u8>) -> Result<T, BodyError>;

/// The reason why the body of a 2xx is unusable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BodyError {
    /// It is not what the API documents.
    #[error("{0}")]
    Unreadable(String),
    /// It answers a write without saying that the write was carried out.
    #[error("{0}")]
    Unconfirmed(String),
}

impl From<serde_json::Error> for BodyError {
    fn from(error: serde_json::Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Delivery<T> {
    /// The server carried it out.
    Answered { status: u16, value: T },
    /// The server did nothing, and never will without a change.
    Refused(Refusal),
    /// It was sent, but its outcome is unknown, for this reason.
    Unknown(String),
    /// It was answered, but the answer does not say that it was carried out, for this reason.
    Unconfirmed(String),
}

impl<T> Delivery<T> {
    /// The error for a read that was not answered.
    pub(super) fn into_error(self, what: &'static str) -> ApiErrorKind {
        match self {
            Self::Refused(refusal) => ApiErrorKind::Refused {
                what,
                refusal: Box::new(refusal),
            },
            Self::Unknown(detail) | Self::Unconfirmed(detail) => {
                ApiErrorKind::Unreadable { what, detail }
            }
            Self::Answered { .. } => ApiErrorKind::Unreadable {
                what,
                detail: "no contact".to_owned(),
            },
        }
    }
}

pub(super) struct AttemptEnd<T> {
    pub(super) outcome: AttemptOutcome,
    pub(super) value: Option<T>,
    /// Message for the user if the attempt failed.
    pub(super) message: String,
    /// The body, if the status is not 2xx.
    pub(super) text: String,
    pub(super) retry_after: Option<String>,
    pub(super) location: Option<String>,
}

impl<T> AttemptEnd<T> {
    pub(super) fn with(outcome: AttemptOutcome, message: String) -> Self {
        Self {
            outcome,
            value: None,
            message,
            text: String::new(),
            retry_after: None,
            location: None,
        }
    }

    pub(super) fn status(&self) -> u16 {
        match self.outcome {
            AttemptOutcome::Status(status)
            | AttemptOutcome::RetryLater(status)
            | AttemptOutcome::Unconfirmed(status) => status,
            _ => 0,
        }
    }
}

/// Reads an answer. Messages never quote a secret.
pub(super) fn read_answer<T>(
    answer: HttpAnswer,
    secrets: &Secrets,
    parse: Parse<'_, T>,
) -> AttemptEnd<T> {
    let status = answer.status;
    if (200..300).contains(&status) {
        let is_page = is_markup(&answer.body);
        return match parse(answer.body) {
            Ok(value) => AttemptEnd {
                value: Some(value),
                ..AttemptEnd::with(AttemptOutcome::Status(status), String::new())
            },
            Err(BodyError::Unconfirmed(message)) => AttemptEnd::with(
                AttemptOutcome::Unconfirmed(status),
                format!("{status} with {message}"),
            ),
            Err(_) if is_page => AttemptEnd::with(
                AttemptOutcome::InvalidBody,
                format!("{status} with a web page, possibly from a proxy or a login page"),
            ),
            Err(error) => AttemptEnd::with(
                AttemptOutcome::InvalidBody,
                format!(
                    "{status} with an answer that can't be read: {}",
                    plain(&secrets.hide(&error.to_string()))
                ),
            ),
        };
    }
    let outcome = match (status, &answer.retry_after) {
        (403 | 423, Some(_)) => AttemptOutcome::RetryLater(status),
        _ => AttemptOutcome::Status(status),
    };
    let text = secrets
        .hide(&String::from_utf8_lossy(&answer.body))
        .into_owned();
    AttemptEnd {
        message: with_status(status, &describe_body(status, &text)),
        text,
        retry_after: answer.retry_after,
        location: answer
            .location
            .map(|location| secrets.hide(&location).into_owned()),
        ..AttemptEnd::with(outcome, String::new())
    }
}

/// True if a 403 concerns the content of a write rather than the token: a firewall answers with a web page, and a
/// token that was allowed to write before still is.
pub(super) fn forbids_content<T>(call: &ApiCall, ended: &AttemptEnd<T>) -> bool {
    ended.outcome == AttemptOutcome::Status(403)
        && call.entities > 0
        && (call.is_allowed || is_markup(ended.text.as_bytes()))
}

/// Extracts the refusal from an answer; an error if the answer does not come from the API.
pub(super) fn refused<T>(call: &ApiCall, ended: &AttemptEnd<T>) -> Result<Refusal, ApiErrorKind> {
    let status = ended.status();
    if status == 400 && scheme::asks_for_https(ended.text.as_bytes()) {
        return Err(wrong_scheme(call));
    }
    let refusal = Refusal::read(status, &ended.text, call.entities);
    let is_foreign = refusal.is_page || refusal.is_of_a_router() || call.entities == 0;
    if status == 404 && !call.may_be_missing && is_foreign {
        return Err(not_the_api(call, status, ended));
    }
    Ok(refusal)
}

fn not_the_api<T>(call: &ApiCall, status: u16, ended: &AttemptEnd<T>) -> ApiErrorKind {
    let mut url = call.request.url().clone();
    url.set_query(None);
    if call.may_be_missing {
        // An id may be personal data.
        let _ = url.path_segments_mut().map(|mut path| {
            path.pop();
        });
    }
    ApiErrorKind::NotTheApi {
        what: call.what,
        url: url.to_string(),
        status,
        detail: describe_body(status, &ended.text),
    }
}

fn wrong_scheme(call: &ApiCall) -> ApiErrorKind {
    let url = call.request.url();
    ApiErrorKind::WrongScheme {
        right: scheme::other(url),
        is_plain: url.scheme() == "https",
        is_loopback: is_loopback(url),
    }
}

/// The error for an answer that stops the run.
pub(super) fn stopped<T>(call: &ApiCall, ended: AttemptEnd<T>) -> ApiErrorKind {
    let what = call.what;
    match ended.outcome {
        AttemptOutcome::Status(403) => ApiErrorKind::Forbidden {
            detail: describe_body(403, &ended.text),
        },
        AttemptOutcome::Status(status @ 300..=399) => ApiErrorKind::Redirected {
            what,
            status,
            location: plain(ended.location.as_deref().unwrap_or("nowhere")),
        },
        AttemptOutcome::WrongScheme => wrong_scheme(call),
        AttemptOutcome::TooLarge => ApiErrorKind::BodyTooLarge {
            what,
            limit_bytes: BODY_BYTES_MAX as u64,
        },
        AttemptOutcome::Status(status) => not_the_api(call, status, &ended),
        _ => ApiErrorKind::Tls {
            detail: ended.message,
        },
    }
}

/// The result of a call whose last attempt ended in this way. `was_sent`: an earlier attempt may have been carried
/// out, so a contact that exists may be the one that this call created.
pub(super) fn concluded<T>(
    call: &ApiCall,
    mut ended: AttemptEnd<T>,
    consequence: Consequence,
    was_sent: bool,
) -> Result<Delivery<T>, ApiError> {
    if consequence == Consequence::Refused || forbids_content(call, &ended) {
        let refusal = Refusal {
            follows_unknown: was_sent,
            ..refused(call, &ended)?
        };
        if was_sent && !call.is_idempotent && refusal.says_exists() {
            return Ok(Delivery::Unknown(ended.message));
        }
        return Ok(Delivery::Refused(refusal));
    }
    match (consequence, ended.value.take()) {
        (Consequence::Done, Some(value)) => {
            let status = ended.status();
            Ok(Delivery::Answered { status, value })
        }
        (Consequence::Unknown, _) if matches!(ended.outcome, AttemptOutcome::Unconfirmed(_)) => {
            Ok(Delivery::Unconfirmed(ended.message))
        }
        (Consequence::Unknown, _) => Ok(Delivery::Unknown(ended.message)),
        _ => Err(stopped(call, ended).into()),
    }
}
