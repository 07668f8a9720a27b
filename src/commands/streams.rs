//! Standard output and standard error of a command, and its report in words, which goes to the one or the other.
//!
//! Standard error may be closed early (`… 2>&1 | head`). That stops nothing and changes no exit code, so failed writes to
//! it are ignored. So is standard output that is closed by its reader.

use std::{
    cell::{Cell, RefCell},
    io::{self, Write as _},
};

use anstream::{stderr, stdout};

use crate::{error::Error, output, wording::visible};

const BOLD: &str = "\u{1b}[1m";
const PLAIN: &str = "\u{1b}[0m";

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

    /// Writes text of the report as it is.
    pub(super) fn report(&self, text: &str) {
        if self.holds.get() != OutputHolds::Report {
            let _ = stderr().write_all(text.as_bytes());
            return;
        }
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
    let written = out.write_all(bytes).and_then(|()| out.flush());
    output::is_read(written).map_err(Error::io("standard output"))?;
    Ok(())
}

/// A heading in bold, and indented lines.
pub(super) fn with_heading(heading: &str, lines: &[String]) -> String {
    let lines = lines.iter().map(|line| format!("  {}\n", visible(line)));
    lines.fold(format!("{BOLD}{heading}{PLAIN}\n"), |text, line| {
        text + &line
    })
}
