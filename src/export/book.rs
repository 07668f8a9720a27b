//! A workbook with text cells, so opening it changes no value. Rows go to a temporary file in the scratch
//! directory, so memory use is bounded. A full sheet is followed by another one.

use std::{
    borrow::Cow,
    error::Error as _,
    io::{self, Write},
    path::Path,
};

use rust_xlsxwriter::{Color, Format, Note, Workbook, Worksheet, XlsxError};

use super::{
    guard::GuardedFrom,
    rows::{ExportCell, RowWriter},
};
use crate::{panics, source::COLUMNS_MAX};

/// Maximum length of a cell in UTF-16 units.
pub(crate) const CELL_MAX: usize = 32_767;
/// Number of rows that determine the column widths.
const MEASURED_ROWS: u32 = 1_000;
/// Maximum width of a column in characters, and of a column of sentences.
const WIDTHS: (usize, usize) = (8, 42);
const SENTENCE_WIDTH: f64 = 60.0;
/// Excel becomes slow with more.
const NOTES_MAX: u32 = 10_000;

/// A workbook that is written row by row.
pub(crate) struct Book {
    workbook: Workbook,
    columns: Vec<String>,
    /// For each column, the longest text so far.
    widths: Vec<usize>,
    /// The column of sentences, if there is one.
    sentences: Option<u16>,
    next_row: u32,
    rows_max: u32,
    notes: u32,
    text: Format,
    bad: Format,
}

impl Book {
    /// `scratch`: the directory of temporary files; `rows_max`: the rows of a sheet including its header;
    /// `sentences`: the column with sentences.
    pub(crate) fn create(
        columns: Vec<String>,
        scratch: &Path,
        rows_max: u32,
        sentences: Option<u16>,
    ) -> io::Result<Self> {
        let mut workbook = Workbook::new();
        workbook.set_tempdir(scratch).map_err(cause)?;
        let text = Format::new().set_num_format("@");
        let mut book = Self {
            workbook,
            widths: columns.iter().map(|name| name.chars().count()).collect(),
            columns,
            sentences,
            next_row: 0,
            rows_max,
            notes: 0,
            bad: text.clone().set_background_color(Color::RGB(0x00FF_C7CE)),
            text,
        };
        attempt(|| book.new_sheet())?;
        Ok(book)
    }

    fn new_sheet(&mut self) -> Result<(), XlsxError> {
        let sheet = self.workbook.add_worksheet_with_constant_memory()?;
        sheet.set_freeze_panes(1, 0)?;
        let header = self.text.clone().set_bold();
        for (column, name) in (0..).zip(&self.columns) {
            sheet.write_string_with_format(0, column, name, &header)?;
        }
        self.next_row = 1;
        Ok(())
    }

    /// Sets the filter and the widths of the last sheet.
    fn end_sheet(&mut self) -> Result<(), XlsxError> {
        let last_row = self.next_row - 1;
        let sheet = last_sheet(&mut self.workbook)?;
        for (column, width) in (0_u16..).zip(&self.widths) {
            let width = (*width).clamp(WIDTHS.0, WIDTHS.1) + 2;
            let width = u16::try_from(width).unwrap_or(u16::MAX);
            sheet.set_column_width(column, f64::from(width))?;
        }
        if let Some(column) = self.sentences {
            sheet.set_column_width(column, SENTENCE_WIDTH)?;
        }
        let columns = u16::try_from(self.columns.len()).unwrap_or(u16::MAX);
        sheet.autofilter(0, 0, last_row, columns - 1).map(drop)
    }

