//! The contents of a report, and the part of the page that is already written.

use std::{io::Write, path::Path};

use maud::Markup;

use crate::{
    output::IoError,
    report::{
        ReportError,
        notes::{Invocation, SourceNotes},
        summary::Summary,
    },
    run::RunFile,
};

/// The steps that the reported run has completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReportedPhase {
    /// The files were checked without an account.
    Checked,
    /// The plan was made but not sent.
    Planned,
    /// The plan was sent, completely or partly.
    Sent,
}

/// The error that ended the command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReportedFailure {
    pub message: String,
    pub hint: Option<String>,
}

/// A sentence about a next step, and its command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NextStep {
    pub words: String,
    pub command: Option<String>,
}

pub(crate) struct ReportPage<'a> {
    pub phase: ReportedPhase,
    pub summary: &'a Summary,
    /// Contains the sources, the rejects and the changes.
    pub run: &'a RunFile,
    /// The command that planned the run, and the one that sent it.
    pub invocations: [Option<Invocation>; 2],
    pub notes: SourceNotes,
    /// The error that ended the run, and its hint.
    pub failure: Option<ReportedFailure>,
    /// A note that the run was undone later.
    pub undone: Option<String>,
    pub next: Vec<NextStep>,
}

pub(super) struct PageWriter<'a> {
    pub out: &'a mut dyn Write,
    /// The file name for errors.
    pub name: &'a Path,
}

impl PageWriter<'_> {
    pub(super) fn put(&mut self, markup: &Markup) -> Result<(), ReportError> {
        let written = self.out.write_all(markup.0.as_bytes());
        Ok(written.map_err(IoError::at(self.name))?)
    }
}
