//! The snapshot: the contacts of the account as they were read, in order.

use std::collections::BTreeMap;

use rusqlite::{Row, params};

use super::{RunError, RunFile, schema};
use crate::contact::{Contact, reading::UnreadableContact};

const OWNERS: &str = "owners_before";
/// The fact with the contacts of the account that can't be read.
const UNREADABLE: &str = "unreadable";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SnapshotContact {
    pub seq: u64,
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

/// True if the run read the account before it decided.
pub(crate) fn exists(run: &RunFile) -> Result<bool, RunError> {
    run.has_snapshot()
}

pub(crate) struct SnapshotWriter<'a> {
    run: &'a RunFile,
    /// The number of contacts of each owner.
    owners: BTreeMap<String, u64>,
}

impl<'a> SnapshotWriter<'a> {
    /// Discards a snapshot, to take it again.
    pub(crate) fn anew(run: &'a RunFile) -> Result<Self, RunError> {
        run.with(|connection| {
            connection.execute_batch("DROP INDEX IF EXISTS snapshot_id; DELETE FROM snapshot")
        })?;
        Ok(Self {
            run,
            owners: BTreeMap::new(),
        })
    }

    /// Adds to the snapshot that was taken so far.
    pub(crate) fn resume(run: &'a RunFile) -> Result<Self, RunError> {
        let owners = owners(run)?.unwrap_or_default();
        Ok(Self { run, owners })
    }

    pub(crate) fn add(&mut self, contacts: &[Contact<'_>]) -> Result<(), RunError> {
        let mut contacts = contacts.iter();
        contacts.try_for_each(|contact| self.add_as(&contact.id, contact))
    }

    /// Adds a contact under the id with which it was looked up. The server may spell it otherwise.
    pub(crate) fn add_as(&mut self, id: &str, contact: &Contact<'_>) -> Result<(), RunError> {
        let owner = &*contact.responsible_user_id;
        if let Some(count) = self.owners.get_mut(owner) {
            *count += 1;
        } else {
            self.owners.insert(owner.to_owned(), 1);
        }
        self.run.execute(
            "INSERT INTO snapshot(id, json) VALUES (?1, ?2)",
            params![id, self.run.json(contact)?],
        )
    }

    /// Makes the snapshot searchable by id, after it was filled: sorting once is faster than a million insertions. Of an id
    /// that was listed several times only the last reading stays; returns how many were dropped. The index is not unique:
    /// creating a unique one could fail, and without a journal nothing can be rolled back.
    pub(crate) fn finish(self, unreadable: &[UnreadableContact]) -> Result<usize, RunError> {
        let run = self.run;
        run.with(|connection| connection.execute_batch(schema::SNAPSHOT_INDEX))?;
        let (mut owners, mut dropped) = (self.owners, 0);
        run.for_each(
            "DELETE FROM snapshot WHERE seq IN (
               SELECT snapshot.seq FROM snapshot JOIN
                 (SELECT id, max(seq) AS last FROM snapshot GROUP BY id HAVING count(*) > 1) AS again
                 ON snapshot.id = again.id AND snapshot.seq < again.last) RETURNING json",
            [],
            |row| row.get(0),
            |json: String| {
                let owner = run.contact(json.as_bytes())?.responsible_user_id;
                if let Some(count) = owners.get_mut(&*owner) {
                    *count -= 1;
                }
                dropped += 1;
                Ok::<_, RunError>(())
            },
        )?;
        run.set_fact(OWNERS, &owners)?;
        run.set_fact(UNREADABLE, unreadable)?;
        Ok(dropped)
    }
}

/// The number of contacts of each owner, if there is a snapshot. Files of schema version 2 don't have it.
pub(super) fn owners(run: &RunFile) -> Result<Option<BTreeMap<String, u64>>, RunError> {
    run.find_fact(OWNERS)
}

/// The contacts of the account that can't be read.
pub(crate) fn unreadable(run: &RunFile) -> Result<Vec<UnreadableContact>, RunError> {
    Ok(run.find_fact(UNREADABLE)?.unwrap_or_default())
}

/// Keeps a contact of the snapshot when the run is sealed, though the plan doesn't change it.
pub(crate) fn keep(run: &RunFile, seq: u64) -> Result<(), RunError> {
    run.execute("INSERT OR IGNORE INTO temp.kept VALUES (?1)", [seq])
}

/// A contact of the snapshot by its id; requires [`SnapshotWriter::finish`].
pub(crate) fn find(run: &RunFile, id: &str) -> Result<Option<SnapshotContact>, RunError> {
    run.row(
        "SELECT seq, id, json FROM snapshot WHERE id = ?1",
        [id],
        SnapshotContact::of,
    )
}

pub(crate) fn by_seq(run: &RunFile, seq: u64) -> Result<SnapshotContact, RunError> {
    run.row(
        "SELECT seq, id, json FROM snapshot WHERE seq = ?1",
        [seq],
        SnapshotContact::of,
    )?
    .ok_or_else(|| run.damaged(format!("contact {seq} of the snapshot is missing")))
}

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