    /// Writes a row. The `bad` cells are coloured, and have the reason as a note.
    pub(crate) fn row(
        &mut self,
        texts: &[Cow<'_, str>],
        bad: &[(usize, String)],
    ) -> io::Result<()> {
        attempt(|| self.fill(texts, bad))
    }

    fn fill(&mut self, texts: &[Cow<'_, str>], bad: &[(usize, String)]) -> Result<(), XlsxError> {
        if self.next_row == self.rows_max {
            self.end_sheet()?;
            self.new_sheet()?;
        }
        let row = self.next_row;
        self.next_row += 1;
        if row <= MEASURED_ROWS {
            for (width, text) in self.widths.iter_mut().zip(texts) {
                *width = text.chars().count().max(*width);
            }
        }
        let sheet = last_sheet(&mut self.workbook)?;
        for (column, text) in (0_u16..).zip(texts) {
            let Some((_, reason)) = bad.iter().find(|(at, _)| *at == usize::from(column)) else {
                if !text.is_empty() {
                    sheet.write_string_with_format(row, column, &**text, &self.text)?;
                }
                continue;
            };
            if text.is_empty() {
                sheet.write_blank(row, column, &self.bad)?;
            } else {
                sheet.write_string_with_format(row, column, &**text, &self.bad)?;
            }
            self.notes += 1;
            if self.notes <= NOTES_MAX {
                let reason: String = reason.chars().take(CELL_MAX).collect();
                let note = Note::new(reason).add_author_prefix(false);
                sheet.insert_note(row, column, &note)?;
            }
        }
        Ok(())
    }

    pub(crate) fn finish(mut self, out: &mut (dyn Write + Send)) -> io::Result<()> {
        attempt(|| {
            self.end_sheet()?;
            self.workbook.save_to_writer(&mut *out)
        })?;
        out.flush()
    }
}

pub(super) struct BookWriter<'a> {
    out: &'a mut (dyn Write + Send),
    book: Book,
}

impl<'a> BookWriter<'a> {
    /// `scratch`: the directory of temporary files; `rows_max`: the rows of a sheet including its header.
    pub(super) fn create(
        out: &'a mut (dyn Write + Send),
        columns: &[String],
        scratch: &Path,
        rows_max: u32,
    ) -> io::Result<Self> {
        if columns.len() > COLUMNS_MAX {
            return Err(too_large(
                "a contact has more chats than a sheet has columns",
            ));
        }
        let book = Book::create(columns.to_vec(), scratch, rows_max, None)?;
        Ok(Self { out, book })
    }
}

impl RowWriter for BookWriter<'_> {
    fn row(&mut self, cells: &[ExportCell<'_>]) -> io::Result<()> {
        let texts = cells.iter().map(|cell| GuardedFrom::OwnImport.guard(cell));
        let texts: Vec<_> = texts.collect();
        if texts.iter().any(|text| is_long(text)) {
            let what = format!(
                "contact `{}` has a cell of more than 32,767 characters",
                texts[0]
            );
            return Err(too_large(&what));
        }
        self.book.row(&texts, &[])
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        self.book.finish(self.out)
    }
}

fn last_sheet(workbook: &mut Workbook) -> Result<&mut Worksheet, XlsxError> {
    let last = workbook.worksheets().len() - 1;
    workbook.worksheet_from_index(last)
}

/// True if the text does not fit into a cell.
pub(crate) fn is_long(text: &str) -> bool {
    text.len() > CELL_MAX && text.encode_utf16().count() > CELL_MAX
}

fn too_large(what: &str) -> io::Error {
    let advice = "which exceeds the limits of a workbook: name a .csv file instead";
    io::Error::new(io::ErrorKind::InvalidData, format!("{what}, {advice}"))
}

/// The result of a call of the library, which panics if its temporary files can't be written.
fn attempt<T>(call: impl FnOnce() -> Result<T, XlsxError>) -> io::Result<T> {
    match panics::caught(call) {
        Ok(result) => result.map_err(cause),
        Err(panic) => Err(system_error(panics::message(&*panic))),
    }
}

/// The system's error in the text of a panic: `Os { code: 28, kind: StorageFull, message: "…" }`.
fn system_error(panic: &str) -> io::Error {
    let code = panic.split_once("code: ").and_then(|(_, rest)| {
        let end = rest.find(|char: char| !char.is_ascii_digit());
        rest[..end.unwrap_or(rest.len())].parse().ok()
    });
    code.map_or_else(|| io::Error::other(panic), io::Error::from_raw_os_error)
}

/// The system's error inside the library's error, because a closed pipe must be recognized.
fn cause(error: XlsxError) -> io::Error {
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            return io::Error::new(io.kind(), error.to_string());
        }
        source = inner.source();
    }
    io::Error::other(error)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::io::{Cursor, Read as _};

    use super::*;

    #[test]
    fn every_sheet_has_a_frozen_header_a_filter_and_widths_and_cells_are_text() {
        let columns = ["id", "name"].map(String::from);
        let scratch = tempfile::tempdir().unwrap();
        let mut bytes = Vec::new();
        let mut writer = BookWriter::create(&mut bytes, &columns, scratch.path(), 3).unwrap();
        for id in ["007", "1", "2"] {
            let cells = [id, "=1+1"].map(|cell| ExportCell::Text(cell.into()));
            writer.row(&cells).unwrap();
        }
        Box::new(writer).finish().unwrap();
        let mut book = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        for (sheet, range, ids) in [(1, "A1:B3", &["007", "1"][..]), (2, "A1:B2", &["2"])] {
            let mut xml = String::new();
            let name = format!("xl/worksheets/sheet{sheet}.xml");
            let mut part = book.by_name(&name).unwrap();
            part.read_to_string(&mut xml).unwrap();
            for piece in [
                "state=\"frozen\"",
                "<cols>",
                &format!("<autoFilter ref=\"{range}\"/>"),
            ] {
                assert!(xml.contains(piece), "{piece} in {xml}");
            }
            for text in ids.iter().chain(&["=1+1", "id"]) {
                assert!(xml.contains(&format!("<is><t>{text}</t></is>")), "{xml}");
            }
            assert!(!xml.contains("<f>") && !xml.contains("<v>"), "{xml}");
        }
        assert!(book.by_name("xl/worksheets/sheet3.xml").is_err());
        assert_eq!(scratch.path().read_dir().unwrap().count(), 0);
    }
}
