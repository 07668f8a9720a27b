//! Which file the rejects of a run go to. A run writes them more than once (when it is planned, and again when it
//! was sent), and between the two somebody may have begun to mend them. So the run file keeps the digest of what
//! was written, and a file that is not that any more stays: the rejects go beside it, with a number.

use std::{
    ffi::OsString,
    fs::File,
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    output::is_special,
    run::{RunError, RunFile},
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

/// Where to write them: in place of what this run wrote before, unless that has changed since.
pub(super) fn next(run: &RunFile, wanted: &Path) -> Result<PathBuf, RunError> {
    let Some(written) = written(run, wanted)? else {
        return Ok(wanted.to_path_buf());
    };
    match digest(&written.path) {
        Ok(digest) if digest != written.blake3 => Ok(free(wanted)),
        _ => Ok(written.path),
    }
}

/// Remembers what was written.
pub(super) fn remember(run: &RunFile, wanted: &Path, path: &Path) -> Result<(), RunError> {
    if is_special(path) {
        return Ok(());
    }
    let io = |source| RunError::Io {
        path: path.into(),
        source,
    };
    let written = Written {
        wanted: wanted.into(),
        path: path.into(),
        blake3: digest(path).map_err(io)?,
    };
    run.set_meta(FACT, &written)
}

fn written(run: &RunFile, wanted: &Path) -> Result<Option<Written>, RunError> {
    let written: Option<Written> = run.meta(FACT)?;
    Ok(written.filter(|written| written.wanted == wanted))
}

fn digest(path: &Path) -> io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// The first of `name-2.csv`, `name-3.csv`, … that is not there.
fn free(wanted: &Path) -> PathBuf {
    let numbered = |number: u32| {
        let mut name = OsString::from(wanted.file_stem().unwrap_or_default());
        name.push(format!("-{number}"));
        if let Some(ending) = wanted.extension() {
            name.push(".");
            name.push(ending);
        }
        wanted.with_file_name(name)
    };
    let mut places = (2..).map(numbered);
    places.find(|place| !place.exists()).unwrap_or_default()
}
