//! Brings one request to an answer: limiter → token → request → verdict, and again where the table in
//! [`retry`](super::retry) says so.
//!
//! Calls for tokens go the same way, so they count towards the limit and are retried by the same rules; only
//! their [`Credentials`] differ.

use std::{fmt, time::Duration};

use reqwest::{
    blocking::Request,
    header::{AUTHORIZATION, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};
use tracing::debug;

use super::{
    backoff::{Jitter, RetryPolicy},
    circuit::Circuit,
    clock::Waiter,
    error::ApiError,
    foreign_text::{is_markup, plain, without_secret},
    limiter::Limiter,
    refusal::{Refusal, describe_body},
    retry::{Outcome, Verdict, judge},
    retry_after,
    stats::Recorder,
    transport::{Answer, BODY_BYTES_MAX, Fault, Transport},
};
use crate::{
    crash::{self, Point},
    progress::Event,
};

/// How many tokens in a row one request may see turned down before it can't be their age. Many, because threads
/// share them: a slow one may find several dead that the others have renewed meanwhile.
const REJECTIONS_MAX: u32 = 20;

/// A request, and what is known about repeating it.
pub(crate) struct Call {
    pub(crate) request: Request,
    /// Method and path as messages name them; no ids, which may be personal data.
    pub(crate) what: &'static str,
    /// Sending it twice does no more than sending it once.
    pub(crate) repeatable: bool,
    /// How many contacts it is about.
    pub(crate) entities: usize,
    /// Writes of its kind have been accepted, so a 403 is about what is in this one.
    pub(crate) is_allowed: bool,
    /// Is 404 an answer to it whatever the body, or may it mean that the API is elsewhere?
    pub(crate) may_be_missing: bool,
    /// What must not be quoted from an answer, the token itself aside.
    pub(crate) secrets: Vec<SecretString>,
}

/// What a call came to.
#[derive(Debug)]
pub(crate) enum Delivery<T> {
    Answered { status: u16, value: T },
    Refused(Refusal),
    Unknown(String),
}

/// The header that a request carries, and the how-many-th token since the start it holds.
#[derive(Clone)]
pub(crate) struct Authorization {
    pub(crate) header: HeaderValue,
    pub(crate) generation: u64,
}

/// Who says who we are.
pub(crate) trait Credentials {
    /// Sees to it that there is a header that is good for a while.
    fn ensure(&self, dispatcher: &Dispatcher) -> Result<(), ApiError>;

    /// The newest header, without waiting for anything.
    fn authorization(&self) -> Result<Authorization, ApiError>;

    /// The server turned this header down: get another, or fail.
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
    pub(crate) jitter: Jitter,
    pub(crate) waiter: Waiter,
    /// How long everybody is held after a 429 that does not say it.
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

/// How far one call has come.
struct Attempts {
    started: Duration,
    tries: u32,
    rejections: u32,
    /// Some try may have been carried out.
    sent: bool,
}

/// How one try ended.
struct Ended<T> {
    outcome: Outcome,
    value: Option<T>,
    /// For people, where it did not end well.
    words: String,
    /// The body, where the status is not 2xx.
    text: String,
    retry_after: Option<String>,
    location: Option<String>,
}

impl<T> Ended<T> {
    fn with(outcome: Outcome, words: String) -> Self {
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
            Outcome::Status(status) => status,
            _ => 0,
        }
    }
}

/// Reads the body of a 2xx; an error says that it is not what it should be.
pub(crate) type Parse<'a, T> = &'a dyn Fn(Vec<u8>) -> Result<T, String>;

impl Dispatcher {
    /// Sends until there is an answer, or reason to give up.
    pub(crate) fn deliver<T>(
        &self,
        call: &Call,
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
            let delivery = self
                .step(call, credentials, parse, &mut attempts)
                .map_err(|error| error.having_sent(attempts.sent))?;
            if let Some(delivery) = delivery {
                return Ok(delivery);
            }
        }
    }

    /// One try and what follows from it; `None` means again.
    fn step<T>(
        &self,
        call: &Call,
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
        let verdict = judge(ended.outcome, call.repeatable);
        self.note(&ended, verdict);
        attempts.sent |= may_be_done(ended.outcome);
        match (verdict, ended.value.take()) {
            (Verdict::Done, Some(value)) => Ok(Some(Delivery::Answered {
                status: ended.status(),
                value,
            })),
            (Verdict::Refused, _) => refused(call, &ended).map(Some),
            (Verdict::Stop, _) if forbids_contents(call, &ended) => refused(call, &ended).map(Some),
            (Verdict::Hold, _) => self.hold(call, attempts, &ended).map(|()| None),
            (Verdict::Again, _) => self.back_off(call, attempts, &ended).map(|()| None),
            (Verdict::Unauthorized, _) => {
                attempts.rejections += 1;
                self.reject(credentials, &authorization, attempts, &ended)
                    .map(|()| None)
            }
            (Verdict::Unknown, _) => Ok(Some(Delivery::Unknown(ended.words))),
            (Verdict::Stop | Verdict::Done, _) => Err(stopped(call, ended)),
        }
    }

    /// Sends once and reads what comes.
    fn attempt<T>(
        &self,
        call: &Call,
        authorization: &Authorization,
        parse: Parse<'_, T>,
    ) -> Ended<T> {
        let Some(mut request) = call.request.try_clone() else {
            return Ended::with(Outcome::NeverLeft, "it can't be copied".to_owned());
        };
        request
            .headers_mut()
            .insert(AUTHORIZATION, authorization.header.clone());
        let begun = self.waiter.now();
        crash::point(Point::Request);
        let result = self.transport.exchange(request);
        crash::point(Point::Answer);
        let took = self.waiter.now().saturating_sub(begun);
        match result {
            Ok(answer) => {
                self.recorder.answered(answer.status, took);
                debug!(
                    what = call.what,
                    status = answer.status,
                    ms = took.as_millis(),
                    "answered"
                );
                read_answer(answer, call, authorization, parse)
            }
            Err(fault) => {
                self.record_fault(&fault, took);
                debug!(what = call.what, reason = fault.words, "failed");
                Ended::with(fault.outcome, fault.words)
            }
        }
    }

    fn record_fault(&self, fault: &Fault, took: Duration) {
        match fault.status {
            Some(status) => self.recorder.answered(status, took),
            None => self.recorder.unanswered(),
        }
    }

    /// Tells the circuit whether a living server has answered. A 429 says nothing either way.
    fn note<T>(&self, ended: &Ended<T>, verdict: Verdict) {
        match verdict {
            Verdict::Again | Verdict::Unknown => {
                self.circuit.failed(self.waiter.now(), &ended.words);
            }
            Verdict::Hold => {}
            _ => self.circuit.worked(),
        }
    }

    /// 429: nobody sends until the server has begun to count anew.
    fn hold<T>(&self, call: &Call, attempts: &Attempts, ended: &Ended<T>) -> Result<(), ApiError> {
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
        call: &Call,
        attempts: &Attempts,
        ended: &Ended<T>,
    ) -> Result<(), ApiError> {
        let drawn = self.jitter.up_to(self.policy.bound(attempts.tries));
        let wait = drawn.max(self.asked_wait(ended).unwrap_or_default());
        self.check_bounds(call, attempts, ended, wait)?;
        self.waiter.tell(Event::Retry {
            reason: ended.words.clone(),
            wait,
        });
        Ok(self.waiter.until(self.waiter.now() + wait)?)
    }

    /// What the server asks for, within reason.
    fn asked_wait<T>(&self, ended: &Ended<T>) -> Option<Duration> {
        let header = ended.retry_after.as_deref()?;
        let asked = retry_after::parse(header, self.waiter.wall())?;
        Some(asked.min(self.policy.retry_after_max))
    }

    fn check_bounds<T>(
        &self,
        call: &Call,
        attempts: &Attempts,
        ended: &Ended<T>,
        wait: Duration,
    ) -> Result<(), ApiError> {
        let next = self.waiter.now() + wait;
        let in_time = next.saturating_sub(attempts.started) <= self.policy.total;
        if attempts.tries < self.policy.tries && in_time {
            return Ok(());
        }
        Err(ApiError::GaveUp {
            what: call.what,
            tries: attempts.tries,
            last: ended.words.clone(),
            sent: false,
        })
    }

    fn reject<T>(
        &self,
        credentials: &dyn Credentials,
        authorization: &Authorization,
        attempts: &Attempts,
        ended: &Ended<T>,
    ) -> Result<(), ApiError> {
        if attempts.rejections > REJECTIONS_MAX {
            return Err(ApiError::Unauthorized {
                origin: "its source, renewed several times,".to_owned(),
                detail: ended.words.clone(),
                sent: false,
            });
        }
        credentials.rejected(self, authorization, &ended.words)
    }
}

