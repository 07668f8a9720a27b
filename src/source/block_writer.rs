//! Writes rows of cells as CSV text, in blocks.

use std::{collections::BTreeMap, sync::mpsc::SyncSender};

use super::{
    Block, CellFault, CellFaultKind, CellValue, Limits, SourceErrorKind,
    cell::{Cell, CellRow, RowSource, RowsEnd, RowsStop, read_rows},
    error::damaged,
};
use crate::{
    characters::{ByteKinds, is_blank},
    wording::listed,
};

/// The delimiter of the blocks.
pub(super) const DELIMITER: u8 = b',';

/// Maximum number of columns named in a message.
const NAMES_SHOWN: usize = 5;

/// Maximum number of rows of a sheet, in old and in new workbooks.
const FULL_SHEETS: [u32; 2] = [1 << 16, 1 << 20];

/// An error with the row at which it was noticed.
pub(super) type RowsFailure = (SourceErrorKind, Option<u32>);

/// Writes rows as CSV text, and sends blocks that are large enough.
pub(super) struct BlockWriter {
    sender: SyncSender<Block>,
    block: Block,
    /// Records in the block.
    records: u32,
    /// The row of the next line of text.
    next_row: u32,
    /// True after the last row of the header.
    is_below_header: bool,
    /// True if the next sheet continues where this one is full.
    is_continued: bool,
    columns: Vec<String>,
    /// The value that each column takes.
    pub(super) values: Vec<CellValue>,
    /// Number of uncalculated formulas, by column.
    uncalculated: BTreeMap<u32, u64>,
    /// The first number that is read as its format displays it, and its digits, by column.
    shown: BTreeMap<u32, (String, String)>,
    limits: Limits,
    /// Number of cells outside named columns.
    left_out: u64,
}

impl BlockWriter {
    /// For rows with these named columns, from the first row below the header.
    pub(super) fn new(
        sender: SyncSender<Block>,
        columns: Vec<String>,
        next_row: u32,
        is_continued: bool,
        limits: Limits,
    ) -> Self {
        Self {
            sender,
            block: Block::default(),
            records: 0,
            next_row,
            is_below_header: false,
            is_continued,
            columns,
            values: Vec::new(),
            uncalculated: BTreeMap::new(),
            shown: BTreeMap::new(),
            limits,
            left_out: 0,
        }
    }

    /// Writes all rows.
    pub(super) fn write_all(mut self, source: &mut dyn RowSource) -> Result<RowsEnd, RowsFailure> {
        let read = read_rows(source, &mut |number, row| self.row(number, row));
        let mut end = read.map_err(|kind| (kind, Some(self.next_row)))?;
        if !self.block.text.is_empty() {
            let _ = self.send();
        }
        end.notes = [self.notes(), end.notes].concat();
        end.may_lack_rows |= self.is_full();
        Ok(end)
    }

    fn is_full(&self) -> bool {
        FULL_SHEETS.contains(&(self.next_row - 1)) && !self.is_continued
    }

    fn notes(&self) -> Vec<String> {
        let left_out = (self.left_out > 0).then(|| {
            format!(
                "cells to the right of the last column name, left out: {}",
                self.left_out
            )
        });
        let full = self.is_full().then(|| {
            let last_row = self.next_row - 1;
            format!(
                "the last row is {last_row}, the limit of a sheet: check that the export is complete"
            )
        });
        let notes = left_out.into_iter().chain(full);
        notes
            .chain(self.uncalculated_note())
            .chain(self.shown_note())
            .collect()
    }

    fn uncalculated_note(&self) -> Option<String> {
        let columns = self.names(self.uncalculated.keys())?;
        let formulas: u64 = self.uncalculated.values().sum();
        Some(format!(
            "formulas saved without their result, read as empty or as the 0 in its place: {formulas}, in {columns} (open the workbook in a spreadsheet program and save it again)"
        ))
    }

    fn shown_note(&self) -> Option<String> {
        let columns = self.names(self.shown.keys())?;
        let (digits, shown) = self.shown.values().next()?;
        Some(format!(
            "numbers are read as their number format shows them in {columns} (`{shown}` for {digits})"
        ))
    }

