//! One file per command: builds the options, calls the core, prints the outcome. The last modules are shared.

// The commands.
mod apply;
mod auth;
mod check;
mod delete;
mod diff;
mod export;
mod get;
mod import;
mod jobs;
mod plan;
mod report;
mod runs;
mod sandbox;
mod shells;
mod undo;
mod users;
mod verify;

// Shared by several commands.
mod conclusion;
mod confirm;
mod context;
mod findings;
mod history;
mod next_steps;
mod nothing_left;
mod page;
mod planned;
mod planning;
mod preview;
mod resume;
mod sent;
mod unfinished;
mod watched;

pub use conclusion::print_error;

use page::report_failure;
use std::io::Write as _;

use anstream::{stderr, stdout};

use crate::{
    characters::visible,
    cli::{AccountArgs, Cli, Command, CommonArgs, ParserAnswer},
    console::Console,
    error::{Error, ExitCode},
    report::summary::with_common_keys,
    settings::{Configuration, Settings},
    signals::Signals,
};
use conclusion::conclude;
use context::{Context, command_line};
use watched::Watched;

/// Runs the command that was typed.
pub fn run(cli: Cli, signals: Signals) -> Result<ExitCode, Error> {
    let console = Console::new(&cli.common);
    let watched = Watched::new((&cli.command).into(), None);
    let result = Error::catch_panic(|| execute(cli, signals, &console, &watched));
    conclude(&console, &watched, result)
}

/// Prints the parser's answer, and returns the exit code. If writing fails, there is no other place to report it.
#[must_use]
pub fn print_answer(answer: &ParserAnswer) -> ExitCode {
    let bytes = answer.text.as_bytes();
    if answer.is_error {
        let _ = stderr().write_all(bytes);
        if let Some(object) = &answer.object {
            let object = with_common_keys(object.clone(), None, None);
            let _ = writeln!(stdout(), "{}", visible(&object.to_string()));
        }
        ExitCode::Usage
    } else {
        let _ = stdout().write_all(bytes);
        ExitCode::Done
    }
}

fn execute(
    cli: Cli,
    signals: Signals,
    console: &Console,
    watched: &Watched,
) -> Result<ExitCode, Error> {
    let armed = watched.arm(&cli.command.watch(), cli.common.profile.as_deref());
    let account = cli.command.account().cloned().unwrap_or_default();
    let settings = configure(cli.common, account, watched);
    // Only now, because the profile may name the ping that reports this error.
    armed?;
    let settings = settings?;
    let mut context = Context::new(settings, console, watched, signals, command_line());
    dispatch(&mut context, cli.command)
}

/// Reads the settings, and adds their monitoring.
fn configure(
    common: CommonArgs,
    account: AccountArgs,
    watched: &Watched,
) -> Result<Settings, Error> {
    let configuration = Configuration::read(common.config.as_deref())?;
    let settings = configuration.settings(common, account)?;
    watched.configure(&settings)?;
    Ok(settings)
}

fn dispatch(context: &mut Context, command: Command) -> Result<ExitCode, Error> {
    let started = context.watched.started;
    let result = match command {
        Command::Import(args) => import::run(context, &args),
        Command::Plan(args) => plan::run(context, &args),
        Command::Check(args) => check::run(context, &args),
        Command::Export(args) => export::run(context, &args),
        Command::Get(args) => get::run(context, &args),
        Command::Delete(args) => delete::run(context, &args),
        Command::Apply(args) => apply::run(context, &args),
        Command::Undo(args) => undo::run(context, &args),
        Command::Verify(args) => verify::run(context, &args),
        Command::Diff(args) => diff::run(context, &args),
        Command::Runs(args) => runs::run(context, &args),
        Command::Report(args) => report::run(context, &args),
        Command::Jobs(args) => jobs::run(context, &args, dispatch),
        Command::Auth(args) => auth::run(context, &args),
        Command::Users(args) => users::run(context, &args),
        Command::Sandbox(args) => sandbox::run(context, &args),
        Command::Completions { shell } => shells::completions(context, shell),
        Command::Man { dir } => shells::man(context, dir.as_deref()),
    };
    result.inspect_err(|error| report_failure(context, started, error))
}
