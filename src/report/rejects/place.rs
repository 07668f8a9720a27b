//! The path of the rejects file. It is chosen and checked before anything is sent.
//!
//! A file is replaced only if this tool wrote it and its size and modification time are unchanged since; otherwise the
//! rejects go to the next free number (`name-2.csv`).

use std::{
    ffi::OsString,
    fs::OpenOptions,
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    ledger::Ledger,
    output::{IoError, beside, is_special, promises_no_text, real},
    report::ReportError,
    run::{RunError, RunFile, store::files},
};

/// The fact of the run file.
const FACT: &str = "rejects";

/// The rejects file that the run wrote last.
#[derive(Serialize, Deserialize)]
struct LastRejects {
    /// The path that was asked for.
    wanted: PathBuf,
    /// The path of the file.
    path: PathBuf,
}

/// The path of the rejects that were asked for at `wanted`.
pub(crate) fn find(run: &RunFile, wanted: &Path) -> Result<PathBuf, RunError> {
    let last: Option<LastRejects> = run.find_fact(FACT)?;
    let last = last.filter(|last| last.wanted == wanted);
    Ok(last.map_or_else(|| wanted.to_path_buf(), |last| last.path))
}

/// The path to write to: the last one or the one that was asked for, if the file may be replaced, otherwise the next free number.
pub(super) fn next(
    run: &RunFile,
    wanted: &Path,
    sources: &[PathBuf],
    ledger: &Ledger,
) -> Result<PathBuf, RunError> {
    if is_special(wanted) {
        return Ok(wanted.to_path_buf());
    }
    let sources: Vec<_> = sources.iter().map(|source| real(source)).collect();
    let may_replace = |path: &PathBuf| match path.metadata() {
        Err(_) => true,
        // An empty file has nothing to lose: `mktemp` makes such files.
        Ok(data) if data.is_file() && data.len() == 0 => true,
        Ok(_) => ledger.is_untouched_rejects_file(path) && !sources.contains(&real(path)),
    };
    let numbered = (2..).map(|number| numbered(wanted, number));
    let candidates = [find(run, wanted)?, wanted.to_path_buf()];
    let mut candidates = candidates.into_iter().chain(numbered);
    Ok(candidates.find(may_replace).unwrap_or_default())
}

/// Records a file that was written, in the ledger and in the run file.
pub(super) fn record(
    run: &RunFile,
    wanted: &Path,
    path: &Path,
    ledger: &mut Ledger,
) -> Result<(), ReportError> {
    if is_special(path) {
        return Ok(());
    }
    ledger.record_rejects_file(path)?;
    let last = LastRejects {
        wanted: wanted.into(),
        path: path.into(),
    };
    Ok(run.set_fact(FACT, &last)?)
}

/// `name-2.csv`.
fn numbered(wanted: &Path, number: u32) -> PathBuf {
    let mut name = OsString::from(wanted.file_stem().unwrap_or_default());
    name.push(format!("-{number}"));
    if let Some(ending) = wanted.extension() {
        name.push(".");
        name.push(ending);
    }
    wanted.with_file_name(name)
}

/// The default: `<source stem>.rejected.csv` in the working directory.
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

/// The path that was asked for, or the default, or a path beside the run file if the default is not writable.
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

/// Checks that the path that was asked for is writable. To be called before the token is requested, which may spend a
/// refresh token.
pub(crate) fn check_asked(asked: Option<&Path>) -> Result<(), ReportError> {
    asked.map_or(Ok(()), |asked| check_writable(&resolve(asked)?))
}

/// The absolute path: `apply` may be called in another directory.
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

/// Refuses a path that would replace a source, or a run file or a file beside it.
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

/// Checks that a file can be written; leaves nothing behind.
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

/// True if the rejects are written as a workbook.
pub(super) fn is_workbook(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("xlsx"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_name_is_made_from_the_sources_own() {
        for (source, expected) in [
            ("contacts.csv", "contacts.rejected.csv"),
            ("/data/crm/Контакты.xlsx", "Контакты.rejected.csv"),
            ("a.b.csv.gz", "a.b.rejected.csv"),
            ("noending", "noending.rejected.csv"),
            (".csv", ".csv.rejected.csv"),
            ("-", "stdin.rejected.csv"),
        ] {
            assert_eq!(
                default_path(Path::new(source)),
                Path::new(expected),
                "{source}"
            );
        }
    }
}
