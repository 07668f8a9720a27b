//! Blocks of source, written one after the other while a file is read. Nothing is synced here.

use rusqlite::params;

use super::{
    RunError, RunFile, digest,
    rejects::{RejectedAt, RejectedRow},
};
use crate::reject::Problem;

/// What one block of source became.
#[derive(Debug, Default)]
pub struct StagedBlock {
    /// JSON, a contact a line, between brackets; see [`super::schema`].
    pub contacts: Vec<u8>,
    /// For each contact [`letter::COMPLETE`](super::letter::COMPLETE) or
    /// [`letter::PARTIAL`](super::letter::PARTIAL).
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

/// Fast enough to cost less than writing what it saves; measured on contact files.
const ZSTD_LEVEL: i32 = 1;

impl StagedBlock {
    /// Adds a contact of this row. Its JSON goes where [`Self::next_json`] says, before or behind.
    pub fn add(&mut self, row: u32, letter: u8) {
        self.rows.push(row);
        self.letters.push(letter);
    }

    /// Where the JSON of the next contact is to be written.
    pub fn next_json(&mut self) -> &mut Vec<u8> {
        let separator: &[u8] = match self.contacts.last() {
            None => b"[",
            Some(_) => b",\n",
        };
        self.contacts.extend_from_slice(separator);
        &mut self.contacts
    }

    /// Ends the list of contacts: nothing can be added any more.
    pub fn close(&mut self) {
        if self.contacts.is_empty() {
            self.contacts.push(b'[');
        }
        self.contacts.push(b']');
    }

    /// Keeps the source text, for the rejects file.
    pub(crate) fn keep_cells(&mut self, text: &[u8]) {
        // Compressing into memory has nothing that could fail.
        self.cells = zstd::encode_all(text, ZSTD_LEVEL).unwrap_or_default();
    }

    /// The contacts as JSON, where they were written.
    pub(crate) fn json(&self) -> impl Iterator<Item = &str> {
        let lines = super::contacts::lines_of(&self.contacts).into_iter();
        lines.map(|(start, end)| {
            let line = &self.contacts[start as usize..end as usize];
            str::from_utf8(line).unwrap_or_default()
        })
    }

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

impl Position {
    /// Goes behind a block that was written here, and gives where that is.
    #[must_use]
    pub(crate) fn pass(&mut self, block: &StagedBlock) -> Self {
        let at = *self;
        self.block += 1;
        self.first_row += u64::from(block.row_count);
        self.first_seq += block.letters.len() as u64;
        at
    }
}

impl RunFile {
    /// Writes a block and its rejects.
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

    /// The block that covers a row of a source: its first row, how many rows it has, and the source text, decompressed.
    pub(crate) fn cells(&self, source: u32, row: u64) -> Result<(u64, u32, Vec<u8>), RunError> {
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
