//! Decides when a request may leave, for all threads.
//!
//! Threads queue, first come, first served. The first in the queue waits until no hold is in force and the bucket (see
//! [`rate`](super::rate)) has a token, takes it and sends at once. The budget is never taken in advance: a thread that was
//! suspended between reserving and sending would exceed the limit of a later window.

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

/// Waiting threads in the order of their arrival.
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

    /// Returns the current moment once a request may leave, which it must do at once.
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

    fn wait_for_turn(&self, waiter: &Waiter) -> Result<QueuePlace<'_>, StopReason> {
        let place = self.join();
        while !self.is_turn_of(place.ticket) {
            waiter.check()?;
        }
        Ok(place)
    }

    fn join(&self) -> QueuePlace<'_> {
        let mut queue = self.queue();
        let ticket = queue.next;
        queue.next += 1;
        queue.tickets.push_back(ticket);
        QueuePlace {
            limiter: self,
            ticket,
        }
    }

    /// True if it is this ticket's turn; waits a moment for it.
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

/// A bucket that starts with a single token: a process that ended a moment ago may have used the whole limit, and many
/// short runs in a row must keep it together. At the default rate it fills within a tenth of a second.
fn bucket(quota: Quota, ticks: &Ticks) -> Bucket {
    let bucket = RateLimiter::direct_with_clock(quota, ticks.clone());
    if let Some(surplus) = NonZeroU32::new(quota.burst_size().get() - 1) {
        // A full bucket always has this many.
        let _ = bucket.check_n(surplus);
    }
    bucket
}

/// A place in the queue; dropping it passes the turn on.
struct QueuePlace<'a> {
    limiter: &'a Limiter,
    ticket: u64,
}

impl Drop for QueuePlace<'_> {
    fn drop(&mut self) {
        let mut queue = self.limiter.queue();
        queue.tickets.retain(|ticket| *ticket != self.ticket);
        let others_wait = !queue.tickets.is_empty();
        drop(queue);
        if others_wait {
            self.limiter.turn.notify_all();
        }
    }
}
