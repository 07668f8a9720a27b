//! Reads a record with the csv crate, whatever its quotes.

use std::{borrow::Cow, mem};

use parking_lot::Mutex;

use csv_core::{ReadRecordResult, Reader};

/// Readers to be used again, with their delimiters: building one takes as long as reading a thousand cells, and a
/// clone of one is unusable.
static SPARE: Mutex<Vec<(u8, Reader)>> = Mutex::new(Vec::new());

/// Reads any record, with the csv crate.
pub(super) struct RecordReader {
    delimiter: u8,
    reader: Reader,
    /// The cells of the last record, concatenated.
    cells: Vec<u8>,
    /// The end of each cell.
    ends: Vec<usize>,
    count: usize,
}

impl RecordReader {
    pub(super) fn new(delimiter: u8) -> Self {
        let mut spare = SPARE.lock();
        let found = spare.iter().position(|spare| spare.0 == delimiter);
        let found = found.map(|at| spare.swap_remove(at).1);
        drop(spare);
        let build = || csv_core::ReaderBuilder::new().delimiter(delimiter).build();
        let mut reader = found.unwrap_or_else(build);
        reader.reset();
        // A reader drops a BOM at its start, but records begin anywhere in the text: a first record disables that.
        let _ = reader.read_record(b"\n", &mut [0], &mut [0]);
        Self {
            delimiter,
            reader,
            cells: vec![0; 1 << 10],
            ends: vec![0; 1 << 6],
            count: 0,
        }
    }

    /// Reads the first record of the text, and returns its length without the line end.
    pub(super) fn read(&mut self, text: &[u8]) -> usize {
        let (mut read, mut written) = (0, 0);
        self.count = 0;
        loop {
            let (result, bytes_in, bytes_out, cells) = self.reader.read_record(
                &text[read..],
                &mut self.cells[written..],
                &mut self.ends[self.count..],
            );
            read += bytes_in;
            written += bytes_out;
            self.count += cells;
            match result {
                // The next call, with an empty text, ends the record.
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.cells.resize(self.cells.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::Record | ReadRecordResult::End => break,
            }
        }
        without_line_end(&text[..read]).len()
    }

    /// The cells of the last record. Those that are not UTF-8 get replacement characters, and are owned.
    pub(super) fn cells(&self) -> Vec<Cow<'_, str>> {
        let mut from = 0;
        let cells = self.ends[..self.count].iter().map(|&end| {
            let cell = String::from_utf8_lossy(&self.cells[from..end]);
            from = end;
            cell
        });
        cells.collect()
    }
}

impl Drop for RecordReader {
    fn drop(&mut self) {
        let reader = mem::take(&mut self.reader);
        let mut spare = SPARE.lock();
        spare.push((self.delimiter, reader));
    }
}

fn without_line_end(raw: &[u8]) -> &[u8] {
    match raw {
        [rest @ .., b'\r', b'\n'] | [rest @ .., b'\n' | b'\r'] => rest,
        _ => raw,
    }
}
