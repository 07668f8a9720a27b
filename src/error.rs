//! What ends a run, and the exit code that it ends with.
//!
//! Two classes of failure, one policy: a bad row becomes a reject and the run goes on, but can't end looking
//! clean ([`ExitCode::Rejected`]); what breaks the run is an [`Error`] and stops it.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::{
    api::{ApiError, ApiErrorKind},
    mapping::MappingError,
    plan::gate::GateVerdict,
    progress::StopReason,
    run::RunError,
    source::SourceError,
};

/// How the program ends. Others script against these numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitCode {
    /// Everything asked for is done.
    Done = 0,
    /// It could not go on (network, server, disk, unreadable input); `apply` continues.
    Failed = 1,
    /// Wrong arguments or configuration.
    Usage = 2,
    /// Done, but some rows or contacts were rejected, or differ (`verify`).
    Rejected = 3,
    /// The token is missing, wrong, expired and not refreshable, or not allowed.
    Token = 4,
    /// The gate stopped it, or somebody said no: nothing was sent.
    Gate = 5,
    /// `plan --exit-code`: there are changes.
    Changes = 6,
    /// The counts do not add up: a defect in the tool.
    Defect = 70,
    /// Ctrl-C; `apply` continues.
    Interrupted = 130,
    /// SIGTERM; `apply` continues.
    Terminated = 143,
}

impl From<StopReason> for ExitCode {
    fn from(reason: StopReason) -> Self {
        match reason {
            StopReason::Interrupt => Self::Interrupted,
            StopReason::Terminate => Self::Terminated,
        }
    }
}

/// What ends a run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The source can't be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The columns can't be mapped.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// The run file can't be used.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The API can't be used.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The gate stopped it.
    #[error("stopped before anything was sent: {0}")]
    Gate(GateVerdict),
    /// Something of the system can't be used: a file, a port, standard output.
    #[error("{what}: {source}")]
    Io {
        /// Its path, or what else it is called.
        what: String,
        /// What the system says.
        source: io::Error,
    },
    /// Rejects could not be written where they are to go.
    #[error("rejects can't be written to {path}: {source}")]
    Rejects {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Arguments or configuration are wrong.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// There is no token.
    #[error("there is no token")]
    TokenMissing,
    /// Something that was looked for is not there.
    #[error("{0}")]
    NotFound(String),
    /// A sender thread has panicked: a defect in the tool.
    #[error(
        "a sender thread died, which is a defect in wazzup-contacts; `apply` settles what it had in hand"
    )]
    SendersDied,
    /// The counts do not add up.
    #[error("the counts do not add up, which is a defect in wazzup-contacts: {0}")]
    Counts(String),
    /// Somebody was asked, and said no.
    #[error("not confirmed: nothing was sent")]
    Declined,
    /// Somebody asked for the end.
    #[error("interrupted")]
    Interrupted(StopReason),
}

impl Error {
    /// An error of arguments or configuration.
    #[must_use]
    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<Option<String>>) -> Self {
        Self::Usage {
            message: message.into(),
            hint: hint.into(),
        }
    }

    /// Names what of the system can't be used, by its path or by what else it is called.
    pub fn io(what: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        let what = what.as_ref().display().to_string();
        |source| Self::Io { what, source }
    }

    /// What the user can do about it.
    #[must_use]
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Source(error) => error.hint(),
            Self::Mapping(error) => Some(error.hint()),
            Self::Run(error) => error.hint(),
            Self::Api(error) => error.hint(),
            Self::Gate(verdict) => Some(verdict.hint()),
            Self::Usage { hint, .. } => hint.clone(),
            Self::TokenMissing => Some(
                "set the environment variable WAZZUP_TOKEN or pass --token-file FILE; to try the tool without an account, add --sandbox"
                    .into(),
            ),
            Self::Counts(_) => Some("please report it with the run file's `runs show`; the run file holds everything that was sent".into()),
            Self::Rejects { .. } => Some("name another file with --rejects FILE".into()),
            Self::Io { .. }
            | Self::NotFound(_)
            | Self::SendersDied
            | Self::Declined
            | Self::Interrupted(_) => None,
        }
    }

    /// The exit code that it ends with.
    #[must_use]
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Mapping(_) | Self::Usage { .. } => ExitCode::Usage,
            Self::Interrupted(reason)
            | Self::Api(ApiError {
                kind: ApiErrorKind::Interrupted(reason),
                ..
            }) => (*reason).into(),
            Self::Api(error) if error.is_about_the_token() => ExitCode::Token,
            Self::TokenMissing => ExitCode::Token,
            Self::Gate(_) | Self::Declined => ExitCode::Gate,
            Self::Counts(_) | Self::SendersDied => ExitCode::Defect,
            Self::Api(_)
            | Self::Source(_)
            | Self::Run(_)
            | Self::Io { .. }
            | Self::Rejects { .. }
            | Self::NotFound(_) => ExitCode::Failed,
        }
    }
}
