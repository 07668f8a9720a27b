//! Brings one request to an answer: limiter → token → request → verdict, repeated as the table in
//! [`retry`](super::retry) says.
//!
//! Calls to the token endpoint go the same way, so they count towards the limit and are retried by the same rules;
//! only their [`Credentials`] differ.

use std::{fmt, time::Duration};

use reqwest::{
    blocking::Request,
    header::{AUTHORIZATION, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};
use tracing::debug;

use super::{
    clock::Waiter,
    error::{ApiError, ApiErrorKind},
    foreign_text::{is_markup, plain, without_secret},
    limiter::Limiter,
    refusal::{Refusal, describe_body},
    retry::{AttemptOutcome, Circuit, RetryPolicy, Verdict, judge, may_be_done},
    stats::Recorder,
    transport::{BODY_BYTES_MAX, HttpAnswer, HttpFailure, Transport},
};
use crate::{
    crash::{self, Point},
    progress::Event,
};

/// Rejected tokens in a row after which a call fails. Large, because threads share tokens: a slow thread may find
/// several expired ones that others have renewed meanwhile.
const REJECTIONS_MAX: u32 = 20;

/// A request and what is known about it.
pub(crate) struct ApiCall {
    pub(crate) request: Request,
    /// Method and path for messages, without ids, which may be personal data.
    pub(crate) what: &'static str,
    /// True if sending it twice has the same effect as sending it once.
    pub(crate) is_idempotent: bool,
    /// Number of contacts in the body.
    pub(crate) entities: usize,
    /// True if writes of this kind have been accepted before, so a 403 is about the content of this one.
    pub(crate) is_allowed: bool,
    /// True if a 404 with a web page is a valid answer. Otherwise it means that the API is at another URL.
    pub(crate) may_be_missing: bool,
    /// Secrets in the body, which messages must not quote. The token is always hidden.
    pub(crate) secrets: Vec<SecretString>,
}

/// The result of a call.
#[derive(Debug)]
pub(crate) enum Delivery<T> {
    Answered { status: u16, value: T },
    Refused(Refusal),
    Unknown(String),
}

/// The `Authorization` header, and the number of its token.
#[derive(Clone)]
pub(crate) struct Authorization {
    pub(crate) header: HeaderValue,
    pub(crate) generation: u64,
}

/// Supplies the `Authorization` header.
pub(crate) trait Credentials {
    /// Makes sure that there is a header that is valid for a while.
    fn ensure(&self, dispatcher: &Dispatcher) -> Result<(), ApiError>;

    /// Returns the newest header without waiting.
    fn authorization(&self) -> Result<Authorization, ApiError>;

    /// Replaces a header that the server rejected, or fails.
    fn rejected(
        &self,
        dispatcher: &Dispatcher,
        authorization: &Authorization,
        detail: &str,
    ) -> Result<(), ApiError>;
}

/// Everything that all requests share.
pub(crate) struct Dispatcher {
    pub(crate) transport: Transport,
    pub(crate) limiter: Limiter,
    pub(crate) recorder: Recorder,
    pub(crate) circuit: Circuit,
    pub(crate) policy: RetryPolicy,
    /// Draws the share of each wait, in 0..1.
    pub(crate) random: fn() -> f64,
    pub(crate) waiter: Waiter,
    /// Hold after a 429 without `Retry-After`.
    pub(crate) window: Duration,
}

impl fmt::Debug for Dispatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dispatcher")
            .field("policy", &self.policy)
            .field("limiter", &self.limiter)
            .finish_non_exhaustive()
    }
}

/// Progress of one call.
struct Attempts {
    started: Duration,
    tries: u32,
    rejections: u32,
    /// True if some attempt may have been carried out.
    sent: bool,
}

/// The end of one attempt.
struct AttemptEnd<T> {
    outcome: AttemptOutcome,
    value: Option<T>,
    /// Message for the user, if it did not succeed.
    words: String,
    /// The body, if the status is not 2xx.
    text: String,
    retry_after: Option<String>,
    location: Option<String>,
}

impl<T> AttemptEnd<T> {
    fn with(outcome: AttemptOutcome, words: String) -> Self {
        Self {
            outcome,
            value: None,
            words,
            text: String::new(),
            retry_after: None,
            location: None,
        }
    }

    fn status(&self) -> u16 {
        match self.outcome {
            AttemptOutcome::Status(status) => status,
            _ => 0,
        }
    }
}

/// Reads the body of a 2xx; an error says what is wrong with it.
pub(crate) type Parse<'a, T> = &'a dyn Fn(Vec<u8>) -> Result<T, String>;

