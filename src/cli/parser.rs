//! Parses the command line of the process.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use clap::{
    ArgMatches, CommandFactory as _, FromArgMatches as _, builder::Resettable, error::ErrorKind,
};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    ChangedOnly, Cli, Command, ImportArgs, PlanArgs, SourceArgs, mistakes::with_tip,
    same_file::same_file,
};
use crate::environment::is_set_blank;
use crate::layout::{error_width, fit, output_width};

/// Parses the command line of the process.
pub fn parse_command_line() -> Result<Cli, ParserAnswer> {
    let words: Vec<_> = std::env::args_os().collect();
    let command = fit_examples(command_line(), output_width());
    let matches = command.try_get_matches_from(&words);
    let parsed = matches.and_then(|matches| parse(&matches));
    let parsed = parsed.and_then(|cli| match detached_reset(&cli) {
        Some(error) => Err(error),
        None => Ok(cli),
    });
    parsed.map_err(|error| ParserAnswer::new(error, &words))
}

/// The parser of command lines. An empty environment variable counts as unset, as in files of compose, systemd and cron.
pub(super) fn command_line() -> clap::Command {
    ignore_empty_variables(Cli::command())
}

fn ignore_empty_variables(command: clap::Command) -> clap::Command {
    let command = command.mut_subcommands(ignore_empty_variables);
    command.mut_args(|argument| match argument.get_env() {
        Some(name) if is_set_blank(name) => argument.env(Resettable::Reset),
        _ => argument,
    })
}

/// The command line that was matched.
pub(super) fn parse(matches: &ArgMatches) -> Result<Cli, clap::Error> {
    same_file(matches).map_or_else(|| Cli::from_arg_matches(matches), Err)
}

/// The parser's answer to a command line without a command: help, the version, or an error.
#[derive(Debug)]
pub struct ParserAnswer {
    /// Lines that fit the terminal.
    pub(crate) text: String,
    pub(crate) is_error: bool,
    /// The object that `--json` prints for an error.
    pub(crate) object: Option<Value>,
}

impl ParserAnswer {
    /// Adds a tip to an error. `words`: the command line.
    fn new(error: clap::Error, words: &[OsString]) -> Self {
        let words = words.iter().map(|word| word.to_string_lossy().into_owned());
        let words: Vec<_> = words.collect();
        let error = with_tip(error, &words);
        let is_error = error.use_stderr();
        let mut options = words.iter().take_while(|word| *word != "--");
        let is_json = |word: &String| word == "--json" || word.starts_with("--json=");
        let wants_json = is_error && options.any(is_json);
        let width = if is_error {
            error_width()
        } else {
            output_width()
        };
        let text = error.render().ansi().to_string();
        Self {
            text: fit(&text, width),
            is_error,
            object: wants_json.then(|| object_of(&error, &words)),
        }
    }
}

/// The object for an error: its first paragraph, and its tip as the hint.
fn object_of(error: &clap::Error, words: &[String]) -> Value {
    let cli = Cli::command();
    let command = words[1..]
        .iter()
        .find(|word| cli.find_subcommand(word).is_some());
    let text = error.render().to_string();
    let mut paragraphs = text.split("\n\n").map(|paragraph| {
        let words: Vec<_> = paragraph.split_whitespace().collect();
        words.join(" ")
    });
    let message = paragraphs.next().unwrap_or_default();
    let hint = paragraphs.find_map(|it| Some(it.strip_prefix("tip: ")?.to_owned()));
    json!({
        "command": command, "exit_code": 2, "started_at": Timestamp::now().to_string(), "seconds": 0.0,
        "error": { "message": message.trim_start_matches("error: "), "hint": hint },
    })
}

/// The error for `--changed-only reset`, where `reset` is parsed as a file.
fn detached_reset(cli: &Cli) -> Option<clap::Error> {
    let (Command::Import(ImportArgs { sources, .. }) | Command::Plan(PlanArgs { sources, .. })) =
        &cli.command
    else {
        return None;
    };
    let SourceArgs { read, planning, .. } = sources;
    let is_reset = |file: &PathBuf| file == Path::new("reset") && !file.exists();
    let is_detached = planning.changed_only == Some(ChangedOnly::On);
    (is_detached && read.files.iter().any(is_reset)).then(|| {
        Cli::command().error(
            ErrorKind::ValueValidation,
            "the value of --changed-only needs a `=`: --changed-only=reset",
        )
    })
}

/// Wraps the examples of a command: the parser only wraps options correctly.
fn fit_examples(command: clap::Command, width: Option<usize>) -> clap::Command {
    let examples = command.get_after_help().map(ToString::to_string);
    let command = command.mut_subcommands(|command| fit_examples(command, width));
    match examples {
        Some(examples) => command.after_help(fit(&examples, width)),
        None => command,
    }
}
