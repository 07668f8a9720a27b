//! Sends the contents of a plan and records the outcomes.
//!
//! ```text
//!              ┌─ this thread ─────────────────────────────┐        sender threads
//!   run file ─►│ the next open batches as payloads         │─jobs──► limiter → request → settle
//!            ◄─│ record: outcomes + "sending", one sync    │◄─reports──┘
//!              └───────────────────────────────────────────┘
//! ```
//!
//! A job is passed to the senders only after its batch is *sending* on disk. One transaction records the received
//! outcomes and marks the next batches, so a slow disk makes the groups larger instead of slowing the run. Only
//! this thread uses the run file; the senders only have the client.
//!
//! A batch whose failure is unexplained (see `isolation`), or that was put off because writes were failing, is sent
//! once more after the others: if some of these were accepted, its contacts are the cause. Such batches are sent one
//! at a time, up to the first that fails again.
//!
//! If a sender panics, the run ends, and its batch is *sending* on disk like every batch with an unknown outcome.
//! The senders are not scoped threads: after a stop they may finish requests in flight within the grace period,
//! and the run then ends without them.

mod budget;
mod causes;
mod columns;
mod diagnosis;
mod error;
mod isolation;
mod limits;
mod lookup;
mod open_batches;
mod outcome;
mod payload;
mod replies;
mod scheduler;
mod sender;
mod settle;
mod state;

use std::sync::Arc;

use crate::{
    api::Client,
    progress::{Monitor, Phase},
    run::{RunFile, Tally, division},
};
pub use budget::BudgetError;
pub(crate) use causes::{Cause, Refused};
pub use error::{ApplyError, UnconfirmedError};
pub(crate) use limits::LearnedLimits;
pub(crate) use open_batches::each_body;
pub(crate) use scheduler::ApplyOptions;
use scheduler::Scheduler;
pub(crate) use state::SenderState;

/// If an earlier run left at most this many contacts unknown and all others were accepted, those contacts are the
/// cause.
const REST_MAX: u64 = 8;

/// Sends the rest of a sealed run. The caller marks the run as done after writing the rejects.
pub(crate) fn apply(
    run: &RunFile,
    client: &Arc<Client>,
    options: ApplyOptions,
    monitor: &Arc<dyn Monitor>,
) -> Result<Tally, ApplyError> {
    let before = Tally::of(run)?;
    let open = before.done.not_attempted + before.done.unknown;
    let left_out = match &options.numbers {
        Some(numbers) => division::left_out(run, numbers)?,
        None => 0,
    };
    monitor.begin(Phase::Sending, Some(open.saturating_sub(left_out)));
    let state = Arc::clone(&options.state);
    let result = Scheduler::start(run, client, options, monitor, is_rest(&before)).run();
    monitor.end();
    result?;
    let tally = Tally::of(run)?;
    if let Some(contradiction) = tally.contradiction() {
        return Err(ApplyError::Counts(contradiction));
    }
    // If nothing is left, the refusals came too late to stop anything.
    if tally.unfinished() {
        state.budget.check()?;
    }
    match state.unknown_reason() {
        Some(reason) if tally.done.unknown > 0 => Err(UnconfirmedError {
            contacts: tally.done.unknown,
            reason,
        }
        .into()),
        _ => Ok(tally),
    }
}

/// True if only a few unknown contacts are left and others were accepted.
const fn is_rest(before: &Tally) -> bool {
    let done = &before.done;
    done.not_attempted == 0
        && done.unknown <= REST_MAX
        && done.created + done.updated + done.deleted > 0
}
