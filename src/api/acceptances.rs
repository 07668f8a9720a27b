//! Records when the server accepted writes, on a logical clock.
//!
//! If another write is accepted after a batch began to fail, the batch is the cause. Acceptances are ordered by the
//! time at which their request was sent, because a late answer says nothing about what changed since.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::contact::Operation;

#[derive(Default)]
pub(crate) struct Acceptances {
    /// The moment of the newest one, for each operation; 0 if there is none.
    newest: [AtomicU64; 3],
    last_moment: AtomicU64,
}

impl Acceptances {
    /// A new moment, greater than all earlier ones and never 0.
    pub(crate) fn moment(&self) -> u64 {
        self.last_moment.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Records that a write sent at this moment was accepted.
    pub(super) fn add(&self, operation: Operation, moment: u64) {
        self.newest[operation as usize].fetch_max(moment, Ordering::SeqCst);
    }

    /// The moment of the newest acceptance of such a write; 0 if there is none.
    pub(crate) fn newest(&self, operation: Operation) -> u64 {
        self.newest[operation as usize].load(Ordering::SeqCst)
    }
}
