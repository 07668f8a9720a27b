//! The results of a run for people and scripts: the summary, the rejects file, examples of rejected rows.

pub(crate) mod changes;
pub(crate) mod dropped;
mod error;
pub(crate) mod examples;
pub(crate) mod notes;
pub(crate) mod page;
pub(crate) mod rejects;
pub(crate) mod summary;

use std::path::{Path, PathBuf};

pub use error::ReportError;

use crate::{output::real, run::store::files};

/// The role of the file that a file at this path would replace, if the run reads or writes it.
fn overwritten(path: &Path, sources: &[PathBuf], runs: &[&Path]) -> Option<&'static str> {
    let path = real(path);
    if sources.iter().any(|source| real(source) == path) {
        return Some("source");
    }
    let mut run_files = runs.iter().copied().flat_map(files);
    run_files.any(|file| file == path).then_some("run file")
}
