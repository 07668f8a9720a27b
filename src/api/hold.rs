//! The instant before which nobody sends.
//!
//! A deadline and not a duration: threads that hear of it late wait less, and all go on together.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// A common deadline, on the client's clock.
#[derive(Debug, Default)]
pub(crate) struct Hold {
    until_nanos: AtomicU64,
}

impl Hold {
    /// Moves the deadline, never to an earlier instant, and returns the one that was in force.
    pub(crate) fn extend(&self, until: Duration) -> Duration {
        let nanos = u64::try_from(until.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.until_nanos.fetch_max(nanos, Ordering::SeqCst))
    }

    /// The deadline; in the past when nobody is held.
    pub(crate) fn until(&self) -> Duration {
        Duration::from_nanos(self.until_nanos.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_is_only_ever_extended() {
        let hold = Hold::default();
        assert_eq!(hold.extend(Duration::from_secs(5)), Duration::ZERO);
        assert_eq!(hold.extend(Duration::from_secs(4)), Duration::from_secs(5));
        assert_eq!(hold.until(), Duration::from_secs(5));
    }
}
