//! The inputs of planning. In a file of its own to avoid an import cycle with [`super::earlier_runs`].

use super::{PlanOptions, earlier_runs::EarlierRuns, shrink::ShrinkBound};
use crate::{account::Reader, employees::OwnerRule, ledger::ContactRecords, run::RunFile};

/// The run to plan, and the account to compare it with.
pub(crate) struct PlanContext<'a> {
    pub run: &'a RunFile,
    pub account: Reader<'a>,
    pub options: &'a PlanOptions,
    /// The rule that distinguishes names from ids in owners, if the plan may contain names.
    pub owners: Option<&'a OwnerRule>,
    /// The records of earlier runs, if they replace the account (`--changed-only`).
    pub records: Option<&'a ContactRecords>,
    pub earlier_runs: EarlierRuns<'a>,
    /// The limit on rows that are missing compared with an earlier run, if any.
    pub shrink: Option<ShrinkBound>,
}
