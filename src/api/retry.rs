//! Decides what to do after each attempt: finish, wait and retry, look up, or give up.
//!
//! | outcome | GET, PATCH, DELETE | POST (create) |
//! |---|---|---|
//! | 2xx, complete and readable | done | done |
//! | 2xx, JSON that does not confirm the write | **unknown** | **unknown** |
//! | 2xx, cut off or unreadable | retry | **unknown** |
//! | 400 404 409 413 422 | refused | refused; **unknown** for an existing id after a 503 |
//! | 401 | renew the token, retry | renew the token, retry |
//! | 403 | stop; refused if it is about the content of a write | the same |
//! | 403 or 423 with `Retry-After` | hold all senders, retry | hold all senders, retry |
//! | 408, 500, 502, 504, other 5xx | retry | **unknown** |
//! | 425, 503 | retry | retry |
//! | 429 | hold all senders, retry | hold all senders, retry |
//! | 3xx | stop, **unknown** unless 307 or 308 | the same |
//! | any other status | stop | stop |
//! | no connection: DNS, refused, handshake, connect timeout | retry | retry |
//! | no connection, because the proxy of the environment is down | retry, a few times | retry, a few times |
//! | certificate not trusted | stop | stop |
//! | very first answer, and not in the base URL's scheme | stop | stop |
//! | sent, no answer: timeout, reset, closed | retry | **unknown** |
//! | 2xx, larger than the cap | stop | **unknown** |
//!
//! PATCH, DELETE and GET are idempotent. A POST that may have been carried out is never resent here: the caller
//! first looks up its contacts. 425 and 503 mean that the work has not begun; 408, 500, and a gateway's 502 and
//! 504 leave that open, and so does a redirect. Refused requests are for the caller to split.

use std::time::{Duration, SystemTime};

use parking_lot::Mutex;

use super::{error::ApiErrorKind, rate::API_WINDOW};
use crate::{progress::WaitFor, traffic::RequestKind};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AttemptOutcome {
    /// An answer with this status; the body of a 2xx was complete and readable.
    Status(u16),
    /// A 403 or 423 with a request to come back later.
    RetryLater(u16),
    /// A 2xx whose body does not confirm the write.
    Unconfirmed(u16),
    /// A 2xx with a truncated or invalid body.
    InvalidBody,
    /// A 2xx with a body above the size limit.
    TooLarge,
    /// The request can't have reached the server.
    NotSent,
    /// Nothing listens at the proxy's address.
    ProxyDown,
    /// The server's certificate is not trusted.
    Untrusted,
    /// The server speaks http and the base URL says https, or vice versa, so the request can't have been carried out.
    WrongScheme,
    /// The request was sent, or may have been, and no answer came.
    NoAnswer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Consequence {
    /// The request was carried out.
    Done,
    /// It was not carried out, and never will be without a change.
    Refused,
    /// Hold all senders, then retry.
    Hold,
    /// Back off, then retry.
    Retry,
    /// Renew the token, then retry.
    Unauthorized,
    /// It may have been carried out; the caller must look it up.
    Unknown,
    /// Retrying is pointless.
    Stop,
}

/// Applies the table at the top of this file.
pub(super) const fn consequence(outcome: AttemptOutcome, is_idempotent: bool) -> Consequence {
    match outcome {
        AttemptOutcome::Status(status) => consequence_of_status(status, is_idempotent),
        AttemptOutcome::RetryLater(_) => Consequence::Hold,
        AttemptOutcome::NotSent | AttemptOutcome::ProxyDown => Consequence::Retry,
        AttemptOutcome::Untrusted | AttemptOutcome::WrongScheme => Consequence::Stop,
        AttemptOutcome::TooLarge if is_idempotent => Consequence::Stop,
        AttemptOutcome::InvalidBody | AttemptOutcome::NoAnswer if is_idempotent => {
            Consequence::Retry
        }
        AttemptOutcome::Unconfirmed(_)
        | AttemptOutcome::InvalidBody
        | AttemptOutcome::NoAnswer
        | AttemptOutcome::TooLarge => Consequence::Unknown,
    }
}

const fn consequence_of_status(status: u16, is_idempotent: bool) -> Consequence {
    match status {
        200..=299 => Consequence::Done,
        400 | 404 | 409 | 413 | 422 => Consequence::Refused,
        401 => Consequence::Unauthorized,
        429 => Consequence::Hold,
        425 | 503 => Consequence::Retry,
        408 | 500..=599 if is_idempotent => Consequence::Retry,
        408 | 500..=599 => Consequence::Unknown,
        _ => Consequence::Stop,
    }
}

/// True if an attempt with this outcome may have been carried out. Some proxies answer 503 for requests that they
/// have passed on. A redirect may follow a write that was carried out, except for 307 and 308, which ask for the
/// same request at another address.
pub(super) fn may_be_done(outcome: AttemptOutcome) -> bool {
    match outcome {
        AttemptOutcome::Status(307 | 308) => false,
        AttemptOutcome::Status(503 | 300..=399) => true,
        _ => consequence(outcome, false) == Consequence::Unknown,
    }
}

/// The retry policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Maximum number of attempts per request, and of consecutive holds.
    pub tries: u32,
    /// Upper bound of the first wait. It doubles with every attempt.
    pub base: Duration,
    /// Maximum upper bound of a wait.
    pub cap: Duration,
    /// No attempt starts later than this after the first.
    pub total: Duration,
    /// Shortest hold after a 429 without `Retry-After`.
    pub hold_min: Duration,
    /// Longer `Retry-After` values are reduced to this.
    pub retry_after_max: Duration,
    /// Consecutive failures over all threads that open the circuit, counted separately for reads, writes and
    /// tokens…
    pub circuit_failures: u32,
    /// …if they span at least this time: many threads fail 20 times within a moment if a server restarts.
    pub circuit_span: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            tries: 8,
            base: Duration::from_millis(500),
            cap: Duration::from_secs(60),
            total: Duration::from_secs(600),
            hold_min: API_WINDOW,
            retry_after_max: Duration::from_secs(300),
            circuit_failures: 20,
            circuit_span: Duration::from_secs(10),
        }
    }
}

