//! Rows as text: CSV, and JSON lines with an object for each row.

use std::io::{self, Write};

use super::{
    format::CsvDialect,
    guard::GuardedFrom,
    rows::{ExportCell, RowWriter},
};

pub(super) struct CsvWriter<'a> {
    csv: csv::Writer<&'a mut (dyn Write + Send)>,
    guarded_from: GuardedFrom,
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
        let mut csv = csv::WriterBuilder::new();
        let mut csv = csv.delimiter(dialect.delimiter).from_writer(out);
        csv.write_record(columns).map_err(cause)?;
        Ok(Self { csv, guarded_from })
    }
}

impl RowWriter for CsvWriter<'_> {
    fn row(&mut self, cells: &[ExportCell<'_>]) -> io::Result<()> {
        for cell in cells {
            let cell = self.guarded_from.guard(cell);
            self.csv.write_field(cell.as_bytes()).map_err(cause)?;
        }
        self.csv.write_record(None::<&[u8]>).map_err(cause)
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.csv.flush()
    }
}

/// The system's error inside the library's error, because a closed pipe must be recognised.
fn cause(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
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
