//! From staged contacts to a sealed plan.
//!
//! ```text
//! duplicates ─► snapshot ─► decide ─► batches ─► gate ─► seal
//! ```
//!
//! Only the snapshot asks the API, and it only reads. What is decided is written into the run file; what the
//! gate refuses is never sealed, so it can't be applied. [`undo`] makes a plan of the same kind from a run that
//! was applied, and everything behind it is the same.

pub(crate) mod chats;
mod decide;
pub mod diff;
pub(crate) mod duplicates;
mod error;
pub mod gate;
pub(crate) mod index;
mod options;
mod origins;
pub mod remembered;
mod sightings;
pub(crate) mod snapshot;
pub mod undo;

pub use self::{
    error::PlanError,
    options::{Mode, PlanContext, PlanOptions},
};
use crate::{
    crash::{self, Point},
    run::{RunFile, Tally},
};

use gate::{Facts, GateVerdict};

/// What planning came to.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The counts.
    pub tally: Tally,
    /// Contacts in the snapshot.
    pub remote: u64,
    /// Why the gate says no; then the plan is not sealed and can't be applied.
    pub verdict: Option<GateVerdict>,
}

/// Plans a staged run, asks the gate, and seals the plan where it says yes.
///
/// # Errors
/// [`PlanError::Counts`] where the counts do not add up, and where the API can't be read or the run file can't be
/// written.
pub fn plan(context: &PlanContext<'_>, duplicates: Vec<Vec<u64>>) -> Result<Plan, PlanError> {
    let PlanContext { run, options, .. } = *context;
    run.begin()?;
    duplicates::settle(run, duplicates, options.on_duplicate)?;
    if let Some(digests) = context.digests {
        remembered::settle(digests, run, options)?;
    }
    let has_snapshot = snapshot::take(context)?;
    decide::decide(context, has_snapshot)?;
    run.make_batches(options.batch_size)?;
    crash::point(Point::Planned);
    run.commit()?;
    let facts = Facts {
        tally: counted(run)?,
        remote: run.remote_count()?,
        nameless: run.nameless_rejects()?,
    };
    let verdict = gate::verdict(&facts, options.bounds);
    if verdict.is_none() {
        run.seal()?;
    }
    Ok(Plan {
        tally: facts.tally,
        remote: facts.remote,
        verdict,
    })
}

/// The counts of a plan, once they add up.
fn counted(run: &RunFile) -> Result<Tally, PlanError> {
    let tally = run.tally()?;
    match tally.contradiction() {
        Some(contradiction) => Err(PlanError::Counts(contradiction)),
        None => Ok(tally),
    }
}
