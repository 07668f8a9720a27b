//! Filling a new run file: sources, blocks of contacts, rejects. Nothing is synced here.

use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::{RunError, RunFile, digest};
use crate::reject::{Problem, RejectCode};

/// What one block of source became.
#[derive(Debug, Default)]
pub struct StagedBlock {
    /// JSON, a contact a line, between brackets; see [`super::schema`].
    pub contacts: Vec<u8>,
    /// For each contact [`letter::COMPLETE`](super::contacts::letter::COMPLETE) or
    /// [`letter::PARTIAL`](super::contacts::letter::PARTIAL).
    pub letters: Vec<u8>,
    /// A keyed hash of each contact's id.
    pub id_hashes: Vec<u64>,
    /// A keyed hash of all that each contact says, where its JSON is not kept to compare.
    pub content_hashes: Vec<u64>,
    /// A keyed hash of each phone, with the index of its contact; a phone counts once for each contact.
    pub phone_hashes: Vec<(u32, u64)>,
    /// The row of each contact, counted from the block's first.
    pub rows: Vec<u32>,
    /// The rows that were rejected.
    pub rejects: Vec<StagedReject>,
    /// How many rows of a spreadsheet the block covers, blank ones among them.
    pub row_count: u32,
    /// How many of them are blank.
    pub blank: u32,
    /// The source text, compressed with zstd.
    pub cells: Vec<u8>,
}

/// A row that did not become a contact.
#[derive(Debug)]
pub struct StagedReject {
    /// The row, counted from the block's first.
    pub row: u32,
    /// The contact's id, where it can be read.
    pub id: Option<String>,
    /// All that is wrong with it.
    pub problems: Vec<Problem>,
}

impl StagedBlock {
    /// Runs of consecutive rows: (index of the first contact, its row), with rows counted from `first_row`.
    fn row_runs(&self, first_row: u64) -> Vec<(u64, u64)> {
        let mut runs: Vec<(u64, u64)> = Vec::new();
        for (index, &row) in (0_u64..).zip(&self.rows) {
            let row = first_row + u64::from(row);
            if runs
                .last()
                .is_none_or(|&(first, first_row)| first_row + (index - first) != row)
            {
                runs.push((index, row));
            }
        }
        runs
    }
}

/// A table that was read, as the run file keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StagedSource {
    /// The file as the user named it.
    pub path: String,
    /// The sheet, where there are several.
    pub sheet: Option<String>,
    /// Size of the file in bytes.
    pub bytes: u64,
    /// Hash of the file's bytes, in hexadecimal.
    pub blake3: String,
    /// The header.
    pub columns: Vec<String>,
    /// Delimiter of the text in `block.cells`.
    pub delimiter: char,
    /// Delimiter of the file itself, where it is text.
    pub file_delimiter: char,
    /// Encoding of the file.
    pub encoding: String,
    /// How the file is written otherwise.
    pub form: TextForm,
    /// Which column became which field, as JSON.
    pub mapping: String,
}

impl StagedSource {
    /// The file, and the sheet where there are several.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.sheet {
            Some(sheet) => format!("{}, sheet {sheet}", self.path),
            None => self.path.clone(),
        }
    }
}

/// What else a text file looks like: its rejects are to open as it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TextForm {
    /// Does it begin with a byte order mark?
    pub byte_order_mark: bool,
    /// Does it begin with a line such as `sep=;`?
    pub separator_line: bool,
    /// The line end.
    pub line_end: String,
}

impl Default for TextForm {
    /// What Excel opens rightly by double click.
    fn default() -> Self {
        Self {
            byte_order_mark: true,
            separator_line: false,
            line_end: "\r\n".to_owned(),
        }
    }
}

/// Where the next block goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Number of the block.
    pub block: u32,
    /// Number of the source.
    pub source: u32,
    /// Row of the block's first line.
    pub first_row: u64,
    /// Number of the block's first contact.
    pub first_seq: u64,
}

/// When a row was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectedAt {
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
pub struct RejectedRow<'a> {
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
pub struct RejectLine {
    /// Number of the source.
    pub source: u32,
    /// The row.
    pub row: u64,
    /// The column to blame, the stable code, and the sentence.
    pub problem: Problem,
}

