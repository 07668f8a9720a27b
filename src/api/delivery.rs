//! Sends a request until it is answered: limiter → token → request → consequence, repeated as defined by the table in
//! [`retry`](super::retry).
//!
//! Calls to the token endpoint are sent in the same way, so they count towards the limit and are retried by the
//! same rules. Only their [`Credentials`] differ.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use reqwest::{Request, header::AUTHORIZATION};
use tracing::debug;

use super::{
    attempt::{ApiCall, AttemptEnd, Authorization, Delivery, Parse, concluded, read_answer},
    clock::Waiter,
    error::{ApiError, ApiErrorKind},
    limiter::{InFlight, Limiter},
    retry::{
        AttemptOutcome, CallKind, Circuit, Consequence, RetryPolicy, consequence, may_be_done,
    },
    route::HttpFailure,
    secrets::Secrets,
    stats::Recorder,
    transport::{HttpAnswer, Transport},
};
use crate::{
    crash::{self, Point},
    progress::{Event, Waiting},
    traffic::Unanswered,
};

/// Consecutive rejected tokens after which a call fails. The number is large because threads share tokens: a slow
/// thread may encounter several expired ones that other threads have renewed meanwhile.
const REJECTIONS_MAX: u32 = 20;

/// Time that a token call may take after a stop was requested.
const TOKEN_GRACE: Duration = Duration::from_millis(600);

/// Supplies the `Authorization` header.
pub(super) trait Credentials {
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

    /// The error if the server rejects every header.
    fn unauthorized(&self, detail: &str) -> ApiError;
}

/// The state shared by all requests.
pub(crate) struct Dispatcher {
    pub(super) transport: Arc<Transport>,
    pub(super) limiter: Limiter,
    pub(super) recorder: Mutex<Recorder>,
    pub(super) circuit: Circuit,
    pub(super) secrets: Secrets,
    pub(super) policy: RetryPolicy,
    /// Returns a random number in 0..1, for the jitter of waits.
    pub(super) random: fn() -> f64,
    pub(super) waiter: Waiter,
    /// Hold after a 429 without `Retry-After`.
    pub(super) window: Duration,
}

#[derive(Default)]
struct Attempts<'a> {
    /// Reported to the user from the first attempt on.
    waiting: Option<Waiting<'a>>,
    /// When the first attempt was sent.
    started: Option<Duration>,
    /// Number of failed attempts.
    failures: u32,
    rejections: u32,
    /// True if an attempt may have been carried out.
    sent: bool,
}

impl Dispatcher {
    /// Sends until there is an answer or a reason to give up.
    pub(super) fn deliver<T>(
        &self,
        call: &ApiCall,
        credentials: &dyn Credentials,
        parse: Parse<'_, T>,
    ) -> Result<Delivery<T>, ApiError> {
        let mut attempts = Attempts::default();
        loop {
            match self.step(call, credentials, parse, &mut attempts) {
                Ok(None) => {}
                Ok(Some(delivery)) => return Ok(delivery),
                // Only this call's attempts count, even if a token call ended it.
                Err(ApiError { kind, .. }) => {
                    let sent = attempts.sent;
                    return Err(ApiError { kind, sent });
                }
            }
        }
    }

