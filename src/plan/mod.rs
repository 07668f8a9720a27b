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
mod origins;
pub mod remembered;
mod sightings;
pub(crate) mod snapshot;
pub mod undo;

use serde::{Deserialize, Serialize};

use crate::{
    account::Reader,
    contact::{BATCH_MAX, ChatType},
    crash::{self, Point},
    memory::Digests,
    run::{RunFile, Tally},
};
pub use error::PlanError;

use duplicates::OnDuplicate;
use gate::{Bounds, Facts, GateVerdict};

/// What an import may do (`--mode`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Create what is not there, update what differs.
    #[default]
    Upsert,
    /// Create everything, without looking first.
    Create,
    /// Update everything, without looking first where the source has all required fields.
    Update,
    /// As upsert, and delete what the source has not.
    Mirror,
    /// Put back what a run changed: never asked for with `--mode`, made by `undo`.
    Undo,
}

impl Mode {
    /// The word on the command line and in the summary.
    #[must_use]
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Upsert => "upsert",
            Self::Create => "create",
            Self::Update => "update",
            Self::Mirror => "mirror",
            Self::Undo => "undo",
        }
    }
}

/// How to plan.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlanOptions {
    /// What may be done.
    pub mode: Mode,
    /// What to do with rows of the same id.
    pub on_duplicate: OnDuplicate,
    /// Messengers whose empty cells mean that there is to be no chat (`--blank clear`).
    pub cleared: Vec<ChatType>,
    /// What the gate allows.
    pub bounds: Bounds,
    /// Contacts in a request at most.
    pub batch_size: usize,
}

impl Default for PlanOptions {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            on_duplicate: OnDuplicate::default(),
            cleared: Vec::new(),
            bounds: Bounds::default(),
            batch_size: BATCH_MAX,
        }
    }
}

/// What planning works with.
pub struct PlanContext<'a> {
    /// The run file, staged.
    pub run: &'a RunFile,
    /// The account.
    pub account: Reader<'a>,
    /// How to plan.
    pub options: &'a PlanOptions,
    /// What earlier runs left in the account, where that is to stand in for the account (`--changed-only`).
    pub digests: Option<&'a Digests>,
}

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
