//! The path of the rejects file. It is chosen and checked before anything is sent.
//!
//! The path never comes from a run file, which may be foreign. It is named by the user, stored in the ledger, or
//! the default, which is never a link or a pipe.
//!
//! A file is replaced only if this tool wrote it for the same source and profile, and its size and modification time are
//! unchanged. Otherwise the rejects go to the next free number (`name-2.csv`).

use std::{
    ffi::OsString,
    fs::Metadata,
    io,
    path::{Path, PathBuf},
};

use crate::{
    characters::is_invisible,
    ledger::{Ledger, RejectsOrigin, RejectsPath, may_replace_rejects, rejects_path_of},
    output::{self, IoError, Symlinks, beside, promises_no_text, real},
    report::{ReportError, overwritten},
    requested::RequestedFile,
    run::RunFile,
    streams::is_special,
};

/// Chooses the path of a new run's rejects: the requested path, the default, or one beside the run file if the
/// default is not writable.
pub(crate) fn choose(
    requested: Option<&Path>,
    source: &Path,
    run: &Path,
) -> Result<RejectsPath, ReportError> {
    path_of(requested, default_path(source), run)
}

/// Chooses the path of the list of left-out numbers: beside the requested rejects file and named after it, or
/// `<source stem>.dropped.csv` in the working directory or beside the run file. The next free number if the existing
/// file is foreign.
pub(crate) fn of_dropped(
    rejects: Option<&Path>,
    sources: &[PathBuf],
    run: &Path,
    profile: &str,
    ledger: &Ledger,
) -> Result<PathBuf, ReportError> {
    let target = if let Some(rejects) = rejects.filter(|path| !is_special(path)) {
        let path = resolve(&dropped_beside(rejects))?;
        RejectsPath {
            wanted: path.clone(),
            path,
            is_requested: false,
        }
    } else {
        let source = sources.first().map_or(Path::new("-"), PathBuf::as_path);
        path_of(None, named_after(source, "dropped"), run)?
    };
    Ok(next(&target, sources, profile, ledger))
}

/// The path of the list of left-out numbers for this rejects file.
pub(crate) fn dropped_beside(rejects: &Path) -> PathBuf {
    let stem = rejects.with_extension("");
    let stem = stem.to_string_lossy();
    let stem = stem.strip_suffix(".rejected").unwrap_or(&stem);
    PathBuf::from(format!("{stem}.dropped.csv"))
}

fn path_of(
    requested: Option<&Path>,
    default: PathBuf,
    run: &Path,
) -> Result<RejectsPath, ReportError> {
    let target = |wanted: PathBuf| RejectsPath {
        path: wanted.clone(),
        wanted,
        is_requested: requested.is_some(),
    };
    if let Some(requested) = requested {
        let target = target(resolve(requested)?);
        return check_writable(&target).map(|()| target);
    }
    let here = target(resolve(&default)?);
    match check_writable(&here) {
        Ok(()) => Ok(here),
        Err(_) => Ok(target(resolve(&run.with_file_name(default))?)),
    }
}

/// The path of an earlier run's rejects: the requested path, the path in the ledger, or the default. `source` is
/// the name in the run file, of which only the last component is used.
pub(crate) fn of_run(
    requested: Option<&Path>,
    run: &RunFile,
    source: &str,
    ledger: &Ledger,
) -> Result<RejectsPath, ReportError> {
    match rejects_path_of(ledger, &run.digest()?) {
        Some(target) if requested.is_none() => Ok(target),
        _ => choose(requested, Path::new(source), run.path()),
    }
}

/// The path to write to: the last or requested one if the file may be replaced, otherwise the next free number.
pub(super) fn next(
    target: &RejectsPath,
    sources: &[PathBuf],
    profile: &str,
    ledger: &Ledger,
) -> PathBuf {
    let RejectsPath {
        wanted,
        is_requested,
        ..
    } = target;
    if *is_requested && is_special(wanted) {
        return wanted.clone();
    }
    let origin = RejectsOrigin::new(sources, profile);
    let sources: Vec<_> = sources.iter().map(|source| real(source)).collect();
    let may_replace = |path: &PathBuf| match metadata(target, path) {
        Err(_) => true,
        Ok(data) if !data.is_file() => false,
        // An empty file, as made by `mktemp`, has nothing to lose.
        Ok(data) if data.len() == 0 => true,
        Ok(_) => may_replace_rejects(ledger, path, &origin) && !sources.contains(&real(path)),
    };
    let numbered = (2..).map(|number| numbered(wanted, number));
    let candidates = [target.path.clone(), wanted.clone()];
    let mut candidates = candidates.into_iter().chain(numbered);
    candidates.find(may_replace).unwrap_or_default()
}

