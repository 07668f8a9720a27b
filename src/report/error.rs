//! Errors of writing the rejects and the report.

use std::{io, path::PathBuf};

use crate::{output::IoError, paths::advice, run::RunError, wording::shown_path};

/// The reason why the rejects or the report can't be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The run file can't be read or written.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A file can't be read or written.
    #[error(transparent)]
    Io(#[from] IoError),
    /// The rejects file can't be created.
    #[error("can't write the rejects to {}: {source}", shown_path(path))]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The rejects must not be written to the named file.
    #[error("{0}")]
    Misplaced(String),
    /// The report can't be created.
    #[error("can't write the report to {}: {source}", shown_path(path))]
    PageUnwritable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The run file lacks data for the report.
    #[error("can't create the report: {0}")]
    PageIncomplete(RunError),
    /// The report must not be written to the named file.
    #[error("{0}")]
    PageMisplaced(String),
}

impl ReportError {
    /// True if the reader closed standard output, which is not a failure.
    pub(crate) fn is_closed_early(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Advice for the user.
    pub(crate) fn hint(&self) -> Option<String> {
        const REJECTS: &str = "name another file with --rejects FILE";
        const PAGE: &str = "name another file for the report, such as report.html";
        let (place, another) = match self {
            Self::Run(error) => return error.hint(),
            Self::PageIncomplete(_) => {
                return Some(
                    "only the report is missing: the counts are right, and `wazzup-contacts runs show` lists what was sent"
                        .to_owned(),
                );
            }
            Self::Io(error) => return error.hint(),
            Self::Unwritable { path, source } => (Some((path, source)), REJECTS),
            Self::PageUnwritable { path, source } => (Some((path, source)), PAGE),
            Self::Misplaced(_) => (None, REJECTS),
            Self::PageMisplaced(_) => (None, PAGE),
        };
        let advice = place.and_then(|(path, source)| advice(path, source));
        Some(advice.map_or_else(
            || another.to_owned(),
            |advice| format!("{advice}, or {another}"),
        ))
    }
}
