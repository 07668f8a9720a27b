//! Prints for a command: results to standard output, warnings and other messages to standard error. Values come from
//! files and the account and may contain control sequences, so every line is made [`visible`] before it is printed,
//! which keeps JSON valid and equivalent.
//!
//! A job among several only prints messages, each with the job's name. Its summary becomes part of the jobs' summary.
//!
//! Standard error may be closed early (`… 2>&1 | head`). That stops nothing and does not change the exit code, so
//! write errors are ignored, as they are for standard output that its reader has closed.

use std::{
    cell::{Cell, RefCell},
    io::{self, IsTerminal as _, Write as _},
};

use anstream::{stderr, stdout};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    characters::{visible, visible_lines},
    cli::{ColorWhen, CommonArgs},
    error::Error,
    layout::{self, error_width, fit, output_width},
    palette,
    signals::Signals,
    streams::{self, PlainOutput},
    terminal::{JobLines, Terminal},
};

/// The content of standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum OutputContent {
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
    output: Cell<OutputContent>,
    /// The summary, which `--json` prints when the command ends and from which metrics are taken.
    summary: RefCell<Option<Value>>,
    /// The warnings so far, which belong to the summary object also if they are not printed.
    warnings: RefCell<Vec<String>>,
    /// The first error of writing the report to standard output.
    failure: RefCell<Option<io::Error>>,
    /// The output of a job among several, which has messages but no report.
    job: Option<JobLines>,
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
            self.output.set(OutputContent::Report);
        }
    }

    /// Sends the summary object to standard error.
    pub(crate) fn keep_output_for_data(&self) {
        self.output.set(OutputContent::Data);
    }

    pub(crate) const fn wants_json(&self) -> bool {
        self.json
    }

    pub(crate) fn terminal(&self, signals: Signals) -> Terminal {
        Terminal::new(signals, self.quiet, self.job.clone())
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
        self.summary.replace(serde_json::to_value(summary).ok());
        if !self.json && !text.is_empty() {
            self.report(text);
        }
    }

    /// Removes and returns the summary that is still to be printed.
    pub(crate) fn take_summary(&self) -> Option<Value> {
        self.summary.take()
    }

    /// True if the report goes to standard output.
    pub(crate) fn has_report(&self) -> bool {
        self.output.get() == OutputContent::Report
    }

    /// Prints lines of the report. Values in them must not contain line breaks, or must be made visible before.
    pub(crate) fn report(&self, text: &str) {
        let text = visible_lines(text.trim_end());
        self.write_report(|width| palette::counts(&fit(&text, width)) + "\n");
    }

    /// Prints lines of the report below a heading, unless there are none.
    pub(crate) fn section(&self, heading: &str, lines: &[String]) {
        if !lines.is_empty() {
            self.write_report(|width| with_heading(heading, lines, width));
        }
    }

    fn write_report(&self, lines: impl FnOnce(Option<usize>) -> String) {
        if self.hides_report() {
            return;
        }
        if !self.has_report() {
            let _ = stderr().write_all(lines(error_width()).as_bytes());
            return;
        }
        let text = lines(output_width());
        let mut out = stdout().lock();
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        if let Err(error) = streams::is_read(written) {
            self.failure.borrow_mut().get_or_insert(error);
        }
    }

    /// Prints a message to standard error. Values in it must not contain line breaks, or must be made visible
    /// before.
    pub(crate) fn say(&self, text: &str) {
        if !self.is_quiet() {
            self.say_always(text);
        }
    }

    /// Like [`Self::say`], but also with `--quiet`.
    pub(crate) fn say_always(&self, text: &str) {
        let text = visible_lines(text.trim_end());
        match &self.job {
            Some(lines) => lines.say(&text),
            None => drop(writeln!(stderr(), "{}", fit(&text, error_width()))),
        }
    }

    /// Adds the warnings so far to a summary object.
    pub(crate) fn add_warnings(&self, object: &mut Value) {
        let warnings = self.warnings.borrow();
        if !warnings.is_empty() {
            object["warnings"] = json!(*warnings);
        }
    }

    /// Prints warnings to standard error.
    pub(crate) fn warn(&self, lines: &[String]) {
        self.warnings.borrow_mut().extend_from_slice(lines);
        if self.is_quiet() || lines.is_empty() {
            return;
        }
        if self.is_job() {
            let say = |line: &String| self.say_always(&format!("warning: {line}"));
            return lines.iter().for_each(say);
        }
        let text = with_heading("warnings", lines, error_width());
        let _ = write!(stderr(), "{text}");
    }

    /// Returns the first error of writing the report.
    pub(crate) fn take_failure(&self) -> Result<(), Error> {
        let failure = self.failure.take().map_or(Ok(()), Err);
        failure.map_err(Error::io("standard output"))
    }

    /// Writes the JSON summary.
    pub(crate) fn object(&self, object: &Value) -> Result<(), Error> {
        let line = format!("{}\n", visible(&object.to_string()));
        if self.output.get() == OutputContent::Data {
            let _ = stderr().write_all(line.as_bytes());
            return Ok(());
        }
        document(line.as_bytes())
    }

    /// Prints a data line: JSON with `--json`, otherwise text.
    pub(crate) fn entry(
        &self,
        object: impl FnOnce() -> Value,
        text: impl FnOnce() -> String,
    ) -> Result<(), Error> {
        if self.wants_json() {
            self.data(&object().to_string())
        } else {
            self.line(&text())
        }
    }

    /// Prints a text line to standard output.
    #[expect(clippy::unused_self, reason = "all printing goes through the console")]
    pub(crate) fn line(&self, text: &str) -> Result<(), Error> {
        let text = fit(&visible(text), output_width());
        written(writeln!(stdout(), "{}", palette::entry(&text)))
    }

    /// Writes a table to standard output.
    #[expect(clippy::unused_self, reason = "all printing goes through the console")]
    pub(crate) fn table(&self, headings: &[&str], rows: &[Vec<String>]) -> Result<(), Error> {
        let visible =
            |row: &Vec<String>| row.iter().map(|cell| visible(cell).into_owned()).collect();
        let rows: Vec<Vec<_>> = rows.iter().map(visible).collect();
        let lines = layout::table(headings, &rows, output_width());
        let mut out = stdout().lock();
        let write = |line: &String| writeln!(out, "{}", palette::counts(line));
        written(lines.iter().try_for_each(write))
    }

    pub(crate) fn data(&self, line: &str) -> Result<(), Error> {
        self.document(format!("{}\n", visible(line)).as_bytes())
    }

    /// Writes bytes to standard output unchanged.
    #[expect(clippy::unused_self, reason = "all printing goes through the console")]
    pub(crate) fn document(&self, bytes: &[u8]) -> Result<(), Error> {
        document(bytes)
    }
}

/// Writes a document to standard output: unchanged, but a terminal gets no control characters.
fn document(bytes: &[u8]) -> Result<(), Error> {
    let mut out = PlainOutput(io::stdout());
    let written_bytes = if out.0.is_terminal() {
        let text = String::from_utf8_lossy(bytes);
        out.write_all(visible_lines(&text).as_bytes())
    } else {
        out.write_all(bytes)
    };
    written(written_bytes.and_then(|()| out.flush()))
}

/// The error of writing to standard output, unless its reader has closed it.
fn written(result: io::Result<()>) -> Result<(), Error> {
    streams::is_read(result).map_err(Error::io("standard output"))?;
    Ok(())
}

fn with_heading(heading: &str, lines: &[String], width: Option<usize>) -> String {
    let (mut text, tone) = palette::heading(&fit(heading, width));
    text.push('\n');
    for line in lines {
        let line = fit(&format!("  {}", visible(line)), width);
        text += &match tone {
            Some(tone) => palette::first_words(tone, &line),
            None => line,
        };
        text.push('\n');
    }
    text
}
