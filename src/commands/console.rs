//! The two streams: data and `--json` go to standard output, everything for people to standard error.
//!
//! Standard error may be closed early (`… 2>&1 | head`). That stops nothing and changes no exit code, so failed writes to
//! it are ignored.
//!
//! Values come from files and from the account, and may contain control sequences. So every line is made [`visible`]
//! before it is printed, which leaves JSON valid and unchanged in meaning.

use std::{
    cell::{Cell, RefCell},
    io::{self, Write as _},
};

use anstream::stderr;
use serde::Serialize;

use crate::{
    cli::{ColorWhen, CommonArgs},
    error::Error,
    output,
    terminal::Show,
    wording::{visible, visible_lines},
};

const BOLD: &str = "\u{1b}[1m";
const PLAIN: &str = "\u{1b}[0m";

/// Prints for one command.
#[derive(Debug)]
pub(super) struct Console {
    json: bool,
    quiet: bool,
    /// The summary object, which `--json` prints when the command ends.
    summary: RefCell<Option<String>>,
    /// True if standard output is for data alone.
    is_output_for_data: Cell<bool>,
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
            is_output_for_data: Cell::new(false),
        }
    }

    /// Sends the summary object to standard error.
    pub(super) fn keep_output_for_data(&self) {
        self.is_output_for_data.set(true);
    }

    /// True if `--json` was given.
    pub(super) const fn wants_json(&self) -> bool {
        self.json
    }

    /// How progress is shown.
    pub(super) const fn progress(&self) -> Show {
        if self.quiet {
            Show::Nothing
        } else {
            Show::Progress
        }
    }

    /// Prints a message to standard error. Values in it must not contain line breaks, or be made visible before.
    pub(super) fn say(&self, text: &str) {
        if !self.quiet {
            self.insist(text);
        }
    }

    /// As [`Self::say`], but also with `--quiet`.
    #[expect(clippy::unused_self, reason = "all printing goes through the console")]
    pub(super) fn insist(&self, text: &str) {
        let _ = writeln!(io::stderr(), "{}", visible_lines(text.trim_end()));
    }

    /// True if `--quiet` was given.
    pub(super) const fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Prints a heading and lines below it, unless there are none.
    pub(super) fn section(&self, heading: &str, lines: &[String]) {
        if !self.quiet && !lines.is_empty() {
            let _ = writeln!(stderr(), "{BOLD}{heading}{PLAIN}");
            for line in lines {
                let _ = writeln!(stderr(), "  {}", visible(line));
            }
        }
    }

    /// Shows the summary: as an object when the command ends (`--json`), otherwise as text, now.
    pub(super) fn summary<T: Serialize>(&self, summary: &T, text: &str) {
        if self.json {
            self.summary.replace(serde_json::to_string(summary).ok());
        } else if !text.is_empty() {
            self.say(text);
        }
    }

    /// Takes the summary object that is still to be printed.
    pub(super) fn take_summary(&self) -> Option<String> {
        self.summary.take()
    }

    /// Prints the object of `--json`.
    pub(super) fn object(&self, object: &str) -> Result<(), Error> {
        if self.is_output_for_data.get() {
            let _ = writeln!(io::stderr(), "{}", visible(object));
            return Ok(());
        }
        self.data(object)
    }

    /// Prints a line of data: the object with `--json`, otherwise the text.
    pub(super) fn entry(
        &self,
        object: impl FnOnce() -> serde_json::Value,
        text: impl FnOnce() -> String,
    ) -> Result<(), Error> {
        self.data(&if self.json {
            object().to_string()
        } else {
            text()
        })
    }

    /// Prints a line to standard output.
    pub(super) fn data(&self, line: &str) -> Result<(), Error> {
        self.document(format!("{}\n", visible(line)).as_bytes())
    }

    /// Writes bytes to standard output as they are.
    #[expect(clippy::unused_self, reason = "all printing goes through the console")]
    pub(super) fn document(&self, bytes: &[u8]) -> Result<(), Error> {
        let mut out = io::stdout().lock();
        let written = out.write_all(bytes).and_then(|()| out.flush());
        output::is_read(written).map_err(Error::io("standard output"))?;
        Ok(())
    }
}
