//! Rows as text: CSV, and JSON lines with an object for each row.

use std::io::{self, Write};

use super::{
    guard::GuardedFrom,
    rows::{ExportCell, RowWriter},
};

/// The separation and form of cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CsvDialect {
    pub delimiter: u8,
    /// True if spreadsheet programs can open the file with a double click: it begins with a BOM, and no cell is
    /// mistaken for a formula or a number.
    pub for_excel: bool,
}

pub(super) struct CsvWriter<'a> {
    out: &'a mut (dyn Write + Send),
    guarded_from: GuardedFrom,
    delimiter: u8,
    row: Vec<u8>,
}

impl<'a> CsvWriter<'a> {
    pub(super) fn create(
        out: &'a mut (dyn Write + Send),
        columns: &[String],
        dialect: CsvDialect,
    ) -> io::Result<Self> {
        let guarded_from = if dialect.for_excel {
            out.write_all("\u{feff}".as_bytes())?;
            GuardedFrom::Spreadsheets
        } else {
            GuardedFrom::Import
        };
        let mut writer = Self {
            out,
            guarded_from,
            delimiter: dialect.delimiter,
            row: Vec::new(),
        };
        for column in columns {
            writer.add(column);
        }
        writer.end_row()?;
        Ok(writer)
    }

    fn add(&mut self, cell: &str) {
        add_quoted(&mut self.row, cell, self.delimiter);
        self.row.push(self.delimiter);
    }

    fn end_row(&mut self) -> io::Result<()> {
        // The last delimiter.
        self.row.pop();
        self.row.push(b'\n');
        self.out.write_all(&self.row)?;
        self.row.clear();
        Ok(())
    }
}

impl RowWriter for CsvWriter<'_> {
    fn row(&mut self, cells: &[ExportCell<'_>]) -> io::Result<()> {
        for cell in cells {
            self.add(&self.guarded_from.guard(cell));
        }
        self.end_row()
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        self.out.flush()
    }
}

/// Adds a cell to a row, in quotes if necessary. The writer of the crate `csv` needs more than twice as long.
fn add_quoted(row: &mut Vec<u8>, cell: &str, delimiter: u8) {
    let needs_quotes = |byte: u8| (byte == delimiter) | matches!(byte, b'"' | b'\r' | b'\n');
    // The compiler vectorizes a loop without an early exit.
    if !cell
        .bytes()
        .fold(false, |any, byte| any | needs_quotes(byte))
    {
        return row.extend_from_slice(cell.as_bytes());
    }
    row.push(b'"');
    for byte in cell.bytes() {
        if byte == b'"' {
            row.push(byte);
        }
        row.push(byte);
    }
    row.push(b'"');
}

pub(super) struct LinesWriter<'a> {
    out: &'a mut (dyn Write + Send),
    /// The names of the columns as JSON.
    keys: Vec<String>,
}

impl<'a> LinesWriter<'a> {
    pub(super) fn create(out: &'a mut (dyn Write + Send), columns: &[String]) -> io::Result<Self> {
        let keys = columns.iter().map(serde_json::to_string);
        let keys = keys.collect::<Result<_, _>>()?;
        Ok(Self { out, keys })
    }
}

impl RowWriter for LinesWriter<'_> {
    fn row(&mut self, cells: &[ExportCell<'_>]) -> io::Result<()> {
        for (index, (key, cell)) in self.keys.iter().zip(cells).enumerate() {
            let separator = if index == 0 { '{' } else { ',' };
            write!(self.out, "{separator}{key}:")?;
            match cell {
                ExportCell::Json(json) => self.out.write_all(json.as_bytes())?,
                ExportCell::Code(value) | ExportCell::Text(value) => {
                    serde_json::to_writer(&mut *self.out, value)?;
                }
            }
        }
        self.out.write_all(b"}\n")
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn cells_are_quoted_as_the_library_quotes_them(
            cells in prop::collection::vec("[a,;\t\"\r\n é]{0,6}", 2..5),
            delimiter in prop::sample::select(&b",;\t"[..]),
        ) {
            let dialect = CsvDialect { delimiter, for_excel: false };
            let mut written = Vec::new();
            CsvWriter::create(&mut written, &cells, dialect).unwrap();
            let mut csv = csv::WriterBuilder::new();
            let mut csv = csv.delimiter(delimiter).from_writer(Vec::new());
            csv.write_record(&cells).unwrap();
            prop_assert_eq!(written, csv.into_inner().unwrap());
        }
    }
}
