//! `OpenDocument` spreadsheets: the rows of a table, streamed.
//!
//! calamine would hold the whole sheet in memory, and a cell can be repeated a million times: most sheets end with
//! such a row. Here rows are read one by one. Repeated empty rows cost nothing, and repeated rows with content
//! count towards a limit.

mod cells;
mod sheets;

use std::{ops::Range, sync::Arc};

use quick_xml::{
    escape::resolve_predefined_entity,
    events::{BytesRef, Event},
};

use self::{
    cells::DescribedCell,
    sheets::{Content, Document, repeated},
};
use super::{
    Limits, SourceErrorKind, Table,
    cell::{Cell, CellRow, EachRow, RowSource, RowsEnd, RowsStop},
    error::{damaged, too_large},
    input::Input,
    sheet::{self, SHEET_ROWS_MAX},
    workbook::{archive, package::attribute},
};
use crate::wording::grouped;

/// The chosen sheet of a document, or all of them.
pub(super) fn tables(input: &Input<'_>) -> Result<Vec<Table>, SourceErrorKind> {
    archive::survey(&input.file, &input.options.limits)?;
    let document = Arc::new(Document::new(input.file.clone()));
    let sheets = document.sheets()?;
    sheet::tables(input, &sheets, &|sheet| {
        Box::new(OdsRows {
            document: Arc::clone(&document),
            sheet,
            limits: input.options.limits,
        })
    })
}

struct OdsRows {
    document: Arc<Document>,
    sheet: usize,
    limits: Limits,
}

impl RowSource for OdsRows {
    fn rows(&mut self, each: &mut EachRow<'_>) -> Result<RowsEnd, RowsStop> {
        let Some(content) = self.document.rows(self.sheet)? else {
            return Ok(RowsEnd::default());
        };
        let mut table = OdsTable {
            content,
            row: CellRow::default(),
            number: 1,
            limits: self.limits,
            repeated_cells_left: self.limits.held_cells,
            spans: Vec::new(),
        };
        let read = table.rows(each);
        if !matches!(read, Err(RowsStop::Failed(_))) {
            self.document.keep(table.content);
        }
        read.map(|()| RowsEnd::default())
    }
}

struct OdsTable {
    content: Content,
    row: CellRow,
    number: u32,
    limits: Limits,
    repeated_cells_left: u64,
    /// Merged cells that cover the next row: column, first row below, and value.
    spans: Vec<(usize, u32, Cell)>,
}

impl OdsTable {
    fn rows(&mut self, each: &mut EachRow<'_>) -> Result<(), RowsStop> {
        loop {
            let event = self.content.event()?;
            match &event {
                Event::Start(tag) if tag.name().as_ref() == "table:table-row" => {
                    let repeated = repeated(tag, "table:number-rows-repeated");
                    self.cells()?;
                    self.emit(repeated, each)?;
                }
                Event::Empty(tag) if tag.name().as_ref() == "table:table-row" => {
                    let rows = repeated(tag, "table:number-rows-repeated");
                    self.number = self.number.saturating_add(rows);
                }
                Event::End(tag) if tag.name().as_ref() == "table:table" => return Ok(()),
                Event::Eof => return Err(damaged("the sheet is incomplete").into()),
                _ => {}
            }
        }
    }

    fn emit(&mut self, repeated: u32, each: &mut EachRow<'_>) -> Result<(), RowsStop> {
        if self.row.cells().is_empty() {
            self.number = self.number.saturating_add(repeated);
            return Ok(());
        }
        self.fill_merged();
        let cells = self.row.cells().len() as u64;
        self.count_repeated(u64::from(repeated.saturating_sub(1)).saturating_mul(cells))?;
        for _ in 0..repeated {
            if self.number > SHEET_ROWS_MAX {
                let why = format!("row {} is beyond the limit of a sheet", self.number);
                return Err(damaged(why).into());
            }
            each(self.number, &self.row)?;
            self.number += 1;
        }
        Ok(())
    }

    /// Counts repeated cells, which are stored once and read many times.
    fn count_repeated(&mut self, cells: u64) -> Result<(), SourceErrorKind> {
        let left = self.repeated_cells_left.checked_sub(cells);
        self.repeated_cells_left = left.ok_or_else(|| {
            let limit = format!("{} repeated cells", grouped(self.limits.held_cells));
            too_large("the sheet", limit)
        })?;
        Ok(())
    }

    /// Copies the value of merged cells into the covered cells of the row.
    fn fill_merged(&mut self) {
        let number = self.number;
        self.spans.retain(|(_, end, _)| *end > number);
        for (column, _, merged) in &self.spans {
            if self.row.cells().get(*column).is_none_or(Cell::is_empty) {
                *self.row.cell(*column) = merged.clone();
            }
        }
    }

