//! Turns staged contacts into a sealed plan.
//!
//! ```text
//! duplicates ─► snapshot ─► links ─► decide ─► batches ─► gate ─► seal
//! ```
//!
//! Only the snapshot calls the API, and it only reads. The decisions are stored in the run file. A plan that the
//! gate refuses is never sealed, so it can't be applied. [`undo`] makes the same kind of plan from a run that was
//! applied.

pub(crate) mod chats;
mod context;
mod decide;
mod decision_notes;
pub(crate) mod diff;
pub(crate) mod duplicates;
pub(crate) mod earlier_runs;
pub(crate) mod finder;
pub(crate) mod gate;
pub(crate) mod incremental;
pub(crate) mod index;
mod kept;
pub(crate) mod links;
pub(crate) mod missing_columns;
mod nameless;
mod options;
pub(crate) mod planned_changes;
mod repeated_keys;
pub(crate) mod shrink;
pub(crate) mod snapshot;
pub(crate) mod undo;

pub(crate) use self::context::PlanContext;
use crate::{
    crash::{self, Point},
    run::{self, RunFile, Tally, batches, rejects},
    wording::counted,
};
pub use {self::options::Mode, self::options::PlanError, self::options::PlanOptions};

use gate::GateVerdict;
use index::IdGroup;
use links::Links;
use snapshot::take_snapshot;

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub tally: Tally,
    pub snapshot: u64,
    /// Number of updates without a link (`uri`).
    pub without_link: u64,
    /// The guard that refuses the plan, which is then not sealed and can't be applied.
    pub verdict: Option<GateVerdict>,
    /// Warnings about the account's contacts.
    pub warnings: Vec<String>,
}

impl Plan {
    /// The warning about updates without a link. `advice` explains how to set one.
    pub(crate) fn link_warning(&self, advice: &str) -> Option<String> {
        (self.without_link > 0).then(|| {
            format!(
                "{} without a link (uri), because no known run of this tool wrote one; a server that requires links refuses them{advice}",
                counted(self.without_link, "update")
            )
        })
    }
}

/// Plans a staged run, checks the plan against the gate, and seals it if it passes. `duplicates` are the contacts
/// that may have the same id.
pub(crate) fn plan(context: &PlanContext<'_>, duplicates: Vec<IdGroup>) -> Result<Plan, PlanError> {
    let PlanContext { run, options, .. } = *context;
    duplicates::settle(run, duplicates, options.on_duplicate)?;
    if let Some(records) = context.records {
        incremental::decide(records, run, options)?;
    }
    take_snapshot(context)?;
    let links = Links::of_staged(run, &context.earlier_runs)?;
    let notes = decide::decide(context, links)?;
    let (tally, snapshot) = finish(run, options.batch_size)?;
    let nameless = rejects::nameless_count(run)?;
    let is_part = gate::is_part_of_a_source(run)?;
    let bounds = gate::bounds_for(is_part, options.bounds);
    let has_contacts = tally.rows.contacts > 0;
    let shrunk = context.shrink.as_ref();
    let shrunk = shrunk.filter(|_| has_contacts && !is_part);
    let verdict = shrunk.and_then(|bound| bound.verdict(tally.rows));
    let verdict = verdict.or(gate::missing_rows(run, &tally)?);
    let verdict = verdict.or_else(|| gate::verdict(&tally, snapshot, nameless, bounds));
    let verdict = verdict.or_else(|| notes.owners.verdict());
    if verdict.is_none() {
        run.seal()?;
    }
    Ok(Plan {
        tally,
        snapshot,
        without_link: notes.without_link,
        verdict,
        warnings: decision_notes::warnings(run, &notes)?,
    })
}

/// Makes the batches. Returns its counts, which must add up, and the size of the snapshot.
fn finish(run: &RunFile, batch_size: usize) -> Result<(Tally, u64), PlanError> {
    batches::make(run, batch_size)?;
    crash::point(Point::Planned);
    Ok((Tally::checked(run)?, run::snapshot::count(run)?))
}
