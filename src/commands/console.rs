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
    sync::{Mutex, MutexGuard, PoisonError},
};

use anstream::stderr;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use super::terminal::Show;
use crate::{
    cli::{ColorWhen, CommonArgs},
    error::{Error, ExitCode},
    output,
    wording::{counted, elapsed, shown_path, visible, visible_lines},
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
    /// There is one console in a process, so it may last as long.
    ending: &'static Mutex<Ending>,
}

/// What `--json` prints when the command ends: one object, whatever became of it.
#[derive(Debug)]
struct Ending {
    command: &'static str,
    started: Timestamp,
    object: Option<String>,
    /// Is standard output for data that a summary has no place in?
    is_aside: bool,
}

impl Console {
    pub(super) fn new(args: &CommonArgs, command: &'static str) -> Self {
        match args.color {
            ColorWhen::Auto => {}
            ColorWhen::Always => anstream::ColorChoice::Always.write_global(),
            ColorWhen::Never => anstream::ColorChoice::Never.write_global(),
        }
        Self {
            json: args.json,
            quiet: args.quiet,
            ending: Box::leak(Box::new(Mutex::new(Ending {
                command,
                started: Timestamp::now(),
                object: None,
                is_aside: false,
            }))),
        }
    }

    fn ending(self) -> MutexGuard<'static, Ending> {
        // Who panicked with it has left it as it was.
        self.ending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Standard output is for the data alone: the object goes to standard error.
    pub(super) fn keep_output_for_data(self) {
        self.ending().is_aside = true;
    }

    /// Ends the command: the object is printed, with the error where there is one.
    pub(super) fn conclude(self, result: Result<ExitCode, Error>) -> Result<ExitCode, Error> {
        if !self.json {
            return result;
        }
        let mut ending = self.ending();
        let object = match (&result, ending.object.take()) {
            (Err(error), object) => Some(ending.failed(error, object.as_deref())),
            (Ok(_), object) => object,
        };
        let printed = match object {
            Some(object) if ending.is_aside => {
                let _ = writeln!(io::stderr(), "{}", visible(&object));
                Ok(())
            }
            Some(object) => self.data(&object),
            None => Ok(()),
        };
        result.and_then(|code| printed.map(|()| code))
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

    /// Says which command goes on with a run: to a quiet terminal as well, as with the error that goes before it.
    #[expect(clippy::unused_self, reason = "the console is the one who speaks")]
    pub(super) fn say_how_to_continue(self, command: &str) {
        let _ = writeln!(io::stderr(), "to continue: {}", visible(command));
    }

    /// Says where the rejects are to a terminal that is quiet: nobody else tells why it ended with 3.
    pub(super) fn say_where_rejects_are(self, count: u64, path: &Path) {
        if self.quiet {
            let were = if count == 1 { "was" } else { "were" };
            let text = format!(
                "{} {were} rejected: see {}",
                counted(count, "row"),
                shown_path(path)
            );
            let _ = writeln!(io::stderr(), "{}", visible(&text));
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

    /// The summary: an object for scripts, printed when the command ends, or lines for people.
    pub(super) fn summary<T: Serialize>(self, summary: &T, text: &str) {
        if self.json {
            self.ending().object = serde_json::to_string(summary).ok();
        } else if !text.is_empty() {
            self.say(text);
        }
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
        output::is_read(written).map_err(Error::io("standard output"))?;
        Ok(())
    }
}

impl Ending {
    /// The summary with the error behind it; where the command came to no summary, an object of its own.
    fn failed(&self, error: &Error, object: Option<&str>) -> String {
        let words = json!({ "message": told(error), "hint": error.hint() });
        if let Some(open) = object.and_then(|object| object.strip_suffix('}')) {
            return format!("{open},\"error\":{words}}}");
        }
        let seconds = elapsed(self.started);
        let mut object = json!({
            "command": self.command, "exit_code": error.exit_code() as u8, "error": words,
            "started_at": self.started.to_string(), "seconds": seconds,
        });
        if let Error::Gate(verdict) = error {
            object["gate"] = json!(verdict);
        }
        object.to_string()
    }
}

/// An error with its causes.
fn told(error: &Error) -> String {
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
    text
}

/// Prints an error with its causes and what to do about it; gives its exit code.
#[must_use]
pub fn print_error(error: &Error) -> ExitCode {
    let _ = writeln!(
        stderr(),
        "{RED}error:{PLAIN} {}",
        visible_lines(&told(error))
    );
    if let Some(hint) = error.hint() {
        let _ = writeln!(stderr(), "{CYAN}hint:{PLAIN} {}", visible_lines(&hint));
    }
    error.exit_code()
}
