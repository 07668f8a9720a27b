//! The snapshot: the contacts of the account as they were read, in order.

use rusqlite::{Row, params};

use super::{RunError, RunFile, schema};
use crate::contact::{Contact, reading::UnreadableContact};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SnapshotContact {
    /// Number within the snapshot.
    pub seq: u64,
    /// The contact's id.
    pub id: String,
    /// The contact as the API showed it.
    pub json: String,
}

impl SnapshotContact {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: row.get(0)?,
            id: row.get(1)?,
            json: row.get(2)?,
        })
    }
}

/// True if the run read the account before it decided. The snapshot of an empty account is empty, but has its index.
pub(crate) fn exists(run: &RunFile) -> Result<bool, RunError> {
    run.value(
        "SELECT count(*) > 0 FROM sqlite_schema WHERE name = 'snapshot_id'",
        [],
    )
}

/// Adds contacts to the snapshot.
pub(crate) fn add(run: &RunFile, contacts: &[Contact<'_>]) -> Result<(), RunError> {
    let mut contacts = contacts.iter();
    contacts.try_for_each(|contact| add_as(run, &contact.id, contact))
}

/// Adds a contact under the id with which it was looked up. The server may spell it otherwise.
pub(crate) fn add_as(run: &RunFile, id: &str, contact: &Contact<'_>) -> Result<(), RunError> {
    run.execute(
        "INSERT INTO snapshot(id, json) VALUES (?1, ?2)",
        params![id, run.json(contact)?],
    )
}

/// Records the contacts of the account that can't be read.
pub(crate) fn set_unreadable(
    run: &RunFile,
    unreadable: &[UnreadableContact],
) -> Result<(), RunError> {
    run.set_fact("unreadable", unreadable)
}

/// The contacts of the account that can't be read.
pub(crate) fn unreadable(run: &RunFile) -> Result<Vec<UnreadableContact>, RunError> {
    Ok(run.find_fact("unreadable")?.unwrap_or_default())
}

/// Discards the snapshot, to take it again.
pub(crate) fn clear(run: &RunFile) -> Result<(), RunError> {
    run.with(|connection| {
        connection.execute_batch("DROP INDEX IF EXISTS snapshot_id; DELETE FROM snapshot")
    })
}

/// Makes the snapshot searchable by id. Called after it was filled, because sorting once is faster than a million
/// insertions. Of an id that was listed several times only the last reading stays; returns how many were dropped. The index
/// is not unique: creating a unique one could fail, and without a journal nothing can be rolled back.
pub(crate) fn index(run: &RunFile) -> Result<usize, RunError> {
    run.with(|connection| {
        connection.execute_batch(schema::SNAPSHOT_INDEX)?;
        connection.execute(
            "DELETE FROM snapshot WHERE seq IN (
               SELECT snapshot.seq FROM snapshot JOIN
                 (SELECT id, max(seq) AS last FROM snapshot GROUP BY id HAVING count(*) > 1) AS again
                 ON snapshot.id = again.id AND snapshot.seq < again.last)",
            [],
        )
    })
}

/// A contact of the snapshot by its id; requires [`index`].
pub(crate) fn find(run: &RunFile, id: &str) -> Result<Option<SnapshotContact>, RunError> {
    run.row(
        "SELECT seq, id, json FROM snapshot WHERE id = ?1",
        [id],
        SnapshotContact::of,
    )
}

/// A contact of the snapshot by its number.
pub(crate) fn by_seq(run: &RunFile, seq: u64) -> Result<SnapshotContact, RunError> {
    run.row(
        "SELECT seq, id, json FROM snapshot WHERE seq = ?1",
        [seq],
        SnapshotContact::of,
    )?
    .ok_or_else(|| run.damaged(format!("contact {seq} of the snapshot is missing")))
}

/// Calls `each` with the number and the id of every contact.
pub(crate) fn for_each_id(
    run: &RunFile,
    mut each: impl FnMut(u64, String) -> Result<(), RunError>,
) -> Result<(), RunError> {
    run.for_each(
        "SELECT seq, id FROM snapshot",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
        |(seq, id)| each(seq, id),
    )
}

/// The JSON of a contact of the snapshot.
pub(crate) fn json(run: &RunFile, seq: u64) -> Result<String, RunError> {
    run.row("SELECT json FROM snapshot WHERE seq = ?1", [seq], |row| {
        row.get(0)
    })?
    .ok_or_else(|| run.damaged(format!("contact {seq} of the snapshot is missing")))
}

pub(crate) fn count(run: &RunFile) -> Result<u64, RunError> {
    run.value("SELECT count(*) FROM snapshot", [])
}

pub(crate) fn for_each<E: From<RunError>>(
    run: &RunFile,
    each: impl FnMut(SnapshotContact) -> Result<(), E>,
) -> Result<(), E> {
    run.for_each(
        "SELECT seq, id, json FROM snapshot ORDER BY seq",
        [],
        SnapshotContact::of,
        each,
    )
}

/// The numbers of the contacts of the snapshot that a rejected row names.
pub(crate) fn for_each_rejected(run: &RunFile, mut each: impl FnMut(u64)) -> Result<(), RunError> {
    run.for_each(
        "SELECT seq FROM snapshot WHERE id IN (SELECT id FROM reject)",
        [],
        |row| row.get(0),
        |seq| {
            each(seq);
            Ok(())
        },
    )
}
