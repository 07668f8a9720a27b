//! Prints for a command: results to standard output, warnings and other messages to standard error. Values come from
//! files and the account and may contain control sequences, so every line is made [`visible`](crate::wording::visible)
//! before it is printed, which keeps JSON valid and equivalent.
//!
//! A job among several only prints messages, each with the job's name. Its summary becomes part of the jobs' summary.

pub(crate) mod data;
mod streams;

use std::{
    cell::{Cell, RefCell},
    io,
};

use serde::Serialize;

use crate::{
    cli::{ColorWhen, CommonArgs},
    signals::Signals,
    terminal::{JobLines, Show, Terminal},
};

/// The content of standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum OutputHolds {
    /// The JSON summary.
    #[default]
    Object,
    /// The report as text.
    Report,
    /// Data only; the summary goes to standard error.
    Data,
}

/// Prints for one command.
#[derive(Debug, Default)]
pub(crate) struct Console {
    json: bool,
    quiet: bool,
    pub(crate) holds: Cell<OutputHolds>,
    /// The summary, which `--json` prints when the command ends and from which metrics are taken.
    summary: RefCell<Option<String>>,
    /// The first error of writing the report to standard output.
    pub(crate) failure: RefCell<Option<io::Error>>,
    /// The output of a job among several, which has messages but no report.
    pub(crate) job: Option<JobLines>,
}

impl Console {
    pub(crate) fn new(args: &CommonArgs) -> Self {
        match args.color {
            ColorWhen::Auto => {}
            ColorWhen::Always => anstream::ColorChoice::Always.write_global(),
            ColorWhen::Never => anstream::ColorChoice::Never.write_global(),
        }
        Self {
            json: args.json,
            quiet: args.quiet,
            ..Self::default()
        }
    }

    pub(crate) fn of_job(quiet: bool, lines: JobLines) -> Self {
        Self {
            json: true,
            quiet,
            job: Some(lines),
            ..Self::default()
        }
    }

    /// Sends the report to standard output. With `--json`, standard output only has the summary.
    pub(crate) fn print_results(&self) {
        if !self.json {
            self.holds.set(OutputHolds::Report);
        }
    }

    /// Sends the summary object to standard error.
    pub(crate) fn keep_output_for_data(&self) {
        self.holds.set(OutputHolds::Data);
    }

    pub(crate) const fn wants_json(&self) -> bool {
        self.json
    }

    pub(crate) fn terminal(&self, signals: Signals) -> Terminal {
        let show = if self.quiet {
            Show::Nothing
        } else {
            Show::Progress
        };
        Terminal::new(signals, show, self.job.clone())
    }

    pub(crate) const fn is_quiet(&self) -> bool {
        self.quiet
    }

    pub(crate) const fn hides_report(&self) -> bool {
        self.quiet || self.is_job()
    }

    /// True for a job among several, which must not prompt.
    pub(crate) const fn is_job(&self) -> bool {
        self.job.is_some()
    }

    /// Shows the summary: with `--json` as JSON when the command ends, otherwise as text now.
    pub(crate) fn summary<T: Serialize>(&self, summary: &T, text: &str) {
        self.summary.replace(serde_json::to_string(summary).ok());
        if !self.json && !text.is_empty() {
            self.report(text);
        }
    }

    /// Removes and returns the summary that is still to be printed.
    pub(crate) fn take_summary(&self) -> Option<String> {
        self.summary.take()
    }
}
