//! Parses the command line, runs the command, prints its error and exits with its code.

use std::process;

use wazzup_contacts::{
    cli::Cli,
    commands::{print_error, run},
    core_dumps, crash,
    error::ExitCode,
    logging,
    signals::Signals,
};

fn main() -> process::ExitCode {
    core_dumps::forbid();
    crash::arm();
    let cli = match Cli::parse_or_print() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    logging::begin(&cli);
    let code = Signals::listen()
        .and_then(|signals| run(cli, signals))
        .unwrap_or_else(|error| print_error(&error));
    process::ExitCode::from(u8::try_from(code as i32).unwrap_or(ExitCode::Failed as u8))
}
