//! The path of a run's rejects. It is stored in the ledger for each run that was planned here. The run file itself
//! may come from others, so the paths in it are displayed but never written to.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::params;

use super::{DAYS_KEPT, Ledger, database::write_unsynced, size_and_time};
use crate::output::{IoError, real};

/// The path of a run's rejects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RejectsPath {
    /// The requested path, or the default.
    pub(crate) wanted: PathBuf,
    /// The path of the last file written. It differs from `wanted` if the file there must not be replaced.
    pub(crate) path: PathBuf,
    /// True if the user named the path, so it may be a link or a pipe.
    pub(crate) is_requested: bool,
}

/// The path of the rejects of a run that was planned here. `run` is the run's
/// [digest](crate::run::RunFile::digest).
pub(crate) fn rejects_path_of(ledger: &Ledger, run: &str) -> Option<RejectsPath> {
    let target = ledger.find(
        "SELECT wanted, path, is_asked FROM run WHERE digest = ?1",
        [run],
        |row| {
            let path = |index| row.get::<_, String>(index).map(PathBuf::from);
            Ok(RejectsPath {
                wanted: path(0)?,
                path: path(1)?,
                is_requested: row.get(2)?,
            })
        },
    );
    target.ok().flatten()
}

/// Stores the path of a run's rejects, and deletes those of old runs.
pub(crate) fn remember_rejects_path(
    ledger: &mut Ledger,
    run: &str,
    target: &RejectsPath,
) -> Result<(), IoError> {
    let now = Timestamp::now().as_second();
    let database = ledger.database()?;
    // Before anything is sent, `record_writer` syncs.
    write_unsynced(database, || {
        database.execute(
            "DELETE FROM run WHERE recorded_at < ?1",
            [now - DAYS_KEPT * 86_400],
        )?;
        database.execute(
            "INSERT OR REPLACE INTO run VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                run,
                target.wanted.to_string_lossy(),
                target.path.to_string_lossy(),
                target.is_requested,
                now
            ],
        )
    })
}

/// The source and the profile whose rejects are in a file. Rejects of others don't replace them, because they may not
/// be corrected yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RejectsOrigin {
    /// The paths without digits, because a nightly export has the date in its name.
    source: String,
    /// Empty for `check`, which may be repeated.
    profile: String,
}

impl RejectsOrigin {
    pub(crate) fn new(sources: &[PathBuf], profile: &str) -> Self {
        let paths = sources.iter().map(|source| real(source));
        let mut source = String::new();
        for path in paths {
            source.extend(
                path.to_string_lossy()
                    .chars()
                    .filter(|c| !c.is_ascii_digit()),
            );
            source.push('\n');
        }
        Self {
            source,
            profile: profile.to_owned(),
        }
    }

    fn may_replace(&self, other: &Self) -> bool {
        let is_any = |origin: &Self| origin.profile.is_empty();
        self.source == other.source
            && (self.profile == other.profile || is_any(self) || is_any(other))
    }
}

/// True if a run of this source and profile wrote the file, in whichever account, and its size and modification time
/// are unchanged.
pub(crate) fn may_replace_rejects(ledger: &Ledger, path: &Path, origin: &RejectsOrigin) -> bool {
    // Earlier versions did not record the source.
    const SQL: &str = "SELECT source, profile FROM rejects LEFT JOIN rejects_source USING (path)
        WHERE path = ?1 AND bytes = ?2 AND modified_ns = ?3";
    let Ok((bytes, modified_ns)) = size_and_time(path) else {
        return false;
    };
    let path = real(path).to_string_lossy().into_owned();
    let is_replaceable = |ledger: &Ledger| {
        let found = ledger.find(SQL, params![path, bytes, modified_ns], |row| {
            let (source, profile) = (row.get(0)?, row.get(1)?);
            let (Some(source), Some(profile)) = (source, profile) else {
                return Ok(true);
            };
            Ok(origin.may_replace(&RejectsOrigin { source, profile }))
        });
        matches!(found, Ok(Some(true)))
    };
    is_replaceable(ledger)
        || ledger
            .others()
            .into_iter()
            .flatten()
            .any(|other| is_replaceable(&other))
}

pub(crate) fn record_rejects(
    ledger: &mut Ledger,
    path: &Path,
    origin: &RejectsOrigin,
) -> Result<(), IoError> {
    let (bytes, modified_ns) = size_and_time(path).map_err(IoError::at(path))?;
    let path = real(path).to_string_lossy().into_owned();
    let database = ledger.database()?;
    database.transaction(|| {
        database.execute(
            "INSERT OR REPLACE INTO rejects VALUES (?1, ?2, ?3)",
            params![path, bytes, modified_ns],
        )?;
        database.execute(
            "INSERT OR REPLACE INTO rejects_source VALUES (?1, ?2, ?3)",
            params![path, origin.source, origin.profile],
        )
    })
}
