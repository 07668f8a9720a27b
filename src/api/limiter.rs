//! Decides when a request may be sent, for all threads.
//!
//! Threads queue in order of arrival. The first in the queue waits until fewer requests are in flight than
//! [`concurrency`](super::concurrency) allows, no hold is in force and the bucket (see [`rate`](super::rate)) has
//! a token; it takes the token and sends at once. Tokens are never taken in advance: a thread that was suspended
//! between reserving and sending would exceed the limit of a later window.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

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

/// The rate limiter of a process.
pub(crate) struct Limiter {
    bucket: Option<Bucket>,
    ticks: Ticks,
    traffic: Mutex<Traffic>,
}

/// Waiting requests, and requests in flight.
#[derive(Debug)]
pub(super) struct Traffic {
    /// No request is sent before this moment. A deadline, so that all threads resume together.
    held_until: Duration,
    /// Waiting threads in order of arrival.
    tickets: VecDeque<Ticket>,
    next_ticket: u64,
    in_flight: usize,
    in_flight_peak: usize,
    pace: Pace,
}

/// A thread that waits. Only the first one is woken, when the one before it has left or a request was answered:
/// the others could not go on yet.
#[derive(Debug)]
struct Ticket {
    number: u64,
    turn: Arc<Condvar>,
}

/// A request that is in flight until this is dropped.
pub(crate) struct InFlight<'a> {
    limiter: &'a Limiter,
    /// The moment at which the request must be sent.
    pub(crate) at: Duration,
}

/// The reason why a request can't be sent yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotYet {
    /// Other requests must be sent or answered first.
    Turn,
    /// The limit or a hold ends at this moment.
    Until(Duration),
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limiter")
            .field("traffic", &self.traffic)
            .finish_non_exhaustive()
    }
}

impl Limiter {
    pub(crate) fn new(rate: Rate, concurrency: Concurrency, clock: Arc<dyn Clock>) -> Self {
        let ticks = Ticks(clock);
        let pace = Pace::new(concurrency, rate);
        log(pace.target());
        Self {
            bucket: rate.quota().map(|quota| bucket(quota, &ticks)),
            ticks,
            traffic: Mutex::new(Traffic {
                held_until: Duration::ZERO,
                tickets: VecDeque::new(),
                next_ticket: 0,
                in_flight: 0,
                in_flight_peak: 0,
                pace,
            }),
        }
    }

    /// Holds all requests for `wait` from now, or longer if they are already held for longer. True if they were
    /// not held.
    pub(crate) fn hold(&self, now: Duration, wait: Duration) -> bool {
        let mut traffic = self.traffic();
        let before = traffic.held_until;
        traffic.held_until = before.max(now + wait);
        before <= now
    }

    /// Ends the hold.
    pub(crate) fn end_hold(&self) {
        self.traffic().held_until = Duration::ZERO;
    }

    /// The number of requests that may be in flight now.
    pub(crate) fn concurrency(&self) -> usize {
        self.traffic().pace.target()
    }

    #[cfg(test)]
    pub(super) fn fix_concurrency(&self, number: usize) {
        let number = u16::try_from(number).unwrap_or(u16::MAX);
        self.traffic().pace = Pace::new(Concurrency::Fixed(number), Rate::Unlimited);
    }

    /// The largest number of requests that were in flight at once.
    pub(crate) fn in_flight_peak(&self) -> usize {
        self.traffic().in_flight_peak
    }

    /// Returns once a request may leave.
    pub(crate) fn acquire(&self, waiter: &Waiter) -> Result<InFlight<'_>, StopReason> {
        let place = self.join();
        let mut traffic = self.traffic();
        loop {
            waiter.check()?;
            match self.leave(&mut traffic, place.ticket) {
                Ok(in_flight) => {
                    drop(traffic);
                    return Ok(in_flight);
                }
                Err(NotYet::Turn) => {
                    let woken = place.turn.wait_timeout(traffic, STOP_POLL);
                    traffic = woken.unwrap_or_else(PoisonError::into_inner).0;
                }
                Err(NotYet::Until(moment)) => {
                    drop(traffic);
                    // The hold may be shortened.
                    waiter.until(moment.min(waiter.now() + STOP_POLL))?;
                    traffic = self.traffic();
                }
            }
        }
    }

    pub(super) fn leave(&self, traffic: &mut Traffic, ticket: u64) -> Result<InFlight<'_>, NotYet> {
        let first = traffic.tickets.front();
        let is_first = first.is_some_and(|first| first.number == ticket);
        if !is_first || traffic.in_flight >= traffic.pace.target() {
            return Err(NotYet::Turn);
        }
        let now = self.ticks.0.now();
        if traffic.held_until > now {
            return Err(NotYet::Until(traffic.held_until));
        }
        if let Some(Err(not_yet)) = self.bucket.as_ref().map(RateLimiter::check) {
            return Err(NotYet::Until(now + not_yet.wait_time_from(now.into())));
        }
        traffic.in_flight += 1;
        traffic.in_flight_peak = traffic.in_flight_peak.max(traffic.in_flight);
        Ok(InFlight {
            limiter: self,
            at: self.ticks.0.now(),
        })
    }

    pub(super) fn join(&self) -> QueuePlace<'_> {
        let mut traffic = self.traffic();
        let ticket = traffic.next_ticket;
        traffic.next_ticket += 1;
        let turn = Arc::new(Condvar::new());
        traffic.tickets.push_back(Ticket {
            number: ticket,
            turn: Arc::clone(&turn),
        });
        QueuePlace {
            limiter: self,
            ticket,
            turn,
        }
    }

    pub(super) fn traffic(&self) -> MutexGuard<'_, Traffic> {
        self.traffic.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes the first thread that waits.
fn wake(traffic: MutexGuard<'_, Traffic>) {
    let first = traffic.tickets.front();
    let turn = first.map(|first| Arc::clone(&first.turn));
    drop(traffic);
    if let Some(turn) = turn {
        turn.notify_one();
    }
}

impl InFlight<'_> {
    /// Adapts the number of requests in flight to the answer's latency; `None` is an error that suggests that the
    /// server is in trouble.
    pub(crate) fn ended(self, latency: Option<Duration>) {
        let mut traffic = self.limiter.traffic();
        let before = traffic.pace.target();
        let in_flight = traffic.in_flight;
        traffic.pace.observe(latency, in_flight);
        let target = traffic.pace.target();
        drop(traffic);
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
        let mut traffic = self.limiter.traffic();
        traffic.in_flight -= 1;
        wake(traffic);
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

/// A place in the queue. Dropping it passes the turn on.
pub(super) struct QueuePlace<'a> {
    limiter: &'a Limiter,
    pub(super) ticket: u64,
    turn: Arc<Condvar>,
}

impl Drop for QueuePlace<'_> {
    fn drop(&mut self) {
        let mut traffic = self.limiter.traffic();
        traffic
            .tickets
            .retain(|ticket| ticket.number != self.ticket);
        wake(traffic);
    }
}
