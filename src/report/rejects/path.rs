//! Where rejects may go: found out before anything is sent.

use std::{
    fs::OpenOptions,
    io,
    path::{Path, PathBuf},
};

use super::is_workbook;
use crate::{
    output::{IoError, beside, is_special, promises_no_text, real},
    report::ReportError,
    run::store::files,
};

/// Where the rejects of a source go by default: `<source stem>.rejected.csv` in the working directory.
#[must_use]
pub(crate) fn default_path(source: &Path) -> PathBuf {
    let name = source.file_name().unwrap_or_default().to_string_lossy();
    let name = if name == "-" || name.is_empty() {
        "stdin".into()
    } else {
        name
    };
    let mut stem = &*name;
    for ending in [".gz", ".zst"] {
        stem = stem.strip_suffix(ending).unwrap_or(stem);
    }
    let stem =
        stem.rsplit_once('.').map_or(
            stem,
            |(stem, _)| if stem.is_empty() { name.as_ref() } else { stem },
        );
    PathBuf::from(format!("{stem}.rejected.csv"))
}

/// Where the rejects of a source go: to the place that was asked for, or to the default one, or beside the run file where
/// nothing can be written there. Whether they could be written is found out before the first request.
pub(crate) fn choose(
    asked: Option<&Path>,
    source: &Path,
    run: &Path,
) -> Result<PathBuf, ReportError> {
    if let Some(asked) = asked {
        let path = resolve(asked)?;
        return check_writable(&path).map(|()| path);
    }
    let default = default_path(source);
    let path = resolve(&default)?;
    match check_writable(&path) {
        Ok(()) => Ok(path),
        Err(_) => resolve(&run.with_file_name(default)),
    }
}

/// Can rejects be written to the place that was asked for? To be found out before a token is got: that is a request,
/// and may spend a refresh token.
pub(crate) fn check_asked(asked: Option<&Path>) -> Result<(), ReportError> {
    asked.map_or(Ok(()), |asked| check_writable(&resolve(asked)?))
}

/// The place from wherever it is written: `apply` may be called in another directory.
pub(crate) fn resolve(path: &Path) -> Result<PathBuf, ReportError> {
    let path = std::path::absolute(path).map_err(IoError::at(path))?;
    if promises_no_text(&path) && !is_workbook(&path) {
        return Err(ReportError::Misplaced(format!(
            "{}: rejects are written as text (.csv) or as a workbook (.xlsx)",
            path.display()
        )));
    }
    if path.to_str().is_some() {
        return Ok(path);
    }
    Err(ReportError::Misplaced(format!(
        "the rejects would go to {}, a name that is not UTF-8",
        path.display()
    )))
}

/// Nobody gets a file of theirs overwritten by rejects: neither a source nor a run with what is kept beside it.
pub(crate) fn check_spares(
    path: &Path,
    sources: &[PathBuf],
    runs: &[&Path],
) -> Result<(), ReportError> {
    let rejects = real(path);
    let mut run_files = runs.iter().copied().flat_map(files);
    let what = if sources.iter().any(|source| real(source) == rejects) {
        "source"
    } else if run_files.any(|file| file == rejects) {
        "run file"
    } else {
        return Ok(());
    };
    Err(ReportError::Misplaced(format!(
        "the rejects would be written over the {what} {}",
        path.display()
    )))
}

/// Finds out before the first request whether rejects could be written; leaves nothing behind.
pub(crate) fn check_writable(path: &Path) -> Result<(), ReportError> {
    let tried = if is_special(path) {
        OpenOptions::new().append(true).open(path).map(drop)
    } else if path.is_dir() {
        Err(io::ErrorKind::IsADirectory.into())
    } else {
        beside(path).map(drop)
    };
    tried.map_err(|source| ReportError::Unwritable {
        path: path.into(),
        source,
    })
}