impl Dispatcher {
    /// Sends until there is an answer or a reason to give up.
    pub(crate) fn deliver<T>(
        &self,
        call: &ApiCall,
        credentials: &dyn Credentials,
        parse: Parse<'_, T>,
    ) -> Result<Delivery<T>, ApiError> {
        let mut attempts = Attempts {
            started: self.waiter.now(),
            tries: 0,
            rejections: 0,
            sent: false,
        };
        loop {
            match self.step(call, credentials, parse, &mut attempts) {
                Ok(None) => {}
                Ok(Some(delivery)) => return Ok(delivery),
                // Whatever ended the call, a call for a token included, only its own attempts count.
                Err(ApiError { kind, .. }) => {
                    let sent = attempts.sent;
                    return Err(ApiError { kind, sent });
                }
            }
        }
    }

    /// Makes one attempt and acts on its end; `None` means retry.
    fn step<T>(
        &self,
        call: &ApiCall,
        credentials: &dyn Credentials,
        parse: Parse<'_, T>,
        attempts: &mut Attempts,
    ) -> Result<Option<Delivery<T>>, ApiError> {
        self.circuit.check()?;
        credentials.ensure(self)?;
        let now = self.limiter.acquire(&self.waiter)?;
        let authorization = credentials.authorization()?;
        self.recorder.leaves(now, attempts.tries > 0);
        attempts.tries += 1;
        let mut ended = self.attempt(call, &authorization, parse);
        let verdict = judge(ended.outcome, call.is_idempotent);
        self.update_circuit(&ended, verdict);
        attempts.sent |= may_be_done(ended.outcome);
        match (verdict, ended.value.take()) {
            (Verdict::Done, Some(value)) => {
                let status = ended.status();
                return Ok(Some(Delivery::Answered { status, value }));
            }
            (Verdict::Refused, _) => return refused(call, &ended).map(Some),
            (Verdict::Stop, _) if forbids_content(call, &ended) => {
                return refused(call, &ended).map(Some);
            }
            (Verdict::Unknown, _) => return Ok(Some(Delivery::Unknown(ended.words))),
            (Verdict::Stop | Verdict::Done, _) => return Err(stopped(call, ended).into()),
            (Verdict::Hold, _) => self.hold(call, attempts, &ended)?,
            (Verdict::Again, _) => self.back_off(call, attempts, &ended)?,
            (Verdict::Unauthorized, _) => {
                attempts.rejections += 1;
                if attempts.rejections > REJECTIONS_MAX {
                    return Err(ApiErrorKind::Unauthorized {
                        origin: "its source, renewed several times,".to_owned(),
                        detail: ended.words,
                    }
                    .into());
                }
                credentials.rejected(self, &authorization, &ended.words)?;
            }
        }
        Ok(None)
    }

    /// Sends once and reads the answer.
    fn attempt<T>(
        &self,
        call: &ApiCall,
        authorization: &Authorization,
        parse: Parse<'_, T>,
    ) -> AttemptEnd<T> {
        let Some(mut request) = call.request.try_clone() else {
            return AttemptEnd::with(AttemptOutcome::NeverLeft, "it can't be copied".to_owned());
        };
        request
            .headers_mut()
            .insert(AUTHORIZATION, authorization.header.clone());
        let begun = self.waiter.now();
        crash::point(Point::Request);
        let result = self.transport.exchange(request);
        crash::point(Point::Answer);
        let took = self.waiter.now().saturating_sub(begun);
        let (what, ms) = (call.what, took.as_millis());
        match result {
            Ok(answer) => {
                self.recorder.answered(answer.status, took);
                debug!(what, status = answer.status, ms, "answered");
                read_answer(answer, call, authorization, parse)
            }
            Err(HttpFailure {
                outcome,
                status,
                words,
            }) => {
                match status {
                    Some(status) => self.recorder.answered(status, took),
                    None => self.recorder.unanswered(),
                }
                debug!(what, reason = words, "failed");
                AttemptEnd::with(outcome, words)
            }
        }
    }

    /// A 429 says nothing about the server's health.
    fn update_circuit<T>(&self, ended: &AttemptEnd<T>, verdict: Verdict) {
        match verdict {
            Verdict::Again | Verdict::Unknown => {
                self.circuit.failed(self.waiter.now(), &ended.words);
            }
            Verdict::Hold => {}
            _ => self.circuit.worked(),
        }
    }

    /// After a 429, holds all senders until the server's window is over.
    fn hold<T>(
        &self,
        call: &ApiCall,
        attempts: &Attempts,
        ended: &AttemptEnd<T>,
    ) -> Result<(), ApiErrorKind> {
        let wait = self
            .asked_wait(ended)
            .map_or(self.window, |asked| asked.max(self.policy.base));
        let now = self.waiter.now();
        if self.limiter.hold(now, wait) {
            self.waiter.tell(Event::Held { wait });
        }
        self.check_bounds(call, attempts, ended, wait)
    }

