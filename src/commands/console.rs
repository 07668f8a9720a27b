//! The two streams: data and `--json` go to standard output, everything for people to standard error.
//!
//! Nobody may listen to the latter any more (`… 2>&1 | head`). That stops nothing and changes no exit code, so what can't be
//! said is left unsaid.
//!
//! Values come from files and from the account, and may hold what a terminal obeys. So everything that is printed line by line
//! is made [`visible`] here. JSON stays the same JSON by that.

use std::{
    error::Error as _,
    io::{self, Write as _},
    path::Path,
};

use anstream::stderr;
use serde::Serialize;

use crate::{
    cli::{ColorWhen, CommonArgs},
    error::{Error, ExitCode},
    output,
    progress::terminal::Show,
    wording::{visible, visible_lines},
};

const BOLD: &str = "\u{1b}[1m";
const RED: &str = "\u{1b}[1;31m";
const CYAN: &str = "\u{1b}[36m";
const PLAIN: &str = "\u{1b}[0m";

/// How to speak.
#[derive(Clone, Copy, Debug)]
pub(super) struct Console {
    json: bool,
    quiet: bool,
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
        }
    }

    /// Is there to be an object on standard output rather than lines?
    pub(super) const fn wants_json(self) -> bool {
        self.json
    }

    /// How progress is shown.
    pub(super) const fn progress(self) -> Show {
        if self.quiet {
            Show::Nothing
        } else {
            Show::Progress
        }
    }

    /// Says something to people, on standard error. Where a value in it could hold line ends, the caller makes it visible.
    pub(super) fn say(self, text: &str) {
        if !self.quiet {
            let _ = writeln!(io::stderr(), "{}", visible_lines(text.trim_end()));
        }
    }

    /// A heading and lines below it.
    pub(super) fn section(self, heading: &str, lines: &[String]) {
        if !self.quiet && !lines.is_empty() {
            let _ = writeln!(stderr(), "{BOLD}{heading}{PLAIN}");
            for line in lines {
                let _ = writeln!(stderr(), "  {}", visible(line));
            }
        }
    }

    /// The summary: an object for scripts, or lines for people.
    pub(super) fn summary<T: Serialize>(self, summary: &T, text: &str) -> Result<(), Error> {
        if self.json {
            return self.data(&serde_json::to_string(summary).unwrap_or_default());
        }
        self.say(text);
        Ok(())
    }

    /// A line of data on standard output.
    pub(super) fn data(self, line: &str) -> Result<(), Error> {
        self.document(format!("{}\n", visible(line)).as_bytes())
    }

    /// Data on standard output, as it is.
    #[expect(clippy::unused_self, reason = "the console is the one who prints")]
    pub(super) fn document(self, bytes: &[u8]) -> Result<(), Error> {
        let mut out = io::stdout().lock();
        let written = out.write_all(bytes).and_then(|()| out.flush());
        output::is_read(written).map_err(Error::output("standard output"))?;
        Ok(())
    }
}

/// A path as it is shown: short where it is below the working directory.
pub(super) fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(here)
        .unwrap_or(path)
        .display()
        .to_string()
}

/// Prints an error with its causes and what to do about it; gives its exit code.
#[must_use]
pub fn print_error(error: &Error) -> ExitCode {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        // Some errors tell their cause themselves.
        if !text.contains(&words) {
            text.extend([": ", &words]);
        }
        cause = error.source();
    }
    let _ = writeln!(stderr(), "{RED}error:{PLAIN} {}", visible_lines(&text));
    if let Some(hint) = error.hint() {
        let _ = writeln!(stderr(), "{CYAN}hint:{PLAIN} {}", visible_lines(&hint));
    }
    error.exit_code()
}
