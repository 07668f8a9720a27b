//! The end of a command: the object of `--json`, and the error.

use std::{error::Error as _, io::Write as _};

use anstream::stderr;
use jiff::Timestamp;
use serde_json::json;

use super::console::Console;
use crate::{
    error::{Error, ExitCode},
    layout::{error_width, fit},
    palette::Tone,
    paths::read_fault,
    wording::{elapsed, visible_lines},
};

/// Prints the object of `--json`, with the error if there is one.
pub(super) fn conclude(
    console: &Console,
    command: &'static str,
    started: Timestamp,
    result: Result<ExitCode, Error>,
) -> Result<ExitCode, Error> {
    let (summary, streams) = console.take_summary();
    let result = result.and_then(|code| streams.take_failure().map(|()| code));
    if !console.wants_json() {
        return result;
    }
    let object = object(command, started, &result, summary);
    let printed = object.map_or(Ok(()), |object| streams.object(&object));
    result.and_then(|code| printed.map(|()| code))
}

/// The object of `--json`.
pub(super) fn object(
    command: &str,
    started: Timestamp,
    result: &Result<ExitCode, Error>,
    summary: Option<String>,
) -> Option<String> {
    match result {
        Err(error) => Some(with_error(command, started, error, summary.as_deref())),
        Ok(_) => summary,
    }
}

/// The summary with the error added; if the command failed before its summary, an object of its own.
fn with_error(command: &str, started: Timestamp, error: &Error, summary: Option<&str>) -> String {
    let words = json!({ "message": message(error), "hint": error.hint() });
    if let Some(open) = summary.and_then(|object| object.strip_suffix('}')) {
        return format!("{open},\"error\":{words}}}");
    }
    let mut object = json!({
        "command": command, "exit_code": error.exit_code() as u8, "error": words,
        "started_at": started.to_string(), "seconds": elapsed(started),
    });
    if let Error::Gate(verdict) = error {
        object["gate"] = json!(verdict);
    }
    object.to_string()
}

/// An error with its causes.
pub(super) fn message(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        // Some messages include their cause, or say it in plainer words.
        let is_plain = error
            .downcast_ref()
            .is_some_and(|cause| text.contains(&read_fault(cause)));
        if !is_plain && !text.contains(&words) {
            text.extend([": ", &words]);
        }
        cause = error.source();
    }
    text
}

/// Prints an error with its causes and its hint, and returns its exit code.
#[must_use]
pub fn print_error(error: &Error) -> ExitCode {
    for (label, tone, text) in advice(error) {
        print(label, tone, &text);
    }
    error.exit_code()
}

/// The error and its hint, with their labels.
pub(super) fn advice(error: &Error) -> impl Iterator<Item = (&'static str, Tone, String)> {
    let hint = error.hint().map(|hint| ("hint:", Tone::Hint, hint));
    std::iter::once(("error:", Tone::Error, message(error))).chain(hint)
}

fn print(label: &str, tone: Tone, text: &str) {
    let text = visible_lines(text);
    let lines = fit(&format!("{label} {text}"), error_width());
    let _ = writeln!(stderr(), "{}", tone.paint_lead(label, &lines));
}
