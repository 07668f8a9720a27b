//! The path of the report, checked before anything is sent.

use std::path::{Path, PathBuf};

use crate::{
    output::{self, IoError, is_special},
    report::{ReportError, overwritten},
};

/// Checks that the report can be written to this path without replacing input or output of the run. Returns the
/// absolute path. Must be called before the token is requested, which may use up a refresh token.
pub(crate) fn check_asked_page(
    path: &Path,
    sources: &[PathBuf],
    run: Option<&Path>,
) -> Result<PathBuf, ReportError> {
    let path = std::path::absolute(path).map_err(IoError::at(path))?;
    if let Some(what) = overwritten(&path, sources, run.as_slice()) {
        return Err(ReportError::PageMisplaced(format!(
            "the report would overwrite the {what} {}",
            path.display()
        )));
    }
    check_target(&path)?;
    Ok(path)
}

/// The generator named in a page, by which an existing report is recognised.
pub(super) const GENERATOR: &str = "wazzup-contacts";

/// Checks that the path names an HTML file that can be written.
fn check_target(path: &Path) -> Result<(), ReportError> {
    let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
    if !is_special(path) && ending != "html" && ending != "htm" {
        return Err(ReportError::PageMisplaced(format!(
            "{}: the report is an HTML page, so its name must end in .html",
            path.display()
        )));
    }
    check_replaceable(path)?;
    output::check_writable(path).map_err(|source| ReportError::PageUnwritable {
        path: path.to_path_buf(),
        source,
    })
}

/// Checks that the path is free or holds an existing report.
pub(super) fn check_replaceable(path: &Path) -> Result<(), ReportError> {
    let marker = format!("name=\"generator\" content=\"{GENERATOR}\"");
    if output::is_replaceable(path, marker.as_bytes()) {
        return Ok(());
    }
    Err(ReportError::PageMisplaced(format!(
        "{} exists and is not a report of this tool: choose another name for the report, or remove the file",
        path.display()
    )))
}
