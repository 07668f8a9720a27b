//! Standard output and standard error of a command, and its report, which goes to one of them.
//!
//! Standard error may be closed early (`… 2>&1 | head`). That stops nothing and does not change the exit code, so
//! write errors are ignored, as they are for standard output that its reader has closed.

use std::io::{self, IsTerminal as _, Write as _};

use anstream::{stderr, stdout};

use super::{Console, OutputHolds};
use crate::{
    error::Error,
    layout::{error_width, fit, output_width},
    output, palette,
    wording::{visible, visible_lines},
};

impl Console {
    /// True if the report goes to standard output.
    pub(crate) fn has_report(&self) -> bool {
        self.holds.get() == OutputHolds::Report
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
        if let Err(error) = output::is_read(written) {
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

    /// Prints warnings to standard error.
    pub(crate) fn warnings(&self, lines: &[String]) {
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
    pub(crate) fn object(&self, object: &str) -> Result<(), Error> {
        let line = format!("{}\n", visible(object));
        if self.holds.get() == OutputHolds::Data {
            let _ = stderr().write_all(line.as_bytes());
            return Ok(());
        }
        document(line.as_bytes())
    }
}

/// Writes a document to standard output: unchanged, but a terminal gets no control characters.
pub(crate) fn document(bytes: &[u8]) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    let written_bytes = if out.is_terminal() {
        let text = String::from_utf8_lossy(bytes);
        out.write_all(visible_lines(&text).as_bytes())
    } else {
        out.write_all(bytes)
    };
    written(written_bytes.and_then(|()| out.flush()))
}

/// The error of writing to standard output, unless its reader has closed it.
pub(crate) fn written(result: io::Result<()>) -> Result<(), Error> {
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
