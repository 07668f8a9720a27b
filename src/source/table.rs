//! A [`Table`]: a header, detected facts, and rows in [`Block`]s.

use encoding_rs::Encoding;

use super::{
    Block, CellValue, EncodingDoubt, EncodingFinding, Kind, SourceError, SourceErrorKind,
    TableOrigin, block::Widths, cell::RowsEnd, input::Packed,
};

pub(crate) struct Table {
    pub origin: TableOrigin,
    /// Trimmed column names. They may be empty or repeated.
    pub columns: Vec<String>,
    /// The last row of the header, from 1; data begins in the next row. 0 without a header.
    pub header_row: u32,
    /// The number of rows of the header.
    pub header_rows: u32,
    /// The delimiter of the blocks.
    pub delimiter: u8,
    /// The usual number of cells in a row, including trailing empty ones.
    pub cells: usize,
    /// The format of the source, for the rejects file.
    pub form: SourceForm,
    /// The kind of file, by its content.
    pub kind: Kind,
    pub encoding: Option<EncodingFinding>,
    pub notes: Vec<String>,
    /// True if rows of the file seem to be contacts and are not read.
    pub may_lack_rows: bool,
    /// The file as it was opened.
    pub(super) file: Packed,
    pub(super) rows: Box<dyn BlockSource>,
}

/// The format of a text file, also used for its rejects file.
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
    /// The format of rejects for a source other than a text file. Excel opens it correctly with a double click.
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

/// Facts about a file that was read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReadReport {
    pub bytes: u64,
    /// The BLAKE3 hash of the file itself, in hex.
    pub blake3: String,
    /// Warnings that depend on the whole file.
    pub notes: Vec<String>,
    /// True if the file seems to have rows that were not read as rows, or to end too early; a note says why.
    pub may_lack_rows: bool,
}

/// Reads rows in blocks. Nothing is read before the first block is requested.
pub(super) trait BlockSource: Send {
    /// The next block, in the order of the file; `None` at the end.
    fn next_block(&mut self) -> Result<Option<Block>, SourceError>;

    /// Reads the rest of the file, for its hash.
    fn finish(self: Box<Self>) -> Result<(String, RowsEnd), SourceErrorKind>;

    /// Sets the value that each column takes from its cells. Text has only one.
    fn take_values(&mut self, _columns: Vec<CellValue>) {}
}

impl Table {
    /// Describes in one line how a table is read.
    pub(crate) fn headline(&self) -> String {
        let mut parts = vec![self.origin.to_string(), self.kind.to_string()];
        if let Some(encoding) = &self.encoding {
            let name = encoding.encoding.name();
            parts.push(format!("{name} ({})", encoding.because));
        }
        if self.form.delimiter != b',' {
            parts.push(format!("delimiter {:?}", char::from(self.form.delimiter)));
        }
        if self.header_row > 0 {
            parts.push(format!("header in row {}", self.header_row));
        }
        parts.join(" · ")
    }

    /// The notes, and the doubt about the encoding.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let doubt = self.doubt().map(|doubt| doubt.advised());
        self.notes.iter().cloned().chain(doubt).collect()
    }

    /// The doubt about the encoding.
    pub(crate) fn doubt(&self) -> Option<EncodingDoubt> {
        let encoding = self.encoding.as_ref()?;
        encoding.doubt(&self.origin)
    }

    /// Sets the value that each column takes from its cells.
    pub(crate) fn take_values(&mut self, columns: Vec<CellValue>) {
        self.rows.take_values(columns);
    }

    /// The next block of rows below the header, in file order; `None` at the end.
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
        self.file.file.bytes_read()
    }

    /// The size of the file.
    pub(crate) fn bytes(&self) -> u64 {
        self.file.file.bytes
    }

    /// Size and hash of the file. Reads the rest of it, and fails if the file was changed meanwhile.
    pub(crate) fn finish(self) -> Result<ReadReport, SourceError> {
        let finished = self.rows.finish().and_then(|(blake3, end)| {
            self.file.file.check_unchanged(&blake3)?;
            let ignored = self.file.ignored_note();
            Ok(ReadReport {
                bytes: self.file.file.bytes,
                blake3,
                notes: end.notes.into_iter().chain(ignored).collect(),
                may_lack_rows: self.may_lack_rows
                    || end.may_lack_rows
                    || self.file.has_ignored_data(),
            })
        });
        finished.map_err(|kind| kind.at(&self.origin, None))
    }
}
