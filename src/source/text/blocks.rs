//! Cuts the text of a file into blocks while it is read. Memory is one block, or one record if that is longer.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use encoding_rs::{Encoding, UTF_8};

use crate::source::{
    Block, Compression, Limits, Origin, ReadReport, SourceError, SourceErrorKind,
    block::walk,
    cut::{Cut, Cutter},
    decode::{Nuls, TextReader},
    file::SourceFile,
    inflate::Inflated,
    table::BlockSource,
};

/// Everything that is needed to read a text file from its start.
#[derive(Clone)]
pub(in crate::source) struct TextPlan {
    pub(super) file: SourceFile,
    pub(super) compression: Compression,
    pub(super) encoding: &'static Encoding,
    pub(super) delimiter: u8,
    pub(super) columns: usize,
    /// Bytes of text before the first row of data.
    pub(super) skip: usize,
    pub(super) header_row: u32,
    pub(super) limits: Limits,
}

impl TextPlan {
    pub(super) fn reader(&self, counter: Arc<AtomicU64>) -> Result<TextReader, SourceErrorKind> {
        let limit = self.limits.inflated_bytes;
        let bytes = Inflated::counted(&self.file, self.compression, limit, counter)?;
        Ok(TextReader::new(bytes, self.encoding))
    }
}

/// Text, cut into blocks while it is read.
pub(in crate::source) struct TextBlocks {
    plan: TextPlan,
    origin: Origin,
    reading: Option<Reading>,
    counter: Arc<AtomicU64>,
    suspects: Suspects,
    /// The row of the first NUL.
    nul_row: Option<u32>,
    /// True for a second pass that only counts rows for an error message.
    counting: bool,
}

/// The number of cells that contain whole rows, because of stray quotes.
#[derive(Default)]
struct Suspects {
    /// The row of the first one.
    row: Option<u32>,
    count: usize,
}

impl Suspects {
    fn note(&self) -> Option<String> {
        let (row, count) = (self.row?, self.count);
        Some(format!(
            "row {row}: a quoted cell contains whole rows, which are not read as rows: check for a missing or an extra quote (\"); such cells: {count}"
        ))
    }
}

fn nuls_note(nuls: Nuls, row: Option<u32>) -> Option<String> {
    let (count, lines) = (nuls.count, nuls.lines);
    let first = row.map_or_else(String::new, |row| format!(", the first in row {row}"));
    (count > 0).then(|| format!("NUL characters removed: {count}, lines with NULs: {lines}{first}"))
}

/// The row, from 1, of whatever follows this text.
pub(super) fn row_after(text: &[u8], delimiter: u8) -> u32 {
    // With one more character, so that a line end in quotes does not count as a row.
    walk(&[text, b"x"].concat(), delimiter, |_| true).rows
}

struct Reading {
    reader: TextReader,
    /// Text that is not in a block yet; begins with a record.
    buffer: Vec<u8>,
    misfits: Vec<(usize, u64)>,
    /// Text before the buffer.
    passed: u64,
    skip: usize,
    ended: bool,
}

impl TextBlocks {
    pub(in crate::source) fn new(plan: TextPlan, origin: Origin) -> Self {
        Self {
            plan,
            origin,
            reading: None,
            counter: Arc::default(),
            suspects: Suspects::default(),
            nul_row: None,
            counting: false,
        }
    }

    fn cut_block(&mut self) -> Result<Option<Block>, (SourceErrorKind, Option<usize>)> {
        let limits = self.plan.limits;
        let cutter = Cutter {
            delimiter: self.plan.delimiter,
            cell_lines: limits.cell_lines,
            columns: Some(self.plan.columns),
        };
        let mut suspects = Vec::new();
        let encoding = self.plan.encoding;
        let reading = self.reading().map_err(|kind| (kind, None))?;
        let mut wanted = limits.block_bytes;
        let at = loop {
            reading.fill_to(wanted).map_err(|kind| (kind, None))?;
            if reading.buffer.is_empty() {
                return Ok(None);
            }
            match cutter.cut(&reading.buffer, reading.ended, &mut suspects) {
                Cut::At(at) => {
                    suspects.retain(|&suspect| suspect < at);
                    break at;
                }
                Cut::Unclosed(at) => {
                    return Err((SourceErrorKind::UnclosedQuote { row: None }, Some(at)));
                }
                Cut::More if reading.buffer.len() > limits.record_bytes => {
                    let limit = limits.record_bytes;
                    return Err((SourceErrorKind::RowTooLong { limit }, Some(0)));
                }
                Cut::More => wanted = reading.buffer.len() * 2,
            }
        };
        self.suspect(&suspects);
        self.find_nul(at);
        let reading = self.reading().map_err(|kind| (kind, None))?;
        Ok(Some(reading.take(at, encoding)))
    }

