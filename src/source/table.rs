//! A [`Table`]: the header of a source, the detected facts about it, and its rows in [`Block`]s.

use encoding_rs::Encoding;

use super::{
    Block, CellValue, EncodingDoubt, EncodingFinding, EncodingReason, Kind, SourceError,
    SourceErrorKind, TableOrigin, block::Widths,
};

/// A table in a file: its column names and its rows.
pub(crate) struct Table {
    pub origin: TableOrigin,
    /// Column names as in the file, trimmed; they may be empty or repeated.
    pub columns: Vec<String>,
    /// The last row with column names, from 1; the data begins in the next one. 0 if there is none.
    pub header_row: u32,
    /// The number of rows that the column names take.
    pub header_rows: u32,
    /// The character between the cells of the blocks.
    pub delimiter: u8,
    /// The number of cells that rows have as a rule, empty ones at their end included.
    pub cells: usize,
    pub bytes: u64,
    /// The format of the source, for the rejects file.
    pub form: SourceForm,
    /// The kind of file, by its content.
    pub kind: Kind,
    pub encoding: Option<EncodingFinding>,
    pub notes: Vec<String>,
    pub(super) rows: Box<dyn BlockSource>,
}

/// The format of a text file. Its rejects file has the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SourceForm {
    pub delimiter: u8,
    pub encoding: &'static Encoding,
    /// True if it begins with a BOM.
    pub byte_order_mark: bool,
    /// True if it begins with a line such as `sep=;`.
    pub separator_line: bool,
    pub line_end: &'static str,
}

impl Default for SourceForm {
    /// The format for the rejects of a source that is not a text file: Excel opens it correctly by double click.
    fn default() -> Self {
        Self {
            delimiter: b',',
            encoding: encoding_rs::UTF_8,
            byte_order_mark: true,
            separator_line: false,
            line_end: "\r\n",
        }
    }
}

/// Facts about a file that has been read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReadReport {
    pub bytes: u64,
    /// blake3 of the file itself, in hex.
    pub blake3: String,
    /// Warnings that depend on the whole file.
    pub notes: Vec<String>,
}

/// A reader of rows in blocks. Nothing is read before the first block is asked for.
pub(super) trait BlockSource: Send {
    /// The next block, in the order of the file; `None` at the end.
    fn next_block(&mut self) -> Result<Option<Block>, SourceError>;

    /// Bytes of the file read so far.
    fn bytes_read(&self) -> u64;

    /// Reads the rest of the file, for its size and digest.
    fn finish(self: Box<Self>) -> Result<ReadReport, SourceErrorKind>;

    /// Sets the value that each column takes. Text has only one.
    fn take_values(&mut self, _columns: Vec<CellValue>) {}
}

impl Table {
    /// A line that describes how a table is read.
    pub(crate) fn headline(&self) -> String {
        let mut parts = vec![self.origin.to_string(), self.kind.to_string()];
        if let Some(encoding) = &self.encoding {
            parts.push(encoding_shown(encoding));
        }
        if self.form.delimiter != b',' {
            parts.push(format!("delimiter {:?}", char::from(self.form.delimiter)));
        }
        if self.header_row > 0 {
            parts.push(format!("header in row {}", self.header_row));
        }
        parts.join(" · ")
    }

    /// The notes, and the doubt about its encoding.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let doubt = self.doubt().map(|doubt| doubt.advised());
        self.notes.iter().cloned().chain(doubt).collect()
    }

    /// The doubt about its encoding.
    pub(crate) fn doubt(&self) -> Option<EncodingDoubt> {
        let encoding = self.encoding.as_ref()?;
        encoding.doubt(&self.origin)
    }

    /// Sets the value that each column takes from its cells.
    pub(crate) fn take_values(&mut self, columns: Vec<CellValue>) {
        self.rows.take_values(columns);
    }

    /// The next block of the rows below the header, in the order of the file; `None` at the end.
    pub(crate) fn next_block(&mut self) -> Result<Option<Block>, SourceError> {
        self.rows.next_block()
    }

    pub(crate) fn widths(&self) -> Widths {
        Widths {
            columns: self.columns.len(),
            cells: self.cells,
        }
    }

    /// Bytes of the file read so far, for a progress bar.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.rows.bytes_read()
    }

    /// Size and digest of the file; reads the rest of it.
    pub(crate) fn finish(self) -> Result<ReadReport, SourceError> {
        let finished = self.rows.finish();
        finished.map_err(|kind| kind.at(&self.origin, None))
    }
}

/// The encoding and the reason for it. If the file or the user named it, words that would look different in another
/// encoding follow; if it was detected, a warning shows them.
fn encoding_shown(finding: &EncodingFinding) -> String {
    let name = finding.encoding.name();
    match finding.because {
        EncodingReason::Detected => format!("{name} (detected)"),
        EncodingReason::Given | EncodingReason::Declared if !finding.sample.is_empty() => {
            format!("{name} ({}) “{}”", finding.because, finding.sample)
        }
        _ => format!("{name} ({})", finding.because),
    }
}