/// A body that is kept for people never quotes what the request had to hide.
fn read_answer<T>(
    answer: Answer,
    call: &Call,
    authorization: &Authorization,
    parse: Parse<'_, T>,
) -> Ended<T> {
    let status = answer.status;
    if (200..300).contains(&status) {
        return match parse(answer.body) {
            Ok(value) => Ended {
                value: Some(value),
                ..Ended::with(Outcome::Status(status), String::new())
            },
            Err(words) => Ended::with(
                Outcome::Garbled,
                format!(
                    "{status} with an answer that can't be read: {}",
                    plain(&words)
                ),
            ),
        };
    }
    let text = explanation(&answer.body, call, authorization);
    Ended {
        words: format!("{status}: {}", describe_body(status, &text)),
        text,
        retry_after: answer.retry_after,
        location: answer.location,
        ..Ended::with(Outcome::Status(status), String::new())
    }
}

fn explanation(body: &[u8], call: &Call, authorization: &Authorization) -> String {
    let header = authorization.header.to_str().unwrap_or_default();
    let token = header.split_once(' ').map_or(header, |(_, token)| token);
    let text = without_secret(body, if is_plain_word(token) { "" } else { token });
    call.secrets.iter().fold(text, |text, secret| {
        without_secret(text.as_bytes(), secret.expose_secret())
    })
}

