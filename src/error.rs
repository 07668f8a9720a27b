//! The sum of the layers' errors, and the exit code.
//!
//! A bad row becomes a reject and the run continues, ending with [`ExitCode::Rejected`]. An [`Error`] ends the
//! run.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use crate::{
    api::{ApiError, ApiErrorKind},
    apply::{ApplyError, BudgetError, UnconfirmedError},
    canary::CanaryError,
    export::ExportError,
    mapping::MappingError,
    output::IoError,
    paths::read_fault,
    plan::{PlanError, gate::GateVerdict},
    progress::StopReason,
    report::ReportError,
    requested::RequestedFileError,
    run::RunError,
    settings::SettingsError,
    source::SourceError,
    stage::StageError,
};

/// The exit code of the program. Scripts rely on these numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::VariantArray)]
pub enum ExitCode {
    /// Completed.
    Done = 0,
    /// Could not continue (network, server, disk, unreadable input); `apply` continues.
    Failed = 1,
    /// Wrong arguments or configuration.
    Usage = 2,
    /// Completed, but some rows or contacts were rejected or differ (`verify`).
    Rejected = 3,
    /// The token is missing, wrong, expired and not renewable, or lacks permission.
    Token = 4,
    /// Stopped by a guard before anything was sent, or not confirmed.
    Gate = 5,
    /// `plan --exit-code`: there are changes.
    Changes = 6,
    /// Another run uses the account or the run file.
    Busy = 7,
    /// Stopped by the error budget or the canary after part was sent; `apply` continues.
    Stopped = 8,
    /// The counts do not add up, which is a bug.
    Defect = 70,
    /// SIGHUP; `apply` continues.
    HungUp = 129,
    /// Ctrl-C; `apply` continues.
    Interrupted = 130,
    /// SIGTERM; `apply` continues.
    Terminated = 143,
}

impl ExitCode {
    /// Every exit code, in order.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;
}

impl From<StopReason> for ExitCode {
    fn from(reason: StopReason) -> Self {
        match reason {
            StopReason::Interrupt => Self::Interrupted,
            StopReason::Terminate => Self::Terminated,
            StopReason::HangUp => Self::HungUp,
        }
    }
}

/// An error that ends a run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The source can't be read.
    #[error(transparent)]
    Source(SourceError),
    /// The columns can't be mapped.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// The run file can't be read or written.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The API can't be used.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// A file, port or stream can't be used.
    #[error(transparent)]
    Io(#[from] IoError),
    /// The account can't be exported.
    #[error(transparent)]
    Export(ExportError),
    /// The rejects, the report or the metrics can't be written.
    #[error(transparent)]
    Requested(#[from] RequestedFileError),
    /// The run file lacks data for the report.
    #[error("can't create the report: {0}")]
    ReportIncomplete(RunError),
    /// The configuration or an option is wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A guard stopped the run.
    #[error("stopped before anything was sent: {0}")]
    Gate(#[from] GateVerdict),
    /// The server refuses too much.
    #[error(transparent)]
    Budget(#[from] BudgetError),
    /// The canary failed.
    #[error(transparent)]
    Canary(CanaryError),
    /// The run can't be continued, undone or verified.
    #[error(transparent)]
    UnusableRun(#[from] UnusableRunError),
    /// A job has no source.
    #[error(transparent)]
    NoSource(#[from] NoSourceError),
    /// The server confirms nothing.
    #[error(transparent)]
    Unconfirmed(UnconfirmedError),
    /// A sender thread panicked.
    #[error(
        "internal error: a sender thread panicked; `apply` settles the contacts that it was sending"
    )]
    SenderPanicked,
    /// The command panicked.
    #[error("internal error: the command panicked; `runs` shows whether anything is left to send")]
    Panicked,
    /// The user answered no.
    #[error("not confirmed: nothing was sent")]
    Declined,
    /// A signal ended the run.
    #[error("interrupted")]
    Interrupted(StopReason),
}

/// The reason why a run can't be continued, undone or verified although its file may be intact.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the fields are parts of the messages")]
pub enum UnusableRunError {
    #[error("the plan of run {run} was never completed: {consequence}")]
    Unplanned { run: String, consequence: String },
    #[error("the plan of run {run} was refused, so it can't be sent")]
    Refused { run: String },
    #[error(
        "nothing can be continued: the last run {run} ({command} {file}) has no complete plan; \
         run `wazzup-contacts {command}` again, with the same source and options"
    )]
    NothingToContinue {
        run: String,
        command: String,
        file: String,
    },
    #[error("run {run} can't be read: {reason}")]
    Unreadable { run: String, reason: String },
}

/// The reason why a job has no source.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the fields are parts of the messages")]
pub enum NoSourceError {
    #[error("no file matches {pattern}: check the pattern, and whether the file was delivered")]
    NoMatch { pattern: String },
    #[error("only {} matches {pattern}, which is not a file: check the pattern", path.display())]
    NotAFile { pattern: String, path: PathBuf },
    #[error("no file matches {pattern}: {} {}", path.display(), read_fault(source))]
    Unreadable {
        pattern: String,
        path: PathBuf,
        source: io::Error,
    },
}

impl From<PlanError> for Error {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Api(error) => error.into(),
            PlanError::Run(error) => error.into(),
            PlanError::Io(error) => error.into(),
            PlanError::Gate(verdict) => Self::Gate(verdict),
        }
    }
}

