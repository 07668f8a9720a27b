//! What the core tells the outside while it works, and the one question that it asks: should I stop?
//!
//! The core never meets a terminal. It talks to a [`Monitor`] that the caller chooses, so tests assert on events
//! and stop a run at a chosen moment.

use std::time::Duration;

/// The steps of a run that take long enough to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Reading and checking the source; counted in bytes.
    Reading,
    /// Listing the account's contacts; counted in contacts.
    Listing,
    /// Sending batches; counted in contacts.
    Sending,
}

/// Something worth telling that is not progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A request will be sent again after `wait`, because of `reason`.
    Retry {
        /// Why, in a few words: `503`, `timed out`.
        reason: String,
        /// How long from now.
        wait: Duration,
    },
    /// The server said 429: nobody sends before `wait` is over.
    Held {
        /// How long from now.
        wait: Duration,
    },
    /// A new token is in use.
    TokenRefreshed,
    /// So many more rows or contacts were rejected.
    Rejected(u64),
    /// A sentence for people.
    Notice(String),
}

/// Who asked for the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// Ctrl-C: exit code 130.
    Interrupt,
    /// SIGTERM: exit code 143.
    Terminate,
}

/// The core's window to the outside. Called from many threads.
pub trait Monitor: Send + Sync {
    /// A phase begins; `total` where it is known.
    fn begin(&self, phase: Phase, total: Option<u64>);

    /// So much more of the current phase is done.
    fn advance(&self, amount: u64);

    /// The current phase is over.
    fn end(&self);

    /// Something happened.
    fn event(&self, event: Event);

    /// Has somebody asked to stop? Asked between batches and while waiting.
    fn stop_requested(&self) -> Option<StopReason>;
}

/// Says nothing and never stops.
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