impl RetryPolicy {
    /// Maximum number of attempts, depending on the last outcome.
    pub(super) fn tries(&self, outcome: AttemptOutcome) -> u32 {
        match outcome {
            AttemptOutcome::ProxyDown => self.tries.min(PROXY_TRIES),
            _ => self.tries,
        }
    }

    /// The wait after `failed_tries` attempts, with full jitter: `random`, in 0..1, is the fraction of the bound.
    /// Jitter keeps threads that failed together from retrying together.
    pub(super) fn wait(&self, failed_tries: u32, random: f64) -> Duration {
        let doublings = failed_tries.saturating_sub(1).min(31);
        let bound = self.base.saturating_mul(1 << doublings).min(self.cap);
        bound.mul_f64(random)
    }

    /// The wait in a `Retry-After` header, in seconds or as a date, at most `retry_after_max`. `None` if it is over: the
    /// server has rounded it, or this computer's clock is ahead.
    pub(super) fn retry_after(&self, header: &str, now: SystemTime) -> Option<Duration> {
        let text = header.trim();
        let asked = if let Ok(secs) = text.parse::<f64>() {
            Duration::try_from_secs_f64(secs).ok()?
        } else {
            let date = httpdate::parse_http_date(text).ok()?;
            date.duration_since(now).unwrap_or_default()
        };
        (!asked.is_zero()).then(|| asked.min(self.retry_after_max))
    }
}

/// Attempts if the proxy from the environment is down. Usually its address is wrong, and waiting does not help.
const PROXY_TRIES: u32 = 3;

/// The kinds of requests, whose failures are counted separately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallKind {
    Read,
    Write,
    /// A write of a part of a failed batch, so failures are expected. Counted as a write.
    Isolation,
    Token,
}

impl From<CallKind> for RequestKind {
    fn from(kind: CallKind) -> Self {
        match kind {
            CallKind::Read => Self::Read,
            CallKind::Write | CallKind::Isolation => Self::Write,
            CallKind::Token => Self::Token,
        }
    }
}

impl CallKind {
    /// The wait for its answer.
    pub(super) const fn wait(self) -> WaitFor {
        match self {
            Self::Read | Self::Write | Self::Isolation => WaitFor::Answer,
            Self::Token => WaitFor::Token,
        }
    }
}

/// Stops all requests once those of one kind have been failing for a while.
///
/// Counts consecutive failures over all threads. Successes of other requests of the same kind reset the count, so
/// a single request that always fails does not open it. Working reads prove nothing about writes. Once open, it
/// stays open.
#[derive(Debug)]
pub(super) struct Circuit {
    failures_max: u32,
    span_min: Duration,
    holds_max: u32,
    state: Mutex<CircuitState>,
}

