//! Opens a file of any kind as a [`Table`]: a header and a stream of [`Block`]s of CSV text.
//!
//! Whatever the format (CSV in any encoding, a workbook, an HTML table, JSON lines), a block is UTF-8 CSV text
//! with a known delimiter, cut at record boundaries. So there is one parser, one way to count rows, and one format
//! in which the original cells are kept for the rejects.
//!
//! Rows are numbered as in a spreadsheet: the header is a row, blank lines count, line breaks inside a cell don't. A
//! `sep=;` line sets the delimiter and, as in a spreadsheet, is not a row.
//!
//! ```text
//! file ─► input: kind ─┬─► text: encoding ─► decode ─► dialect, header ─► cut ───────► Block ─► Row
//!                      └─► workbook │ ods │ html │ jsonl: cells ─► sheet, header ─► rows ─┘
//! ```
//!
//! * `text`: encoding, delimiter and quoting of text files, which are cut into blocks.
//! * `workbook`: Excel's formats, read with calamine, and facts about cells that it doesn't return.
//! * `ods`, `html`, `jsonl`: the other formats with rows of cells.
//! * `cell`, `sheet`, `rows`, `block_writer`: what these have in common: rows of cells become blocks.
//! * `block`, `marks`: blocks become rows.

mod block;
mod block_writer;
mod cell;
mod error;
mod file;
mod header;
mod html;
mod input;
mod jsonl;
mod kind;
mod marks;
mod ods;
mod open;
mod rows;
mod sheet;
mod table;
mod text;
mod workbook;

use std::{fmt, path::PathBuf, sync::Arc};

use crate::{paths::is_stream, progress::Monitor};

pub(crate) use self::{
    block::Block, block::CARRIAGE_RETURN, block::ColumnNames, block::Row, block::Widths,
    cell::CellValue, error::SourceErrorKind, kind::Kind, sheet::SHEET_ROWS_MAX, table::ReadReport,
    text::dialect::DELIMITERS, text::encoding::EncodingFinding, text::encoding::EncodingReason,
};
pub use self::{error::SourceError, text::encoding::EncodingDoubt};
pub(crate) use {self::open::open, self::table::SourceForm, self::table::Table};

/// Counts the cells with known column names.
pub(crate) type Recognize<'a> = dyn Fn(&[String]) -> usize + Sync + 'a;

/// The caller's choices for a file. Everything else is detected.
pub(crate) struct ReadOptions<'a> {
    pub delimiter: Option<u8>,
    /// The encoding of a text file, or of an old workbook without a code page.
    pub encoding: Option<&'static encoding_rs::Encoding>,
    pub sheet: SheetChoice,
    /// The row of the column names, from 1.
    pub header_row: Option<u32>,
    pub usual: Usual,
    pub limits: Limits,
    /// Ends the reading if a stop is requested.
    pub monitor: Arc<dyn Monitor>,
    /// Recognizes column names, to detect delimiter, encoding, header row and sheet.
    pub recognize: &'a Recognize<'a>,
    /// True for the columns of a backup, which continues in the next sheet when one is full.
    pub is_backup: fn(&[String]) -> bool,
}

impl<'a> ReadOptions<'a> {
    pub(crate) fn new(monitor: &Arc<dyn Monitor>, recognize: &'a Recognize<'a>) -> Self {
        Self {
            delimiter: None,
            encoding: None,
            sheet: SheetChoice::default(),
            header_row: None,
            usual: Usual::default(),
            limits: Limits::default(),
            monitor: Arc::clone(monitor),
            recognize,
            is_backup: |_| false,
        }
    }
}

/// Defaults for reading the source, from a mapping file. The file itself overrides them, because its rejects may
/// have been saved by another program.
#[derive(Clone, Debug, Default)]
pub(crate) struct Usual {
    /// Overridden by the BOM of another encoding, by UTF-8, and by text that is not UTF-8 or UTF-16.
    pub encoding: Option<&'static encoding_rs::Encoding>,
    /// Overridden if the file declares another delimiter, or if this one yields a single column.
    pub delimiter: Option<u8>,
    /// Overridden if the file has a single, different sheet.
    pub sheet: SheetChoice,
}

/// The sheet to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SheetChoice {
    /// The first visible sheet with known column names.
    #[default]
    Auto,
    /// By name.
    Name(String),
    /// By number, from 1, hidden sheets included.
    Number(u32),
    /// All visible sheets that have rows, one table each.
    All,
}

/// Maximum number of columns, the same as Excel's.
pub(crate) const COLUMNS_MAX: usize = 16_384;

/// Limits that normal files don't reach. They keep a hostile file from exhausting memory or time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub block_bytes: usize,
    pub record_bytes: usize,
    /// Maximum number of line ends in a cell.
    pub cell_lines: usize,
    /// Maximum unpacked size of a compressed text file.
    pub inflated_bytes: u64,
    /// Maximum unpacked size of a workbook.
    pub workbook_bytes: u64,
    /// Maximum unpacked size of a part that is held in memory (shared texts, styles, names).
    pub held_bytes: u64,
    /// Maximum number of cells of a sheet that is held in memory (old workbooks).
    pub held_cells: u64,
    pub columns: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            block_bytes: 1 << 18,
            record_bytes: 16 << 20,
            cell_lines: 10_000,
            inflated_bytes: 64 << 30,
            workbook_bytes: 8 << 30,
            held_bytes: 256 << 20,
            held_cells: 8 << 20,
            columns: COLUMNS_MAX,
        }
    }
}

/// The file and the sheet of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TableOrigin {
    /// The file as the user named it; `-` is standard input.
    pub path: PathBuf,
    /// The sheet, if the file has several.
    pub sheet: Option<String>,
}

impl fmt::Display for TableOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_stream(&self.path) {
            f.write_str("standard input")?;
        } else {
            write!(f, "`{}`", self.path.display())?;
        }
        match &self.sheet {
            Some(sheet) => write!(f, ", sheet `{sheet}`"),
            None => Ok(()),
        }
    }
}

/// A cell that can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CellFault {
    /// Index of the record within the block.
    pub record: u32,
    pub column: u32,
    pub kind: CellFaultKind,
}

/// A fault of a cell that is found before its value is parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CellFaultKind {
    /// An error value such as `#N/A`, as the workbook displays it.
    Error(String),
    /// A number of more than 15 digits, which a workbook can't store exactly.
    DigitsLost,
    /// Bytes that are invalid in the encoding.
    Undecodable,
    /// An undoubled quote, which makes the end of the cell uncertain.
    StrayQuote,
    /// Whole rows, between two stray quotes.
    Rows,
    /// A formula without a result, or with 0 as a placeholder, which is then the cell's value.
    Uncalculated,
    /// A JSON object or array instead of a value.
    Nested,
    /// A whole line that is not a JSON object, with the reason.
    NotJson(String),
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
