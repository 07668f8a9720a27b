//! Text files: the part that is looked at first, and then the stream of blocks.
//!
//! The file is read twice: its first part to find encoding, delimiter and header, then all of it, once,
//! while it is hashed, unpacked, decoded and cut. Memory is one block, or one record where that is longer.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use encoding_rs::{Encoding, UTF_8};

use super::{
    Block, Compression, EncodingFinding, EncodingReason, Findings, Kind, Limits, Origin,
    ReadOptions, SourceError, SourceErrorKind, SourceForm, SourceSummary, Table,
    cut::{Cut, Cutter},
    decode::TextReader,
    dialect, encoding,
    file::SourceFile,
    inflate::Inflated,
    table::Stream,
};

/// What is looked at before a file is read for good.
const HEAD_BYTES: usize = 1 << 20;

/// Everything that is needed to read a text file from its start.
#[derive(Clone)]
pub(super) struct TextPlan {
    file: SourceFile,
    compression: Compression,
    encoding: &'static Encoding,
    delimiter: u8,
    columns: usize,
    /// Bytes of text before the first row of data.
    skip: usize,
    header_row: u32,
    limits: Limits,
}

impl TextPlan {
    fn reader(&self, counter: Arc<AtomicU64>) -> Result<TextReader, SourceErrorKind> {
        let limit = self.limits.inflated_bytes;
        let bytes = Inflated::counted(&self.file, self.compression, limit, counter)?;
        Ok(TextReader::new(bytes, self.encoding))
    }
}

/// Finds out how a text file is laid out.
pub(super) fn table(
    file: &SourceFile,
    compression: Compression,
    origin: &Origin,
    options: &ReadOptions<'_>,
) -> Result<Table, SourceErrorKind> {
    let finding = find_encoding(file, compression, options)?;
    let mut plan = TextPlan {
        file: file.clone(),
        compression,
        encoding: finding.encoding,
        delimiter: b',',
        columns: 0,
        skip: 0,
        header_row: 0,
        limits: options.limits,
    };
    let head = head_of_text(&plan)?;
    refuse_binary(&head)?;
    let separator = dialect::separator_line(&head);
    let text = &head[separator.map_or(0, |separator| separator.1)..];
    let delimiter = options.delimiter.or(separator.map(|separator| separator.0));
    let layout = dialect::find(text, delimiter, options.header_row, options.recognise)
        .ok_or(SourceErrorKind::NoHeader)?;
    plan.delimiter = layout.delimiter;
    plan.columns = layout.header.columns.len();
    plan.skip = head.len() - text.len() + layout.header.data_at;
    plan.header_row = layout.header.row;
    let mut findings = Findings::new(Kind::Text, compression);
    findings.known_columns = layout.header.known;
    findings.notes = notes(&head, &layout, &finding);
    Ok(Table {
        origin: origin.clone(),
        columns: layout.header.columns,
        header_row: layout.header.row,
        delimiter: layout.delimiter,
        bytes: file.bytes,
        form: SourceForm {
            delimiter: layout.delimiter,
            encoding: finding.encoding,
            byte_order_mark: has_byte_order_mark(&plan)?,
            separator_line: separator.is_some(),
            line_end: line_end(&head),
        },
        findings: Findings {
            encoding: Some(finding),
            ..findings
        },
        stream: Stream::Text(plan),
    })
}

fn notes(head: &[u8], layout: &dialect::Layout, finding: &EncodingFinding) -> Vec<String> {
    let mut notes = layout.header.notes();
    if layout.header.columns.len() < 2 {
        notes.push(
            "Only one column was found: --delimiter C says what separates the cells.".to_owned(),
        );
    }
    if let EncodingReason::Detected { confidence } = finding.because {
        notes.push(format!(
            "The encoding is taken to be {} ({confidence} % sure): {}; --encoding NAME overrides it.",
            finding.encoding.name(),
            finding.sample
        ));
    }
    notes.extend(encoding::misread_note(
        &String::from_utf8_lossy(&head[..head.len().min(1 << 16)]),
        finding.encoding.is_single_byte(),
    ));
    notes
}

/// Text has hardly any control characters; what has many is some program's own format.
fn refuse_binary(head: &[u8]) -> Result<(), SourceErrorKind> {
    let is_control = |byte: u8| byte < 0x20 && !matches!(byte, b'\t' | b'\r' | b'\n' | 0x1A..=0x1F);
    let controls = head.iter().filter(|&&byte| is_control(byte)).count();
    if controls * 50 > head.len() {
        return Err(SourceErrorKind::Foreign {
            what: "a binary file of an unknown kind",
            advice: "export the contacts as CSV or XLSX",
        });
    }
    Ok(())
}

fn has_byte_order_mark(plan: &TextPlan) -> Result<bool, SourceErrorKind> {
    let mut head = Vec::new();
    Inflated::new(&plan.file, plan.compression, plan.limits.inflated_bytes)?.fill(&mut head, 4)?;
    Ok(Encoding::for_bom(&head).is_some_and(|(encoding, _)| encoding == plan.encoding))
}

fn line_end(head: &[u8]) -> &'static str {
    match memchr::memchr2(b'\r', b'\n', head) {
        Some(at) if head[at..].starts_with(b"\r\n") => "\r\n",
        Some(at) if head[at] == b'\r' => "\r",
        _ => "\n",
    }
}

