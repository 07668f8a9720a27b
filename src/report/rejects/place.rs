//! Which file the rejects of a run go to. A run writes them more than once (when it is planned, and again when it
//! was sent), so does one night after the other, and meanwhile somebody may have begun to mend them. So the run file keeps
//! the digest of what it wrote, and the state directory what was written last to each place. A file that is not that
//! any more, or never was, stays: the rejects go beside it, with a number. Those that nobody touched are replaced.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    memory::{RejectsFiles, digest},
    output::{IoError, is_special},
    report::ReportError,
    run::{RunError, RunFile, sources},
};

/// The fact of the run file that this is.
const FACT: &str = "rejects";

/// What the run wrote last.
#[derive(Serialize, Deserialize)]
struct Written {
    /// The place that was asked for.
    wanted: PathBuf,
    /// Where it was written.
    path: PathBuf,
    blake3: String,
}

/// Where the rejects are that were asked for at `wanted`, as far as they were written.
pub(super) fn last(run: &RunFile, wanted: &Path) -> Result<PathBuf, RunError> {
    let written = written(run, wanted)?;
    Ok(written.map_or_else(|| wanted.to_path_buf(), |written| written.path))
}

/// Where to write them: to the place that was asked for, or beside it, with a number. Never over a file that is another's, nor
/// over one that was touched since a run wrote it.
pub(super) fn next(
    run: &RunFile,
    wanted: &Path,
    memory: &RejectsFiles,
) -> Result<PathBuf, RunError> {
    if is_special(wanted) {
        return Ok(wanted.to_path_buf());
    }
    if let Some(written) = written(run, wanted)?
        && digest(&written.path).map_or(true, |digest| digest == written.blake3)
    {
        return Ok(written.path);
    }
    let sources = sources::all(run)?;
    let is_source = |blake3: &str| sources.iter().any(|source| source.blake3 == blake3);
    let may_go = |path: &Path| match path.metadata() {
        Err(_) => true,
        // There is nothing to lose: `mktemp` makes such files.
        Ok(data) if data.is_file() && data.len() == 0 => true,
        Ok(_) => digest(path)
            .is_ok_and(|blake3| memory.is_untouched(path, &blake3) && !is_source(&blake3)),
    };
    let numbered = (2..).map(|number| numbered(wanted, number));
    let mut places = std::iter::once(wanted.to_path_buf()).chain(numbered);
    Ok(places.find(|place| may_go(place)).unwrap_or_default())
}

/// Remembers what was written.
pub(super) fn remember(
    run: &RunFile,
    wanted: &Path,
    path: &Path,
    memory: &RejectsFiles,
) -> Result<(), ReportError> {
    if is_special(path) {
        return Ok(());
    }
    let written = Written {
        wanted: wanted.into(),
        path: path.into(),
        blake3: digest(path).map_err(IoError::at(path))?,
    };
    memory
        .remember(path, &written.blake3)
        .map_err(IoError::at(path))?;
    Ok(run.set_fact(FACT, &written)?)
}

fn written(run: &RunFile, wanted: &Path) -> Result<Option<Written>, RunError> {
    let written: Option<Written> = run.find_fact(FACT)?;
    Ok(written.filter(|written| written.wanted == wanted))
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
