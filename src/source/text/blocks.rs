//! Cuts text into blocks while it is read. Memory is limited to one block, or one record if that is longer.

use encoding_rs::Encoding;
use memchr::memchr2_iter;

use super::{
    cut::{Cut, Cutter, OddCells},
    decode::TextReader,
    quoting::{Quoting, Requoter},
    stray_quotes, swallowed,
};
use crate::{
    characters::is_blank,
    source::{
        Block, Limits, SourceError, SourceErrorKind, TableOrigin,
        block::walk,
        cell::RowsEnd,
        input::{Inflated, Packed},
        table::BlockSource,
    },
};

/// Maximum number of lines in a block: the problems of a row take hundreds of bytes, even those of the shortest one.
const BLOCK_LINES: usize = 1 << 13;

/// A file to be read as UTF-8 text.
#[derive(Clone)]
pub(super) struct TextFile {
    pub(super) file: Packed,
    pub(super) encoding: &'static Encoding,
    /// Non-standard quoting, and the delimiter.
    pub(super) quoting: Option<(Quoting, u8)>,
}

/// Everything needed to read the rows of a text file from its start.
#[derive(Clone)]
pub(super) struct TextLayout {
    pub(super) text: TextFile,
    pub(super) origin: TableOrigin,
    pub(super) delimiter: u8,
    pub(super) columns: usize,
    /// The columns without those that a rejects file adds.
    pub(super) source_columns: usize,
    /// Bytes of text before the first row of data.
    pub(super) skip: usize,
    pub(super) header_row: u32,
    pub(super) limits: Limits,
}

impl TextFile {
    pub(super) fn reader(&self) -> Result<TextReader, SourceErrorKind> {
        Ok(self.read(self.file.unpack()?))
    }

    /// Like [`Self::reader`], for a look at the text: the file is not hashed.
    pub(super) fn peek(&self) -> Result<TextReader, SourceErrorKind> {
        Ok(self.read(self.file.peek()?))
    }

    fn read(&self, bytes: Inflated) -> TextReader {
        let reader = TextReader::new(bytes, self.encoding);
        match self.quoting {
            None => reader,
            Some((quoting, delimiter)) => reader.rewritten(Requoter::new(quoting, delimiter)),
        }
    }
}

/// Text, cut into blocks while it is read.
pub(super) struct TextBlocks {
    layout: TextLayout,
    reader: TextReader,
    /// Text that is not in a block yet. Begins with a record.
    buffer: Vec<u8>,
    /// Bytes of text before the buffer.
    passed: u64,
    /// Remaining bytes of text above the data.
    skip: usize,
    ended: bool,
}

/// An error, and its offset in the buffer if it has one.
type CutFailure = (SourceErrorKind, Option<usize>);

/// The row, from 1, that follows this text.
pub(super) fn row_after(text: &[u8], delimiter: u8) -> u32 {
    // Another character is appended, so that a line end in quotes does not count as a row.
    walk(&[text, b"x"].concat(), delimiter, |_| true).rows
}

/// The end of the last line that may be in a block, if its rows are so short that the text has more.
fn end_of_short_rows(text: &[u8]) -> Option<usize> {
    let line_ends = |text| memchr2_iter(b'\n', b'\r', text);
    let sample = &text[..text.len().min(1 << 12)];
    let are_short = line_ends(sample).count() > 1 << 7;
    let end = are_short.then(|| line_ends(text).nth(BLOCK_LINES - 1))??;
    Some(end + 1)
}

impl TextBlocks {
    pub(in crate::source) fn new(layout: TextLayout) -> Result<Self, SourceErrorKind> {
        Ok(Self {
            reader: layout.text.reader()?,
            ..Self::again(layout)?
        })
    }

    /// The same blocks once more, without a hash of the file.
    fn again(layout: TextLayout) -> Result<Self, SourceErrorKind> {
        Ok(Self {
            reader: layout.text.peek()?,
            buffer: Vec::new(),
            passed: layout.skip as u64,
            skip: layout.skip,
            ended: false,
            layout,
        })
    }

    /// The end of the next block in the buffer, and the odd cells before it; `None` at the end of the text.
    fn find_cut(&mut self) -> Result<Option<(usize, OddCells)>, CutFailure> {
        let limits = self.layout.limits;
        let cutter = Cutter {
            delimiter: self.layout.delimiter,
            cell_lines: limits.cell_lines,
            columns: Some(self.layout.source_columns),
        };
        let mut odd = OddCells::default();
        let mut wanted = limits.block_bytes;
        loop {
            self.fill_to(wanted).map_err(|kind| (kind, None))?;
            if self.buffer.is_empty() {
                return Ok(None);
            }
            if wanted == limits.block_bytes
                && let Some(end) = end_of_short_rows(&self.buffer)
                && let Cut::At(at) = cutter.cut(&self.buffer[..end], false, &mut odd)
            {
                odd.truncate(at);
                return Ok(Some((at, odd)));
            }
            match cutter.cut(&self.buffer, self.ended, &mut odd) {
                Cut::At(at) => {
                    odd.truncate(at);
                    return Ok(Some((at, odd)));
                }
                Cut::Unclosed(at) => {
                    return Err((SourceErrorKind::UnclosedQuote { row: None }, Some(at)));
                }
                Cut::More if self.buffer.len() > limits.record_bytes => {
                    let limit = limits.record_bytes;
                    return Err((SourceErrorKind::RowTooLong { limit }, Some(0)));
                }
                Cut::More => wanted = self.buffer.len() * 2,
            }
        }
    }

