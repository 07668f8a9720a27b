//! Where the rejects of a run go. The ledger remembers it for each run that was planned here: the run file itself may come
//! from others, so the paths in it are shown and never written to.

use std::path::PathBuf;

use jiff::Timestamp;
use rusqlite::params;

use super::{DAYS_KEPT, Ledger};
use crate::output::IoError;

/// Where the rejects of a run go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RejectsPlace {
    /// The path that was asked for, or the default.
    pub(crate) wanted: PathBuf,
    /// The path of the file that was written last; another one if the file at `wanted` must not be replaced.
    pub(crate) path: PathBuf,
    /// True if the user named the path: it may be a link or a pipe then.
    pub(crate) is_asked: bool,
}

impl Ledger {
    /// The place of the rejects of a run that was planned here. `run` is the run's [digest](crate::run::RunFile::digest).
    pub(crate) fn rejects_place(&self, run: &str) -> Option<RejectsPlace> {
        let place = self.find(
            "SELECT wanted, path, is_asked FROM run WHERE digest = ?1",
            [run],
            |row| {
                let path = |index| row.get::<_, String>(index).map(PathBuf::from);
                Ok(RejectsPlace {
                    wanted: path(0)?,
                    path: path(1)?,
                    is_asked: row.get(2)?,
                })
            },
        );
        place.ok().flatten()
    }

    /// Remembers the place of the rejects of a run, and forgets those of old runs.
    pub(crate) fn remember_rejects_place(
        &mut self,
        run: &str,
        place: &RejectsPlace,
    ) -> Result<(), IoError> {
        let now = Timestamp::now().as_second();
        self.execute(
            "DELETE FROM run WHERE recorded_at < ?1",
            [now - DAYS_KEPT * 86_400],
        )?;
        self.execute(
            "INSERT OR REPLACE INTO run VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                run,
                place.wanted.to_string_lossy(),
                place.path.to_string_lossy(),
                place.is_asked,
                now
            ],
        )
    }
}