    fn back_off<T>(
        &self,
        call: &ApiCall,
        attempts: &Attempts,
        ended: &AttemptEnd<T>,
    ) -> Result<(), ApiErrorKind> {
        let drawn = self.policy.wait(attempts.tries, (self.random)());
        let wait = drawn.max(self.asked_wait(ended).unwrap_or_default());
        self.check_bounds(call, attempts, ended, wait)?;
        self.waiter.tell(Event::Retry {
            reason: ended.words.clone(),
            wait,
        });
        Ok(self.waiter.until(self.waiter.now() + wait)?)
    }

    fn asked_wait<T>(&self, ended: &AttemptEnd<T>) -> Option<Duration> {
        let header = ended.retry_after.as_deref()?;
        self.policy.asked_wait(header, self.waiter.wall())
    }

    fn check_bounds<T>(
        &self,
        call: &ApiCall,
        attempts: &Attempts,
        ended: &AttemptEnd<T>,
        wait: Duration,
    ) -> Result<(), ApiErrorKind> {
        let next = self.waiter.now() + wait;
        let in_time = next.saturating_sub(attempts.started) <= self.policy.total;
        if attempts.tries < self.policy.tries && in_time {
            return Ok(());
        }
        Err(ApiErrorKind::GaveUp {
            what: call.what,
            tries: attempts.tries,
            last: ended.words.clone(),
        })
    }
}

/// Text kept for messages never quotes the secrets of the request.
fn read_answer<T>(
    answer: HttpAnswer,
    call: &ApiCall,
    authorization: &Authorization,
    parse: Parse<'_, T>,
) -> AttemptEnd<T> {
    let status = answer.status;
    if (200..300).contains(&status) {
        return match parse(answer.body) {
            Ok(value) => AttemptEnd {
                value: Some(value),
                ..AttemptEnd::with(AttemptOutcome::Status(status), String::new())
            },
            Err(words) => AttemptEnd::with(
                AttemptOutcome::Garbled,
                format!(
                    "{status} with an answer that can't be read: {}",
                    plain(&words)
                ),
            ),
        };
    }
    let text = explanation(&answer.body, call, authorization);
    AttemptEnd {
        words: format!("{status}: {}", describe_body(status, &text)),
        text,
        retry_after: answer.retry_after,
        location: answer.location,
        ..AttemptEnd::with(AttemptOutcome::Status(status), String::new())
    }
}

fn explanation(body: &[u8], call: &ApiCall, authorization: &Authorization) -> String {
    let header = authorization.header.to_str().unwrap_or_default();
    let token = header.split_once(' ').map_or(header, |(_, token)| token);
    let text = without_secret(body, if is_plain_word(token) { "" } else { token });
    call.secrets.iter().fold(text, |text, secret| {
        without_secret(text.as_bytes(), secret.expose_secret())
    })
}

/// True for a few lowercase letters: whatever was set as the token, hiding `wrong` would garble the server's sentence.
fn is_plain_word(token: &str) -> bool {
    token.len() < 12 && token.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// True if a 403 is about the content of a write rather than about the token: a firewall answers with a web page, and
/// a token that was allowed to write before still is.
fn forbids_content<T>(call: &ApiCall, ended: &AttemptEnd<T>) -> bool {
    ended.outcome == AttemptOutcome::Status(403)
        && call.entities > 0
        && (call.is_allowed || is_markup(ended.text.as_bytes()))
}

fn refused<T, U>(call: &ApiCall, ended: &AttemptEnd<U>) -> Result<Delivery<T>, ApiError> {
    let status = ended.status();
    if status == 404 && !call.may_be_missing && is_markup(ended.text.as_bytes()) {
        return Err(ApiErrorKind::NotTheApi {
            what: call.what,
            status,
            detail: describe_body(status, &ended.text),
        }
        .into());
    }
    let refusal = Refusal::read(status, &ended.text, call.entities);
    Ok(Delivery::Refused(refusal))
}

fn stopped<T>(call: &ApiCall, ended: AttemptEnd<T>) -> ApiErrorKind {
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
        AttemptOutcome::TooLarge => ApiErrorKind::BodyTooLarge {
            what,
            limit_bytes: BODY_BYTES_MAX as u64,
        },
        AttemptOutcome::Status(status) => ApiErrorKind::NotTheApi {
            what,
            status,
            detail: describe_body(status, &ended.text),
        },
        _ => ApiErrorKind::Tls {
            detail: ended.words,
        },
    }
}
