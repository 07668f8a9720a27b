//! The one object that decides when a request may leave, for all threads together.
//!
//! Threads queue for their turn, first come, first served: whoever is at the head waits until no hold is
//! in force and the bucket (see [`rate`](super::rate)) has something for it, takes it and leaves at once. So the budget is
//! taken at the moment of sending and never in advance: a thread that was put to sleep for long after it
//! had reserved a place would meet the others' requests in a window that was counted without it.

use std::{
    collections::VecDeque,
    fmt,
    num::NonZeroU32,
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
    clock::{Clock, STOP_POLL, Waiter},
    rate::Rate,
};
use crate::progress::StopReason;

type Bucket = RateLimiter<NotKeyed, InMemoryState, Ticks, NoOpMiddleware<Nanos>>;

/// The client's clock as governor wants it.
#[derive(Clone)]
struct Ticks(Arc<dyn Clock>);

impl GovernorClock for Ticks {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.now().into()
    }
}

/// Lets requests leave one by one.
pub(crate) struct Limiter {
    bucket: Option<Bucket>,
    ticks: Ticks,
    /// No request leaves before this moment. A deadline, so that all threads resume together.
    held_until: Mutex<Duration>,
    queue: Mutex<Queue>,
    turn: Condvar,
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limiter")
            .field("held_until", &self.held_until)
            .finish_non_exhaustive()
    }
}

/// Who waits, in the order of their coming.
#[derive(Debug, Default)]
struct Queue {
    tickets: VecDeque<u64>,
    next: u64,
}

impl Limiter {
    pub(crate) fn new(rate: Rate, clock: Arc<dyn Clock>) -> Self {
        let ticks = Ticks(clock);
        Self {
            bucket: rate.quota().map(|quota| bucket(quota, &ticks)),
            ticks,
            held_until: Mutex::default(),
            queue: Mutex::default(),
            turn: Condvar::new(),
        }
    }

    /// Holds all requests for `wait` from now, or longer if they are held already. True if they were not held.
    pub(crate) fn hold(&self, now: Duration, wait: Duration) -> bool {
        let mut until = self
            .held_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let before = *until;
        *until = before.max(now + wait);
        before <= now
    }

    fn held_until(&self) -> Duration {
        *self
            .held_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns when a request may leave, which it must do at once. The instant is the answer.
    pub(crate) fn acquire(&self, waiter: &Waiter) -> Result<Duration, StopReason> {
        let Some(bucket) = &self.bucket else {
            waiter.until(self.held_until())?;
            return Ok(waiter.now());
        };
        let _place = self.wait_for_turn(waiter)?;
        loop {
            waiter.until(self.held_until())?;
            let Err(not_yet) = bucket.check() else {
                return Ok(waiter.now());
            };
            let wait = not_yet.wait_time_from(self.ticks.now());
            waiter.until(waiter.now() + wait)?;
        }
    }

    fn wait_for_turn(&self, waiter: &Waiter) -> Result<Place<'_>, StopReason> {
        let place = self.join();
        while !self.is_turn_of(place.ticket) {
            waiter.check()?;
        }
        Ok(place)
    }

    fn join(&self) -> Place<'_> {
        let mut queue = self.queue();
        let ticket = queue.next;
        queue.next += 1;
        queue.tickets.push_back(ticket);
        Place {
            limiter: self,
            ticket,
        }
    }

    /// Is it this ticket's turn? Waits a moment for it before it says no.
    fn is_turn_of(&self, ticket: u64) -> bool {
        let queue = self.queue();
        if queue.tickets.front() == Some(&ticket) {
            return true;
        }
        let woken = self.turn.wait_timeout(queue, STOP_POLL);
        let queue = woken.unwrap_or_else(PoisonError::into_inner).0;
        queue.tickets.front() == Some(&ticket)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A bucket with one thing in it: a process that ended a moment ago may have used all that there was, and many
/// short ones in a row are to keep the limit together. It has filled up within a tenth of a second at the default rate.
fn bucket(quota: Quota, ticks: &Ticks) -> Bucket {
    let bucket = RateLimiter::direct_with_clock(quota, ticks.clone());
    if let Some(surplus) = NonZeroU32::new(quota.burst_size().get() - 1) {
        // A full bucket has so much.
        let _ = bucket.check_n(surplus);
    }
    bucket
}

/// A place in the queue; dropped, it is the next one's turn.
struct Place<'a> {
    limiter: &'a Limiter,
    ticket: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut queue = self.limiter.queue();
        queue.tickets.retain(|ticket| *ticket != self.ticket);
        let somebody_waits = !queue.tickets.is_empty();
        drop(queue);
        if somebody_waits {
            self.limiter.turn.notify_all();
        }
    }
}
