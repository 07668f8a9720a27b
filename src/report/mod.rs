//! The results of a run for people and scripts: the summary, the rejects file, examples of rejected rows.

pub(crate) mod changes;
pub(crate) mod dropped;
pub(crate) mod examples;
pub(crate) mod notes;
pub(crate) mod page;
pub(crate) mod rejects;
pub(crate) mod summary;

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::{
    output::{IoError, real},
    requested::RequestedFileError,
    run::{RunError, store::files},
};

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

/// The role of the file that a file at this path would replace, if the run reads or writes it.
fn overwritten(path: &Path, sources: &[PathBuf], runs: &[&Path]) -> Option<&'static str> {
    let path = real(path);
    if sources.iter().any(|source| real(source) == path) {
        return Some("source");
    }
    let mut run_files = runs.iter().copied().flat_map(files);
    run_files.any(|file| file == path).then_some("run file")
}
