//! Reads Excel workbooks with calamine.
//!
//! Cells are streamed if the format allows it (.xlsx, .xlsb): two cells at opposite ends of a sheet must not
//! cost memory for the cells between them. An old workbook (.xls) is held in memory, after
//! [`ole`](super::ole) has checked its size. A panic in calamine is caught and becomes an error about the file.

use std::{
    fmt::Display,
    io::BufReader,
    ops::ControlFlow,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
};

use calamine::{
    Cell, DataRef, DataType, Reader, SheetType, SheetVisible, Xls, XlsOptions, Xlsb, Xlsx,
};

use super::{
    Kind, SourceErrorKind, Table,
    archive::{self, SheetSurvey},
    cell::{CellRow, EachRow, RowSource, contain, day_of, write_value},
    error::damaged,
    file::{FileReader, SourceFile},
    input::Input,
    ole,
    sheet::{self, SHEET_ROWS_MAX, Sheet},
};

enum Book {
    Xlsx(Xlsx<BufReader<FileReader>>),
    Xlsb(Xlsb<BufReader<FileReader>>),
    Xls(Xls<BufReader<FileReader>>),
}

/// A workbook that is opened on first use and kept for the next sheet.
#[derive(Clone)]
struct Workbook {
    file: SourceFile,
    kind: Kind,
    code_page: Option<u16>,
    book: Arc<Mutex<Option<Book>>>,
}

impl Workbook {
    fn take(&self, counter: Arc<AtomicU64>) -> Result<Book, SourceErrorKind> {
        let kept = self
            .book
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        match kept {
            Some(book) => Ok(book),
            None => self.open(counter),
        }
    }

    fn put_back(&self, book: Book) {
        *self.book.lock().unwrap_or_else(PoisonError::into_inner) = Some(book);
    }

    fn open(&self, counter: Arc<AtomicU64>) -> Result<Book, SourceErrorKind> {
        let reader = BufReader::new(self.file.counted_reader(counter));
        Ok(match self.kind {
            Kind::Xlsb => Book::Xlsb(Xlsb::new(reader).map_err(|error| damaged(&error))?),
            Kind::Xls => {
                let mut options = XlsOptions::default();
                options.force_codepage = self.code_page;
                Book::Xls(Xls::new_with_options(reader, options).map_err(|error| damaged(&error))?)
            }
            _ => Book::Xlsx(Xlsx::new(reader).map_err(|error| damaged(&error))?),
        })
    }
}

impl Book {
    fn sheets(&self) -> &[calamine::Sheet] {
        match self {
            Self::Xlsx(book) => book.sheets_metadata(),
            Self::Xlsb(book) => book.sheets_metadata(),
            Self::Xls(book) => book.sheets_metadata(),
        }
    }

