//! The numbers that `--bad-numbers drop` left out: one line each, readable by their owner only.
//!
//! The rows themselves became contacts, so this is not a rejects file and is not meant to be imported. Lines are written while
//! the source is read, so memory does not grow with their number.

use std::{
    io::{self, BufWriter},
    path::{Path, PathBuf},
};

use crate::{
    formula,
    output::{OutputFile, Symlinks},
    reject::DroppedNumber,
};

const HEADER: [&str; 7] = ["file", "row", "id", "column", "value", "code", "reason"];

/// The file; it is created by its first line.
pub(crate) struct DroppedNumbers {
    path: PathBuf,
    out: Option<csv::Writer<BufWriter<OutputFile>>>,
    count: u64,
}

impl DroppedNumbers {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.into(),
            out: None,
            count: 0,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a number that was left out of a row of this source.
    pub(crate) fn add(
        &mut self,
        source: &str,
        row: u64,
        dropped: &DroppedNumber,
    ) -> io::Result<()> {
        let out = if let Some(out) = &mut self.out {
            out
        } else {
            let file = OutputFile::open(&self.path, Symlinks::Replace)?;
            let mut out = csv::Writer::from_writer(BufWriter::new(file));
            out.write_record(HEADER)?;
            self.out.insert(out)
        };
        self.count += 1;
        let problem = &dropped.problem;
        let column = problem.column.as_deref().unwrap_or_default();
        out.write_record([
            &*formula::guarded(source),
            &row.to_string(),
            &formula::guarded(&dropped.id),
            &formula::guarded(column),
            &formula::guarded(&dropped.value),
            problem.code.as_str(),
            &formula::guarded(&problem.reason),
        ])?;
        Ok(())
    }

    /// Gives the file its name and returns the number of its lines. Without any there is no file.
    pub(crate) fn finish(self) -> io::Result<u64> {
        if let Some(out) = self.out {
            let buffered = out.into_inner().map_err(csv::IntoInnerError::into_error)?;
            let file = buffered
                .into_inner()
                .map_err(io::IntoInnerError::into_error)?;
            file.finish()?;
        }
        Ok(self.count)
    }
}
