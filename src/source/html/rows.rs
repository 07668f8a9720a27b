//! Reads the rows of a table in a web page.
//!
//! Text in a nested table belongs to the outer cell. The value of a cell that spans rows is repeated in each of
//! them, so that rows are independent.

use html5ever::tokenizer::Tag;

use super::{
    nesting::{HiddenCounts, HtmlStep, Nesting, attribute, is_hidden, number},
    pieces::HtmlPiece,
};
use crate::source::{
    CellFaultKind, Limits, SourceErrorKind,
    cell::{Cell, CellRow, EachRow, RowsStop},
    error::{mebibytes, too_large},
};

/// Maximum number of columns with cells that span rows, because each costs time in every row below.
const SPANNED_COLUMNS_MAX: usize = 256;
/// Maximum text of nested tables in a cell. A cell with more is page layout, not a value.
const NESTED_BYTES_MAX: usize = 1 << 15;
/// Replaces invalid bytes: a code point that no text contains.
pub(super) const UNDECODABLE: char = '\u{FDD0}';
/// Replaces a line break while white space is collapsed.
const LINE_BREAK: char = '\u{1E}';

/// The rows of a table while its tags are read.
pub(super) struct TableReading<'a, 'b> {
    each: &'a mut EachRow<'b>,
    limits: Limits,
    /// Number of tables that start before this one.
    tables_ahead: usize,
    nesting: Nesting,
    row: CellRow,
    /// The current row, from 1; 0 before the first.
    number: u32,
    is_in_row: bool,
    is_in_hidden_group: bool,
    is_row_hidden: bool,
    column: usize,
    open_cell: Option<OpenCell>,
    /// Hidden texts in the current cell.
    hidden_texts: usize,
    /// The last cell that spans rows, for each column.
    spans: Vec<RowSpan>,
    /// Total size of repeated values.
    repeated: u64,
    counts: HiddenCounts,
}

/// An open cell.
#[derive(Default)]
struct OpenCell {
    columns: usize,
    rows: u32,
    text: String,
    /// Bytes of its text that are in nested tables.
    nested: usize,
    link: Option<String>,
}

/// A cell that spans rows.
#[derive(Default)]
struct RowSpan {
    first_row: u32,
    last_row: u32,
    /// The cell's value, in its first column.
    cell: Option<Cell>,
}

impl<'a, 'b> TableReading<'a, 'b> {
    /// Reads the table with this index in the page.
    pub(in crate::source) fn new(table: usize, limits: Limits, each: &'a mut EachRow<'b>) -> Self {
        Self {
            each,
            limits,
            tables_ahead: table + 1,
            nesting: Nesting::default(),
            row: CellRow::default(),
            number: 0,
            is_in_row: false,
            is_in_hidden_group: false,
            is_row_hidden: false,
            column: 0,
            open_cell: None,
            hidden_texts: 0,
            spans: Vec::new(),
            repeated: 0,
            counts: HiddenCounts::default(),
        }
    }

    /// Processes a piece of the page. At the end of the table, there is enough.
    pub(super) fn piece(&mut self, piece: &HtmlPiece) -> Result<(), RowsStop> {
        let Some(step) = self.nesting.step(piece) else {
            return Ok(());
        };
        let depth = self.nesting.depth();
        if self.tables_ahead > 0 {
            if let HtmlStep::Table(Some(tag)) = step {
                self.tables_ahead -= 1;
                if self.tables_ahead == 0 {
                    self.is_in_hidden_group = is_hidden(tag);
                    self.nesting.read_table();
                }
            }
            return Ok(());
        }
        let read_depth = self.nesting.read_depth;
        let is_over = match step {
            HtmlStep::Table(Some(_)) => depth <= read_depth,
            HtmlStep::Table(None) => depth < read_depth,
            _ => false,
        };
        if is_over {
            return Err(RowsStop::Enough);
        }
        match step {
            HtmlStep::Text(text) => self.text(text, depth > read_depth)?,
            HtmlStep::HiddenText => self.hidden_texts += 1,
            HtmlStep::Link(tag) => self.link(tag),
            HtmlStep::Break | HtmlStep::Table(_) => self.mark(LINE_BREAK),
            HtmlStep::Row(_) | HtmlStep::Group(_) if depth > read_depth => self.mark(LINE_BREAK),
            HtmlStep::Cell(_) if depth > read_depth => self.mark(' '),
            HtmlStep::Cell(start) => self.cell(start)?,
            HtmlStep::Row(start) => {
                self.end_row()?;
                if let Some(tag) = start {
                    self.start_row(is_hidden(tag));
                }
            }
            HtmlStep::Group(start) => {
                self.end_row()?;
                self.is_in_hidden_group = start.is_some_and(is_hidden);
                self.spans.clear();
            }
        }
        Ok(())
    }

    /// The hidden parts of the table, after its last row.
    pub(super) fn finish(mut self) -> Result<HiddenCounts, RowsStop> {
        self.end_row()?;
        Ok(self.counts)
    }

    fn text(&mut self, text: &str, is_nested: bool) -> Result<(), RowsStop> {
        let Some(cell) = &mut self.open_cell else {
            return Ok(());
        };
        if is_nested {
            cell.nested = cell.nested.saturating_add(text.len());
        }
        if cell.nested <= NESTED_BYTES_MAX || !is_nested {
            cell.text.push_str(text);
        }
        let limit = self.limits.record_bytes;
        if cell.text.len() > limit {
            return Err(SourceErrorKind::RowTooLong { limit }.into());
        }
        Ok(())
    }

