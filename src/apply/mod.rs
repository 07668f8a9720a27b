//! Sends the contents of a plan and records the outcomes.
//!
//! ```text
//!              ┌─ this thread ─────────────────────────────┐        sender threads
//!   run file ─►│ the next open batches as payloads         │─jobs──► limiter → request → settle
//!            ◄─│ record: outcomes + "sending", one sync    │◄─reports──┘
//!              └───────────────────────────────────────────┘
//! ```
//!
//! | the server | consequence |
//! |---|---|
//! | accepts it, `processed` as sent | all succeeded |
//! | accepts it, `processed` smaller | each is looked up; the missing ones are sent alone, and rejected if that fails too |
//! | refuses it and names contacts | they are rejected with its messages, and the others are sent; until its names have proved right, each named contact is sent alone; after a wrong name, names are ignored for this batch |
//! | refuses its size | it is divided, and later batches are smaller, see `limits` |
//! | refuses it without a name | it is halved until the refused contacts are alone: k of n cost at most 2·k·log2(n) requests; a half whose sibling was accepted is not sent as a whole |
//! | refuses more than the budget allows | the unsettled contacts are left for `apply` |
//! | forbids it (403) like a firewall, or answers with a web page | treated like a breakdown, and a create behind a page is looked up; if nothing is accepted afterwards, the token or the proxy is the cause |
//! | refuses one contact alone | it is rejected with the server's message; an existing id is updated instead, without erasing anything |
//! | refuses to delete several contacts because some are missing | each is looked up: a missing one counts as deleted unless it was certainly missing before; the others are sent again |
//! | does not answer a create | each is looked up: if it is as sent, it is done; if different, it is updated; if missing, it is sent again |
//! | answers without confirming anything | the same, but each is sent again only once; if no such write was ever accepted, the first and the last contact are tried, and sending ends if that changes nothing |
//! | fails or forbids writes one after another | the batches are put off, and diagnosed one at a time |
//! | breaks down on it every time | it is halved as well, see `isolation` |
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
mod source_cells;
mod state;

use std::sync::{Arc, atomic::Ordering};

use crate::{
    api::Client,
    progress::{Monitor, Phase},
    run::{RunFile, Tally, batches},
};
pub use budget::BudgetError;
pub(crate) use causes::{Cause, Refused};
pub use error::{ApplyError, UnconfirmedError};
pub(crate) use limits::LearnedLimits;
pub(crate) use open_batches::each_body;
use scheduler::Scheduler;
pub(crate) use state::{ApplyOptions, SenderState};

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
    let before = Tally::checked(run)?;
    let chosen = options.chosen.as_ref();
    let count = chosen.map_or(before.left(), |chosen| chosen.count());
    monitor.begin(Phase::Sending, Some(count));
    let state = Arc::clone(&options.state);
    state.is_rest.store(is_rest(&before), Ordering::SeqCst);
    let has_batches = batches::open_count(run)? > 0;
    let mut result = Ok(());
    if has_batches {
        result = Scheduler::start(run, client, options, monitor).run();
    }
    monitor.end();
    result?;
    let tally = if has_batches {
        Tally::checked(run)?
    } else {
        before
    };
    // If nothing is left, the refusals came too late to stop anything.
    if tally.left() > 0 {
        state.budget.check()?;
    }
    match state.unknown_reason.lock().clone() {
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
