//! The rows that came back, with all that is wrong with them.

use rusqlite::params;

use super::{RunError, RunFile};
use crate::{
    contact::ID_CHARS_MAX,
    reject::{Problem, RejectCode},
};

/// When a row was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RejectedAt {
    /// Its cells were wrong.
    Stage,
    /// It does not go together with other rows or with the account.
    Plan,
    /// The server refused it.
    Apply,
}

impl RejectedAt {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Stage => "stage",
            Self::Plan => "plan",
            Self::Apply => "apply",
        }
    }
}

/// A rejected row, as it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RejectedRow<'a> {
    /// Number of the source.
    pub source: u32,
    /// The row.
    pub row: u64,
    /// Number of the contact, where the row had become one.
    pub seq: Option<u64>,
    /// The contact's id, where it can be read.
    pub id: Option<&'a str>,
    /// When it was rejected.
    pub at: RejectedAt,
    /// What is wrong with it.
    pub problems: &'a [Problem],
}

/// A problem of a row, as it is read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RejectLine {
    /// Number of the source.
    pub source: u32,
    /// The row.
    pub row: u64,
    /// The column to blame, the stable code, and the sentence.
    pub problem: Problem,
}

impl RunFile {
    /// How many rows were rejected whose id can't be read, or is longer than any contact's: such a row can be about
    /// any contact.
    pub(crate) fn nameless_rejects(&self) -> Result<u64, RunError> {
        self.with(|connection| {
            connection.query_row(
                "SELECT count(*) FROM (SELECT DISTINCT source, row FROM reject
                   WHERE id IS NULL OR id = '' OR length(id) > ?1)",
                [ID_CHARS_MAX],
                |row| row.get(0),
            )
        })
    }

    /// Writes a rejected row: a line for each of its problems.
    pub(crate) fn add_reject(&self, rejected: &RejectedRow<'_>) -> Result<(), RunError> {
        self.with(|connection| {
            let mut insert = connection.prepare_cached(
                "INSERT INTO reject(source, row, seq, id, column, code, reason, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?;
            for problem in rejected.problems {
                insert.execute(params![
                    rejected.source,
                    rejected.row,
                    rejected.seq,
                    rejected.id,
                    problem.column,
                    problem.code.as_str(),
                    problem.reason,
                    rejected.at.as_str()
                ])?;
            }
            Ok(())
        })
    }

    /// Calls `each` with every problem of every rejected row, ordered by source and row.
    pub(crate) fn for_each_reject<E: From<RunError>>(
        &self,
        mut each: impl FnMut(RejectLine) -> Result<(), E>,
    ) -> Result<(), E> {
        let failed = |source| E::from(self.sqlite(source));
        let mut select = self
            .connection
            .prepare_cached(
                "SELECT source, row, column, code, reason FROM reject ORDER BY source, row, no",
            )
            .map_err(failed)?;
        let mut rows = select.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            each(reject_line(row).map_err(failed)?)?;
        }
        Ok(())
    }

    /// How many problems of each code there are, the most frequent first.
    pub(crate) fn reject_codes(&self) -> Result<Vec<(String, u64)>, RunError> {
        self.with(|connection| {
            connection
                .prepare_cached(
                    "SELECT code, count(*) FROM reject GROUP BY code ORDER BY 2 DESC, 1",
                )?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
    }
}

fn reject_line(row: &rusqlite::Row<'_>) -> rusqlite::Result<RejectLine> {
    let code: String = row.get(3)?;
    Ok(RejectLine {
        source: row.get(0)?,
        row: row.get(1)?,
        problem: Problem {
            column: row.get(2)?,
            code: code.parse().unwrap_or(RejectCode::RefusedByServer),
            reason: row.get(4)?,
        },
    })
}
