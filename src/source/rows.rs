//! Converts rows of cells to blocks of CSV text.
//!
//! A reader of rows (a sheet, an HTML table, JSON lines) runs in its own thread and sends finished blocks through a
//! short channel: it can borrow from the open file, it is never far ahead, and a panic in it becomes an error about
//! the file.

use std::{
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
};

use super::{
    Block, CellFault, Findings, Limits, Origin, ReadReport, SourceError, SourceErrorKind,
    SourceForm, Table,
    row_source::{Cell, CellRow, GAVE_UP, RowSource, contain},
    table::BlockSource,
};
use crate::wording::is_blank;

/// The delimiter of the text that is written here.
pub(super) const DELIMITER: u8 = b',';
/// The most blocks in the channel.
const BLOCKS_AHEAD: usize = 2;

/// Everything that is needed to read rows as blocks.
pub(super) struct RowsPlan {
    pub(super) source: Box<dyn RowSource>,
    /// The number of named columns; cells to their right are left out.
    pub(super) columns: usize,
    /// Columns in which a date is a number.
    pub(super) numbers: Vec<bool>,
    pub(super) header_row: u32,
    pub(super) limits: Limits,
    pub(super) bytes: u64,
    pub(super) blake3: String,
    pub(super) counter: Arc<AtomicU64>,
}

impl RowsPlan {
    /// The table with these rows.
    pub(super) fn table(self, origin: Origin, columns: Vec<String>, findings: Findings) -> Table {
        Table {
            columns,
            header_row: self.header_row,
            delimiter: DELIMITER,
            bytes: self.bytes,
            form: SourceForm::default(),
            findings,
            rows: Box::new(RowBlocks::new(self, origin.clone())),
            origin,
        }
    }
}

/// Counts that are complete after the last row.
#[derive(Clone, Copy, Debug, Default)]
struct Ended {
    /// Cells without a column name.
    left_out: u64,
    last_row: u32,
}

impl Ended {
    fn notes(self) -> Vec<String> {
        let Self { left_out, last_row } = self;
        let left_out = (left_out > 0)
            .then(|| format!("cells to the right of the last column name, left out: {left_out}"));
        let full = FULL_SHEETS.contains(&last_row).then(|| {
            format!(
                "the last row is {last_row}, the limit of a sheet: check that the export is complete"
            )
        });
        left_out.into_iter().chain(full).collect()
    }
}

/// The most rows of a sheet, in old workbooks and in new ones.
const FULL_SHEETS: [u32; 2] = [1 << 16, 1 << 20];

type Failure = (SourceErrorKind, Option<u32>);

/// Blocks that a thread makes from rows.
pub(super) struct RowBlocks {
    state: State,
    origin: Origin,
    bytes: u64,
    blake3: String,
    counter: Arc<AtomicU64>,
}

enum State {
    Waiting(Option<RowsPlan>),
    Running {
        blocks: Receiver<Block>,
        thread: Option<JoinHandle<Result<Ended, Failure>>>,
        ended: Ended,
    },
}

impl RowBlocks {
    pub(super) fn new(plan: RowsPlan, origin: Origin) -> Self {
        Self {
            origin,
            bytes: plan.bytes,
            blake3: plan.blake3.clone(),
            counter: Arc::clone(&plan.counter),
            state: State::Waiting(Some(plan)),
        }
    }
}

impl BlockSource for RowBlocks {
    fn bytes_read(&self) -> u64 {
        self.counter.load(Ordering::Relaxed).min(self.bytes)
    }

    fn next_block(&mut self) -> Result<Option<Block>, SourceError> {
        if let State::Waiting(plan) = &mut self.state
            && let Some(plan) = plan.take()
        {
            self.state = start(plan).map_err(|kind| kind.at(&self.origin, None))?;
        }
        let State::Running {
            blocks,
            thread,
            ended,
        } = &mut self.state
        else {
            return Ok(None);
        };
        if let Ok(block) = blocks.recv() {
            return Ok(Some(block));
        }
        if let Some(thread) = thread.take() {
            *ended = outcome(thread).map_err(|(kind, row)| kind.at(&self.origin, row))?;
        }
        Ok(None)
    }

    fn finish(self: Box<Self>) -> Result<ReadReport, SourceErrorKind> {
        let ended = match self.state {
            State::Running { ended, .. } => ended,
            State::Waiting(_) => Ended::default(),
        };
        Ok(ReadReport {
            bytes: self.bytes,
            blake3: self.blake3,
            notes: ended.notes(),
        })
    }

    fn take_dates_as_numbers(&mut self, columns: Vec<bool>) {
        if let State::Waiting(Some(plan)) = &mut self.state {
            plan.numbers = columns;
        }
    }
}

fn start(mut plan: RowsPlan) -> Result<State, SourceErrorKind> {
    let (sender, blocks) = sync_channel(BLOCKS_AHEAD);
    let thread = std::thread::Builder::new()
        .name("rows".to_owned())
        .spawn(move || write_blocks(&mut plan, sender))?;
    Ok(State::Running {
        blocks,
        thread: Some(thread),
        ended: Ended::default(),
    })
}