    /// Counts cells, given by their offsets in the buffer.
    fn suspect(&mut self, suspects: &[usize]) {
        let Some(&first) = suspects.first().filter(|_| !self.counting) else {
            return;
        };
        self.suspects.row = self.suspects.row.or_else(|| self.row_of(first));
        self.suspects.count += suspects.len();
    }

    /// Finds the row of the first NUL if it was before this offset of the buffer.
    fn find_nul(&mut self, before: usize) {
        if self.counting || self.nul_row.is_some() {
            return;
        }
        let place = self.reading.as_ref().and_then(|reading| {
            let first = reading.reader.nuls().first?;
            // NULs in or above the header are not counted: the buffer begins after it.
            first.checked_sub(reading.passed)
        });
        let place = place.and_then(|place| usize::try_from(place).ok());
        if let Some(place) = place.filter(|&place| place <= before) {
            self.nul_row = self.row_of(place);
        }
    }

    fn reading(&mut self) -> Result<&mut Reading, SourceErrorKind> {
        if self.reading.is_none() {
            let reader = self.plan.reader(Arc::clone(&self.counter))?;
            self.reading = Some(Reading {
                reader,
                buffer: Vec::new(),
                misfits: Vec::new(),
                passed: 0,
                skip: self.plan.skip,
                ended: false,
            });
        }
        self.reading.as_mut().ok_or(SourceErrorKind::Empty)
    }

    /// The row at an offset of the buffer. This is rarely needed, so the rows before it are counted in a second pass.
    fn row_of(&self, at: usize) -> Option<u32> {
        let reading = self.reading.as_ref()?;
        let head = reading.buffer.get(..at)?;
        let delimiter = self.plan.delimiter;
        let mut again = Self::new(self.plan.clone(), self.origin.clone());
        again.counting = true;
        let mut row = self.plan.header_row;
        let passed = |again: &Self| {
            again
                .reading
                .as_ref()
                .map_or(self.plan.skip as u64, |again| again.passed)
        };
        while passed(&again) < reading.passed {
            row += again.next_block().ok()??.rows(delimiter, 0, |_| {}).rows;
        }
        Some(row + row_after(head, delimiter))
    }
}

impl BlockSource for TextBlocks {
    fn bytes_read(&self) -> u64 {
        self.counter.load(Ordering::Relaxed)
    }

    fn next_block(&mut self) -> Result<Option<Block>, SourceError> {
        let result = self.cut_block();
        result.map_err(|(kind, in_buffer)| {
            let row = in_buffer
                .filter(|_| !self.counting)
                .and_then(|at| self.row_of(at));
            kind.at(&self.origin, row)
        })
    }

    fn finish(mut self: Box<Self>) -> Result<ReadReport, SourceErrorKind> {
        let (suspects, row) = (self.suspects.note(), self.nul_row);
        let reading = self.reading()?;
        let (bytes, blake3) = reading.reader.finish()?;
        let nuls = reading.reader.nuls();
        Ok(ReadReport {
            bytes,
            blake3,
            notes: nuls_note(nuls, row).into_iter().chain(suspects).collect(),
        })
    }
}

impl Reading {
    /// Reads until the buffer holds `wanted` bytes, or the text ends.
    fn fill_to(&mut self, wanted: usize) -> Result<(), SourceErrorKind> {
        while self.buffer.len() < wanted && !self.ended {
            let more = (wanted - self.buffer.len()).max(1 << 12);
            self.ended = self.reader.fill(&mut self.buffer, more)? == 0;
            self.misfits.extend(self.reader.take_misfits());
            let skipped = self.skip.min(self.buffer.len());
            if skipped > 0 {
                self.skip -= skipped;
                drop(self.split(skipped));
            }
        }
        Ok(())
    }

    fn take(&mut self, at: usize, encoding: &'static Encoding) -> Block {
        let start = if encoding == UTF_8 {
            self.passed + self.reader.dropped()
        } else {
            self.passed
        };
        let (text, misfits) = self.split(at);
        Block {
            text,
            faults: Vec::new(),
            start,
            misfits,
        }
    }

    /// Splits text off the front of the buffer, with its invalid bytes.
    fn split(&mut self, at: usize) -> (Vec<u8>, Vec<(usize, u64)>) {
        let rest = self.buffer.split_off(at);
        let text = std::mem::replace(&mut self.buffer, rest);
        self.passed += at as u64;
        let later = self.misfits.partition_point(|misfit| misfit.0 < at);
        let mut rest = self.misfits.split_off(later);
        for misfit in &mut rest {
            misfit.0 -= at;
        }
        (text, std::mem::replace(&mut self.misfits, rest))
    }
}