#[derive(Debug, Default)]
struct CircuitState {
    streaks: [FailureStreak; 3],
    /// The error of all requests while the circuit is open.
    open: Option<ApiErrorKind>,
}

#[derive(Debug, Default)]
struct FailureStreak {
    failures: u32,
    since: Duration,
    /// The last failure.
    last: String,
    holds: u32,
}

impl CircuitState {
    fn streak(&mut self, kind: CallKind) -> &mut FailureStreak {
        &mut self.streaks[match kind {
            CallKind::Read => 0,
            CallKind::Write | CallKind::Isolation => 1,
            CallKind::Token => 2,
        }]
    }
}

impl Circuit {
    pub(crate) fn new(policy: &RetryPolicy) -> Self {
        Self {
            failures_max: policy.circuit_failures,
            span_min: policy.circuit_span,
            holds_max: policy.tries,
            state: Mutex::default(),
        }
    }

    /// Fails if the circuit is open.
    pub(super) fn check(&self) -> Result<(), ApiErrorKind> {
        self.state.lock().open.clone().map_or(Ok(()), Err)
    }

    /// Counts a failure that a dead server or network would explain.
    pub(super) fn failed(&self, kind: CallKind, now: Duration, last: &str) {
        let mut state = self.state.lock();
        let streak = state.streak(kind);
        if streak.failures == 0 {
            streak.since = now;
        }
        streak.failures = streak.failures.saturating_add(1);
        last.clone_into(&mut streak.last);
        let failures = streak.failures;
        let lasted = now.saturating_sub(streak.since);
        if failures >= self.failures_max && lasted >= self.span_min {
            let last = last.to_owned();
            state
                .open
                .get_or_insert(ApiErrorKind::Circuit { failures, last });
        }
    }

    /// Counts a hold. Opens the circuit and returns true if there were too many in a row, or if this one ends too
    /// late.
    pub(super) fn held(&self, kind: CallKind, is_new: bool, in_time: bool, last: &str) -> bool {
        let mut state = self.state.lock();
        let streak = state.streak(kind);
        streak.holds += u32::from(is_new);
        if streak.holds < self.holds_max && in_time {
            return false;
        }
        let last = last.to_owned();
        state.open.get_or_insert(ApiErrorKind::Throttled { last });
        true
    }

    /// The number of consecutive failures of this kind and the last one, if there are several.
    pub(super) fn failing(&self, kind: CallKind) -> Option<(u32, String)> {
        let mut state = self.state.lock();
        let streak = state.streak(kind);
        (streak.failures > 1).then(|| (streak.failures, streak.last.clone()))
    }

