//! The path of a run's rejects. It is stored in the ledger for each run that was planned here. The run file itself
//! may come from others, so the paths in it are displayed but never written to.

use std::path::PathBuf;

use jiff::Timestamp;
use rusqlite::params;

use super::{DAYS_KEPT, Ledger, database::write_unsynced};
use crate::output::IoError;

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
