//! The blocks of a source, appended while a file is read. Nothing is synced here.

use std::mem;

use rusqlite::params;

use super::{
    Contacts, Decision, RunError, RunFile, column,
    contacts::{self, lines_of},
    held::BlockTexts,
    rejects,
};
use crate::reject::{DroppedNumber, RejectedRow};

pub(crate) use super::contacts::block_count as count;

/// A block of a source after normalizing.
#[derive(Debug, Default)]
pub(crate) struct StagedBlock {
    /// One JSON contact per line, within brackets; see [`super::schema`]. Compressed after [`pack`](Self::pack).
    pub contacts: Vec<u8>,
    /// The source text. Compressed after [`pack`](Self::pack).
    pub cells: Vec<u8>,
    pub is_packed: bool,
    /// [`Decision::Complete`] or [`Decision::Partial`] for each contact, or the decision of an undo.
    pub decisions: Vec<Decision>,
    /// A keyed hash of each contact's id.
    pub id_hashes: Vec<u64>,
    /// A keyed hash of each contact's content, if its JSON is not kept for comparison.
    pub content_hashes: Vec<u64>,
    /// A keyed hash of each phone number and messenger account, with the index of its contact. Unique per contact.
    pub chat_hashes: Vec<(u32, u64)>,
    /// The row of each contact, counted from the first of the block.
    pub rows: Vec<u32>,
    /// The rows that did not become contacts.
    pub rejects: Vec<RejectedRow<'static>>,
    /// The rows of those that may have a certain id, and a keyed hash of the id.
    pub rejected_ids: Vec<(u32, u64)>,
    /// The numbers that were left out of contacts.
    pub dropped: Vec<DroppedNumber>,
    /// The first row that names other columns.
    pub other_header: Option<u32>,
    /// Number of spreadsheet rows in the block, including blank ones.
    pub row_count: u32,
    pub blank_count: u32,
    /// Number of rows outside the selection.
    pub not_selected: u32,
}

impl StagedBlock {
    /// Adds a contact of this row. Its JSON is written to [`Self::next_json`], before or after this call.
    pub(crate) fn add(&mut self, row: u32, decision: Decision) {
        self.rows.push(row);
        self.decisions.push(decision);
    }

    pub(crate) fn next_json(&mut self) -> &mut Vec<u8> {
        let separator: &[u8] = match self.contacts.last() {
            None => b"[",
            Some(_) => b",\n",
        };
        self.contacts.extend_from_slice(separator);
        &mut self.contacts
    }

    /// Ends the list of contacts. No contact can be added afterwards.
    pub(crate) fn close(&mut self) {
        if self.contacts.is_empty() {
            self.contacts.push(b'[');
        }
        self.contacts.push(b']');
    }

    /// Compresses the contacts and the source text with zstd.
    pub(crate) fn pack(&mut self) {
        self.contacts = column::pack(&self.contacts);
        self.cells = column::pack(&self.cells);
        self.is_packed = true;
    }

    /// The contacts as JSON, before [`pack`](Self::pack).
    pub(crate) fn json(&self) -> impl Iterator<Item = &str> {
        let lines = lines_of(&self.contacts).into_iter();
        lines.map(|(start, end)| {
            let line = &self.contacts[start as usize..end as usize];
            str::from_utf8(line).unwrap_or_default()
        })
    }

