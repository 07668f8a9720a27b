//! Which rows were merged into which contact, so that all of them come back where it is rejected.

use rusqlite::params;

use super::{RunError, RunFile, schema};

impl RunFile {
    /// Remembers that the rows of the contacts `merged` became part of the contact `into`.
    pub(crate) fn add_merged(
        &self,
        into: u64,
        merged: impl IntoIterator<Item = u64>,
    ) -> Result<(), RunError> {
        self.with(|connection| {
            connection.execute_batch(schema::MERGED)?;
            let mut insert = connection.prepare_cached("INSERT INTO merged VALUES (?1, ?2)")?;
            for seq in merged {
                insert.execute(params![into, seq])?;
            }
            Ok(())
        })
    }

    /// The contacts whose rows became part of the contact `into`, in order.
    pub(crate) fn merged_into(&self, into: u64) -> Result<Vec<u64>, RunError> {
        self.with(|connection| {
            if !connection.table_exists(None, "merged")? {
                return Ok(Vec::new());
            }
            connection
                .prepare_cached("SELECT seq FROM merged WHERE into_seq = ?1 ORDER BY seq")?
                .query_map([into], |row| row.get(0))?
                .collect()
        })
    }
}
