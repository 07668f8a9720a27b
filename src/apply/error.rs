//! The end of sending.

use super::budget::BudgetError;
use crate::{api::ApiError, progress::StopReason, run::RunError};

/// The reason why sending ended early.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The API is unusable.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The run file can't be read or written.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The server refuses too much.
    #[error(transparent)]
    Budget(#[from] BudgetError),
    /// A signal stopped it.
    #[error("interrupted")]
    Interrupted(StopReason),
    /// A sender thread panicked, which is a bug.
    #[error("internal error: a sender thread panicked")]
    SenderPanicked,
    /// The counts don't add up, which is a bug.
    #[error("{0}")]
    Counts(String),
}