fn outcome(thread: JoinHandle<Result<Ended, Failure>>) -> Result<Ended, Failure> {
    thread.join().unwrap_or_else(|_| {
        let why = GAVE_UP.to_owned();
        Err((SourceErrorKind::Damaged { what: "file", why }, None))
    })
}

fn write_blocks(plan: &mut RowsPlan, sender: SyncSender<Block>) -> Result<Ended, Failure> {
    let mut writer = BlockWriter {
        sender,
        block: Block::default(),
        records: 0,
        next_row: plan.header_row + 1,
        is_below_header: false,
        columns: plan.columns,
        numbers: std::mem::take(&mut plan.numbers),
        limits: plan.limits,
        left_out: 0,
        failure: None,
    };
    let source = &mut plan.source;
    contain(|| source.rows(&mut |number, row| writer.row(number, row)))
        .map_err(|kind| (kind, Some(writer.next_row)))?;
    writer.end()
}

/// Writes rows as CSV text and sends a block when it is large enough.
struct BlockWriter {
    sender: SyncSender<Block>,
    block: Block,
    /// Records in the block.
    records: u32,
    /// The row of the next line of text.
    next_row: u32,
    /// True after the last row of the header.
    is_below_header: bool,
    columns: usize,
    numbers: Vec<bool>,
    limits: Limits,
    left_out: u64,
    failure: Option<SourceErrorKind>,
}

impl BlockWriter {
    fn row(&mut self, number: u32, row: &CellRow) -> ControlFlow<()> {
        let named = &row.cells()[..row.cells().len().min(self.columns)];
        let beyond = row.cells()[named.len()..]
            .iter()
            .filter(|cell| !cell.text.is_empty())
            .count();
        let last = named
            .iter()
            .rposition(|cell| !is_blank(&cell.text) || cell.fault.is_some());
        if number < self.next_row {
            return self.row_above(number);
        }
        self.is_below_header = true;
        self.left_out += beyond as u64;
        let Some(last) = last else {
            return ControlFlow::Continue(());
        };
        let gap = (number - self.next_row) as usize;
        self.block.text.resize(self.block.text.len() + gap, b'\n');
        let start = self.block.text.len();
        self.write(&named[..=last]);
        self.next_row = number + 1;
        if self.block.text.len() - start > self.limits.record_bytes {
            let limit = self.limits.record_bytes;
            self.failure = Some(SourceErrorKind::RowTooLong { limit });
            return ControlFlow::Break(());
        }
        if self.block.text.len() >= self.limits.block_bytes {
            return self.send();
        }
        ControlFlow::Continue(())
    }

    /// Skips rows up to the header. Rows out of order can't be inserted, so they are an error.
    fn row_above(&mut self, number: u32) -> ControlFlow<()> {
        if !self.is_below_header {
            self.is_below_header = number + 1 == self.next_row;
            return ControlFlow::Continue(());
        }
        self.failure = Some(SourceErrorKind::Damaged {
            what: "workbook",
            why: format!("row {number} comes after row {}", self.next_row - 1),
        });
        ControlFlow::Break(())
    }

    fn write(&mut self, cells: &[Cell]) {
        let text = &mut self.block.text;
        for (column, cell) in (0..).zip(cells) {
            if column > 0 {
                text.push(DELIMITER);
            }
            let is_number = self.numbers.get(column as usize).is_some_and(|&is| is);
            match cell.day.filter(|_| is_number) {
                Some(day) => write_cell(text, &day.to_string()),
                None => write_cell(text, &cell.text),
            }
            if let Some(kind) = &cell.fault {
                self.block.faults.push(CellFault {
                    record: self.records,
                    column,
                    kind: kind.clone(),
                });
            }
        }
        text.push(b'\n');
        self.records += 1;
    }

    fn send(&mut self) -> ControlFlow<()> {
        self.records = 0;
        let block = std::mem::take(&mut self.block);
        // The receiver is gone, so there is nothing left to do.
        match self.sender.send(block) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }

    fn end(mut self) -> Result<Ended, Failure> {
        if let Some(kind) = self.failure {
            return Err((kind, Some(self.next_row)));
        }
        if !self.block.text.is_empty() {
            let _ = self.send();
        }
        Ok(Ended {
            left_out: self.left_out,
            last_row: self.next_row - 1,
        })
    }
}

/// Writes a cell as CSV, quoted if necessary.
fn write_cell(text: &mut Vec<u8>, cell: &str) {
    let bytes = cell.as_bytes();
    let plain = memchr::memchr3(DELIMITER, b'"', b'\n', bytes).is_none()
        && memchr::memchr(b'\r', bytes).is_none();
    if plain {
        text.extend_from_slice(bytes);
        return;
    }
    text.push(b'"');
    for piece in cell.split_inclusive('"') {
        text.extend_from_slice(piece.as_bytes());
        if piece.ends_with('"') {
            text.push(b'"');
        }
    }
    text.push(b'"');
}
