//! A [`Table`]: the header of a source, what was found out about it, and its rows as [`Blocks`].

use encoding_rs::Encoding;

use super::{
    Block, Compression, EncodingFinding, EncodingReason, Kind, Origin, SourceError, SourceErrorKind,
};

/// A table in a file: its column names, and the way to its rows.
pub struct Table {
    /// The file and the sheet.
    pub origin: Origin,
    /// Column names as they stand in the file, trimmed; several may be the same, some may be empty.
    pub columns: Vec<String>,
    /// The last row that holds column names, from 1; the data begins in the next one. 0: there is none.
    pub header_row: u32,
    /// The character between the cells of the blocks.
    pub delimiter: u8,
    /// Size of the file.
    pub bytes: u64,
    /// How the source was written, for a file that is to open as the source does.
    pub form: SourceForm,
    /// Facts that were detected, to be shown.
    pub findings: Findings,
    pub(super) rows: Box<dyn BlockSource>,
}

/// The format of a text file. Its rejects file has the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceForm {
    /// The character between cells.
    pub delimiter: u8,
    /// The encoding.
    pub encoding: &'static Encoding,
    /// Does it begin with a byte order mark?
    pub byte_order_mark: bool,
    /// Does it begin with a line such as `sep=;`?
    pub separator_line: bool,
    /// The line end.
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

/// Facts that were detected about a file.
#[derive(Clone, Debug)]
pub struct Findings {
    /// The kind of file, by its content.
    pub kind: Kind,
    /// How it is packed.
    pub compression: Compression,
    /// For text files: the encoding and what speaks for it.
    pub encoding: Option<EncodingFinding>,
    /// For workbooks: the sheets that were not chosen.
    pub other_sheets: Vec<String>,
    /// For workbooks: rows that are hidden and are read all the same.
    pub hidden_rows: u64,
    /// Column names that are known.
    pub known_columns: usize,
    /// Sentences worth showing.
    pub notes: Vec<String>,
}

impl Findings {
    pub(super) fn new(kind: Kind, compression: Compression) -> Self {
        Self {
            kind,
            compression,
            encoding: None,
            other_sheets: Vec::new(),
            hidden_rows: 0,
            known_columns: 0,
            notes: Vec::new(),
        }
    }
}

/// Facts about a file that has been read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceSummary {
    /// Size of the file as it is.
    pub bytes: u64,
    /// blake3 of the file as it is, in hex.
    pub blake3: String,
    /// Notes that depend on the whole file.
    pub notes: Vec<String>,
}

/// A reader of rows in blocks. Nothing is read before the first block is asked for.
pub(super) trait BlockSource: Send {
    /// The next block, in the order of the file; `None` at the end.
    fn next_block(&mut self) -> Result<Option<Block>, SourceError>;

    /// Bytes of the file read so far.
    fn bytes_read(&self) -> u64;

    /// Reads what is left of the file, for its size and digest.
    fn finish(self: Box<Self>) -> Result<SourceSummary, SourceErrorKind>;

    /// In these columns a date is a number. Text has no dates.
    fn take_dates_as_numbers(&mut self, _columns: Vec<bool>) {}
}

impl Table {
    /// A line that describes how a table is read.
    pub(crate) fn headline(&self) -> String {
        let mut parts = vec![self.origin.to_string(), self.findings.kind.to_string()];
        if let Some(encoding) = &self.findings.encoding {
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

    /// In these columns a date is a number: an id or a phone that was formatted as a date.
    pub(crate) fn take_dates_as_numbers(&mut self, columns: Vec<bool>) {
        self.rows.take_dates_as_numbers(columns);
    }

    /// The rows below the header, in blocks.
    #[must_use]
    pub fn blocks(self) -> Blocks {
        Blocks {
            source: self.rows,
            origin: self.origin,
            ended: false,
        }
    }
}

/// The encoding and the reason for it. If the file or the user named it, words that would look different in another
/// encoding follow; if it was detected, a warning shows them.
fn encoding_shown(finding: &EncodingFinding) -> String {
    let name = finding.encoding.name();
    match finding.because {
        EncodingReason::Detected { .. } => format!("{name} (detected)"),
        EncodingReason::Given | EncodingReason::Declared if !finding.sample.is_empty() => {
            format!("{name} ({}) “{}”", finding.because, finding.sample)
        }
        _ => format!("{name} ({})", finding.because),
    }
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table")
            .field("origin", &self.origin)
            .field("columns", &self.columns)
            .field("header_row", &self.header_row)
            .field("delimiter", &self.delimiter)
            .field("findings", &self.findings)
            .finish_non_exhaustive()
    }
}

/// The blocks of a table, in order. Ends after the first error.
pub struct Blocks {
    source: Box<dyn BlockSource>,
    origin: Origin,
    ended: bool,
}

impl Blocks {
    /// Bytes of the file read so far, for a progress bar.
    #[must_use]
    pub(crate) fn bytes_read(&self) -> u64 {
        self.source.bytes_read()
    }

    /// Size and digest of the file; what has not been read yet is read.
    pub(crate) fn finish(self) -> Result<SourceSummary, SourceError> {
        self.source
            .finish()
            .map_err(|kind| kind.at(&self.origin, None))
    }
}

impl Iterator for Blocks {
    type Item = Result<Block, SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.source.next_block();
        self.ended = !matches!(next, Ok(Some(_)));
        next.transpose()
    }
}

impl std::fmt::Debug for Blocks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Blocks")
            .field("origin", &self.origin)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}
