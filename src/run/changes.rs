//! The planned changes to the account: updates, with the fields that differ, and deletions.

use std::{collections::HashMap, fmt, ops::Range};

use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::{RunError, RunFile, column};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// The contact in the snapshot, if the account was read.
    pub snapshot: Option<u64>,
    pub fields: Vec<FieldChange>,
    /// The contact to send instead of the staged one, if the account filled in fields.
    pub json: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FieldChange {
    pub field: String,
    /// The account's value.
    pub old: String,
    /// The value after the update.
    pub new: String,
}

impl fmt::Display for FieldChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} → {}", self.field, self.old, self.new)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Deletion {
    pub seq: u64,
    pub id: String,
    pub snapshot: Option<u64>,
}

pub(crate) fn set(run: &RunFile, seq: u64, change: &Change) -> Result<(), RunError> {
    let fields = run.json(&change.fields)?;
    run.database.execute(
        "INSERT OR REPLACE INTO change VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            seq,
            change.snapshot,
            fields,
            change.json,
            hash_of(seq, change.json.as_deref())
        ],
    )
}

/// The changes of contacts by number.
pub(crate) fn of(run: &RunFile, seqs: Range<u64>) -> Result<HashMap<u64, Change>, RunError> {
    let mut changes = HashMap::new();
    run.database.for_each(
        "SELECT seq, snapshot, fields, json, hash FROM change WHERE seq >= ?1 AND seq < ?2",
        params![seqs.start, seqs.end],
        |row| {
            let change = Change {
                snapshot: row.get(1)?,
                fields: column::json(row, 2)?,
                json: row.get(3)?,
            };
            Ok((row.get(0)?, change, row.get(4)?))
        },
        |(seq, change, hash): (u64, Change, Option<i64>)| {
            if hash_of(seq, change.json.as_deref()) != hash {
                return Err(run.damaged(format!("the update of contact {seq} was altered")));
            }
            changes.insert(seq, change);
            Ok(())
        },
    )?;
    Ok(changes)
}

fn hash_of(seq: u64, json: Option<&str>) -> Option<i64> {
    json.map(|json| column::text_hash(seq, json.as_bytes()))
}

/// The number of updates that change each field, the most frequent field first. A field with the old value
/// `not_shown` does not count.
pub(crate) fn field_counts(run: &RunFile, not_shown: &str) -> Result<Vec<(String, u64)>, RunError> {
    run.database.rows(
        "SELECT json_extract(value, '$.field'), count(*) FROM change, json_each(change.fields)
          WHERE json_extract(value, '$.old') <> ?1 GROUP BY 1 ORDER BY 2 DESC, 1",
        [not_shown],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

pub(crate) fn add_deletion(run: &RunFile, deletion: &Deletion) -> Result<(), RunError> {
    let Deletion { seq, id, snapshot } = deletion;
    run.database.execute(
        "INSERT INTO deletion VALUES (?1, ?2, ?3, ?4)",
        params![seq, id, snapshot, column::text_hash(*seq, id.as_bytes())],
    )
}

pub(crate) fn deletion_count(run: &RunFile) -> Result<u64, RunError> {
    run.database.value("SELECT count(*) FROM deletion", [])
}

pub(crate) const ALL_DELETIONS: Range<u64> = 0..i64::MAX as u64;

/// Calls `each` with deletions, in order.
pub(crate) fn for_each_deletion<E: From<RunError>>(
    run: &RunFile,
    seqs: Range<u64>,
    mut each: impl FnMut(Deletion) -> Result<(), E>,
) -> Result<(), E> {
    run.database.for_each(
        "SELECT seq, id, snapshot, hash FROM deletion WHERE seq >= ?1 AND seq < ?2 ORDER BY seq",
        params![seqs.start, seqs.end],
        |row| {
            let deletion = Deletion {
                seq: row.get(0)?,
                id: row.get(1)?,
                snapshot: row.get(2)?,
            };
            Ok((deletion, row.get(3)?))
        },
        |(deletion, hash): (Deletion, i64)| {
            if column::text_hash(deletion.seq, deletion.id.as_bytes()) != hash {
                return Err(run
                    .damaged(format!("deletion {} was altered", deletion.seq))
                    .into());
            }
            each(deletion)
        },
    )
}
