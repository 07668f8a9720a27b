//! The path of the report, checked before anything is sent.

use std::path::{Path, PathBuf};

use crate::{
    output::{self, IoError, is_special, real},
    report::ReportError,
    run::store::files,
};

/// Checks that the report can be written to this path and would not replace what the run reads or writes. Returns its absolute
/// path. To be called before the token is requested, which may spend a refresh token.
pub(crate) fn check_asked_page(
    path: &Path,
    sources: &[PathBuf],
    run: Option<&Path>,
) -> Result<PathBuf, ReportError> {
    let path = std::path::absolute(path).map_err(IoError::at(path))?;
    let target = real(&path);
    let is_source = sources.iter().any(|source| real(source) == target);
    if is_source || run.is_some_and(|run| files(run).any(|file| file == target)) {
        let what = if is_source { "source" } else { "run file" };
        return Err(ReportError::PageMisplaced(format!(
            "the report would be written over the {what} {}",
            path.display()
        )));
    }
    check_target(&path)?;
    Ok(path)
}

/// Checks that the path names an HTML file that can be written.
fn check_target(path: &Path) -> Result<(), ReportError> {
    let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
    if !is_special(path) && ending != "html" && ending != "htm" {
        return Err(ReportError::PageMisplaced(format!(
            "{}: the report is an HTML page, so its name must end in .html",
            path.display()
        )));
    }
    output::check_writable(path).map_err(|source| ReportError::PageUnwritable {
        path: path.to_path_buf(),
        source,
    })
}
