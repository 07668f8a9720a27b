//! `completions` and `man`: made from the command line's own definition, so they can't be behind it.

use std::io::{self, Write as _};

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::{
    cli::Cli,
    error::{Error, ExitCode},
};

/// Prints a completion script.
pub(super) fn completions(shell: Shell) -> Result<ExitCode, Error> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "wazzup-contacts", &mut script);
    print(&script)
}

/// Prints the manual page.
pub(super) fn man() -> Result<ExitCode, Error> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command())
        .render(&mut page)
        .map_err(Error::output("standard output"))?;
    print(&page)
}

fn print(text: &[u8]) -> Result<ExitCode, Error> {
    io::stdout()
        .write_all(text)
        .map_err(Error::output("standard output"))?;
    Ok(ExitCode::Done)
}