/// The treatment of a link at a path: only a path that the user named is followed.
pub(super) fn links(target: &RejectsPath, path: &Path) -> Symlinks {
    if target.is_requested && path == target.wanted {
        Symlinks::Follow
    } else {
        Symlinks::Replace
    }
}

fn metadata(target: &RejectsPath, path: &Path) -> io::Result<Metadata> {
    match links(target, path) {
        Symlinks::Follow => path.metadata(),
        Symlinks::Replace => path.symlink_metadata(),
    }
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

const STEM_BYTES_MAX: usize = 230;

/// The default: `<source stem>.rejected.csv` in the working directory.
pub(crate) fn default_path(source: &Path) -> PathBuf {
    named_after(source, "rejected")
}

fn named_after(source: &Path, what: &str) -> PathBuf {
    let name = source.file_name().unwrap_or_default().to_string_lossy();
    let name = if name == "-" || name.is_empty() {
        "stdin".to_owned()
    } else {
        // A run file may contain any name.
        name.replace(
            |c: char| c.is_control() || is_invisible(c) || "/\\:".contains(c),
            "-",
        )
    };
    let mut stem = &*name;
    for ending in [".gz", ".zst"] {
        stem = stem.strip_suffix(ending).unwrap_or(stem);
    }
    let stem =
        stem.rsplit_once('.').map_or(
            stem,
            |(stem, _)| if stem.is_empty() { name.as_str() } else { stem },
        );
    // A file name, including a number, has at most 255 bytes.
    let ends = stem.char_indices().map(|(at, c)| at + c.len_utf8());
    let end = ends.take_while(|end| *end <= STEM_BYTES_MAX).last();
    PathBuf::from(format!("{}.{what}.csv", &stem[..end.unwrap_or(0)]))
}

/// Checks that the requested path is writable. Must be called before the token is requested, which may use up a
/// refresh token.
pub(crate) fn check_requested(requested: Option<&Path>) -> Result<(), ReportError> {
    let Some(requested) = requested else {
        return Ok(());
    };
    let wanted = resolve(requested)?;
    check_writable(&RejectsPath {
        path: wanted.clone(),
        wanted,
        is_requested: true,
    })
}

/// The absolute path, because `apply` may run in another directory.
pub(crate) fn resolve(path: &Path) -> Result<PathBuf, ReportError> {
    let path = std::path::absolute(path).map_err(IoError::at(path))?;
    if promises_no_text(&path) && !is_workbook(&path) {
        return Err(misplaced(format!(
            "{}: rejects are written as text (.csv) or as a workbook (.xlsx)",
            path.display()
        )));
    }
    if path.to_str().is_some() {
        return Ok(path);
    }
    Err(misplaced(format!(
        "the rejects would be written to {}, but this name is not UTF-8",
        path.display()
    )))
}

/// Refuses a path that would replace a source, a run file or one of its side files.
pub(crate) fn check_spares(
    path: &Path,
    sources: &[PathBuf],
    runs: &[&Path],
) -> Result<(), ReportError> {
    let Some(what) = overwritten(path, sources, runs) else {
        return Ok(());
    };
    Err(misplaced(format!(
        "the rejects would overwrite the {what} {}",
        path.display()
    )))
}

/// Checks that the rejects can be written. Leaves nothing behind.
pub(crate) fn check_writable(target: &RejectsPath) -> Result<(), ReportError> {
    let path = &target.wanted;
    let tried = if target.is_requested {
        output::check_writable(path)
    } else {
        // If something else is there, the rejects go beside it.
        beside(path, Symlinks::Replace).map(drop)
    };
    Ok(tried.map_err(RequestedFile::Rejects.unwritable(path))?)
}

fn misplaced(reason: String) -> ReportError {
    RequestedFile::Rejects.misplaced(reason).into()
}

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
            ("a/\u{1b}[2J:b\u{202e}\n.csv", "-[2J-b--.rejected.csv"),
            (
                &"я".repeat(200),
                &format!("{}.rejected.csv", "я".repeat(115)),
            ),
        ] {
            assert_eq!(
                default_path(Path::new(source)),
                Path::new(expected),
                "{source}"
            );
        }
    }
}
