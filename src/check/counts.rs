//! The rows of a table that is checked, counted by what would become of them.

use std::collections::BTreeMap;

use crate::{
    reject::{RejectCode, RejectedRow},
    report::examples::Examples,
    run::{Position, Rows, StagedBlock},
};

#[derive(Default)]
pub(crate) struct TableCounts {
    pub rows: Rows,
    /// Number of problems of each kind.
    pub codes: BTreeMap<String, u64>,
    /// The first contacts as JSON, with their rows.
    pub(super) contacts: Vec<(u64, String)>,
    /// Rows rejected for their own values, not because of other rows.
    pub(super) examples: Examples,
    /// The number of the table's row 0, counting the rows of all tables.
    pub(super) first: u64,
    pub(super) end: u64,
}

impl TableCounts {
    pub(super) fn add(&mut self, at: Position, block: StagedBlock, kept: usize) {
        self.end = self.first + at.first_row + u64::from(block.row_count);
        self.rows.read += u64::from(block.row_count);
        self.rows.blank += u64::from(block.blank_count);
        self.rows.contacts += block.decisions.len() as u64;
        self.rows.rejected += block.rejects.len() as u64;
        let wanted = kept - self.contacts.len();
        if wanted > 0 {
            let lines = block.json().map(String::from);
            let rows = block.rows.iter().map(|&row| at.first_row + u64::from(row));
            self.contacts.extend(rows.zip(lines).take(wanted));
        }
        for RejectedRow { row, problems, .. } in block.rejects {
            for problem in problems.into_owned() {
                *self.codes.entry(problem.code.to_string()).or_default() += 1;
                self.examples.add((0, at.first_row + row), problem);
            }
        }
    }

    pub(super) fn merge(&mut self, row: u64) {
        self.rows.contacts -= 1;
        self.rows.merged += 1;
        self.forget(row);
    }

    pub(super) fn reject(&mut self, row: u64) {
        self.rows.contacts -= 1;
        self.rows.rejected += 1;
        let code = RejectCode::DuplicateId.to_string();
        *self.codes.entry(code).or_default() += 1;
        self.forget(row);
    }

    /// Removes a contact that is not sent from those to show.
    fn forget(&mut self, row: u64) {
        if let Ok(at) = self.contacts.binary_search_by_key(&row, |(row, _)| *row) {
            self.contacts.remove(at);
        }
    }

    /// The first contacts as they would be sent.
    pub(crate) fn contacts_shown(&self, show: usize) -> Vec<String> {
        let contacts = self.contacts.iter().take(show);
        contacts.map(|(_, json)| json.clone()).collect()
    }

    /// The first rejected rows, and the number of further ones.
    pub(crate) fn rejects_shown(&self) -> Vec<String> {
        self.examples.lines(|(_, row)| row.to_string())
    }
}