    /// Reads until the buffer holds `wanted` bytes, or the text ends.
    fn fill_to(&mut self, wanted: usize) -> Result<(), SourceErrorKind> {
        while self.buffer.len() < wanted && !self.ended {
            let more = (wanted - self.buffer.len()).max(1 << 12);
            self.ended = self.reader.fill(&mut self.buffer, more)? == 0;
            let skipped = self.skip.min(self.buffer.len());
            self.skip -= skipped;
            self.buffer.drain(..skipped);
        }
        Ok(())
    }

    /// Splits text off the front of the buffer.
    fn take(&mut self, at: usize) -> Vec<u8> {
        let rest = self.buffer.split_off(at);
        self.passed += at as u64;
        std::mem::replace(&mut self.buffer, rest)
    }

    /// The row at an offset of the text; `None` above the data. Rarely needed, so rows are counted in a second pass.
    fn row_at(&self, place: u64) -> Option<u32> {
        let delimiter = self.layout.delimiter;
        let mut again = Self::again(self.layout.clone()).ok()?;
        let mut row = self.layout.header_row;
        loop {
            let within = usize::try_from(place.checked_sub(again.passed)?).ok()?;
            match again.find_cut() {
                Ok(Some((end, _))) if end <= within => {
                    row += walk(&again.take(end), delimiter, |_| true).rows;
                }
                _ => return Some(row + row_after(again.buffer.get(..within)?, delimiter)),
            }
        }
    }

    /// Refuses a text whose last row (in the last block) has no line end and fewer cells than every other row,
    /// because the file was probably truncated. This is rare, so the other rows are checked in a second pass.
    fn refuse_cut_off(&self, block: &[u8]) -> Result<(), SourceErrorKind> {
        let delimiter = self.layout.delimiter;
        let mut last = (0, usize::MAX);
        if !block.ends_with(b"\n") && !block.ends_with(b"\r") {
            walk(block, delimiter, |record| {
                // Ctrl-Z marks the end of a DOS file.
                let is_content = |cell: &&str| !is_blank(cell) && *cell != "\u{1A}";
                let is_row = record.cells.iter().any(is_content);
                let cells = if is_row {
                    record.cells.len()
                } else {
                    usize::MAX
                };
                last = (record.row, cells);
                true
            });
        }
        let (last_row, cells) = last;
        if cells >= self.layout.columns {
            return Ok(());
        }
        let mut row = self.layout.header_row;
        let mut again = Self::again(self.layout.clone())?;
        loop {
            let Ok(Some((at, _))) = again.find_cut() else {
                return Ok(());
            };
            let text = again.take(at);
            let is_last = again.passed >= self.passed;
            let mut is_short = false;
            let rows = walk(&text, delimiter, |record| {
                is_short = record.cells.len() <= cells && !(is_last && record.row == last_row);
                !is_short
            });
            if is_short {
                return Ok(());
            }
            if is_last {
                return Err(SourceErrorKind::CutOff {
                    seen: "the last row has fewer cells than every other row, and no line end",
                    row: Some(row + last_row + 1),
                });
            }
            row += rows.rows;
        }
    }
}

impl BlockSource for TextBlocks {
    fn next_block(&mut self) -> Result<Option<Block>, SourceError> {
        let cut = self.find_cut().map_err(|(kind, place)| {
            let row = place.and_then(|at| self.row_at(self.passed + at as u64));
            kind.at(&self.layout.origin, row)
        })?;
        let Some((at, odd)) = cut else {
            return Ok(None);
        };
        let text = self.take(at);
        let (delimiter, columns) = (self.layout.delimiter, self.layout.columns);
        if self.ended && self.buffer.is_empty() {
            let checked = self.refuse_cut_off(&text);
            checked.map_err(|kind| kind.at(&self.layout.origin, None))?;
        }
        let mut faults =
            swallowed::faults(&text, &odd.suspects, delimiter, self.layout.source_columns);
        if odd.strays.is_empty() {
            return Ok(Some(Block { text, faults }));
        }
        let (text, others) = stray_quotes::repair(&text, &odd.strays, delimiter, columns);
        faults.extend(others);
        faults.sort_by_key(|fault| (fault.record, fault.column));
        Ok(Some(Block { text, faults }))
    }

    fn finish(mut self: Box<Self>) -> Result<(String, RowsEnd), SourceErrorKind> {
        let blake3 = self.reader.finish()?;
        let nuls = self.reader.nuls();
        if let Some(hole) = nuls.hole {
            let row = self.row_at(hole);
            return Err(SourceErrorKind::Hole { row });
        }
        let first = nuls.first.and_then(|first| self.row_at(first));
        Ok((blake3, nuls.end(first)))
    }
}
