//! The links (`uri`) that contacts of this run lack, as earlier runs wrote them. The table is temporary, because there may be
//! millions, and only planning needs it.

use rusqlite::params;

use super::{RunError, RunFile};

/// A link that an earlier run wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KnownLink {
    pub uri: String,
    /// The number of the search that found it.
    pub search: u32,
}

pub(crate) fn create(run: &RunFile) -> Result<(), RunError> {
    run.with(|connection| {
        connection.execute_batch(
            "CREATE TEMP TABLE IF NOT EXISTS link(id TEXT PRIMARY KEY, uri TEXT, search INTEGER) WITHOUT ROWID",
        )
    })
}

/// Adds a contact whose link is wanted.
pub(crate) fn want(run: &RunFile, id: &str) -> Result<(), RunError> {
    run.execute("INSERT OR IGNORE INTO temp.link(id) VALUES (?1)", [id])
}

/// Sets a link that is wanted and not found yet.
pub(crate) fn found(run: &RunFile, id: &str, link: &KnownLink) -> Result<(), RunError> {
    run.execute(
        "UPDATE temp.link SET uri = ?2, search = ?3 WHERE id = ?1 AND uri IS NULL",
        params![id, link.uri, link.search],
    )
}

/// True if a link is wanted and not found yet.
pub(crate) fn is_one_wanted(run: &RunFile) -> Result<bool, RunError> {
    run.value(
        "SELECT EXISTS (SELECT 1 FROM temp.link WHERE uri IS NULL)",
        [],
    )
}

pub(crate) fn find(run: &RunFile, id: &str) -> Result<Option<KnownLink>, RunError> {
    run.row(
        "SELECT uri, search FROM temp.link WHERE id = ?1 AND uri IS NOT NULL",
        [id],
        |row| {
            Ok(KnownLink {
                uri: row.get(0)?,
                search: row.get(1)?,
            })
        },
    )
}
