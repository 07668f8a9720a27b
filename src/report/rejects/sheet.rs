//! Rejects as a workbook: cells with problems are coloured and have the reason as a note. The reasons come first,
//! where they are visible; import finds columns by name.

use std::{borrow::Cow, io, path::Path};

use crate::{
    export::book::{Book, CELL_MAX, is_long},
    output::{self, OutputFile},
    source::{COLUMNS_MAX, SHEET_ROWS_MAX},
};

pub(super) struct SheetOut {
    target: OutputFile,
    book: Book,
    /// The number of added columns, which come first.
    added: usize,
}

impl SheetOut {
    /// `path`: the path of the target.
    pub(super) fn create(
        target: OutputFile,
        path: &Path,
        added: &[&str],
        columns: &[String],
    ) -> io::Result<Self> {
        let names = added.iter().map(ToString::to_string);
        let header = names.chain(columns.iter().cloned()).take(COLUMNS_MAX);
        // The last added column is the reason.
        let reason = u16::try_from(added.len() - 1).ok();
        let real = output::real(path);
        let scratch = output::directory(&real);
        Ok(Self {
            target,
            book: Book::create(header.collect(), scratch, SHEET_ROWS_MAX, reason)?,
            added: added.len(),
        })
    }

    /// Writes a row: the added cells, then the source's. `bad`: the source cells with problems, each with the
    /// reason.
    pub(super) fn record(
        &mut self,
        added: &[String],
        cells: &[Vec<u8>],
        bad: &[(usize, String)],
    ) -> io::Result<()> {
        let cells = cells.iter().map(|cell| String::from_utf8_lossy(cell));
        let cells: Vec<_> = cells.collect();
        // Added cells may be clipped, but not the source's.
        if cells.len() + self.added > COLUMNS_MAX || cells.iter().any(|cell| is_long(cell)) {
            let words = "a rejected row has more than 32,767 characters in a cell or 16,384 columns, which no workbook \
                         can store: name a text file instead with --rejects FILE.csv";
            return Err(io::Error::new(io::ErrorKind::InvalidData, words));
        }
        let added = added.iter().map(|cell| clipped(cell));
        let record: Vec<_> = added.chain(cells).collect();
        let bad = bad
            .iter()
            .map(|(at, reason)| (at + self.added, reason.clone()));
        self.book.row(&record, &bad.collect::<Vec<_>>())
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        self.book.finish(&mut self.target)?;
        crate::crash::point(crate::crash::Point::Rejects);
        self.target.finish()
    }
}

/// The part of a text that fits into a cell.
fn clipped(text: &str) -> Cow<'_, str> {
    if is_long(text) {
        // A character has at most two units.
        text.chars().take(CELL_MAX / 2).collect::<String>().into()
    } else {
        text.into()
    }
}