    /// Adds white space. A line break replaces a space.
    fn mark(&mut self, mark: char) {
        if let Some(cell) = &mut self.open_cell
            && cell.nested <= NESTED_BYTES_MAX
            && !cell.text.ends_with(LINE_BREAK)
        {
            cell.text.truncate(cell.text.trim_end_matches(' ').len());
            cell.text.push(mark);
        }
    }

    /// The first address in a cell is its link.
    fn link(&mut self, tag: &Tag) {
        if let Some(cell) = &mut self.open_cell
            && cell.link.is_none()
        {
            cell.link = attribute(tag, "href").map(|address| address.trim().to_owned());
        }
    }

    fn start_row(&mut self, is_hidden: bool) {
        self.number = self.number.saturating_add(1);
        self.is_in_row = true;
        self.is_row_hidden = is_hidden || self.is_in_hidden_group;
    }

    fn cell(&mut self, start: Option<&Tag>) -> Result<(), RowsStop> {
        self.end_cell()?;
        let Some(tag) = start else {
            return Ok(());
        };
        if !self.is_in_row {
            // The tag of a row may be missing.
            self.start_row(false);
        }
        // A hidden cell takes no column.
        if !is_hidden(tag) {
            let rows = match number(tag, "rowspan") {
                // It spans the rest of its row group.
                Some(0) => usize::MAX,
                rows => rows.unwrap_or(1),
            };
            self.open_cell = Some(OpenCell {
                columns: number(tag, "colspan").unwrap_or(1).clamp(1, 1000),
                rows: u32::try_from(rows).unwrap_or(u32::MAX),
                ..OpenCell::default()
            });
        }
        Ok(())
    }

    fn end_cell(&mut self) -> Result<(), RowsStop> {
        self.counts.cells += u64::from(std::mem::take(&mut self.hidden_texts) > 0);
        let Some(open) = self.open_cell.take() else {
            return Ok(());
        };
        let is_spanned = |span: &RowSpan| span.last_row >= self.number;
        while self.spans.get(self.column).is_some_and(is_spanned) {
            self.column += 1;
        }
        let next = self.column.saturating_add(open.columns);
        let rows = open.rows;
        let value = open.value();
        if rows > 1 {
            self.span(next, rows, value.clone());
        }
        if let Some(value) = value {
            if self.column >= self.limits.columns {
                let limit = self.limits.columns;
                return Err(SourceErrorKind::TooManyColumns { limit }.into());
            }
            *self.row.cell(self.column) = value;
        }
        self.column = next;
        Ok(())
    }

    /// Reserves the columns up to `next` for a cell that spans rows.
    fn span(&mut self, next: usize, rows: u32, value: Option<Cell>) {
        let next = next.min(SPANNED_COLUMNS_MAX);
        if self.spans.len() < next {
            self.spans.resize_with(next, RowSpan::default);
        }
        let mut value = value;
        for span in self.spans.get_mut(self.column..next).unwrap_or_default() {
            *span = RowSpan {
                first_row: self.number,
                last_row: self.number.saturating_add(rows - 1),
                cell: value.take(),
            };
        }
    }

    fn end_row(&mut self) -> Result<(), RowsStop> {
        self.end_cell()?;
        self.column = 0;
        self.is_in_row = false;
        // A row with only repeated values is dropped.
        if self.row.cells().is_empty() {
            return Ok(());
        }
        self.counts.rows += u64::from(self.is_row_hidden);
        self.repeat_spanned()?;
        let flow = (self.each)(self.number, &self.row);
        self.row.clear();
        flow
    }

    /// Copies the values of cells that span this row into it.
    fn repeat_spanned(&mut self) -> Result<(), RowsStop> {
        for (column, span) in self.spans.iter().enumerate() {
            if let Some(cell) = &span.cell
                && (span.first_row + 1..=span.last_row).contains(&self.number)
                && column < self.limits.columns
            {
                let link = cell.link.as_ref().map_or(0, String::len);
                self.repeated += (cell.text.len() + link) as u64;
                *self.row.cell(column) = cell.clone();
            }
        }
        if self.repeated > self.limits.held_bytes {
            let limit = mebibytes(self.limits.held_bytes);
            return Err(too_large("the text of merged cells", limit).into());
        }
        Ok(())
    }
}

impl OpenCell {
    /// The cell, unless empty.
    fn value(self) -> Option<Cell> {
        let text = plain(&self.text);
        if text.is_empty() {
            return None;
        }
        let mut fault = None;
        if self.nested > NESTED_BYTES_MAX {
            fault = Some(CellFaultKind::Error("a nested table".to_owned()));
        } else if text.contains(UNDECODABLE) {
            fault = Some(CellFaultKind::Undecodable);
        }
        Some(Cell {
            text: text.replace(UNDECODABLE, "\u{FFFD}"),
            link: self.link.filter(|link| !link.contains(UNDECODABLE)),
            fault,
            ..Cell::default()
        })
    }
}

/// The text as a browser shows it, with white space collapsed.
fn plain(text: &str) -> String {
    let lines = text.split(LINE_BREAK).map(|line| {
        let words = line
            .split([' ', '\t', '\r', '\n'])
            .filter(|word| !word.is_empty());
        words.collect::<Vec<_>>().join(" ")
    });
    let lines: Vec<String> = lines.filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}
