//! The state that all sender threads of a process share: the budget, and facts about the server and the sources.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{budget::Budget, columns::SourceColumns, limits::SizeLimits};
use crate::{
    plan::gate::Bound,
    run::{RunError, RunFile, batches},
};

/// Culprits that must turn out right before names are trusted, if the answer names every contact. A server that lists all
/// contacts of a batch with their states does so, too.
const PROOFS_OF_ALL: usize = 3;

/// Shared by the senders of a process.
#[derive(Debug)]
pub(crate) struct SenderState {
    pub(crate) budget: Budget,
    pub(crate) limits: SizeLimits,
    pub(super) columns: SourceColumns,
    trusts_names: AtomicBool,
    has_lead: AtomicBool,
}

/// The right to find out why writes fail. Only one batch has it at a time, so that a server which is down costs little.
pub(super) struct Lead<'a>(&'a AtomicBool);

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

impl SenderState {
    /// For a process that sends what is left of the run: sizes that an earlier one learned are kept, refusals count from 0.
    pub(crate) fn of(run: &RunFile, max_refused: Bound) -> Result<Self, RunError> {
        let columns = SourceColumns::of(run)?;
        let requests = batches::open_count(run)?;
        Ok(Self {
            budget: Budget::new(max_refused, requests, !columns.is_empty()),
            limits: SizeLimits::new(run.find_fact("limits")?.unwrap_or_default()),
            columns,
            trusts_names: AtomicBool::new(false),
            has_lead: AtomicBool::new(false),
        })
    }

    /// The lead, unless another batch has it.
    pub(super) fn lead(&self) -> Option<Lead<'_>> {
        let is_taken = self.has_lead.swap(true, Ordering::SeqCst);
        (!is_taken).then(|| Lead(&self.has_lead))
    }

    /// True if the server proved that it names the contacts that it refuses.
    pub(super) fn trusts_names(&self) -> bool {
        self.trusts_names.load(Ordering::SeqCst)
    }

    /// Weighs the names of an answer that turned out right, out of all that it gave for a batch of this size.
    pub(super) fn proved(&self, proofs: usize, names: usize, batch: usize) {
        let needed = if names < batch { 1 } else { PROOFS_OF_ALL };
        if proofs >= needed {
            self.trusts_names.store(true, Ordering::SeqCst);
        }
    }
}
