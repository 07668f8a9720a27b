//! Rejects as a workbook: every cell is text, so opening it changes no value; cells with problems are coloured and have the
//! reason as a note.

use std::io::{self, Write};

use rust_xlsxwriter::{Color, Format, Note, Workbook, Worksheet, XlsxError};

use crate::{
    output::OutputFile,
    reject::ADDED_COLUMNS,
    source::{COLUMNS_MAX, SHEET_ROWS_MAX},
};

/// Characters of a cell.
const CELL_MAX: usize = 32_767;
/// Excel gets slow with more; the reasons are in `_reason` as well.
const NOTES_MAX: u32 = 10_000;

pub(super) struct SheetOut {
    target: OutputFile,
    workbook: Workbook,
    header: Vec<String>,
    next_row: u32,
    notes: u32,
    formats: Formats,
}

struct Formats {
    header: Format,
    text: Format,
    bad: Format,
}

impl SheetOut {
    pub(super) fn create(target: OutputFile, header: Vec<String>) -> Self {
        Self {
            target,
            workbook: Workbook::new(),
            header,
            next_row: SHEET_ROWS_MAX,
            notes: 0,
            formats: Formats {
                header: Format::new().set_bold().set_num_format("@"),
                text: Format::new().set_num_format("@"),
                bad: Format::new()
                    .set_num_format("@")
                    .set_background_color(Color::RGB(0x00FF_C7CE)),
            },
        }
    }

    /// Writes a row; `bad` are the cells with problems, each with the reason.
    pub(super) fn record(&mut self, record: &[Vec<u8>], bad: &[(usize, String)]) -> io::Result<()> {
        if self.next_row == SHEET_ROWS_MAX {
            self.new_sheet().map_err(io::Error::other)?;
        }
        self.check(record)?;
        let row = self.next_row;
        self.next_row += 1;
        self.fill(row, record, bad).map_err(io::Error::other)
    }

    /// Checks that a sheet can hold the row. Added columns may be cut, those of the source must not be.
    fn check(&self, record: &[Vec<u8>]) -> io::Result<()> {
        let own = |column: usize| self.header.get(column).is_some_and(|name| is_added(name));
        let is_long = |cell: &[u8]| String::from_utf8_lossy(cell).chars().count() > CELL_MAX;
        let mut cells = record.iter().enumerate();
        if record.len() <= COLUMNS_MAX && !cells.any(|(at, cell)| !own(at) && is_long(cell)) {
            return Ok(());
        }
        let words = "a rejected row has more than 32,767 characters in a cell or 16,384 columns, which no workbook \
                     holds: name a text file instead, with --rejects FILE.csv";
        Err(io::Error::new(io::ErrorKind::InvalidData, words))
    }

    fn new_sheet(&mut self) -> Result<(), XlsxError> {
        let sheet = self.workbook.add_worksheet();
        sheet.set_freeze_panes(1, 0)?;
        for (column, name) in (0_u16..).zip(self.header.iter().take(COLUMNS_MAX)) {
            put(sheet, (0, column), name, &self.formats.header)?;
        }
        self.next_row = 1;
        Ok(())
    }

    fn fill(
        &mut self,
        row: u32,
        record: &[Vec<u8>],
        bad: &[(usize, String)],
    ) -> Result<(), XlsxError> {
        let last = self.workbook.worksheets().len() - 1;
        let sheet = self.workbook.worksheet_from_index(last)?;
        for (column, cell) in (0_u16..).zip(record.iter().take(COLUMNS_MAX)) {
            let text = String::from_utf8_lossy(cell);
            let mut reasons = bad.iter().filter(|(at, _)| *at == usize::from(column));
            let Some((_, reason)) = reasons.next() else {
                put(sheet, (row, column), &text, &self.formats.text)?;
                continue;
            };
            put(sheet, (row, column), &text, &self.formats.bad)?;
            self.notes += 1;
            if self.notes <= NOTES_MAX {
                let reason: String = reason.chars().take(CELL_MAX).collect();
                let note = Note::new(reason).add_author_prefix(false);
                sheet.insert_note(row, column, &note)?;
            }
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        let bytes = self.workbook.save_to_buffer().map_err(io::Error::other)?;
        self.target.write_all(&bytes)?;
        crate::crash::point(crate::crash::Point::Rejects);
        self.target.finish()
    }
}

fn is_added(column: &str) -> bool {
    ADDED_COLUMNS.contains(&column)
}

fn put(
    sheet: &mut Worksheet,
    (row, column): (u32, u16),
    text: &str,
    format: &Format,
) -> Result<(), XlsxError> {
    let short: String;
    let text = if text.chars().count() > CELL_MAX {
        short = text.chars().take(CELL_MAX).collect();
        &short
    } else {
        text
    };
    if text.is_empty() {
        return sheet.write_blank(row, column, format).map(drop);
    }
    sheet
        .write_string_with_format(row, column, text, format)
        .map(drop)
}
