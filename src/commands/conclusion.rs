//! The end of a command: the JSON summary and the error.

use std::{error::Error as _, io::Write as _};

use anstream::stderr;
use serde_json::{Value, json};

use super::watched::Watched;
use crate::{
    characters::{visible, visible_lines},
    console::Console,
    error::{Error, ExitCode},
    layout::{error_width, fit},
    palette::Tone,
    paths::read_fault,
    report::summary::with_common_keys,
};

/// Writes the metrics, prints the JSON summary (including the error, if any), and pings.
pub(super) fn conclude(
    console: &Console,
    watched: &Watched,
    result: Result<ExitCode, Error>,
) -> Result<ExitCode, Error> {
    let (mut result, object) = finish(console, watched, result);
    if console.wants_json()
        && let Some(object) = object
    {
        let printed = console.object(&object);
        result = result.and_then(|code| printed.map(|()| code));
    }
    watched.end(console, &result);
    result
}

/// Writes the metrics. Returns the result and the JSON summary, including the error, if any.
pub(super) fn finish(
    console: &Console,
    watched: &Watched,
    result: Result<ExitCode, Error>,
) -> (Result<ExitCode, Error>, Option<Value>) {
    let summary = console.take_summary();
    let result = result.and_then(|code| console.take_failure().map(|()| code));
    let result = match (watched.save_metrics(summary.as_ref(), &result), result) {
        // Monitoring would mistake the old metrics for new ones.
        (Err(error), Ok(_)) => Err(error.into()),
        (Err(error), Err(first)) => {
            console.say_always(&visible(&message(&error.into())));
            Err(first)
        }
        (Ok(()), result) => result,
    };
    let object = match &result {
        Err(error) => Some(with_error(watched, error, summary)),
        Ok(_) => summary,
    };
    let (account, profile) = (watched.account.get(), watched.profile.get());
    let object = object.map(|object| with_common_keys(object, account, profile));
    (result, object)
}

/// The summary with the error and its exit code. If the command failed before its summary, a summary of only the
/// error.
fn with_error(watched: &Watched, error: &Error, summary: Option<Value>) -> Value {
    let of_error = || {
        let started = watched.started;
        let mut object = json!({
            "command": watched.command,
            "started_at": started.at.to_string(), "seconds": started.seconds(),
        });
        if let Error::Gate(verdict) = error {
            object["gate"] = json!(verdict);
        }
        if let Some(page) = watched.failure_page.get() {
            object["files"] = json!({ "report": page });
        }
        object
    };
    let mut object = summary.unwrap_or_else(of_error);
    object["exit_code"] = json!(error.exit_code() as u8);
    object["error"] = json!({ "message": message(error), "hint": error.hint() });
    object
}

/// An error with its causes.
pub(super) fn message(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        // Some messages include their cause or rephrase it.
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

/// The error and its hint for someone who wrote keys in a jobs file instead of flags.
pub(super) fn advice_to_job(error: &Error) -> impl Iterator<Item = String> {
    advice(error).map(|(label, tone, text)| {
        let has_flag = tone == Tone::Hint && text.contains("--");
        let note = if has_flag {
            " (in a jobs file, as a key without `--`)"
        } else {
            ""
        };
        format!("{label} {text}{note}")
    })
}

fn advice(error: &Error) -> impl Iterator<Item = (&'static str, Tone, String)> {
    let hint = error.hint().map(|hint| ("hint:", Tone::Hint, hint));
    std::iter::once(("error:", Tone::Error, message(error))).chain(hint)
}

fn print(label: &str, tone: Tone, text: &str) {
    let text = visible_lines(text);
    let lines = fit(&format!("{label} {text}"), error_width());
    let _ = writeln!(stderr(), "{}", tone.paint_lead(label, &lines));
}
