//! CSV.

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
