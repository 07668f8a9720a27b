//! Errors that end sending.

use super::budget::BudgetError;
use crate::{api::ApiError, progress::StopReason, run::RunError, wording::counted};

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
    /// The server confirms nothing.
    #[error(transparent)]
    Unconfirmed(#[from] UnconfirmedError),
    /// A signal stopped it.
    #[error("interrupted")]
    Interrupted(StopReason),
    /// A sender thread panicked, which is a bug.
    #[error("internal error: a sender thread panicked")]
    SenderPanicked,
}

/// The server confirmed neither that contacts were written nor that they were refused.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the outcome of {} is unknown: the server confirmed no result ({reason})", counted(*contacts, "contact"))]
pub struct UnconfirmedError {
    /// The number of contacts with an unknown outcome.
    pub(super) contacts: u64,
    pub(super) reason: String,
}
