//! Readers of rows of cells: a sheet, an HTML table, JSON lines.
//!
//! A panic in a reader of a foreign format becomes an error about the file.

use std::{
    cell::Cell as Flag,
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Once,
};

use super::{
    CellFaultKind, SourceErrorKind,
    header::{HEADER_ROWS, PreviewRow},
};

/// A cell: its text and its fault.
#[derive(Debug, Default)]
pub(super) struct Cell {
    pub(super) text: String,
    /// For a date: its number. In a column of ids, it is the id.
    pub(super) day: Option<f64>,
    pub(super) fault: Option<CellFaultKind>,
}

/// The cells of one row, reused for every row.
#[derive(Debug, Default)]
pub(super) struct CellRow {
    cells: Vec<Cell>,
    used: usize,
}

impl CellRow {
    /// The cell of a column, created if necessary, and emptied.
    pub(super) fn cell(&mut self, column: usize) -> &mut Cell {
        if column >= self.cells.len() {
            self.cells.resize_with(column + 1, Cell::default);
        }
        self.used = self.used.max(column + 1);
        &mut self.cells[column]
    }

    pub(super) fn clear(&mut self) {
        for cell in &mut self.cells[..self.used] {
            cell.text.clear();
            cell.day = None;
            cell.fault = None;
        }
        self.used = 0;
    }

    pub(super) fn cells(&self) -> &[Cell] {
        &self.cells[..self.used]
    }
}

/// Called for each row, with its number from 1; `Break` ends the reading.
pub(super) type EachRow<'a> = dyn FnMut(u32, &CellRow) -> ControlFlow<()> + 'a;

/// A source of rows. Can be read from the start more than once.
pub(super) trait RowSource: Send {
    /// Calls `each` for the rows with cells, in order.
    fn rows(&mut self, each: &mut EachRow<'_>) -> Result<(), SourceErrorKind>;
}

/// The first rows, to find the header.
pub(super) fn preview(
    source: &mut dyn RowSource,
    header_row: Option<u32>,
) -> Result<Vec<PreviewRow>, SourceErrorKind> {
    let last = header_row.unwrap_or(0).max(HEADER_ROWS) + 1;
    let mut rows = Vec::new();
    contain(|| {
        source.rows(&mut |number, row| {
            if number > last {
                return ControlFlow::Break(());
            }
            rows.push(PreviewRow {
                number,
                cells: row.cells().iter().map(|cell| cell.text.clone()).collect(),
                next: 0,
            });
            ControlFlow::Continue(())
        })
    })?;
    Ok(rows)
}

/// The message for a reader that panicked.
pub(super) const GAVE_UP: &str = "the reader for its format gave up";

/// Runs a reader of a foreign format; a panic in it becomes an error about the file.
pub(super) fn contain<T>(
    work: impl FnOnce() -> Result<T, SourceErrorKind>,
) -> Result<T, SourceErrorKind> {
    thread_local! {
        static CONTAINED: Flag<bool> = const { Flag::new(false) };
    }
    static QUIET: Once = Once::new();
    // A panic that is caught here is not shown; all others are.
    QUIET.call_once(|| {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !CONTAINED.get() {
                hook(panic);
            }
        }));
    });
    let before = CONTAINED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    CONTAINED.set(before);
    result.unwrap_or_else(|_| {
        Err(SourceErrorKind::Damaged {
            what: "file",
            why: GAVE_UP.to_owned(),
        })
    })
}
