//! JSON lines: one object per contact.

use std::io::{self, Write};

use super::rows::{ExportCell, RowWriter};

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
