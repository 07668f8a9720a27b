//! Decides when a request may be sent, for all threads.
//!
//! One thread at a time has the turn: it waits until fewer requests are in flight than
//! [`concurrency`](super::concurrency) allows, no hold is in force and the bucket (see [`rate`](super::rate)) has
//! a token; it takes the token and sends at once. Tokens are never taken in advance: a thread that was suspended
//! between reserving and sending would exceed the limit of a later window. The other threads wait for the turn, so
//! an answer wakes one of them at most.

use std::{sync::Arc, time::Duration};

use parking_lot::{Condvar, Mutex};

use governor::{
    Quota, RateLimiter,
    clock::Clock as GovernorClock,
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{InMemoryState, NotKeyed},
};

use super::{
    clock::{Clock, Waiter},
    concurrency::{Concurrency, Pace},
    rate::Rate,
};
use crate::progress::{STOP_POLL, StopReason};

type Bucket = RateLimiter<NotKeyed, InMemoryState, Ticks, NoOpMiddleware<Nanos>>;

/// Adapts the client's clock to governor's trait.
#[derive(Clone)]
struct Ticks(Arc<dyn Clock>);

impl GovernorClock for Ticks {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.now().into()
    }
}

pub(super) struct Limiter {
    bucket: Option<Bucket>,
    ticks: Ticks,
    /// Held by the thread whose request is sent next.
    turn: Mutex<()>,
    pub(super) state: Mutex<LimiterState>,
    answered: Condvar,
}

/// The requests in flight, and what limits them.
#[derive(Debug)]
pub(super) struct LimiterState {
    /// No request is sent before this moment. A deadline, so that all threads resume together.
    held_until: Duration,
    in_flight: usize,
    in_flight_peak: usize,
    pace: Pace,
}

/// A request that is in flight until this is dropped.
pub(super) struct InFlight<'a> {
    limiter: &'a Limiter,
    /// The moment at which the request must be sent.
    pub(super) at: Duration,
}

/// The reason why a request can't be sent yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blocked {
    /// A request must be answered first.
    Full,
    /// The limit or a hold ends at this moment.
    Until(Duration),
}

impl Limiter {
    pub(crate) fn new(rate: Rate, concurrency: Concurrency, clock: Arc<dyn Clock>) -> Self {
        let ticks = Ticks(clock);
        let pace = Pace::new(concurrency, rate);
        log(pace.target());
        Self {
            bucket: rate.quota().map(|quota| bucket(quota, &ticks)),
            ticks,
            turn: Mutex::default(),
            answered: Condvar::new(),
            state: Mutex::new(LimiterState {
                held_until: Duration::ZERO,
                in_flight: 0,
                in_flight_peak: 0,
                pace,
            }),
        }
    }

    /// Holds all requests for `wait` from now, or longer if they are already held for longer. True if they were
    /// not held.
    pub(super) fn hold(&self, now: Duration, wait: Duration) -> bool {
        let mut state = self.state.lock();
        let before = state.held_until;
        state.held_until = before.max(now + wait);
        before <= now
    }

    pub(super) fn end_hold(&self) {
        self.state.lock().held_until = Duration::ZERO;
    }

    /// The number of requests that may be in flight now.
    pub(super) fn concurrency(&self) -> usize {
        self.state.lock().pace.target()
    }

    /// The number of threads that can read at the same time.
    pub(super) fn readers(&self) -> usize {
        self.state.lock().pace.readers()
    }

    #[cfg(test)]
    pub(super) fn fix_concurrency(&self, number: usize) {
        let number = u16::try_from(number).unwrap_or(u16::MAX);
        self.state.lock().pace = Pace::new(Concurrency::Fixed(number), Rate::Unlimited);
    }

    /// The largest number of requests that were in flight at once.
    pub(super) fn in_flight_peak(&self) -> usize {
        self.state.lock().in_flight_peak
    }

    /// Returns once a request may leave.
    pub(super) fn acquire(&self, waiter: &Waiter) -> Result<InFlight<'_>, StopReason> {
        let _turn = self.turn.lock();
        let mut state = self.state.lock();
        loop {
            waiter.check()?;
            match self.leave(&mut state) {
                Ok(in_flight) => return Ok(in_flight),
                Err(Blocked::Full) => {
                    self.answered.wait_for(&mut state, STOP_POLL);
                }
                Err(Blocked::Until(moment)) => {
                    drop(state);
                    // The hold may be shortened.
                    waiter.until(moment.min(waiter.now() + STOP_POLL))?;
                    state = self.state.lock();
                }
            }
        }
    }

    pub(super) fn leave(&self, state: &mut LimiterState) -> Result<InFlight<'_>, Blocked> {
        if state.in_flight >= state.pace.target() {
            return Err(Blocked::Full);
        }
        let now = self.ticks.0.now();
        if state.held_until > now {
            return Err(Blocked::Until(state.held_until));
        }
        if let Some(Err(not_yet)) = self.bucket.as_ref().map(RateLimiter::check) {
            return Err(Blocked::Until(now + not_yet.wait_time_from(now.into())));
        }
        state.in_flight += 1;
        state.in_flight_peak = state.in_flight_peak.max(state.in_flight);
        Ok(InFlight {
            limiter: self,
            at: self.ticks.0.now(),
        })
    }
}

impl InFlight<'_> {
    /// Adapts the number of requests in flight to the answer's latency; `None` is an error that suggests that the
    /// server is in trouble.
    pub(super) fn ended(self, latency: Option<Duration>) {
        let mut state = self.limiter.state.lock();
        let before = state.pace.target();
        let in_flight = state.in_flight;
        state.pace.observe(latency, in_flight);
        let target = state.pace.target();
        drop(state);
        if target != before {
            log(target);
        }
    }
}

fn log(concurrency: usize) {
    tracing::info!(concurrency, "requests in flight at most");
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.limiter.state.lock().in_flight -= 1;
        self.limiter.answered.notify_one();
    }
}

/// A bucket that starts empty: a run that just ended may have used the whole limit, and any sequence of short runs
/// must stay within it. At the default rate, the first token comes after 10 ms.
fn bucket(quota: Quota, ticks: &Ticks) -> Bucket {
    let bucket = RateLimiter::direct_with_clock(quota, ticks.clone());
    // A full bucket always has this many tokens.
    let _ = bucket.check_n(quota.burst_size());
    bucket
}