    fn rows(
        &mut self,
        sheet: &str,
        collector: &mut RowCollector<'_, '_>,
    ) -> Result<ControlFlow<()>, SourceErrorKind> {
        match self {
            Self::Xlsx(book) => {
                let mut cells = book
                    .worksheet_cells_reader(sheet)
                    .map_err(|error| damaged(&error))?;
                collector.cells(|| cells.next_cell())
            }
            Self::Xlsb(book) => {
                let mut cells = book
                    .worksheet_cells_reader(sheet)
                    .map_err(|error| damaged(&error))?;
                collector.cells(|| cells.next_cell())
            }
            Self::Xls(book) => {
                let range = book
                    .worksheet_range(sheet)
                    .map_err(|error| damaged(&error))?;
                let (top, left) = range.start().unwrap_or_default();
                for (row, column, data) in range.used_cells() {
                    let at = (
                        top.saturating_add(index(row)),
                        left.saturating_add(index(column)),
                    );
                    if collector.cell(at, data)?.is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
                Ok(collector.flush())
            }
        }
    }
}

fn index(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

struct BookRows {
    workbook: Workbook,
    sheet: String,
    columns: usize,
    counter: Arc<AtomicU64>,
}

impl RowSource for BookRows {
    fn rows(&mut self, each: &mut EachRow<'_>) -> Result<(), SourceErrorKind> {
        let mut book = self.workbook.take(Arc::clone(&self.counter))?;
        let mut collector = RowCollector {
            each,
            row: CellRow::default(),
            at: 0,
            columns: self.columns,
        };
        // The result only tells whether reading was stopped early.
        let _ = book.rows(&self.sheet, &mut collector)?;
        self.workbook.put_back(book);
        Ok(())
    }
}

struct RowCollector<'a, 'b> {
    each: &'a mut EachRow<'b>,
    row: CellRow,
    at: u32,
    columns: usize,
}

impl RowCollector<'_, '_> {
    fn cells<'c, E: Display>(
        &mut self,
        mut next: impl FnMut() -> Result<Option<Cell<DataRef<'c>>>, E>,
    ) -> Result<ControlFlow<()>, SourceErrorKind> {
        while let Some(cell) = next().map_err(|error| damaged(&error))? {
            if self.cell(cell.get_position(), cell.get_value())?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(self.flush())
    }

    fn cell(
        &mut self,
        (row, column): (u32, u32),
        value: &impl DataType,
    ) -> Result<ControlFlow<()>, SourceErrorKind> {
        if value.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        if column as usize >= self.columns {
            let limit = self.columns;
            return Err(SourceErrorKind::TooManyColumns { limit });
        }
        if row >= SHEET_ROWS_MAX {
            return Err(damaged(&format!(
                "row {row} is beyond the limit of a sheet"
            )));
        }
        if row != self.at && self.flush().is_break() {
            return Ok(ControlFlow::Break(()));
        }
        self.at = row;
        let cell = self.row.cell(column as usize);
        cell.text.clear();
        cell.day = day_of(value);
        cell.fault = write_value(value, &mut cell.text);
        Ok(ControlFlow::Continue(()))
    }

    fn flush(&mut self) -> ControlFlow<()> {
        if self.row.cells().is_empty() {
            return ControlFlow::Continue(());
        }
        let flow = (self.each)(self.at + 1, &self.row);
        self.row.clear();
        flow
    }
}

/// The chosen sheet of a workbook, or all of them.
pub(super) fn tables(input: &Input<'_>) -> Result<Vec<Table>, SourceErrorKind> {
    let limits = &input.options.limits;
    let (mut survey, mut hidden_rows) = (archive::Survey::default(), Vec::new());
    if input.kind == Kind::Xls {
        hidden_rows = ole::check(&input.file, limits)?;
    } else {
        survey = archive::survey(&input.file, limits)?;
    }
    // Hidden rows of an old workbook are counted per sheet, in order.
    let survey_of = |index: usize, name: &str| match hidden_rows.get(index) {
        Some(&hidden_rows) => SheetSurvey {
            hidden_rows,
            ..SheetSurvey::default()
        },
        None => survey.sheet(name),
    };
    let workbook = Workbook {
        file: input.file.clone(),
        kind: input.kind,
        code_page: input.options.encoding.and_then(code_page),
        book: Arc::default(),
    };
    let opened = contain(|| workbook.take(Arc::default()))?;
    let sheets: Vec<Sheet> = opened
        .sheets()
        .iter()
        .enumerate()
        .filter(|(_, sheet)| sheet.typ == SheetType::WorkSheet)
        .map(|(index, sheet)| Sheet {
            name: Some(sheet.name.clone()),
            visible: sheet.visible == SheetVisible::Visible,
            survey: survey_of(index, &sheet.name),
        })
        .collect();
    workbook.put_back(opened);
    sheet::tables(input, &sheets, &mut |index, counter| {
        Box::new(BookRows {
            workbook: workbook.clone(),
            sheet: sheets[index].name.clone().unwrap_or_default(),
            columns: limits.columns,
            counter,
        })
    })
}

/// The code page number of an encoding in an old workbook.
fn code_page(encoding: &'static encoding_rs::Encoding) -> Option<u16> {
    let pages = [
        (encoding_rs::WINDOWS_1250, 1250),
        (encoding_rs::WINDOWS_1251, 1251),
        (encoding_rs::WINDOWS_1252, 1252),
        (encoding_rs::WINDOWS_1254, 1254),
        (encoding_rs::IBM866, 866),
        (encoding_rs::KOI8_R, 20866),
        (encoding_rs::KOI8_U, 21866),
        (encoding_rs::MACINTOSH, 10000),
        (encoding_rs::X_MAC_CYRILLIC, 10007),
    ];
    pages
        .into_iter()
        .find(|page| page.0 == encoding)
        .map(|page| page.1)
}
