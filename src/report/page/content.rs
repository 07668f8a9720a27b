//! The contents of a report, and the page as far as it is written.

use std::{io::Write, path::Path};

use maud::Markup;

use crate::{
    output::IoError,
    report::{
        ReportError,
        notes::{Asked, SourceNotes},
        summary::Summary,
    },
    run::RunFile,
};

/// How far the run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The files were checked without an account.
    Checked,
    /// The plan was made, and nothing was sent.
    Planned,
    /// The plan was sent, to its end or not.
    Sent,
}

/// A sentence that says how to go on, and the command that does it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NextStep {
    pub words: String,
    pub command: Option<String>,
}

pub(crate) struct ReportPage<'a> {
    pub progress: Progress,
    pub summary: &'a Summary,
    /// Holds the sources, the rejects and the changes.
    pub run: &'a RunFile,
    /// The request that planned the run, and the one that sent it.
    pub asked: [Option<Asked>; 2],
    pub notes: SourceNotes,
    /// The error that ended the run, and its hint.
    pub failure: Option<(String, Option<String>)>,
    /// The sentence that the run was undone later.
    pub undone: Option<String>,
    pub next: Vec<NextStep>,
}

pub(super) struct PageWriter<'a> {
    pub out: &'a mut dyn Write,
    /// The file, in errors.
    pub name: &'a Path,
}

impl PageWriter<'_> {
    pub(super) fn put(&mut self, markup: &Markup) -> Result<(), ReportError> {
        let written = self.out.write_all(markup.0.as_bytes());
        Ok(written.map_err(IoError::at(self.name))?)
    }
}
