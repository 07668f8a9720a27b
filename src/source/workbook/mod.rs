//! Reads Excel workbooks with calamine.
//!
//! Cells are streamed if the format allows it (.xlsx, .xlsb), so two cells at opposite ends of a sheet cost no
//! memory for the cells between them. An old workbook (.xls) is held in memory after [`ole`] has
//! checked its size. A panic in calamine is caught and becomes an error about the file.

pub(super) mod archive;
pub(super) mod facts;
mod number_format;
mod old_sheets;
mod ole;
pub(super) mod package;
mod records;
mod repair;
mod sheet_records;
mod sheet_xml;

use std::{fmt::Display, io::BufReader, sync::Arc, thread};

use parking_lot::Mutex;

use calamine::{
    Cell, DataRef, DataType, Reader, SheetType, SheetVisible, Style, Xls, XlsOptions, Xlsb,
    XlsbError, Xlsx, XlsxError,
};

use self::{
    archive::{Survey, Surveyor},
    facts::Overlay,
    number_format::NumberPattern,
    old_sheets::OldBook,
};
use super::{
    Kind, SourceErrorKind, Table,
    cell::{CellRow, EachRow, RowSource, RowsEnd, RowsStop, contain, day_of, write_value},
    error::{damaged, gave_up},
    file::FileReader,
    input::Input,
    sheet::{self, SHEET_ROWS_MAX, Sheet},
};

enum BookReader {
    Xlsx(Xlsx<BufReader<FileReader>>),
    Xlsb(Xlsb<BufReader<FileReader>>),
    Xls(Xls<BufReader<FileReader>>),
}

impl BookReader {
    fn open(file: FileReader, kind: Kind, code_page: Option<u16>) -> Result<Self, SourceErrorKind> {
        let reader = BufReader::new(file);
        Ok(match kind {
            Kind::Xlsb => Self::Xlsb(Xlsb::new(reader).map_err(damaged)?),
            Kind::Xls => {
                let mut options = XlsOptions::default();
                options.force_codepage = code_page;
                Self::Xls(Xls::new_with_options(reader, options).map_err(damaged)?)
            }
            _ => Self::Xlsx(Xlsx::new(reader).map_err(damaged)?),
        })
    }

    fn sheets(&self) -> &[calamine::Sheet] {
        match self {
            Self::Xlsx(book) => book.sheets_metadata(),
            Self::Xlsb(book) => book.sheets_metadata(),
            Self::Xls(book) => book.sheets_metadata(),
        }
    }

    fn rows(&mut self, sheet: &str, collector: &mut RowCollector<'_, '_>) -> Result<(), RowsStop> {
        match self {
            Self::Xlsx(book) => {
                let mut cells = book.worksheet_cells_reader(sheet).map_err(damaged)?;
                let patterns: Vec<_> = cells.styles().iter().map(pattern).collect();
                collector.cells(|| {
                    let next = cells.next_cell_with_style_id();
                    let next = next.map(|cell| {
                        cell.map(|(cell, style)| {
                            (cell, patterns.get(style).and_then(Option::as_ref))
                        })
                    });
                    next.map_err(|error| (matches!(error, XlsxError::CellError(_)), error))
                })
            }
            Self::Xlsb(book) => {
                let mut cells = book.worksheet_cells_reader(sheet).map_err(damaged)?;
                collector.cells(|| {
                    let next = cells.next_cell().map(|cell| Some((cell?, None)));
                    next.map_err(|error| (matches!(error, XlsbError::CellError(_)), error))
                })
            }
            Self::Xls(book) => {
                let range = book.worksheet_range(sheet).map_err(damaged)?;
                let (top, left) = range.start().unwrap_or_default();
                for (row, column, data) in range.used_cells() {
                    let at = (
                        top.saturating_add(index(row)),
                        left.saturating_add(index(column)),
                    );
                    collector.cell(at, data, None)?;
                }
                collector.finish()
            }
        }
    }
}

