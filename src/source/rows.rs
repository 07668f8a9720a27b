//! Reads rows of cells as blocks of CSV text.
//!
//! A row reader (for a sheet, an HTML table, JSON lines) runs in its own thread and sends finished blocks through
//! a short channel. It can borrow from the open file, it is never far ahead, and a panic in it becomes an error
//! about the file.

use std::{
    sync::mpsc::{Receiver, sync_channel},
    thread::JoinHandle,
};

use super::{
    Block, CellValue, SourceError, SourceErrorKind, SourceForm, Table, TableOrigin,
    block_writer::{BlockWriter, DELIMITER, RowsFailure},
    cell::{RowSource, RowsEnd},
    error::gave_up,
    file::SourceFile,
    input::Input,
    table::BlockSource,
};

/// Maximum number of blocks in the channel.
const BLOCKS_AHEAD: usize = 2;

/// Everything needed to read rows as blocks.
pub(super) struct RowsLayout {
    pub(super) source: Box<dyn RowSource>,
    pub(super) origin: TableOrigin,
    /// The named columns. Cells to their right are left out.
    pub(super) columns: Vec<String>,
    pub(super) header_row: u32,
    pub(super) header_rows: u32,
    pub(super) notes: Vec<String>,
    /// True if the next sheet continues where this one is full.
    pub(super) is_continued: bool,
    /// True if rows above the header or on another sheet seem to be contacts and are not read.
    pub(super) may_lack_rows: bool,
}

impl RowsLayout {
    /// The table with these rows. `blake3` is the file's hash.
    pub(super) fn table(self, input: &Input<'_>, blake3: String) -> Table {
        let (sender, blocks) = sync_channel(BLOCKS_AHEAD);
        let writer = BlockWriter::new(
            sender,
            self.columns.clone(),
            self.header_row + 1,
            self.is_continued,
            input.options.limits,
        );
        Table {
            columns: self.columns,
            header_row: self.header_row,
            header_rows: self.header_rows,
            delimiter: DELIMITER,
            cells: usize::MAX,
            form: SourceForm::default(),
            kind: input.kind,
            encoding: None,
            notes: self.notes,
            may_lack_rows: self.may_lack_rows,
            file: input.raw.clone(),
            rows: Box::new(RowBlocks {
                waiting: Some((writer, self.source)),
                blocks,
                thread: None,
                end: RowsEnd::default(),
                origin: self.origin.clone(),
                blake3,
                file: input.raw.file.clone(),
            }),
            origin: self.origin,
        }
    }
}

/// The blocks of a reader thread.
struct RowBlocks {
    /// Taken when the thread starts.
    waiting: Option<(BlockWriter, Box<dyn RowSource>)>,
    blocks: Receiver<Block>,
    thread: Option<JoinHandle<Result<RowsEnd, RowsFailure>>>,
    /// Complete after the last row.
    end: RowsEnd,
    origin: TableOrigin,
    blake3: String,
    file: SourceFile,
}

impl BlockSource for RowBlocks {
    fn next_block(&mut self) -> Result<Option<Block>, SourceError> {
        if let Some((writer, mut source)) = self.waiting.take() {
            self.file.restart_count();
            let thread = std::thread::Builder::new().name("rows".to_owned());
            let thread = thread.spawn(move || writer.write_all(source.as_mut()));
            self.thread =
                Some(thread.map_err(|error| SourceErrorKind::from(error).at(&self.origin, None))?);
        }
        if let Ok(block) = self.blocks.recv() {
            return Ok(Some(block));
        }
        if let Some(thread) = self.thread.take() {
            let end = thread.join().unwrap_or_else(|_| Err((gave_up(), None)));
            self.end = end.map_err(|(kind, row)| kind.at(&self.origin, row))?;
        }
        Ok(None)
    }

    fn finish(self: Box<Self>) -> Result<(String, RowsEnd), SourceErrorKind> {
        Ok((self.blake3, self.end))
    }

    fn take_values(&mut self, columns: Vec<CellValue>) {
        if let Some((writer, _)) = &mut self.waiting {
            writer.values = columns;
        }
    }
}