    /// Runs of consecutive rows as (index of the first contact, its row), with rows counted from `first_row`.
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

/// The first contact and the source of each block with contacts.
pub(crate) fn starts(run: &RunFile) -> Result<Vec<(u64, u32)>, RunError> {
    run.database.rows(
        "SELECT first_seq, source FROM block WHERE contact_count > 0 ORDER BY first_seq",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position {
    pub block: u32,
    pub source: u32,
    /// Row of the block's first line.
    pub first_row: u64,
    /// Number of the block's first contact.
    pub first_seq: u64,
}

impl Position {
    /// Advances past a block that was written here, and returns the block's own position.
    pub(crate) fn pass(&mut self, block: &StagedBlock) -> Self {
        let at = *self;
        self.block += 1;
        self.first_row += u64::from(block.row_count);
        self.first_seq += block.decisions.len() as u64;
        at
    }
}

/// Adds a block. Its texts stay in memory until the run is sealed, unless they are compressed.
pub(crate) fn add(run: &RunFile, at: Position, mut block: StagedBlock) -> Result<(), RunError> {
    if !block.is_packed {
        let texts = BlockTexts {
            contacts: mem::take(&mut block.contacts).into(),
            cells: mem::take(&mut block.cells),
        };
        run.held.borrow_mut().insert(at.block, texts);
    }
    run.database.execute(
        "INSERT INTO block VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            at.block,
            at.source,
            at.first_row,
            block.row_count,
            block.blank_count,
            at.first_seq,
            block.decisions.len(),
            run.json(&block.row_runs(at.first_row))?,
            block.contacts,
            block.cells,
            column::text_hash(at.block.into(), &block.contacts)
        ],
    )?;
    contacts::set_decisions(run, at.block, &block.decisions)?;
    for rejected in &block.rejects {
        rejects::add(run, &rejected.located(at.source, at.first_row))?;
    }
    Ok(())
}

/// Calls `each` with every contact with this decision, as an index into its block.
pub(crate) fn for_each_contact<E: From<RunError>>(
    run: &RunFile,
    decision: Decision,
    mut each: impl FnMut(&Contacts, usize) -> Result<(), E>,
) -> Result<(), E> {
    for block in 0..count(run)? {
        if contacts::decisions(run, block)?.1.contains(&decision) {
            let contacts = Contacts::read(run, block)?;
            let mut indexes = contacts.select(contacts.seqs(), decision);
            indexes.try_for_each(|index| each(&contacts, index))?;
        }
    }
    Ok(())
}

pub(crate) fn first_row(run: &RunFile, source: u32) -> Result<Option<u64>, RunError> {
    run.database.value(
        "SELECT min(first_row) FROM block WHERE source = ?1 AND row_count > 0",
        [source],
    )
}

/// The block that contains a row of a source: its first row, its number of rows, and the source text.
pub(crate) fn cells(run: &RunFile, source: u32, row: u64) -> Result<(u64, u32, Vec<u8>), RunError> {
    let block = contacts::last_block(run, |_, first| first <= (source, row))?;
    let found = run.database.row(
        "SELECT first_row, row_count, cells FROM block
          WHERE no = ?1 AND source = ?2 AND first_row <= ?3 AND row_count > 0",
        params![block, source, row],
        |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, Vec<u8>>(2)?)),
    )?;
    let damaged = |reason: &str| run.damaged(format!("the cells of row {row}: {reason}"));
    let (first_row, row_count, packed) = found.ok_or_else(|| damaged("missing"))?;
    let text = match run.held.borrow().get(&block) {
        Some(texts) => texts.cells.clone(),
        None => column::unpack(&packed).map_err(|error| damaged(&error.to_string()))?,
    };
    Ok((first_row, row_count, text))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::{
        contact::Contact,
        reject::{Fault, RejectCode},
        run::batches,
    };

    /// A run of a small source with one contact, sealed and opened again.
    fn sealed(decision: Decision, is_rejected: bool) -> (tempfile::TempDir, RunFile) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.run");
        let run = RunFile::create_for(&path, 1).unwrap();
        assert!(run.held_max > 0);
        let mut block = StagedBlock {
            cells: b"1\n".to_vec(),
            row_count: 1,
            ..StagedBlock::default()
        };
        block.next_json().extend_from_slice(b"{\"id\":\"1\"}");
        block.close();
        block.add(0, decision);
        if is_rejected {
            let problem = Fault::new(RejectCode::ALL[0], "wrong").at(None);
            let rejected = crate::reject::RejectedRow::of_block(0, Some("2"), vec![problem]);
            block.rejects.push(rejected.into_owned());
        }
        add(&run, Position::default(), block).unwrap();
        assert_eq!(cells(&run, 0, 0).unwrap().2, b"1\n");
        assert_eq!(Contacts::read(&run, 0).unwrap().json(0), b"{\"id\":\"1\"}");
        batches::make(&run, 100).unwrap();
        run.seal().unwrap();
        drop(run);
        (directory, RunFile::open(&path).unwrap())
    }

    #[test]
    fn held_texts_are_written_when_the_run_is_sealed() {
        for (decision, is_rejected, has_cells) in [
            (Decision::Unchanged, false, false),
            (Decision::Unchanged, true, true),
            (Decision::Create, false, true),
        ] {
            let (_directory, run) = sealed(decision, is_rejected);
            let contacts = Contacts::read(&run, 0).unwrap();
            let contact: Contact<'_> = run.contact(contacts.json(0)).unwrap();
            assert_eq!(contact.id, Cow::Borrowed("1"));
            assert_eq!(cells(&run, 0, 0).is_ok(), has_cells, "{decision:?}");
        }
    }

    #[test]
    fn consecutive_rows_are_one_run() {
        let block = StagedBlock {
            rows: vec![0, 1, 2, 5, 6, 9],
            ..StagedBlock::default()
        };
        assert_eq!(block.row_runs(2), [(0, 2), (3, 7), (5, 11)]);
    }
}
