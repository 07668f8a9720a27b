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
    layout::{error_width, fit, output_width},
    output, palette,
    terminal::JobLines,
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

#[derive(Debug, Default)]
pub(super) struct Streams {
    pub(super) holds: Cell<OutputHolds>,
    /// The first error of writing the report to standard output.
    pub(super) failure: RefCell<Option<io::Error>>,
    /// The lines of the job, if the command is one of several: it has messages and no report.
    pub(super) job: Option<JobLines>,
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

    pub(super) fn lines(&self, text: &str) {
        let text = visible_lines(text.trim_end());
        self.report(|width| palette::counts(&fit(&text, width)) + "\n");
    }

    pub(super) fn section(&self, heading: &str, lines: &[String]) {
        self.report(|width| with_heading(heading, lines, width));
    }

    fn report(&self, lines: impl FnOnce(Option<usize>) -> String) {
        if self.job.is_some() {
            return;
        }
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

    pub(super) fn message(&self, text: &str) {
        let text = visible_lines(text.trim_end());
        match &self.job {
            Some(lines) => lines.say(&text),
            None => drop(writeln!(stderr(), "{}", fit(&text, error_width()))),
        }
    }

    pub(super) fn warnings(&self, lines: &[String]) {
        if self.job.is_some() {
            let say = |line: &String| self.message(&format!("warning: {line}"));
            return lines.iter().for_each(say);
        }
        let text = with_heading("warnings", lines, error_width());
        let _ = write!(stderr(), "{text}");
    }

    /// Takes the first error of writing the report.
    pub(super) fn take_failure(&self) -> Result<(), Error> {
        let failure = self.failure.take().map_or(Ok(()), Err);
        failure.map_err(Error::io("standard output"))
    }

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
pub(super) fn written(result: io::Result<()>) -> Result<(), Error> {
    output::is_read(result).map_err(Error::io("standard output"))?;
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