    /// Makes one attempt and acts on its result; `None` means retry.
    fn step<'a, T>(
        &'a self,
        call: &ApiCall,
        credentials: &dyn Credentials,
        parse: Parse<'_, T>,
        attempts: &mut Attempts<'a>,
    ) -> Result<Option<Delivery<T>>, ApiError> {
        let (in_flight, authorization) = self.begin(call, credentials, attempts)?;
        let ended = self.attempt(call, &authorization, parse);
        // An attempt only fails if its answer is abandoned.
        let ended = ended.inspect_err(|_| attempts.sent = true)?;
        let consequence = consequence(ended.outcome, call.is_idempotent);
        let is_trouble = matches!(
            consequence,
            Consequence::Retry | Consequence::Unknown | Consequence::Hold
        );
        let latency = self.waiter.now().saturating_sub(in_flight.at);
        in_flight.ended((!is_trouble).then_some(latency));
        self.update_circuit(call, &ended, consequence);
        let was_sent = attempts.sent;
        attempts.sent |= may_be_done(ended.outcome);
        match consequence {
            Consequence::Hold => self.hold(call, attempts, &ended)?,
            Consequence::Retry => {
                attempts.failures += 1;
                self.back_off(call, attempts, &ended)?;
            }
            Consequence::Unauthorized => {
                attempts.rejections += 1;
                if attempts.rejections > REJECTIONS_MAX {
                    return Err(credentials.unauthorized(&ended.message));
                }
                credentials.rejected(self, &authorization, &ended.message)?;
            }
            Consequence::Done | Consequence::Refused | Consequence::Unknown | Consequence::Stop => {
                return concluded(call, ended, consequence, was_sent).map(Some);
            }
        }
        Ok(None)
    }

    /// Waits until the request may leave, and returns the token to send with it.
    fn begin<'a>(
        &'a self,
        call: &ApiCall,
        credentials: &dyn Credentials,
        attempts: &mut Attempts<'a>,
    ) -> Result<(InFlight<'a>, Authorization), ApiError> {
        self.circuit.check()?;
        credentials.ensure(self)?;
        let in_flight = self.limiter.acquire(&self.waiter)?;
        // The circuit may have opened meanwhile.
        self.circuit.check()?;
        let authorization = credentials.authorization()?;
        let is_retry = attempts.started.is_some();
        self.recorder
            .lock()
            .leaves(in_flight.at, call.kind.into(), is_retry);
        attempts.started.get_or_insert(in_flight.at);
        let waiting = || self.waiter.waiting(call.kind.wait());
        attempts.waiting.get_or_insert_with(waiting);
        Ok((in_flight, authorization))
    }

    /// Sends once and reads the answer.
    fn attempt<T>(
        &self,
        call: &ApiCall,
        authorization: &Authorization,
        parse: Parse<'_, T>,
    ) -> Result<AttemptEnd<T>, ApiErrorKind> {
        let Some(mut request) = call.request.try_clone() else {
            let message = "it can't be copied".to_owned();
            return Ok(AttemptEnd::with(AttemptOutcome::NotSent, message));
        };
        request
            .headers_mut()
            .insert(AUTHORIZATION, authorization.header.clone());
        if let Some(secret) = authorization.secret() {
            self.secrets.add(secret);
        }
        let begun = self.waiter.now();
        crash::point(Point::Request);
        let result = self.exchange(call.kind, request);
        let now = self.waiter.now();
        let took = now.saturating_sub(begun);
        let status = match &result {
            Ok(Ok(answer)) => Ok(answer.status),
            Ok(Err(failure)) => failure.status,
            Err(_) => Err(Unanswered::Abandoned),
        };
        self.recorder
            .lock()
            .ended(now, call.kind.into(), status, took);
        let result = result?;
        crash::point(Point::Answer);
        let what = call.what;
        Ok(match result {
            Ok(answer) => {
                debug!(
                    what,
                    status = answer.status,
                    ms = took.as_millis(),
                    "answered"
                );
                read_answer(answer, &self.secrets, parse)
            }
            Err(HttpFailure {
                outcome, message, ..
            }) => {
                let message = self.secrets.hide(&message).into_owned();
                debug!(what, reason = message, "failed");
                AttemptEnd::with(outcome, message)
            }
        })
    }

    /// A read is abandoned if a stop is requested, and a token call after a grace period, because it may use up
    /// the token that it sends. A write may be carried out, so its answer is awaited.
    fn exchange(
        &self,
        kind: CallKind,
        request: Request,
    ) -> Result<Result<HttpAnswer, HttpFailure>, ApiErrorKind> {
        let grace = match kind {
            CallKind::Read => Some(Duration::ZERO),
            CallKind::Token => Some(TOKEN_GRACE),
            CallKind::Write | CallKind::Isolation => None,
        };
        let stop = self.waiter.clone().stopped(grace);
        Ok(self.transport.exchange(request, stop)?)
    }

    /// A 429 shows neither success nor failure of the server. Nor does an error on a part of a failed batch:
    /// isolation has its own bound.
    fn update_circuit<T>(&self, call: &ApiCall, ended: &AttemptEnd<T>, consequence: Consequence) {
        let is_answered = ended.status() != 0;
        match consequence {
            Consequence::Retry | Consequence::Unknown
                if call.kind == CallKind::Isolation && is_answered => {}
            Consequence::Retry | Consequence::Unknown => {
                self.circuit
                    .failed(call.kind, self.waiter.now(), &ended.message);
            }
            Consequence::Hold => {}
            _ => self.circuit.worked(call.kind),
        }
    }

    /// After a 429, holds all senders until the server's window is over. If that repeats for too long, all calls
    /// fail: the server has refused no contact, and dividing batches would not help.
    fn hold<T>(
        &self,
        call: &ApiCall,
        attempts: &Attempts<'_>,
        ended: &AttemptEnd<T>,
    ) -> Result<(), ApiErrorKind> {
        let wait = self
            .retry_after(ended)
            .map_or(self.window, |asked| asked.max(self.policy.base));
        let is_new = self.limiter.hold(self.waiter.now(), wait);
        let in_time = self.is_in_time(attempts, wait);
        if self
            .circuit
            .held(call.kind, is_new, in_time, &ended.message)
        {
            self.limiter.end_hold();
            return self.circuit.check();
        }
        if is_new {
            let status = ended.status();
            self.waiter.report(Event::Held { status, wait });
        }
        Ok(())
    }

    fn back_off<T>(
        &self,
        call: &ApiCall,
        attempts: &Attempts<'_>,
        ended: &AttemptEnd<T>,
    ) -> Result<(), ApiErrorKind> {
        let drawn = self.policy.wait(attempts.failures, (self.random)());
        let wait = drawn.max(self.retry_after(ended).unwrap_or_default());
        if attempts.failures >= self.policy.tries(ended.outcome) || !self.is_in_time(attempts, wait)
        {
            if ended.outcome == AttemptOutcome::ProxyDown {
                let detail = ended.message.clone();
                return Err(ApiErrorKind::ProxyDown { detail });
            }
            return Err(ApiErrorKind::GaveUp {
                what: call.what,
                tries: attempts.failures,
                last: ended.message.clone(),
            });
        }
        self.waiter.report(Event::Retry {
            reason: ended.message.clone(),
            wait,
            next_try: attempts.failures + 1,
            tries: self.policy.tries(ended.outcome),
        });
        Ok(self.waiter.until(self.waiter.now() + wait)?)
    }

    fn retry_after<T>(&self, ended: &AttemptEnd<T>) -> Option<Duration> {
        let header = ended.retry_after.as_deref()?;
        self.policy.retry_after(header, self.waiter.wall())
    }

    /// True if a call may continue after such a wait.
    fn is_in_time(&self, attempts: &Attempts<'_>, wait: Duration) -> bool {
        let next = self.waiter.now() + wait;
        let started = attempts.started.unwrap_or(next);
        next.saturating_sub(started) <= self.policy.total
    }
}
