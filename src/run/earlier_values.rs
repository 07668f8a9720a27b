//! Values of this run's contacts that must be looked up in earlier runs of the account. The table is temporary,
//! because there may be millions of contacts and only planning needs it.

use rusqlite::params;

use super::{RunError, RunFile};

#[derive(Clone, Copy)]
pub(crate) enum EarlierValue {
    /// The link (`uri`) that the contact lacks.
    Link,
    /// The link that it got since, if the one that it lacks is unknown.
    LaterLink,
    /// The whole contact, as JSON.
    Contact,
}

impl EarlierValue {
    /// Adds a contact whose value is needed.
    pub(crate) fn add(self, run: &RunFile, id: &str) -> Result<(), RunError> {
        run.database.execute(
            "INSERT OR IGNORE INTO temp.earlier_value(kind, id) VALUES (?1, ?2)",
            params![self as u8, id],
        )
    }

    /// Sets a value that was not found yet; an empty text if the contact has none.
    pub(crate) fn set(self, run: &RunFile, id: &str, value: &str) -> Result<(), RunError> {
        run.database.execute(
            "UPDATE temp.earlier_value SET value = ?3 WHERE kind = ?1 AND id = ?2 AND value IS NULL",
            params![self as u8, id, value],
        )
    }

    /// Up to a thousand ids after `id` whose values were not found yet, in order.
    pub(crate) fn left(self, run: &RunFile, after: &str) -> Result<Vec<String>, RunError> {
        run.database.rows(
            "SELECT id FROM temp.earlier_value WHERE kind = ?1 AND value IS NULL AND id > ?2 ORDER BY id LIMIT 1000",
            params![self as u8, after],
            |row| row.get(0),
        )
    }

    /// Sets the values that `find` has for the ids whose values were not found yet.
    pub(crate) fn set_found(
        self,
        run: &RunFile,
        mut find: impl FnMut(&str) -> Result<Option<String>, RunError>,
    ) -> Result<(), RunError> {
        let mut last = String::new();
        loop {
            let wanted = self.left(run, &last)?;
            for id in &wanted {
                if let Some(value) = find(id)? {
                    self.set(run, id, &value)?;
                }
            }
            match wanted.into_iter().next_back() {
                Some(id) => last = id,
                None => return Ok(()),
            }
        }
    }

    pub(crate) fn find(self, run: &RunFile, id: &str) -> Result<Option<String>, RunError> {
        run.database.row(
            "SELECT value FROM temp.earlier_value WHERE kind = ?1 AND id = ?2 AND value <> ''",
            params![self as u8, id],
            |row| row.get(0),
        )
    }
}