fn index(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// The display format of numbers with this style.
fn pattern(style: &Style) -> Option<NumberPattern> {
    NumberPattern::new(&style.number_format.as_ref()?.format_code)
}

/// A sheet of a workbook, which stays open for the next sheet.
struct BookRows {
    book: Arc<Mutex<BookReader>>,
    sheet: Sheet,
    columns: usize,
}

impl RowSource for BookRows {
    fn rows(&mut self, each: &mut EachRow<'_>) -> Result<RowsEnd, RowsStop> {
        let facts = &self.sheet.facts;
        let mut collector = RowCollector {
            each,
            row: CellRow::default(),
            at: 0,
            columns: self.columns,
            overlay: Overlay::new(facts),
            errors_left: facts.errors(),
        };
        let mut book = self.book.lock();
        let name = self.sheet.name.as_deref().unwrap_or_default();
        book.rows(name, &mut collector)?;
        Ok(RowsEnd::default())
    }
}

struct RowCollector<'a, 'b> {
    each: &'a mut EachRow<'b>,
    row: CellRow,
    at: u32,
    columns: usize,
    overlay: Overlay,
    /// Unknown error values that the survey found and that reading has not reached.
    errors_left: usize,
}

/// A cell, and the display format of its number.
type NextCell<'c, 'p> = Option<(Cell<DataRef<'c>>, Option<&'p NumberPattern>)>;

impl RowCollector<'_, '_> {
    /// Reads all cells. An error comes with `true` if it is an unknown error value, after which reading can
    /// continue.
    fn cells<'c, 'p, E: Display>(
        &mut self,
        mut next: impl FnMut() -> Result<NextCell<'c, 'p>, (bool, E)>,
    ) -> Result<(), RowsStop> {
        loop {
            match next() {
                Ok(None) => return self.finish(),
                Ok(Some((cell, pattern))) => {
                    self.cell(cell.get_position(), cell.get_value(), pattern)?;
                }
                Err((true, _)) if self.errors_left > 0 => self.errors_left -= 1,
                Err((_, error)) => return Err(damaged(error).into()),
            }
        }
    }

    fn cell(
        &mut self,
        (row, column): (u32, u32),
        value: &impl DataType,
        pattern: Option<&NumberPattern>,
    ) -> Result<(), RowsStop> {
        if value.is_empty() {
            return Ok(());
        }
        if column as usize >= self.columns {
            let limit = self.columns;
            return Err(SourceErrorKind::TooManyColumns { limit }.into());
        }
        if row >= SHEET_ROWS_MAX {
            return Err(damaged(format!("row {row} is beyond the limit of a sheet")).into());
        }
        if row != self.at {
            self.go_to(row)?;
        }
        if (column as usize) < self.row.cells().len() {
            let number = row + 1;
            let why = format!("row {number} occurs twice, or its cells are out of order");
            return Err(damaged(why).into());
        }
        let cell = self.row.cell(column as usize);
        cell.day = day_of(value);
        cell.fault = write_value(value, &mut cell.text);
        // An XML escape, or text of the wrong width.
        if memchr::memchr(0, cell.text.as_bytes()).is_some() {
            cell.text.retain(|char| char != '\0');
        }
        cell.shown = pattern.and_then(|pattern| pattern.show(value.get_float()?));
        Ok(())
    }

    /// Delivers the current row, and rows with only error values up to `row`.
    fn go_to(&mut self, row: u32) -> Result<(), RowsStop> {
        self.flush()?;
        while let Some(between) = self.overlay.row_before(row) {
            self.at = between;
            self.overlay.apply(between, self.columns, &mut self.row)?;
            self.flush()?;
        }
        self.at = row;
        Ok(())
    }

    fn finish(&mut self) -> Result<(), RowsStop> {
        self.go_to(SHEET_ROWS_MAX)
    }

    fn flush(&mut self) -> Result<(), RowsStop> {
        if !self.row.cells().is_empty() {
            self.overlay.apply(self.at, self.columns, &mut self.row)?;
            (self.each)(self.at + 1, &self.row)?;
            self.row.clear();
        }
        Ok(())
    }
}

/// The chosen sheet of a workbook, or all of them.
pub(super) fn tables(input: &Input<'_>) -> Result<Vec<Table>, SourceErrorKind> {
    let limits = &input.options.limits;
    let (mut surveyor, mut old, mut file) = (None, None, input.file.clone());
    if input.kind == Kind::Xls {
        let mut stream = contain(|| ole::stream_of(&file, limits))?;
        old = Some(OldBook::new(&mut stream, limits.held_cells)?);
        file = ole::file_of(&stream, &file)?;
    } else {
        file = repair::repaired(&file)?;
        surveyor = Some(Surveyor::begin(&file, limits)?);
    }
    let is_unicode = old.as_ref().is_none_or(|old| old.is_unicode);
    let encoding = input.options.encoding.filter(|it| it.is_single_byte());
    let code_page = encoding.and_then(codepage::from_encoding);
    let code_page = if is_unicode { Some(UTF_16) } else { code_page };
    let reader = file.reader();
    let (survey, book) = surveyed(surveyor, || BookReader::open(reader, input.kind, code_page))?;
    // The surveys of an old workbook are in sheet order.
    let facts_of = |index: usize, name: &str| match &old {
        Some(old) => old.sheets.get(index).cloned().unwrap_or_default(),
        None => survey.get(name).cloned().unwrap_or_default(),
    };
    let sheets: Vec<Sheet> = book
        .sheets()
        .iter()
        .enumerate()
        .filter(|(_, sheet)| sheet.typ == SheetType::WorkSheet)
        .map(|(index, sheet)| Sheet {
            name: Some(sheet.name.clone()),
            visible: sheet.visible == SheetVisible::Visible,
            facts: facts_of(index, &sheet.name),
        })
        .collect();
    let book = Arc::new(Mutex::new(book));
    sheet::tables(input, &sheets, &|index| {
        Box::new(BookRows {
            book: Arc::clone(&book),
            sheet: sheets[index].clone(),
            columns: limits.columns,
        })
    })
}

/// Opens a workbook while its sheets are surveyed. Opening reads no sheets.
fn surveyed(
    surveyor: Option<Surveyor>,
    open: impl FnOnce() -> Result<BookReader, SourceErrorKind>,
) -> Result<(Survey, BookReader), SourceErrorKind> {
    let survey = || surveyor.map_or_else(|| Ok(Survey::default()), Surveyor::finish);
    let thread = thread::Builder::new().name("survey".to_owned());
    thread::scope(|scope| {
        let surveying = thread.spawn_scoped(scope, survey)?;
        let opened = contain(open);
        let survey = surveying.join().unwrap_or_else(|_| Err(gave_up()))?;
        Ok((survey, opened?))
    })
}

/// The code page number of UTF-16.
const UTF_16: u16 = 1200;
