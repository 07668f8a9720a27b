//! The numbers left out by `--bad-numbers drop`, one per line, readable only by their owner.
//!
//! The rows themselves became contacts, so this is not a rejects file and not meant for import. Lines are spooled
//! to disk while the source is read, so memory use is bounded. They are written once it is known which rows were
//! rejected for another reason, such as a duplicate id.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use crate::{
    formula,
    output::{IoError, OutputFile, Symlinks, temporary_beside},
    reject::DroppedNumber,
};

const HEADER: [&str; 7] = ["file", "row", "id", "column", "value", "code", "reason"];

/// The list. Nothing is created before its first line.
pub(crate) struct DroppedNumbers {
    path: PathBuf,
    /// The lines, each after the number of its source.
    spool: Option<csv::Writer<BufWriter<File>>>,
}

impl DroppedNumbers {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.into(),
            spool: None,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a number that was left out of a row. `source`: number and name of its source.
    pub(crate) fn add(
        &mut self,
        (number, source): (u32, &str),
        row: u64,
        dropped: &DroppedNumber,
    ) -> Result<(), IoError> {
        let spool = if let Some(spool) = &mut self.spool {
            spool
        } else {
            let file = temporary_beside(&self.path)?;
            let writer = csv::Writer::from_writer(BufWriter::new(file));
            self.spool.insert(writer)
        };
        let problem = &dropped.problem;
        let column = problem.column.as_deref().unwrap_or_default();
        let written = spool.write_record([
            &number.to_string(),
            &*formula::guarded(source),
            &row.to_string(),
            &formula::guarded(&dropped.id),
            &formula::guarded(column),
            &formula::guarded(dropped.value.trim()),
            problem.code.as_str(),
            &formula::guarded(&problem.reason),
        ]);
        written
            .map_err(io::Error::from)
            .map_err(IoError::at(&self.path))
    }

    /// Writes the lines of rows that were not rejected, and returns their number. Without lines, no file is
    /// written.
    pub(crate) fn finish(self, is_rejected: impl Fn(u32, u64) -> bool) -> Result<u64, IoError> {
        let Some(spool) = self.spool else {
            return Ok(0);
        };
        write(spool, &self.path, is_rejected).map_err(IoError::at(&self.path))
    }
}

fn write(
    spool: csv::Writer<BufWriter<File>>,
    path: &Path,
    is_rejected: impl Fn(u32, u64) -> bool,
) -> io::Result<u64> {
    let buffered = spool
        .into_inner()
        .map_err(csv::IntoInnerError::into_error)?;
    let mut file = buffered
        .into_inner()
        .map_err(io::IntoInnerError::into_error)?;
    file.seek(SeekFrom::Start(0))?;
    let mut lines = csv::ReaderBuilder::new();
    let lines = lines.has_headers(false).from_reader(BufReader::new(file));
    let mut out = None;
    let mut count = 0;
    for line in lines.into_records() {
        let line = line?;
        let number = |at: usize| line.get(at).and_then(|cell| cell.parse::<u64>().ok());
        let source = number(0).and_then(|number| u32::try_from(number).ok());
        if let (Some(source), Some(row)) = (source, number(2))
            && is_rejected(source, row)
        {
            continue;
        }
        let out = if let Some(out) = &mut out {
            out
        } else {
            let file = OutputFile::open(path, Symlinks::Replace)?;
            let writer = out.insert(csv::Writer::from_writer(BufWriter::new(file)));
            writer.write_record(HEADER)?;
            writer
        };
        count += 1;
        out.write_record(line.iter().skip(1))?;
    }
    if let Some(out) = out {
        let buffered = out.into_inner().map_err(csv::IntoInnerError::into_error)?;
        OutputFile::finish_buffer(buffered)?;
    }
    Ok(count)
}
