//! The inputs of planning. A file of its own, because earlier runs are among them, which have options, too.

use super::{PlanOptions, earlier_runs::EarlierRuns, shrink::ShrinkBound};
use crate::{account::Reader, employees::OwnerRule, ledger::ContactRecords, run::RunFile};

/// The run to plan, and the account to compare it with.
pub(crate) struct PlanContext<'a> {
    pub run: &'a RunFile,
    pub account: Reader<'a>,
    pub options: &'a PlanOptions,
    /// The rule that tells names from ids in owners, if the plan may have names.
    pub owners: Option<&'a OwnerRule>,
    /// The records of earlier runs, if they stand in for the account (`--changed-only`).
    pub records: Option<&'a ContactRecords>,
    pub earlier_runs: EarlierRuns<'a>,
    /// How many rows of an earlier run may be missing from the source, if that is limited.
    pub shrink: Option<ShrinkBound>,
}