impl From<ApplyError> for Error {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Api(error) => error.into(),
            ApplyError::Run(error) => error.into(),
            ApplyError::Budget(error) => Self::Budget(error),
            ApplyError::Unconfirmed(error) => Self::Unconfirmed(error),
            ApplyError::Interrupted(reason) => Self::Interrupted(reason),
            ApplyError::SenderPanicked => Self::SenderPanicked,
        }
    }
}

impl From<ExportError> for Error {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Api(error) => error.into(),
            ExportError::Io(error) => error.into(),
            error @ (ExportError::Restless | ExportError::Shrunk(_)) => Self::Export(error),
            ExportError::Interrupted(reason) => Self::Interrupted(reason),
        }
    }
}

impl From<SourceError> for Error {
    fn from(error: SourceError) -> Self {
        StageError::from(error).into()
    }
}

impl From<StageError> for Error {
    fn from(error: StageError) -> Self {
        match error {
            StageError::Source(error) => Self::Source(error),
            StageError::Mapping(error) => error.into(),
            StageError::Run(error) => error.into(),
            StageError::Io(error) => error.into(),
            StageError::Gate(verdict) => Self::Gate(verdict),
            StageError::Interrupted(reason) => Self::Interrupted(reason),
        }
    }
}

impl From<ReportError> for Error {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Run(error) => error.into(),
            ReportError::Io(error) => error.into(),
            ReportError::Requested(error) => error.into(),
            ReportError::Incomplete(error) => Self::ReportIncomplete(error),
        }
    }
}

impl Error {
    /// An error of arguments or configuration.
    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<Option<String>>) -> Self {
        SettingsError::wrong(message, hint).into()
    }

    /// Adds the path, or another name, to an I/O error.
    pub(crate) fn io(what: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        let named = IoError::at(what);
        |error| named(error).into()
    }

    /// Runs `work`; a panic in it becomes an error, after its message was printed.
    pub(crate) fn catch_panic<T>(work: impl FnOnce() -> Result<T, Self>) -> Result<T, Self> {
        catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(Self::Panicked))
    }

    /// The note about a plan that failed because of something other than the files.
    pub(crate) const fn without_plan(&self) -> Option<&'static str> {
        const AGAIN: &str = "no plan was made and nothing was sent: run the same command again";
        match self {
            Self::Api(error) if error.may_pass() => Some(AGAIN),
            Self::Interrupted(_) => Some(AGAIN),
            Self::Run(RunError::Counts(_)) => None,
            Self::Api(_) | Self::Run(_) => Some("no plan was made and nothing was sent"),
            _ => None,
        }
    }

    /// Advice for the user.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Source(error) => error.hint(),
            Self::Mapping(error) => Some(error.hint()),
            Self::Run(error) => error.hint(),
            Self::Api(error) => error.hint(),
            Self::Requested(error) => Some(error.hint()),
            Self::ReportIncomplete(_) => Some("only the report is missing: the counts are right, and `wazzup-contacts runs show` lists what was sent".into()),
            Self::Settings(error) => error.hint(),
            Self::Gate(verdict) => Some(verdict.hint()),
            Self::Canary(error) => Some(error.hint().into()),
            Self::Export(error) => error.hint(),
            Self::Budget(error) => Some(error.hint()),
            Self::Panicked => Some("please report this with the message of the panic above".into()),
            Self::Io(error) => error.hint(),
            Self::Unconfirmed(_) => Some("check that --base-url is the contacts API; when you continue, the contacts are looked up before they are sent again".into()),
            Self::UnusableRun(_)
            | Self::NoSource(_)
            | Self::SenderPanicked
            | Self::Declined
            | Self::Interrupted(_) => None,
        }
    }

    /// The exit code for this error.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Mapping(_)
            | Self::Settings(SettingsError::Wrong { .. })
            | Self::Requested(RequestedFileError::Misplaced { .. })
            | Self::Api(ApiError {
                kind: ApiErrorKind::Proxy { .. },
                ..
            }) => ExitCode::Usage,
            Self::Interrupted(reason)
            | Self::Api(ApiError {
                kind: ApiErrorKind::Interrupted(reason),
                ..
            }) => (*reason).into(),
            Self::Api(error) if error.is_about_the_token() => ExitCode::Token,
            Self::Settings(SettingsError::TokenMissing | SettingsError::SecretMissing { .. }) => {
                ExitCode::Token
            }
            Self::Gate(_) | Self::Declined | Self::Export(ExportError::Shrunk(_)) => ExitCode::Gate,
            Self::Source(error) if error.is_incomplete() => ExitCode::Gate,
            Self::Run(RunError::Busy { .. }) => ExitCode::Busy,
            Self::Budget(_) | Self::Canary(_) => ExitCode::Stopped,
            Self::Run(RunError::Counts(_)) | Self::SenderPanicked | Self::Panicked => {
                ExitCode::Defect
            }
            Self::Api(_)
            | Self::Source(_)
            | Self::Run(_)
            | Self::Io(_)
            | Self::Export(_)
            | Self::Requested(_)
            | Self::ReportIncomplete(_)
            | Self::Unconfirmed(_)
            | Self::UnusableRun(_)
            | Self::NoSource(_) => ExitCode::Failed,
        }
    }
}
