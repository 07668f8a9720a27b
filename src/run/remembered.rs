//! Contacts of this run as earlier runs knew them. The table is temporary, because there may be millions, and only planning an
//! undo needs it.

use rusqlite::params;

use super::{RunError, RunFile};

pub(crate) fn create(run: &RunFile) -> Result<(), RunError> {
    run.with(|connection| {
        connection.execute_batch(
            "CREATE TEMP TABLE IF NOT EXISTS remembered(id TEXT PRIMARY KEY, json TEXT) WITHOUT ROWID",
        )
    })
}

pub(crate) fn want(run: &RunFile, id: &str) -> Result<(), RunError> {
    run.execute(
        "INSERT OR IGNORE INTO temp.remembered(id) VALUES (?1)",
        [id],
    )
}

/// Sets the JSON of a contact that is wanted and not found yet; an empty one if it was deleted.
pub(crate) fn found(run: &RunFile, id: &str, json: &str) -> Result<(), RunError> {
    run.execute(
        "UPDATE temp.remembered SET json = ?2 WHERE id = ?1 AND json IS NULL",
        params![id, json],
    )
}

/// The ids that are wanted and not found yet, a thousand of them, in order and after `id`.
pub(crate) fn wanted(run: &RunFile, after: &str) -> Result<Vec<String>, RunError> {
    run.rows(
        "SELECT id FROM temp.remembered WHERE json IS NULL AND id > ?1 ORDER BY id LIMIT 1000",
        [after],
        |row| row.get(0),
    )
}

/// The JSON that was found for a contact.
pub(crate) fn find(run: &RunFile, id: &str) -> Result<Option<String>, RunError> {
    run.row(
        "SELECT json FROM temp.remembered WHERE id = ?1 AND json <> ''",
        [id],
        |row| row.get(0),
    )
}
