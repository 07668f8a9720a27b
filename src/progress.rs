//! The interface through which the core reports progress and learns of a requested stop.
//!
//! The core prints nothing. It talks to a [`Monitor`] that the caller supplies, so tests can assert on events
//! and stop a run at a chosen moment.

use std::{panic::resume_unwind, thread, time::Duration};

use crossbeam_channel::{RecvTimeoutError, bounded};

/// The interval at which a waiting thread checks for a requested stop.
pub(crate) const STOP_POLL: Duration = Duration::from_millis(100);

/// The steps of a run that take long enough to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Reading and checking the source; counted in bytes.
    Reading,
    /// Listing the account's contacts; counted in contacts. Their total is an estimate.
    Listing,
    /// Looking up contacts by id.
    LookingUp,
    /// Sending batches; counted in contacts.
    Sending,
}

/// An event that is not progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A request will be sent again after `wait`, because of `reason`.
    Retry {
        /// The cause in a few words: `503`, `timed out`.
        reason: String,
        /// Delay from now.
        wait: Duration,
        /// The number of that attempt.
        next_try: u32,
        /// Attempts at most.
        tries: u32,
    },
    /// The server asked for a pause, usually with 429: all senders wait.
    Held {
        /// The status of the answer.
        status: u16,
        /// Delay from now.
        wait: Duration,
    },
    /// A new token is in use.
    TokenRefreshed,
    /// Further rows or contacts were rejected.
    Rejected(u64),
    /// A sentence for people.
    Notice(String),
    /// A wait begins, however short it may be.
    WaitBegins(WaitFor),
    /// The wait is over, successfully or not.
    WaitEnds(WaitFor),
}

/// The event or resource that is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitFor {
    /// An answer of the server, including retries.
    Answer,
    /// As `Answer`, from the server that issues tokens.
    Token,
    /// The command that prints the token or the partner's password, and may prompt for input.
    SecretCommand,
    /// The end of another run of the same account.
    OtherRun,
    /// The end of standard input or a pipe.
    Input,
}

/// A wait that ends when this is dropped.
pub(crate) struct Waiting<'a> {
    monitor: &'a dyn Monitor,
    what: WaitFor,
}

impl<'a> Waiting<'a> {
    pub(crate) fn begin(monitor: &'a dyn Monitor, what: WaitFor) -> Self {
        monitor.event(Event::WaitBegins(what));
        Self { monitor, what }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.monitor.event(Event::WaitEnds(self.what));
    }
}

/// The signal that requested the stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// Ctrl-C: exit code 130.
    Interrupt,
    /// SIGTERM: exit code 143.
    Terminate,
    /// SIGHUP, sent when the terminal closes: exit code 129.
    HangUp,
}

/// Receives progress and events. Called from many threads.
pub trait Monitor: Send + Sync {
    /// A phase begins. `total` is its size, if known.
    fn begin(&self, phase: Phase, total: Option<u64>);

    /// `amount` more of the current phase is done.
    fn advance(&self, amount: u64);

    /// The current phase is over.
    fn end(&self);

    /// An event occurred.
    fn event(&self, event: Event);

    /// The reason to stop, if a stop was requested. Polled between batches and while waiting.
    fn stop_requested(&self) -> Option<StopReason>;
}

/// Runs `work`, which may block, on a thread of its own and waits for its result until a stop is requested. The
/// thread is then abandoned, so its work must be harmless.
pub(crate) fn unless_stopped<T: Send + 'static>(
    monitor: &dyn Monitor,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StopReason> {
    let (running, ended) = bounded::<()>(0);
    let thread = thread::spawn(move || {
        let _running = running;
        work()
    });
    while ended.recv_timeout(STOP_POLL) == Err(RecvTimeoutError::Timeout) {
        if let Some(reason) = monitor.stop_requested() {
            return Err(reason);
        }
    }
    thread.join().map_err(|panic| resume_unwind(panic))
}

/// Ignores all events and never requests a stop.
#[derive(Debug, Default)]
pub struct Silent;

impl Monitor for Silent {
    fn begin(&self, _: Phase, _: Option<u64>) {}
    fn advance(&self, _: u64) {}
    fn end(&self) {}
    fn event(&self, _: Event) {}
    fn stop_requested(&self) -> Option<StopReason> {
        None
    }
}

/// [`Silent`], in the form that the core expects.
#[cfg(test)]
pub(crate) fn silent() -> std::sync::Arc<dyn Monitor> {
    std::sync::Arc::new(Silent)
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;

    struct Stopped;

    impl Monitor for Stopped {
        fn begin(&self, _: Phase, _: Option<u64>) {}
        fn advance(&self, _: u64) {}
        fn end(&self) {}
        fn event(&self, _: Event) {}
        fn stop_requested(&self) -> Option<StopReason> {
            Some(StopReason::Terminate)
        }
    }

    #[test]
    fn a_stop_ends_a_wait_that_would_not_end_and_others_end_with_their_result() {
        let (_sender, endless) = bounded::<()>(0);
        let waited = unless_stopped(&Stopped, move || endless.recv());
        assert_eq!(waited, Err(StopReason::Terminate));
        assert_eq!(unless_stopped(&Silent, || 7), Ok(7));
        let panics = || unless_stopped(&Silent, || panic!("as the test wants"));
        let caught: Result<Result<(), _>, _> = catch_unwind(panics);
        assert!(caught.is_err());
    }
}