    /// Reads the cells of a row; trailing empty ones are left out.
    fn cells(&mut self) -> Result<(), SourceErrorKind> {
        self.row.clear();
        let (mut column, mut bytes) = (0_usize, 0_usize);
        loop {
            let event = self.content.event()?;
            let (tag, has_content) = match &event {
                Event::Start(tag) => (tag, true),
                Event::Empty(tag) => (tag, false),
                Event::End(tag) if tag.name().as_ref() == "table:table-row" => return Ok(()),
                Event::Eof => return Err(damaged("a row is incomplete")),
                _ => continue,
            };
            let name = tag.name();
            if !matches!(
                name.as_ref(),
                "table:table-cell" | "table:covered-table-cell"
            ) {
                continue;
            }
            let end = name.as_ref().to_owned();
            let repeated = repeated(tag, "table:number-columns-repeated") as usize;
            let rows = self::repeated(tag, "table:number-rows-spanned");
            let mut cell = DescribedCell::new(tag);
            if has_content {
                self.text(&end, &mut cell)?;
            }
            let cell = cell.into_cell();
            let last = column.saturating_add(repeated);
            if !cell.is_empty() || cell.is_uncalculated {
                if last > self.limits.columns {
                    let limit = self.limits.columns;
                    return Err(SourceErrorKind::TooManyColumns { limit });
                }
                bytes = bytes
                    .saturating_add(cell.text.len().saturating_mul(last.saturating_sub(column)));
                if bytes > self.limits.record_bytes {
                    let limit = self.limits.record_bytes;
                    return Err(SourceErrorKind::RowTooLong { limit });
                }
                self.place(cell, column..last, rows)?;
            }
            column = last;
        }
    }

    /// Puts a cell into its columns, and keeps it for the following rows that it covers.
    fn place(
        &mut self,
        cell: Cell,
        columns: Range<usize>,
        rows: u32,
    ) -> Result<(), SourceErrorKind> {
        self.count_repeated(columns.len().saturating_sub(1) as u64)?;
        for column in columns.clone() {
            *self.row.cell(column) = cell.clone();
        }
        if rows > 1 {
            let end = self.number.saturating_add(rows);
            self.spans.push((columns.start, end, cell));
        }
        Ok(())
    }

    /// Reads the text of a cell up to its end. Comments, shapes anchored to the cell and phonetic guides are skipped.
    fn text(&mut self, end: &str, cell: &mut DescribedCell) -> Result<(), SourceErrorKind> {
        let DescribedCell { text, link, .. } = cell;
        // The number of open tags within an element that is skipped.
        let (mut paragraphs, mut skipped) = (0, 0_usize);
        loop {
            let limit = self.limits.record_bytes;
            let event = self.content.event()?;
            match &event {
                Event::Start(_) if skipped > 0 => skipped += 1,
                Event::Start(tag) if !is_text(tag.name().as_ref()) => skipped = 1,
                Event::End(_) if skipped > 0 => skipped -= 1,
                Event::Start(tag) | Event::Empty(tag) if skipped == 0 => {
                    match tag.name().as_ref() {
                        "text:p" => {
                            if paragraphs > 0 {
                                text.push('\n');
                            }
                            paragraphs += 1;
                        }
                        "text:s" => {
                            let count =
                                attribute(tag, "text:c").and_then(|count| count.parse().ok());
                            text.extend(std::iter::repeat_n(
                                ' ',
                                count.unwrap_or(1_usize).min(1 << 10),
                            ));
                        }
                        "text:a" if link.is_none() => *link = attribute(tag, "xlink:href"),
                        "text:tab" => text.push('\t'),
                        "text:line-break" => text.push('\n'),
                        _ => {}
                    }
                }
                Event::End(tag) if tag.name().as_ref() == end => return Ok(()),
                Event::Text(part) if paragraphs > 0 && skipped == 0 => {
                    text.push_str(&part.xml10_content());
                }
                Event::CData(part) if paragraphs > 0 && skipped == 0 => {
                    text.push_str(&part.xml10_content());
                }
                Event::GeneralRef(entity) if paragraphs > 0 && skipped == 0 => {
                    text.extend(resolve(entity));
                }
                Event::Eof => return Err(damaged("a cell is incomplete")),
                _ => {}
            }
            if text.len() > limit {
                return Err(SourceErrorKind::RowTooLong { limit });
            }
        }
    }
}

/// True for elements with the text of a cell.
fn is_text(name: &str) -> bool {
    name.starts_with("text:") && name != "text:ruby-text"
}

/// Resolves the five predefined XML entities and numeric characters. Other entities must be declared in the file,
/// which only attacks do; they are left out.
fn resolve(entity: &BytesRef<'_>) -> Option<char> {
    if let Ok(Some(char)) = entity.resolve_char_ref() {
        return Some(char);
    }
    let text = resolve_predefined_entity(&entity.xml10_content())?;
    text.chars().next()
}
