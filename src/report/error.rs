//! Errors of writing the rejects and the report.

use std::io;

use crate::{output::IoError, requested::RequestedFileError, run::RunError};

/// The reason why the rejects or the report can't be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The run file can't be read or written.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A file can't be read or written.
    #[error(transparent)]
    Io(#[from] IoError),
    /// The named file can't be used.
    #[error(transparent)]
    Requested(#[from] RequestedFileError),
    /// The run file lacks data for the report.
    #[error("can't create the report: {0}")]
    Incomplete(RunError),
}

impl ReportError {
    /// True if the reader closed standard output, which is not a failure.
    pub(crate) fn is_closed_early(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}
