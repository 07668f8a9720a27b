//! Records when the server accepted writes, on a logical clock.
//!
//! If another write is accepted after a batch began to fail, the batch is the cause. Acceptances are ordered by the
//! time at which their request was sent, because a late answer says nothing about what changed since.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::contact::Operation;

/// The acceptances of a client.
pub(crate) struct Acceptances {
    /// The moment of the newest one, for each operation; 0 if there is none.
    newest: [AtomicU64; 3],
    next_moment: AtomicU64,
}

impl Default for Acceptances {
    fn default() -> Self {
        Self {
            newest: <[AtomicU64; 3]>::default(),
            next_moment: AtomicU64::new(1),
        }
    }
}

impl Acceptances {
    /// A new moment, greater than all earlier ones and never 0.
    pub(crate) fn moment(&self) -> u64 {
        self.next_moment.fetch_add(1, Ordering::SeqCst)
    }

    /// Records that a write sent at this moment was accepted.
    pub(super) fn add(&self, operation: Operation, moment: u64) {
        self.newest[operation as usize].fetch_max(moment, Ordering::SeqCst);
    }

    /// The moment of the newest acceptance of such a write; 0 if there is none.
    pub(crate) fn newest(&self, operation: Operation) -> u64 {
        self.newest[operation as usize].load(Ordering::SeqCst)
    }

    /// True if the server has accepted such a write.
    pub(super) fn exist(&self, operation: Operation) -> bool {
        self.newest(operation) > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acceptance_has_the_moment_at_which_its_request_was_sent() {
        let acceptances = Acceptances::default();
        let [first, second] = [acceptances.moment(), acceptances.moment()];
        assert!(0 < first && first < second);
        assert!(!acceptances.exist(Operation::Update));
        acceptances.add(Operation::Update, second);
        // A late answer to the first request.
        acceptances.add(Operation::Update, first);
        assert_eq!(acceptances.newest(Operation::Update), second);
        assert!(!acceptances.exist(Operation::Create));
    }
}
