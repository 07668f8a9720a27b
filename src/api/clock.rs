//! Injected time, and interruptible waiting.
//!
//! The limiter, holds and backoff use a [`Clock`] instead of the system's, so their tests are exact and do not
//! sleep. All durations are measured on a monotonic clock. Wall time is used only for dates from a server.

use std::{
    fmt, future,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use crate::progress::{Event, Monitor, STOP_POLL, StopReason, WaitFor, Waiting};

pub(super) trait Clock: Send + Sync + fmt::Debug {
    /// Monotonic time since a fixed moment.
    fn now(&self) -> Duration;

    /// Wall time, which may jump.
    fn wall(&self) -> SystemTime;

    /// Sleeps for `span` or a little longer.
    fn sleep(&self, span: Duration);
}

#[derive(Debug)]
pub(super) struct SystemClock {
    start: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep(&self, span: Duration) {
        std::thread::sleep(span);
    }
}

/// Waits on a clock until a deadline or a requested stop.
#[derive(Clone)]
pub(crate) struct Waiter {
    clock: Arc<dyn Clock>,
    monitor: Arc<dyn Monitor>,
}

impl Waiter {
    pub(super) fn new(clock: Arc<dyn Clock>, monitor: Arc<dyn Monitor>) -> Self {
        Self { clock, monitor }
    }

    pub(super) fn now(&self) -> Duration {
        self.clock.now()
    }

    pub(super) fn wall(&self) -> SystemTime {
        self.clock.wall()
    }

    pub(super) fn report(&self, event: Event) {
        self.monitor.event(event);
    }

    /// Reports a wait until the result is dropped.
    pub(super) fn waiting(&self, what: WaitFor) -> Waiting<'_> {
        Waiting::begin(&*self.monitor, what)
    }

    /// Fails if a stop was requested.
    pub(super) fn check(&self) -> Result<(), StopReason> {
        self.monitor.stop_requested().map_or(Ok(()), Err)
    }

    /// Resolves `grace` after a stop was requested; never without a grace. Uses real time, like the exchanges.
    pub(super) async fn stopped(self, grace: Option<Duration>) -> StopReason {
        let Some(grace) = grace else {
            return future::pending().await;
        };
        loop {
            tokio::time::sleep(STOP_POLL).await;
            if let Err(reason) = self.check() {
                tokio::time::sleep(grace).await;
                return reason;
            }
        }
    }

    /// Returns at `deadline`, or earlier with the reason to stop.
    pub(super) fn until(&self, deadline: Duration) -> Result<(), StopReason> {
        loop {
            self.check()?;
            let left = deadline.saturating_sub(self.clock.now());
            if left.is_zero() {
                return Ok(());
            }
            self.clock.sleep(left.min(STOP_POLL));
        }
    }
}

/// A clock that moves only by `sleep` and `advance`.
#[cfg(test)]
#[derive(Debug, Default)]
pub(super) struct FakeClock {
    nanos: std::sync::atomic::AtomicU64,
}

#[cfg(test)]
impl FakeClock {
    pub(super) fn advance(&self, span: Duration) {
        let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        self.nanos
            .fetch_add(nanos, std::sync::atomic::Ordering::SeqCst);
    }
}

#[cfg(test)]
impl Clock for FakeClock {
    fn now(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(std::sync::atomic::Ordering::SeqCst))
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000) + self.now()
    }

    fn sleep(&self, span: Duration) {
        self.advance(span);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::{Phase, Silent};

    /// Requests a stop at a moment of its clock.
    struct StopsAt(Arc<FakeClock>, Duration);

    impl Monitor for StopsAt {
        fn begin(&self, _: Phase, _: Option<u64>) {}
        fn advance(&self, _: u64) {}
        fn end(&self) {}
        fn event(&self, _: Event) {}
        fn stop_requested(&self) -> Option<StopReason> {
            (self.0.now() >= self.1).then_some(StopReason::Terminate)
        }
    }

    #[test]
    fn waiting_ends_at_the_deadline() {
        let clock = Arc::new(FakeClock::default());
        let waiter = Waiter::new(clock.clone(), Arc::new(Silent));
        assert_eq!(waiter.until(Duration::from_millis(1250)), Ok(()));
        assert_eq!(clock.now(), Duration::from_millis(1250));
    }

    #[test]
    fn waiting_ends_within_a_tenth_of_a_second_of_a_request_to_stop() {
        let clock = Arc::new(FakeClock::default());
        let monitor = StopsAt(clock.clone(), Duration::from_millis(330));
        let waiter = Waiter::new(clock.clone(), Arc::new(monitor));
        assert_eq!(
            waiter.until(Duration::from_secs(60)),
            Err(StopReason::Terminate)
        );
        assert!(clock.now() <= Duration::from_millis(430));
    }
}
