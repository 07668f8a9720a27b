//! Parses the command line, runs the command, prints its error and exits with its code.

use std::process;

use wazzup_contacts::{
    cli::parse_command_line,
    commands::{print_answer, print_error, run},
    core_dumps, crash,
    error::ExitCode,
    logging,
    signals::Signals,
};

fn main() -> process::ExitCode {
    core_dumps::forbid();
    crash::arm();
    let code = match parse_command_line() {
        Ok(cli) => {
            logging::begin(&cli);
            Signals::listen()
                .and_then(|signals| run(cli, signals))
                .unwrap_or_else(|error| print_error(&error))
        }
        Err(answer) => print_answer(&answer),
    };
    process::ExitCode::from(u8::try_from(code as i32).unwrap_or(ExitCode::Failed as u8))
}