    /// The names of the columns for a message; `None` if the list is empty.
    fn names<'a>(&self, columns: impl Iterator<Item = &'a u32>) -> Option<String> {
        let names = columns.filter_map(|&column| self.columns.get(column as usize));
        let names = listed(names.map(|name| format!("`{name}`")), NAMES_SHOWN);
        (!names.is_empty()).then_some(names)
    }

    fn row(&mut self, number: u32, row: &CellRow) -> Result<(), RowsStop> {
        let named = &row.cells()[..row.cells().len().min(self.columns.len())];
        let beyond = row.cells()[named.len()..]
            .iter()
            .filter(|cell| !cell.text.is_empty())
            .count();
        let last = named
            .iter()
            .rposition(|cell| !is_blank(&cell.text) || cell.fault.is_some());
        if number < self.next_row {
            return self.row_above(number);
        }
        self.is_below_header = true;
        self.left_out += beyond as u64;
        let Some(last) = last else {
            return Ok(());
        };
        // A linked cell may have no text; a row of such cells is blank.
        let linked = named.iter().rposition(|cell| cell.link.is_some());
        let last = linked.map_or(last, |linked| linked.max(last));
        let gap = (number - self.next_row) as usize;
        self.block.text.resize(self.block.text.len() + gap, b'\n');
        let start = self.block.text.len();
        self.write(named, last);
        self.next_row = number + 1;
        if self.block.text.len() - start > self.limits.record_bytes {
            let limit = self.limits.record_bytes;
            return Err(SourceErrorKind::RowTooLong { limit }.into());
        }
        if self.block.text.len() >= self.limits.block_bytes {
            return self.send();
        }
        Ok(())
    }

    /// Skips rows up to the header. Rows out of order are an error, because they can't be inserted.
    fn row_above(&mut self, number: u32) -> Result<(), RowsStop> {
        if !self.is_below_header {
            self.is_below_header = number + 1 == self.next_row;
            return Ok(());
        }
        let last = self.next_row - 1;
        Err(damaged(format!("row {number} comes after row {last}")).into())
    }

    /// Writes the cells up to the last with content. Uncalculated formulas and blanks may follow it: the former are
    /// noted, and nothing of them is written, because their text would become part of the last cell.
    fn write(&mut self, cells: &[Cell], last: usize) {
        let text = &mut self.block.text;
        for (column, cell) in (0..).zip(cells) {
            let value = self
                .values
                .get(column as usize)
                .copied()
                .unwrap_or_default();
            if column as usize <= last {
                if column > 0 {
                    text.push(DELIMITER);
                }
                write_cell(text, &cell.value(value));
            }
            if value == CellValue::Id
                && let Some(shown) = &cell.shown
            {
                let first = || (cell.text.clone(), shown.clone());
                self.shown.entry(column).or_insert_with(first);
            }
            // The address of a link is known without the result of its formula.
            let is_uncalculated =
                cell.is_uncalculated && !(value == CellValue::Link && cell.link.is_some());
            if is_uncalculated && value != CellValue::Unused {
                *self.uncalculated.entry(column).or_default() += 1;
            }
            let takes_array = match value {
                CellValue::Json => cell.text.starts_with('['),
                CellValue::Code => cell.list.is_some(),
                _ => false,
            };
            let fault = cell
                .fault
                .as_ref()
                .filter(|fault| !(takes_array && **fault == CellFaultKind::Nested));
            let uncalculated = is_uncalculated.then_some(&CellFaultKind::Uncalculated);
            for kind in fault.into_iter().chain(uncalculated) {
                self.block.faults.push(CellFault {
                    record: self.records,
                    column,
                    kind: kind.clone(),
                });
            }
        }
        text.push(b'\n');
        self.records += 1;
    }

    fn send(&mut self) -> Result<(), RowsStop> {
        self.records = 0;
        let block = std::mem::take(&mut self.block);
        // A failure means that the receiver is gone, so the thread ends.
        self.sender.send(block).map_err(|_| RowsStop::Enough)
    }
}

/// Writes a cell as CSV, quoted if necessary.
fn write_cell(text: &mut Vec<u8>, cell: &str) {
    // Some texts of these kinds need no quotes, but have the same meaning in them.
    if !ByteKinds::of(cell).has(ByteKinds::COMMA | ByteKinds::QUOTE | ByteKinds::CONTROL) {
        text.extend_from_slice(cell.as_bytes());
        return;
    }
    text.push(b'"');
    for piece in cell.split_inclusive('"') {
        text.extend_from_slice(piece.as_bytes());
        if piece.ends_with('"') {
            text.push(b'"');
        }
    }
    text.push(b'"');
}
