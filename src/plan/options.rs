//! The options and errors of planning.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};

use super::{
    duplicates::OnDuplicate,
    gate::{Bounds, GateVerdict},
};
use crate::{
    api::ApiError,
    contact::{BATCH_MAX, ChatType},
    output::IoError,
    run::{Decision, RunError},
};

/// The changes that an import may make (`--mode`).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, EnumString, IntoStaticStr,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Mode {
    /// Create missing contacts and update those that differ.
    #[default]
    Upsert,
    /// Create all contacts without reading the account.
    Create,
    /// Update all contacts, without reading the account if the source has all required fields.
    Update,
    /// Like upsert, and delete contacts that are not in the source.
    Mirror,
    /// Create missing contacts and leave all others alone.
    Missing,
    /// Restore what a run changed. Set by `undo`; not available as `--mode`.
    Undo,
}

impl Mode {
    /// The word on the command line and in the summary.
    pub(crate) fn as_str(self) -> &'static str {
        self.into()
    }

    /// The decision on a complete contact, if it doesn't depend on the account.
    pub(super) const fn blind_decision(self) -> Option<Decision> {
        match self {
            Self::Create => Some(Decision::Create),
            Self::Update => Some(Decision::Update),
            Self::Upsert | Self::Mirror | Self::Missing | Self::Undo => None,
        }
    }

    /// True if an unchanged contact is known to equal the account's.
    pub(crate) const fn compares(self) -> bool {
        !matches!(self, Self::Missing)
    }
}

/// The options of planning.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlanOptions {
    /// The allowed changes.
    pub mode: Mode,
    /// The treatment of rows with the same id.
    pub on_duplicate: OnDuplicate,
    /// Chat types whose empty cells remove the chat (`--blank clear`).
    pub cleared: Vec<ChatType>,
    /// The limits of the gate.
    pub bounds: Bounds,
    /// Maximum number of contacts in a request.
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

/// An error of planning.
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
}
