//! What is to change in the account: updates, with what they do, and deletes.

use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::{RunError, RunFile, digest};

/// What an update does to a contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The contact in the snapshot, where the account was listed or looked up.
    pub remote: Option<u64>,
    /// The fields that differ, old and new.
    pub fields: Vec<FieldChange>,
    /// What is sent instead of the staged contact, where fields were filled from the remote one.
    pub json: Option<String>,
}

/// One field of an update, as people read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// The field's name.
    pub field: String,
    /// What the account has.
    pub old: String,
    /// What it is to have.
    pub new: String,
}

impl std::fmt::Display for FieldChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} → {}", self.field, self.old, self.new)
    }
}

/// A contact that is to be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// Number within the removals.
    pub seq: u64,
    /// The contact's id.
    pub id: String,
    /// The contact in the snapshot, where it is there.
    pub remote: Option<u64>,
}

impl RunFile {
    /// Calls `each` with the id and the differing fields of updates, in order, at most `limit` of them.
    pub(crate) fn for_each_update<E: From<RunError>>(
        &self,
        limit: u64,
        mut each: impl FnMut(&str, Vec<FieldChange>) -> Result<(), E>,
    ) -> Result<(), E> {
        let failed = |source| E::from(self.sqlite(source));
        let mut select = self
            .connection
            .prepare_cached(
                "SELECT json_extract(json, '$.id'), fields FROM change WHERE fields <> '[]' ORDER BY seq LIMIT ?1",
            )
            .map_err(failed)?;
        let mut rows = select
            .query([i64::try_from(limit).unwrap_or(i64::MAX)])
            .map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let id = row.get_ref(0).map_err(failed)?.as_str().unwrap_or_default();
            let fields: String = row.get(1).map_err(failed)?;
            each(id, serde_json::from_str(&fields).unwrap_or_default())?;
        }
        Ok(())
    }

    /// Writes what an update does.
    pub(crate) fn set_change(&self, seq: u64, change: &Change) -> Result<(), RunError> {
        let fields = serde_json::to_string(&change.fields)
            .map_err(|error| self.damaged(error.to_string()))?;
        let sum = change
            .json
            .as_ref()
            .map(|json| digest(seq, json.as_bytes()));
        self.with(|connection| {
            connection
                .prepare_cached("INSERT OR REPLACE INTO change VALUES (?1, ?2, ?3, ?4, ?5)")?
                .execute(params![seq, change.remote, fields, change.json, sum])
                .map(drop)
        })
    }

    /// The changes of the contacts from `first_seq` to `last_seq`.
    pub fn changes(&self, first_seq: u64, last_seq: u64) -> Result<Vec<(u64, Change)>, RunError> {
        let changes: Vec<(u64, Change, Option<i64>)> = self.with(|connection| {
            connection
                .prepare_cached(
                    "SELECT seq, remote, fields, json, digest FROM change WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq",
                )?
                .query_map(params![first_seq, last_seq], |row| {
                    let fields: String = row.get(2)?;
                    let change = Change {
                        remote: row.get(1)?,
                        fields: serde_json::from_str(&fields).unwrap_or_default(),
                        json: row.get(3)?,
                    };
                    Ok((row.get(0)?, change, row.get(4)?))
                })?
                .collect()
        })?;
        let checked = changes.into_iter().map(|(seq, change, sum)| {
            let found = change
                .json
                .as_ref()
                .map(|json| digest(seq, json.as_bytes()));
            if found == sum {
                Ok((seq, change))
            } else {
                Err(self.damaged(format!("the update of contact {seq} was altered")))
            }
        });
        checked.collect()
    }

    /// Adds a contact that is to be deleted.
    pub(crate) fn add_removal(&self, removal: &Removal) -> Result<(), RunError> {
        let sum = digest(removal.seq, removal.id.as_bytes());
        self.with(|connection| {
            connection
                .prepare_cached("INSERT INTO removal VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![removal.seq, removal.id, removal.remote, sum])
                .map(drop)
        })
    }

    /// The removals from `first_seq` to `last_seq`.
    pub fn removals(&self, first_seq: u64, last_seq: u64) -> Result<Vec<Removal>, RunError> {
        let removals: Vec<(Removal, i64)> = self.with(|connection| {
            connection
                .prepare_cached(
                    "SELECT seq, id, remote, digest FROM removal WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq",
                )?
                .query_map(params![first_seq, last_seq], |row| {
                    let removal = Removal {
                        seq: row.get(0)?,
                        id: row.get(1)?,
                        remote: row.get(2)?,
                    };
                    Ok((removal, row.get(3)?))
                })?
                .collect()
        })?;
        let checked = removals.into_iter().map(|(removal, sum)| {
            if digest(removal.seq, removal.id.as_bytes()) == sum {
                Ok(removal)
            } else {
                Err(self.damaged(format!("removal {} was altered", removal.seq)))
            }
        });
        checked.collect()
    }

    /// How many contacts are to be deleted.
    pub(crate) fn removal_count(&self) -> Result<u64, RunError> {
        self.with(|connection| {
            connection.query_row("SELECT count(*) FROM removal", [], |row| row.get(0))
        })
    }

    /// Calls `each` with every contact that is to be deleted, in order.
    pub(crate) fn for_each_removal<E: From<RunError>>(
        &self,
        mut each: impl FnMut(Removal) -> Result<(), E>,
    ) -> Result<(), E> {
        const PORTION: u64 = 1_000;
        let mut first = 0;
        loop {
            let removals = self.removals(first, first + PORTION - 1)?;
            if removals.is_empty() {
                return Ok(());
            }
            for removal in removals {
                each(removal)?;
            }
            first += PORTION;
        }
    }
}