impl RunFile {
    /// Writes or rewrites what is known about a source: its size and hash are known only after it was read.
    ///
    /// # Errors
    /// Where the file can't be written.
    pub fn set_source(&self, no: u32, source: &StagedSource) -> Result<(), RunError> {
        let columns = serde_json::to_string(&source.columns)
            .map_err(|error| self.damaged(error.to_string()))?;
        let form =
            serde_json::to_string(&source.form).map_err(|error| self.damaged(error.to_string()))?;
        let delimiters = format!("{}{}", source.delimiter, source.file_delimiter);
        self.with(|connection| {
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO source VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                )?
                .execute(params![
                    no,
                    source.path,
                    source.sheet,
                    source.bytes,
                    source.blake3,
                    columns,
                    delimiters,
                    source.encoding,
                    form,
                    source.mapping
                ])
                .map(drop)
        })
    }

    /// The sources in their order.
    ///
    /// # Errors
    /// Where the file can't be read.
    pub fn sources(&self) -> Result<Vec<StagedSource>, RunError> {
        self.with(|connection| {
            connection
                .prepare_cached(
                    "SELECT path, sheet, bytes, blake3, columns, delimiter, encoding, form, mapping FROM source ORDER BY no",
                )?
                .query_map([], |row| {
                    let delimiters: String = row.get(5)?;
                    let mut delimiters = delimiters.chars();
                    Ok(StagedSource {
                        path: row.get(0)?,
                        sheet: row.get(1)?,
                        bytes: row.get(2)?,
                        blake3: row.get(3)?,
                        columns: serde_json::from_str(row.get_ref(4)?.as_str()?).unwrap_or_default(),
                        delimiter: delimiters.next().unwrap_or(','),
                        file_delimiter: delimiters.next().unwrap_or(','),
                        encoding: row.get(6)?,
                        form: serde_json::from_str(row.get_ref(7)?.as_str()?).unwrap_or_default(),
                        mapping: row.get(8)?,
                    })
                })?
                .collect()
        })
    }

    /// Writes a block and its rejects.
    ///
    /// # Errors
    /// Where the file can't be written.
    pub fn add_block(&self, at: Position, block: &StagedBlock) -> Result<(), RunError> {
        let damaged = |error: &dyn std::fmt::Display| self.damaged(error.to_string());
        let contacts = str::from_utf8(&block.contacts).map_err(|error| damaged(&error))?;
        let letters = str::from_utf8(&block.letters).map_err(|error| damaged(&error))?;
        let rows = serde_json::to_string(&block.row_runs(at.first_row))
            .map_err(|error| damaged(&error))?;
        self.with(|connection| {
            connection
                .prepare_cached(
                    "INSERT INTO block VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                )?
                .execute(params![
                    at.block,
                    at.source,
                    at.first_row,
                    block.row_count,
                    at.first_seq,
                    block.letters.len(),
                    rows,
                    contacts,
                    block.cells,
                    digest(at.block.into(), &block.contacts)
                ])?;
            connection
                .prepare_cached("INSERT INTO action VALUES (?1, ?2, ?3)")?
                .execute(params![
                    at.block,
                    letters,
                    digest(at.block.into(), &block.letters)
                ])
                .map(drop)
        })?;
        for StagedReject { row, id, problems } in &block.rejects {
            let row = at.first_row + u64::from(*row);
            self.add_reject(&RejectedRow {
                source: at.source,
                row,
                seq: None,
                id: id.as_deref(),
                at: RejectedAt::Stage,
                problems,
            })?;
        }
        Ok(())
    }

    /// Writes a rejected row: a line for each of its problems.
    ///
    /// # Errors
    /// Where the file can't be written.
    pub fn add_reject(&self, rejected: &RejectedRow<'_>) -> Result<(), RunError> {
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
    ///
    /// # Errors
    /// Where the file can't be read, or what `each` says.
    pub fn for_each_reject<E: From<RunError>>(
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
    ///
    /// # Errors
    /// Where the file can't be read.
    pub fn reject_codes(&self) -> Result<Vec<(String, u64)>, RunError> {
        self.with(|connection| {
            connection
                .prepare_cached(
                    "SELECT code, count(*) FROM reject GROUP BY code ORDER BY 2 DESC, 1",
                )?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
    }

    /// The block that covers a row of a source: its first row and the source text, decompressed.
    ///
    /// # Errors
    /// Where the file can't be read or holds no such row.
    pub fn cells(&self, source: u32, row: u64) -> Result<(u64, u32, Vec<u8>), RunError> {
        let (first_row, row_count, packed): (u64, u32, Vec<u8>) = self.with(|connection| {
            connection
                .prepare_cached(
                    "SELECT first_row, row_count, cells FROM block
                      WHERE source = ?1 AND first_row <= ?2 AND row_count > 0 ORDER BY first_row DESC LIMIT 1",
                )?
                .query_row(params![source, row], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        })?;
        let text = zstd::decode_all(packed.as_slice())
            .map_err(|error| self.damaged(format!("cells of row {row}: {error}")))?;
        Ok((first_row, row_count, text))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consecutive_rows_are_one_run() {
        let block = StagedBlock {
            rows: vec![0, 1, 2, 5, 6, 9],
            ..StagedBlock::default()
        };
        assert_eq!(block.row_runs(2), [(0, 2), (3, 7), (5, 11)]);
    }
}
