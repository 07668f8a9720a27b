//! Errors of planning.

use super::gate::GateVerdict;
use crate::{api::ApiError, output::IoError, run::RunError};

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The account can't be read.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The run file can't be read or written.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A file can't be read or written.
    #[error(transparent)]
    Io(#[from] IoError),
    /// A guard stopped the run.
    #[error("stopped before anything was sent: {0}")]
    Gate(GateVerdict),
    /// The counts don't add up: a defect in the tool.
    #[error("{0}")]
    Counts(String),
}
