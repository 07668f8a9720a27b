//! Rejects as a workbook: every cell is text, so opening it changes no value; cells with problems are coloured and have the
//! reason as a note. The reasons come first, where they are seen; import finds columns by their names.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use rust_xlsxwriter::{Color, Format, Note, Workbook, Worksheet, XlsxError};

use crate::{
    output::OutputFile,
    source::{COLUMNS_MAX, SHEET_ROWS_MAX},
};

/// Characters of a cell.
const CELL_MAX: usize = 32_767;
/// Excel gets slow with more; the reasons are in `_reason` as well.
const NOTES_MAX: u32 = 10_000;
const REASON_WIDTH: f64 = 60.0;
/// The largest width of another column, in pixels.
const WIDTH_MAX: u32 = 300;
/// Rows whose texts decide on the widths.
const MEASURED_ROWS: u32 = 1_000;

pub(super) struct SheetOut {
    target: OutputFile,
    workbook: Workbook,
    header: Vec<String>,
    /// The number of added columns, which come first.
    added: usize,
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
    pub(super) fn create(target: OutputFile, added: &[&str], columns: &[String]) -> Self {
        let names = added.iter().map(ToString::to_string);
        Self {
            target,
            workbook: Workbook::new(),
            header: names.chain(columns.iter().cloned()).collect(),
            added: added.len(),
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

    /// Writes a row: the added cells, and those of the source; `bad` are the latter with problems, each with the reason.
    pub(super) fn record(
        &mut self,
        added: &[String],
        cells: &[Vec<u8>],
        bad: &[(usize, String)],
    ) -> io::Result<()> {
        let cells: Vec<_> = cells
            .iter()
            .map(|cell| String::from_utf8_lossy(cell))
            .collect();
        self.check(&cells)?;
        if self.next_row == SHEET_ROWS_MAX {
            self.end_sheet()
                .and_then(|()| self.new_sheet())
                .map_err(io::Error::other)?;
        }
        let row = self.next_row;
        self.next_row += 1;
        let added = added.iter().map(|cell| Cow::Borrowed(cell.as_str()));
        let record: Vec<_> = added.chain(cells).collect();
        self.fill(row, &record, bad).map_err(io::Error::other)
    }

    /// Checks that a sheet can hold the row. Added columns may be cut, those of the source must not be.
    fn check(&self, cells: &[Cow<'_, str>]) -> io::Result<()> {
        let is_long = |cell: &Cow<'_, str>| cell.chars().count() > CELL_MAX;
        if cells.len() + self.added <= COLUMNS_MAX && !cells.iter().any(is_long) {
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

    /// Sets the filter and the widths of the last sheet, if there is one.
    fn end_sheet(&mut self) -> Result<(), XlsxError> {
        let Some(last) = self.workbook.worksheets().len().checked_sub(1) else {
            return Ok(());
        };
        let sheet = self.workbook.worksheet_from_index(last)?;
        let columns = u16::try_from(self.header.len().min(COLUMNS_MAX)).unwrap_or(u16::MAX);
        sheet.autofilter(0, 0, self.next_row - 1, columns - 1)?;
        sheet
            .set_autofit_max_row(MEASURED_ROWS)
            .set_autofit_max_width(WIDTH_MAX)
            .autofit();
        // The last added column is the reason.
        let reason = u16::try_from(self.added - 1).unwrap_or(u16::MAX);
        sheet.set_column_width(reason, REASON_WIDTH).map(drop)
    }

    fn fill(
        &mut self,
        row: u32,
        record: &[Cow<'_, str>],
        bad: &[(usize, String)],
    ) -> Result<(), XlsxError> {
        let last = self.workbook.worksheets().len() - 1;
        let sheet = self.workbook.worksheet_from_index(last)?;
        for (column, text) in (0_u16..).zip(record) {
            let mut reasons = bad
                .iter()
                .filter(|(at, _)| at + self.added == usize::from(column));
            let Some((_, reason)) = reasons.next() else {
                put(sheet, (row, column), text, &self.formats.text)?;
                continue;
            };
            put(sheet, (row, column), text, &self.formats.bad)?;
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
        self.end_sheet().map_err(io::Error::other)?;
        let bytes = self.workbook.save_to_buffer().map_err(io::Error::other)?;
        self.target.write_all(&bytes)?;
        crate::crash::point(crate::crash::Point::Rejects);
        self.target.finish()
    }
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
