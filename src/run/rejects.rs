//! The rejected rows with their problems, and the rows that were merged into other contacts.

use std::borrow::Cow;

use rusqlite::params;

use super::{RunError, RunFile, column, schema};
use crate::{
    contact::ID_CHARS_MAX,
    reject::{Problem, RejectedRow},
};

/// Writes a rejected row: one line per problem.
pub(crate) fn add(run: &RunFile, rejected: &RejectedRow<'_>) -> Result<(), RunError> {
    rejected.problems.iter().try_for_each(|problem| {
        let (column, code) = (problem.column.as_deref(), problem.code.as_str());
        tracing::debug!(row = rejected.row, column, code, "rejected");
        run.database.execute(
            "INSERT INTO reject(source, row, seq, id, column, code, reason, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                rejected.source,
                rejected.row,
                rejected.seq,
                rejected.id,
                column,
                code,
                problem.reason,
                <&str>::from(rejected.at)
            ],
        )
    })
}

/// Calls `each` with every rejected row, ordered by source and row. A row that was rejected again while sending
/// occurs once, with all of its problems.
pub(crate) fn for_each<E: From<RunError>>(
    run: &RunFile,
    mut each: impl FnMut(RejectedRow<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut open: Option<RejectedRow<'static>> = None;
    run.database.for_each::<_, E>(
        "SELECT source, row, seq, id, at, column, code, reason FROM reject ORDER BY source, row, no",
        [],
        |row| {
            let stored = RejectedRow {
                source: row.get(0)?,
                row: row.get(1)?,
                seq: row.get(2)?,
                id: row.get::<_, Option<String>>(3)?.map(Cow::from),
                at: column::word(row, 4)?,
                problems: Cow::default(),
            };
            let problem = Problem {
                column: row.get(5)?,
                code: column::word(row, 6)?,
                reason: row.get(7)?,
            };
            Ok((stored, problem))
        },
        |(stored, problem)| {
            let is_same = |open: &RejectedRow<'_>| (open.source, open.row) == (stored.source, stored.row);
            if !open.as_ref().is_some_and(is_same)
                && let Some(finished) = open.replace(stored)
            {
                each(finished)?;
            }
            if let Some(open) = &mut open {
                open.problems.to_mut().push(problem);
            }
            Ok(())
        },
    )?;
    open.map_or(Ok(()), each)
}

/// Calls `each` with the ids of rejected rows.
pub(crate) fn for_each_id(
    run: &RunFile,
    each: impl FnMut(String) -> Result<(), RunError>,
) -> Result<(), RunError> {
    run.database.for_each(
        "SELECT id FROM reject WHERE id IS NOT NULL",
        [],
        |row| row.get(0),
        each,
    )
}

/// The number of problems of each code, the most frequent first.
pub(crate) fn codes(run: &RunFile) -> Result<Vec<(String, u64)>, RunError> {
    run.database.rows(
        "SELECT code, count(*) FROM reject GROUP BY code ORDER BY 2 DESC, 1",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// The number of rejected rows whose id can't be read or is longer than any contact's. Such a row may refer to any
/// contact.
pub(crate) fn nameless_count(run: &RunFile) -> Result<u64, RunError> {
    run.database.value(
        "SELECT count(*) FROM (SELECT DISTINCT source, row FROM reject WHERE id IS NULL OR id = '' OR length(id) > ?1)",
        [ID_CHARS_MAX],
    )
}

/// Records that the rows of the contacts `merged` became part of the contact `into`. If that is rejected, so are
/// they.
pub(crate) fn add_merged(
    run: &RunFile,
    into: u64,
    merged: impl IntoIterator<Item = u64>,
) -> Result<(), RunError> {
    run.database
        .with(|connection| connection.execute_batch(schema::MERGED))?;
    merged.into_iter().try_for_each(|seq| {
        run.database
            .execute("INSERT INTO merged VALUES (?1, ?2)", params![into, seq])
    })
}

/// The contacts whose rows became part of the contact `into`, in order.
pub(crate) fn merged_into(run: &RunFile, into: u64) -> Result<Vec<u64>, RunError> {
    if !run
        .database
        .with(|connection| connection.table_exists(None, "merged"))?
    {
        return Ok(Vec::new());
    }
    run.database.rows(
        "SELECT seq FROM merged WHERE into_seq = ?1 ORDER BY seq",
        [into],
        |row| row.get(0),
    )
}
