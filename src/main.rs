//! The command line of wazzup-contacts: parse, dispatch, print what went wrong, end with the right code.

use std::process;

use clap::Parser as _;
use wazzup_contacts::{
    cli::Cli,
    commands::{Signals, print_error, run},
    crash,
    error::{Error, ExitCode},
    logging,
};

fn main() -> process::ExitCode {
    crash::arm();
    let cli = Cli::parse();
    logging::begin(&cli.common);
    let code = Signals::listen()
        .map_err(Error::io("signals"))
        .and_then(|signals| run(cli, signals))
        .unwrap_or_else(|error| print_error(&error));
    process::ExitCode::from(u8::try_from(code as i32).unwrap_or(ExitCode::Failed as u8))
}