pub(super) fn find_encoding(
    file: &SourceFile,
    compression: Compression,
    options: &ReadOptions<'_>,
) -> Result<EncodingFinding, SourceErrorKind> {
    let mut bytes = Inflated::new(file, compression, options.limits.inflated_bytes)?;
    let mut head = Vec::new();
    bytes.fill(&mut head, HEAD_BYTES)?;
    if let Some(encoding) = options.encoding {
        return Ok(EncodingFinding {
            encoding,
            because: EncodingReason::Given,
            sample: encoding::sample(&head, encoding),
        });
    }
    // What matters is the part that is not ASCII, however far down it begins.
    while !head.is_empty() && head.is_ascii() && memchr::memchr(0, &head).is_none() {
        let mut next = Vec::new();
        if bytes.fill(&mut next, HEAD_BYTES)? == 0 {
            break;
        }
        head = next;
    }
    encoding::detect(&head, &|text| {
        dialect::known_columns(text, options.recognise)
    })
}

/// The first part of the text, in whole lines.
fn head_of_text(plan: &TextPlan) -> Result<Vec<u8>, SourceErrorKind> {
    let mut reader = plan.reader(Arc::default())?;
    let mut head = Vec::new();
    let mut ended = false;
    while head.len() < HEAD_BYTES && !ended {
        ended = reader.fill(&mut head, HEAD_BYTES)? == 0;
    }
    if !ended && let Some(line) = memchr::memrchr2(b'\n', b'\r', &head[..head.len() - 1]) {
        head.truncate(line + 1);
    }
    if head.iter().all(u8::is_ascii_whitespace) {
        return Err(SourceErrorKind::Empty);
    }
    Ok(head)
}

/// Text, cut into blocks while it is read.
pub(super) struct TextBlocks {
    plan: TextPlan,
    origin: Origin,
    reading: Option<Reading>,
    counter: Arc<AtomicU64>,
    suspects: Suspects,
    /// Is this a second pass that only counts rows for an error message?
    counting: bool,
}

/// Cells that hold whole rows: stray quotes make such cells, and rows vanish in them.
#[derive(Default)]
struct Suspects {
    /// The row of the first.
    row: Option<u32>,
    count: usize,
}

impl Suspects {
    fn note(&self) -> Option<String> {
        let (row, count) = (self.row?, self.count);
        Some(format!(
            "Row {row}: a cell in quotes holds whole rows, which are not read as such. Is a quote (\") missing there, or one too many? Such cells: {count}."
        ))
    }
}

struct Reading {
    reader: TextReader,
    /// Text that is not in a block yet; begins where a record begins.
    buffer: Vec<u8>,
    misfits: Vec<(usize, u64)>,
    /// Text before the buffer.
    passed: u64,
    skip: usize,
    ended: bool,
}

impl TextBlocks {
    pub(super) fn new(plan: TextPlan, origin: Origin) -> Self {
        Self {
            plan,
            origin,
            reading: None,
            counter: Arc::default(),
            suspects: Suspects::default(),
            counting: false,
        }
    }

    pub(super) fn bytes_read(&self) -> u64 {
        self.counter.load(Ordering::Relaxed)
    }

    pub(super) fn next_block(&mut self) -> Result<Option<Block>, SourceError> {
        let result = self.cut_block();
        result.map_err(|(kind, in_buffer)| {
            let row = in_buffer
                .filter(|_| !self.counting)
                .and_then(|at| self.row_of(at));
            kind.at(&self.origin, row)
        })
    }

    fn cut_block(&mut self) -> Result<Option<Block>, (SourceErrorKind, Option<usize>)> {
        let limits = self.plan.limits;
        let cutter = Cutter {
            delimiter: self.plan.delimiter,
            cell_lines: limits.cell_lines,
            columns: self.plan.columns,
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
                Cut::Unclosed(at) => return Err((SourceErrorKind::UnclosedQuote, Some(at))),
                Cut::More if reading.buffer.len() > limits.record_bytes => {
                    let limit = limits.record_bytes;
                    return Err((SourceErrorKind::RowTooLong { limit }, Some(0)));
                }
                Cut::More => wanted = reading.buffer.len() * 2,
            }
        };
        self.suspect(&suspects);
        let reading = self.reading().map_err(|kind| (kind, None))?;
        Ok(Some(reading.take(at, encoding)))
    }

    /// Counts cells, given by their places in the buffer.
    fn suspect(&mut self, suspects: &[usize]) {
        let Some(&first) = suspects.first().filter(|_| !self.counting) else {
            return;
        };
        self.suspects.row = self.suspects.row.or_else(|| self.row_of(first));
        self.suspects.count += suspects.len();
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

    /// The row at a place of the buffer. Hardly ever does anybody ask, so the rows before it are counted now, in
    /// a second pass.
    fn row_of(&self, at: usize) -> Option<u32> {
        let reading = self.reading.as_ref()?;
        let head = Block {
            text: reading.buffer.get(..at)?.to_vec(),
            ..Block::default()
        };
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
        let within = head.rows(delimiter, 0, |_| {}).rows;
        let at_row_start = head
            .text
            .last()
            .is_none_or(|last| matches!(last, b'\n' | b'\r'));
        Some(row + within + u32::from(at_row_start))
    }

    pub(super) fn finish(mut self) -> Result<SourceSummary, SourceErrorKind> {
        let suspects = self.suspects.note();
        let reading = self.reading()?;
        let (bytes, blake3) = reading.reader.finish()?;
        let nuls = reading.reader.nuls();
        Ok(SourceSummary {
            bytes,
            blake3,
            notes: (nuls > 0)
                .then(|| format!("{nuls} NUL characters were dropped."))
                .into_iter()
                .chain(suspects)
                .collect(),
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

    /// Splits text off the front of the buffer, with the misfits in it.
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