    /// Resets the count of a kind after an answer from a working server.
    pub(super) fn worked(&self, kind: CallKind) {
        *self.state.lock().streak(kind) = FailureStreak::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ending_has_its_verdict() {
        use AttemptOutcome::{
            InvalidBody, NoAnswer, NotSent, ProxyDown, RetryLater, Status, TooLarge, Unconfirmed,
            Untrusted,
        };
        use Consequence::{Done, Hold, Refused, Retry, Stop, Unauthorized, Unknown};
        let table = [
            (Status(200), Done, Done),
            (Status(201), Done, Done),
            (Status(204), Done, Done),
            (Status(301), Stop, Stop),
            (Status(304), Stop, Stop),
            (Status(400), Refused, Refused),
            (Status(401), Unauthorized, Unauthorized),
            (Status(402), Stop, Stop),
            (Status(403), Stop, Stop),
            (Status(404), Refused, Refused),
            (Status(405), Stop, Stop),
            (Status(408), Retry, Unknown),
            (Status(409), Refused, Refused),
            (Status(413), Refused, Refused),
            (Status(415), Stop, Stop),
            (Status(422), Refused, Refused),
            (Status(425), Retry, Retry),
            (Status(429), Hold, Hold),
            (Status(500), Retry, Unknown),
            (Status(502), Retry, Unknown),
            (Status(503), Retry, Retry),
            (Status(504), Retry, Unknown),
            (Status(520), Retry, Unknown),
            (Status(999), Stop, Stop),
            (RetryLater(403), Hold, Hold),
            (Unconfirmed(200), Unknown, Unknown),
            (InvalidBody, Retry, Unknown),
            (TooLarge, Stop, Unknown),
            (NotSent, Retry, Retry),
            (ProxyDown, Retry, Retry),
            (Untrusted, Stop, Stop),
            (NoAnswer, Retry, Unknown),
        ];
        for (outcome, repeatable, create) in table {
            assert_eq!(consequence(outcome, true), repeatable, "{outcome:?}");
            assert_eq!(
                consequence(outcome, false),
                create,
                "{outcome:?} of a create"
            );
        }
    }

    #[test]
    fn a_create_that_may_have_been_carried_out_is_never_sent_again() {
        for status in 0..=999 {
            let surely_not_begun = matches!(status, 425 | 429 | 503 | 401);
            let consequence = consequence(AttemptOutcome::Status(status), false);
            let again = matches!(
                consequence,
                Consequence::Retry | Consequence::Hold | Consequence::Unauthorized
            );
            assert_eq!(again, surely_not_begun, "{status}");
        }
    }

    #[test]
    fn the_wait_doubles_from_half_a_second_to_a_minute() {
        let policy = RetryPolicy::default();
        let longest: Vec<u128> = (1..=9).map(|n| policy.wait(n, 1.0).as_millis()).collect();
        assert_eq!(
            longest,
            [500, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000]
        );
        assert_eq!(policy.wait(u32::MAX, 1.0), policy.cap);
        assert_eq!(policy.wait(3, 0.25), Duration::from_millis(500));
        assert_eq!(policy.wait(9, 0.0), Duration::ZERO);
    }

    #[test]
    fn seconds_and_dates_are_understood_and_nonsense_is_not() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let policy = RetryPolicy::default();
        let secs = |text| policy.retry_after(text, now).map(|span| span.as_secs());
        assert_eq!(secs("120"), Some(120));
        assert_eq!(secs("1200"), Some(300), "cut to the maximum");
        assert_eq!(secs(" 0 "), None);
        assert_eq!(secs("Sun, 06 Nov 1994 08:49:47 GMT"), Some(10));
        assert_eq!(secs("Sun, 06 Nov 1994 08:49:27 GMT"), None);
        for nonsense in ["", "soon", "-5", "NaN", "inf", "99999999999999999999999"] {
            assert_eq!(secs(nonsense), None, "{nonsense}");
        }
    }

    fn circuit() -> Circuit {
        Circuit::new(&RetryPolicy {
            circuit_failures: 3,
            circuit_span: Duration::from_secs(10),
            ..RetryPolicy::default()
        })
    }

    #[test]
    fn many_failures_in_a_row_over_some_time_open_it_for_good() {
        let circuit = circuit();
        for secs in [0, 5, 9] {
            circuit.failed(CallKind::Write, Duration::from_secs(secs), "503");
            circuit.worked(CallKind::Read);
            assert!(circuit.check().is_ok(), "{secs}");
        }
        circuit.failed(CallKind::Write, Duration::from_secs(10), "timed out");
        circuit.worked(CallKind::Write);
        let error = circuit.check();
        assert!(matches!(
            error,
            Err(ApiErrorKind::Circuit { failures: 4, last }) if last == "timed out"
        ));
    }

    #[test]
    fn one_success_starts_the_count_anew() {
        let circuit = circuit();
        for secs in 0..100 {
            circuit.failed(CallKind::Read, Duration::from_secs(secs), "503");
            if secs % 2 == 1 {
                circuit.worked(CallKind::Read);
            }
        }
        assert!(circuit.check().is_ok());
    }

    #[test]
    fn holds_in_a_row_open_it_too() {
        let policy = RetryPolicy::default();
        let circuit = Circuit::new(&policy);
        for hold in 0..100 {
            assert!(
                !circuit.held(CallKind::Write, hold % 8 < 7, true, "429"),
                "{hold}"
            );
            if hold % 8 == 7 {
                circuit.worked(CallKind::Write);
            }
        }
        let circuit = Circuit::new(&policy);
        let opened = (1..=99).find(|_| circuit.held(CallKind::Write, true, true, "429"));
        assert_eq!(opened, Some(policy.tries));
        assert!(matches!(
            circuit.check(),
            Err(ApiErrorKind::Throttled { .. })
        ));
        assert!(Circuit::new(&policy).held(CallKind::Read, false, false, "429"));
    }
}
