//! Standard output and standard error of a command, and its report in words, which goes to the one or the other.
//!
//! Standard error may be closed early (`… 2>&1 | head`). That stops nothing and changes no exit code, so failed writes to
//! it are ignored. So is standard output that is closed by its reader.

use std::{
    cell::{Cell, RefCell},
    io::{self, Write as _},
};

use anstream::{stderr, stdout};

use crate::{
    error::Error,
    layout::{self, error_width, fit, output_width},
    output, palette,
    wording::{visible, visible_lines},
};

/// The purpose of standard output, besides data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum OutputHolds {
    /// The object of `--json`.
    #[default]
    Object,
    /// The report in words.
    Report,
    /// Nothing but data: the object goes to standard error.
    Data,
}

/// The streams of one command.
#[derive(Debug, Default)]
pub(super) struct Streams {
    holds: Cell<OutputHolds>,
    /// The first error of writing the report to standard output.
    failure: RefCell<Option<io::Error>>,
}

impl Streams {
    /// Decides what else goes to standard output.
    pub(super) fn put_on_output(&self, holds: OutputHolds) {
        self.holds.set(holds);
    }

    /// True if the report in words goes to standard output.
    pub(super) fn has_report(&self) -> bool {
        self.holds.get() == OutputHolds::Report
    }

    /// Writes lines of the report.
    pub(super) fn lines(&self, text: &str) {
        let text = visible_lines(text.trim_end());
        self.report(|width| palette::counts(&fit(&text, width)) + "\n");
    }

    /// Writes lines of the report below a heading.
    pub(super) fn section(&self, heading: &str, lines: &[String]) {
        self.report(|width| with_heading(heading, lines, width));
    }

    fn report(&self, lines: impl FnOnce(Option<usize>) -> String) {
        if self.holds.get() != OutputHolds::Report {
            let _ = stderr().write_all(lines(error_width()).as_bytes());
            return;
        }
        let text = lines(output_width());
        let mut out = stdout().lock();
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        if let Err(error) = output::is_read(written) {
            self.failure.borrow_mut().get_or_insert(error);
        }
    }

    /// Takes the first error of writing the report.
    pub(super) fn take_failure(&self) -> Result<(), Error> {
        let failure = self.failure.take().map_or(Ok(()), Err);
        failure.map_err(Error::io("standard output"))
    }

    /// Writes the object of `--json`.
    pub(super) fn object(&self, object: &str) -> Result<(), Error> {
        let line = format!("{}\n", visible(object));
        if self.holds.get() == OutputHolds::Data {
            let _ = stderr().write_all(line.as_bytes());
            return Ok(());
        }
        document(line.as_bytes())
    }
}

/// Writes bytes to standard output as they are.
pub(super) fn document(bytes: &[u8]) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    written(out.write_all(bytes).and_then(|()| out.flush()))
}

/// The error of writing to standard output, unless its reader has closed it.
fn written(result: io::Result<()>) -> Result<(), Error> {
    output::is_read(result).map_err(Error::io("standard output"))?;
    Ok(())
}

/// Writes a message to standard error.
pub(super) fn message(text: &str) {
    let text = fit(&visible_lines(text.trim_end()), error_width());
    let _ = writeln!(stderr(), "{text}");
}

/// Writes warnings to standard error.
pub(super) fn warnings(lines: &[String]) {
    let text = with_heading("warnings", lines, error_width());
    let _ = write!(stderr(), "{text}");
}

/// Writes a line for people to standard output.
pub(super) fn line(text: &str) -> Result<(), Error> {
    let text = fit(&visible(text), output_width());
    written(writeln!(stdout(), "{}", palette::entry(&text)))
}

/// Writes a table for people to standard output.
pub(super) fn table(headings: &[&str], rows: &[Vec<String>]) -> Result<(), Error> {
    let visible = |row: &Vec<String>| row.iter().map(|cell| visible(cell).into_owned()).collect();
    let rows: Vec<Vec<_>> = rows.iter().map(visible).collect();
    let lines = layout::table(headings, &rows, output_width());
    let mut out = stdout().lock();
    let write = |line: &String| writeln!(out, "{}", palette::counts(line));
    written(lines.iter().try_for_each(write))
}

/// A heading, and indented lines.
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
