//! `completions` and `man`: generated from the definition of the command line.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::Context;
use crate::{
    cli::Cli,
    error::{Error, ExitCode},
};

/// Prints a completion script.
pub(super) fn completions(context: &Context, shell: Shell) -> Result<ExitCode, Error> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "wazzup-contacts", &mut script);
    context.console.document(&script)?;
    Ok(ExitCode::Done)
}

/// Prints the manual page.
pub(super) fn man(context: &Context) -> Result<ExitCode, Error> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command())
        .render(&mut page)
        .map_err(Error::io("standard output"))?;
    context.console.document(&page)?;
    Ok(ExitCode::Done)
}
