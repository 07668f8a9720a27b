//! Prints for a command: its result to standard output, warnings and other messages to standard error. Values come from files
//! and from the account, and may contain control sequences. So every line is made [`visible`] before it is printed, which
//! leaves JSON valid and unchanged in meaning.
//!
//! One of several jobs prints messages only, each with the name of the job; its summary object is part of theirs.

use std::cell::RefCell;

use serde::Serialize;

use super::streams::{OutputHolds, Streams};
use crate::{
    cli::{ColorWhen, CommonArgs},
    signals::Signals,
    terminal::{JobLines, Show, Terminal},
};

/// Prints for one command.
#[derive(Debug)]
pub(super) struct Console {
    json: bool,
    quiet: bool,
    /// The summary object, which `--json` prints when the command ends, and from which its metrics are taken.
    summary: RefCell<Option<String>>,
    pub(super) streams: Streams,
}

impl Console {
    pub(super) fn new(args: &CommonArgs) -> Self {
        match args.color {
            ColorWhen::Auto => {}
            ColorWhen::Always => anstream::ColorChoice::Always.write_global(),
            ColorWhen::Never => anstream::ColorChoice::Never.write_global(),
        }
        Self {
            json: args.json,
            quiet: args.quiet,
            summary: RefCell::new(None),
            streams: Streams::default(),
        }
    }

    pub(super) fn of_job(quiet: bool, lines: JobLines) -> Self {
        Self {
            json: true,
            quiet,
            summary: RefCell::new(None),
            streams: Streams {
                job: Some(lines),
                ..Streams::default()
            },
        }
    }

    /// Sends the report in words to standard output. With `--json` that holds nothing but the object.
    pub(super) fn print_results(&self) {
        if !self.json {
            self.streams.put_on_output(OutputHolds::Report);
        }
    }

    /// Sends the summary object to standard error.
    pub(super) fn keep_output_for_data(&self) {
        self.streams.put_on_output(OutputHolds::Data);
    }

    pub(super) const fn wants_json(&self) -> bool {
        self.json
    }

    pub(super) fn terminal(&self, signals: Signals) -> Terminal {
        let show = if self.quiet {
            Show::Nothing
        } else {
            Show::Progress
        };
        Terminal::new(signals, show, self.streams.job.clone())
    }

    /// Prints a message to standard error. Values in it must not contain line breaks, or be made visible before.
    pub(super) fn say(&self, text: &str) {
        if !self.quiet {
            self.insist(text);
        }
    }

    /// As [`Self::say`], but also with `--quiet`.
    pub(super) fn insist(&self, text: &str) {
        self.streams.message(text);
    }

    pub(super) const fn is_quiet(&self) -> bool {
        self.quiet
    }

    pub(super) const fn hides_report(&self) -> bool {
        self.quiet || self.is_job()
    }

    /// True if the command is one of several jobs, so that it must not ask.
    pub(super) const fn is_job(&self) -> bool {
        self.streams.job.is_some()
    }

    /// Prints lines of the report below a heading, unless there are none.
    pub(super) fn section(&self, heading: &str, lines: &[String]) {
        if !self.quiet && !lines.is_empty() {
            self.streams.section(heading, lines);
        }
    }

    /// Prints warnings to standard error.
    pub(super) fn warnings(&self, lines: &[String]) {
        if !self.quiet && !lines.is_empty() {
            self.streams.warnings(lines);
        }
    }

    /// Prints lines of the report. Values in them must not contain line breaks, or be made visible before.
    pub(super) fn report(&self, text: &str) {
        if !self.quiet {
            self.streams.lines(text);
        }
    }

    /// Shows the summary: as an object when the command ends (`--json`), otherwise as text, now.
    pub(super) fn summary<T: Serialize>(&self, summary: &T, text: &str) {
        self.summary.replace(serde_json::to_string(summary).ok());
        if !self.json && !text.is_empty() {
            self.report(text);
        }
    }

    /// Takes the summary object, which is still to be printed, and the streams to print it.
    pub(super) fn take_summary(&self) -> (Option<String>, &Streams) {
        (self.summary.take(), &self.streams)
    }
}