/// A word of a few small letters is no token, whatever was set as one; and servers say `wrong` in their sentences.
fn is_plain_word(token: &str) -> bool {
    token.len() < 12 && token.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// May a try that ended so have been carried out? Some proxies say 503 of what they have handed on.
fn may_be_done(outcome: Outcome) -> bool {
    outcome == Outcome::Status(503) || judge(outcome, false) == Verdict::Unknown
}

/// Is it a 403 that is about what is in a write rather than about the token? A firewall in between, which dislikes
/// somebody's name, answers with a web page; and what was allowed before still is.
fn forbids_contents<T>(call: &Call, ended: &Ended<T>) -> bool {
    ended.outcome == Outcome::Status(403)
        && call.entities > 0
        && (call.is_allowed || is_markup(ended.text.as_bytes()))
}

fn refused<T, U>(call: &Call, ended: &Ended<U>) -> Result<Delivery<T>, ApiError> {
    let status = ended.status();
    if status == 404 && !call.may_be_missing && is_markup(ended.text.as_bytes()) {
        return Err(ApiError::NotTheApi {
            what: call.what,
            status,
            detail: describe_body(status, &ended.text),
            sent: false,
        });
    }
    let refusal = Refusal::read(status, &ended.text, call.entities);
    Ok(Delivery::Refused(refusal))
}

fn stopped<T>(call: &Call, ended: Ended<T>) -> ApiError {
    let what = call.what;
    match ended.outcome {
        Outcome::Status(403) => ApiError::Forbidden {
            detail: describe_body(403, &ended.text),
            sent: false,
        },
        Outcome::Status(status @ 300..=399) => ApiError::Redirected {
            what,
            status,
            location: plain(ended.location.as_deref().unwrap_or("nowhere")),
            sent: false,
        },
        Outcome::TooLarge => ApiError::BodyTooLarge {
            what,
            limit_bytes: BODY_BYTES_MAX as u64,
            sent: false,
        },
        Outcome::Status(status) => ApiError::NotTheApi {
            what,
            status,
            detail: describe_body(status, &ended.text),
            sent: false,
        },
        _ => ApiError::Tls {
            detail: ended.words,
            sent: false,
        },
    }
}
