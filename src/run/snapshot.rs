//! The snapshot: what the account had when it was read, in the order in which it was read.

use rusqlite::{OptionalExtension, params};

use super::{RunError, RunFile};

/// A contact of the remote snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RemoteContact {
    /// Number within the snapshot.
    pub seq: u64,
    /// The contact's id.
    pub id: String,
    /// The contact as the API showed it.
    pub json: String,
}

impl RunFile {
    /// Did the run look at the account before it decided?
    pub(crate) fn has_snapshot(&self) -> Result<bool, RunError> {
        // An empty account leaves an empty snapshot, but its index is there.
        self.with(|connection| {
            connection.query_row(
                "SELECT count(*) > 0 FROM sqlite_schema WHERE name = 'remote_id'",
                [],
                |row| row.get(0),
            )
        })
    }

    /// Adds contacts to the snapshot, behind those that it holds.
    pub(crate) fn add_remote<'a>(
        &self,
        contacts: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<(), RunError> {
        self.with(|connection| {
            let first_seq = connection
                .prepare_cached("SELECT coalesce(max(seq) + 1, 0) FROM remote")?
                .query_row([], |row| row.get::<_, u64>(0))?;
            let mut insert = connection.prepare_cached("INSERT INTO remote VALUES (?1, ?2, ?3)")?;
            for (seq, (id, json)) in (first_seq..).zip(contacts) {
                insert.execute(params![seq, id, json])?;
            }
            Ok(())
        })
    }

    /// Forgets the snapshot, to take it again.
    pub(crate) fn clear_remote(&self) -> Result<(), RunError> {
        self.with(|connection| {
            connection.execute_batch("DROP INDEX IF EXISTS remote_id; DELETE FROM remote")
        })
    }

    /// Calls `each` with the number of every contact of the snapshot that a rejected row names.
    pub(crate) fn for_each_rejected_remote(
        &self,
        mut each: impl FnMut(u64),
    ) -> Result<(), RunError> {
        self.with(|connection| {
            let mut select = connection
                .prepare_cached("SELECT seq FROM remote WHERE id IN (SELECT id FROM reject)")?;
            let mut rows = select.query([])?;
            while let Some(row) = rows.next()? {
                each(row.get(0)?);
            }
            Ok(())
        })
    }

    /// Makes the snapshot searchable by id. Made after it was filled: sorting once is cheaper than a million insertions.
    /// Of an id that was listed several times only what was read last stays; gives how many were dropped. The
    /// index is not a unique one: that fails only while it is made, and in a file without a journal nothing can be
    /// taken back.
    pub(crate) fn index_remote(&self) -> Result<usize, RunError> {
        self.with(|connection| {
            connection.execute_batch("CREATE INDEX IF NOT EXISTS remote_id ON remote(id)")?;
            connection.execute(
                "DELETE FROM remote WHERE seq IN (
                   SELECT remote.seq FROM remote JOIN
                     (SELECT id, max(seq) AS last FROM remote GROUP BY id HAVING count(*) > 1) AS again
                     ON remote.id = again.id AND remote.seq < again.last)",
                [],
            )
        })
    }

    /// A contact of the snapshot by its id; needs [`Self::index_remote`].
    pub(crate) fn remote(&self, id: &str) -> Result<Option<RemoteContact>, RunError> {
        self.with(|connection| {
            connection
                .prepare_cached("SELECT seq, id, json FROM remote WHERE id = ?1")?
                .query_row([id], remote_contact)
                .optional()
        })
    }

    /// A contact of the snapshot by its number.
    pub(crate) fn remote_at(&self, seq: u64) -> Result<Option<RemoteContact>, RunError> {
        self.with(|connection| {
            connection
                .prepare_cached("SELECT seq, id, json FROM remote WHERE seq = ?1")?
                .query_row([seq], remote_contact)
                .optional()
        })
    }

    /// The JSON of a contact of the snapshot.
    pub(crate) fn remote_json(&self, seq: u64) -> Result<Option<String>, RunError> {
        Ok(self.remote_at(seq)?.map(|contact| contact.json))
    }

    /// How many contacts the snapshot holds.
    pub fn remote_count(&self) -> Result<u64, RunError> {
        self.with(|connection| {
            connection.query_row("SELECT count(*) FROM remote", [], |row| row.get(0))
        })
    }

    /// Calls `each` with every contact of the snapshot, in order.
    pub(crate) fn for_each_remote(
        &self,
        mut each: impl FnMut(RemoteContact) -> Result<(), RunError>,
    ) -> Result<(), RunError> {
        let failed = |source| self.sqlite(source);
        let mut select = self
            .connection
            .prepare_cached("SELECT seq, id, json FROM remote ORDER BY seq")
            .map_err(failed)?;
        let mut rows = select.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            each(remote_contact(row).map_err(failed)?)?;
        }
        Ok(())
    }
}

fn remote_contact(row: &rusqlite::Row<'_>) -> rusqlite::Result<RemoteContact> {
    Ok(RemoteContact {
        seq: row.get(0)?,
        id: row.get(1)?,
        json: row.get(2)?,
    })
}
