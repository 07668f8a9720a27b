//! The options of sending, and the state that all sender threads of a process share: the budget, and facts about the
//! server and the sources.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;

use super::{budget::Budget, columns::SourceColumns, limits::SizeLimits};
use crate::{
    plan::gate::Bound,
    run::{ChosenContacts, RunError, RunFile, batches, snapshot},
    wording::counted,
};

#[derive(Clone, Debug)]
pub(crate) struct ApplyOptions {
    /// Batches that are marked *sending* in advance, for each of the first eight senders. A larger number means
    /// fewer syncs, but more look-ups after a crash.
    pub queued: usize,
    /// Look up each contact before it is sent, and leave out those that changed since the plan.
    pub check_stale: bool,
    /// Time that requests in flight may take after a stop was requested.
    pub grace: Duration,
    /// The command that continues the run, as the user types it.
    pub resume: String,
    /// The budget of refusals, and facts learned about the server.
    pub state: Arc<SenderState>,
    /// The contacts to send; `None` for all.
    pub chosen: Option<Arc<ChosenContacts>>,
}

/// Number of right names that are required as proof if the answer names every contact. A server that lists all
/// contacts of a batch with their states also does so.
const PROOFS_OF_ALL: usize = 3;

/// Shared by the senders of a process.
#[derive(Debug)]
pub(crate) struct SenderState {
    pub(crate) budget: Budget,
    pub(crate) limits: SizeLimits,
    pub(super) columns: SourceColumns,
    trusts_names: AtomicBool,
    /// True if only a few contacts are sent, which an earlier run left unknown.
    pub(super) is_rest: AtomicBool,
    /// True if the plan read the account, so a contact to be created was missing from it.
    has_looked: bool,
    /// Number of contacts to be created that already existed.
    existing: AtomicU64,
    /// The last reason for which the outcome of contacts stayed unknown.
    pub(super) unknown_reason: Mutex<Option<String>>,
    /// True if the server answers writes without confirming or carrying out any.
    pub(super) confirms_nothing: AtomicBool,
}

impl SenderState {
    /// For a process that sends the rest of a run: size limits learned earlier are kept, and refusals are counted
    /// from 0.
    pub(crate) fn of(run: &RunFile, max_refused: Bound) -> Result<Self, RunError> {
        let columns = SourceColumns::of(run)?;
        let requests = batches::open_count(run)?;
        Ok(Self {
            budget: Budget::new(max_refused, requests, !columns.is_empty()),
            limits: SizeLimits::new(run.find_fact("limits")?.unwrap_or_default()),
            columns,
            trusts_names: AtomicBool::default(),
            is_rest: AtomicBool::default(),
            has_looked: snapshot::exists(run)?,
            existing: AtomicU64::new(0),
            unknown_reason: Mutex::default(),
            confirms_nothing: AtomicBool::new(false),
        })
    }

    /// True if nothing more may be sent.
    pub(super) fn is_over(&self) -> bool {
        self.budget.is_spent() || self.confirms_nothing.load(Ordering::SeqCst)
    }

    /// Counts contacts to be created that already exist.
    pub(super) fn found_existing(&self, contacts: usize) {
        self.existing.fetch_add(contacts as u64, Ordering::SeqCst);
    }

    /// A warning if others wrote to the account since the plan was made.
    pub(crate) fn written_by_others(&self) -> Option<String> {
        let existing = self.existing.load(Ordering::SeqCst);
        (self.has_looked && existing > 0).then(|| {
            format!(
                "{} missing from the account when the plan was made existed when they were to be created: another \
                 program, or this tool on another computer, writes to this account (locks cover one state directory)",
                counted(existing, "contact")
            )
        })
    }

    /// True if the contacts that the server names in refusals have proved right.
    pub(super) fn trusts_names(&self) -> bool {
        self.trusts_names.load(Ordering::SeqCst)
    }

    /// Counts right names in an answer as proofs. `names`: all names in it, for a batch of this size.
    pub(super) fn proved(&self, proofs: usize, names: usize, batch: usize) {
        let needed = if names < batch { 1 } else { PROOFS_OF_ALL };
        if proofs >= needed {
            self.trusts_names.store(true, Ordering::SeqCst);
        }
    }
}
