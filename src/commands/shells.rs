//! `completions` and `man`: generated from the definition of the command line.

use std::{fs, path::Path};

use clap::CommandFactory as _;
use clap_complete::Shell;
use clap_mangen::Man;
use serde_json::json;

use super::Context;
use crate::{
    characters::visible,
    cli::Cli,
    error::{Error, ExitCode},
    paths::shown_path,
    wording::counted,
};

pub(super) fn completions(context: &Context, shell: Shell) -> Result<ExitCode, Error> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "wazzup-contacts", &mut script);
    context.console.document(&script)?;
    Ok(ExitCode::Done)
}

/// Prints the manual page, or writes one page per command into a directory.
pub(super) fn man(context: &Context, directory: Option<&Path>) -> Result<ExitCode, Error> {
    let mut program = without_help(Cli::command());
    program.build();
    if let Some(directory) = directory {
        fs::create_dir_all(directory).map_err(Error::io(directory))?;
        let pages = write_pages(&program, directory)?;
        let text = format!(
            "{} written to {}",
            counted(pages, "page"),
            shown_path(directory)
        );
        let object = json!({ "pages": pages, "directory": directory });
        context.summarize(ExitCode::Done, object, &visible(&text));
    } else {
        context.console.document(&page(&program)?.1)?;
    }
    Ok(ExitCode::Done)
}

/// Removes `help`, which has no page of its own.
fn without_help(command: clap::Command) -> clap::Command {
    let command = command.disable_help_subcommand(true);
    command.mut_subcommands(without_help)
}

/// Writes the pages of a command and its subcommands. Returns their number.
fn write_pages(command: &clap::Command, directory: &Path) -> Result<u64, Error> {
    let (name, text) = page(command)?;
    let path = directory.join(name);
    fs::write(&path, text).map_err(Error::io(&path))?;
    command
        .get_subcommands()
        .try_fold(1, |pages, inner| Ok(pages + write_pages(inner, directory)?))
}

/// The file name and the text of a command's page.
fn page(command: &clap::Command) -> Result<(String, Vec<u8>), Error> {
    let source = concat!("wazzup-contacts ", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone()).source(source);
    let mut text = Vec::new();
    man.render(&mut text)
        .map_err(Error::io("standard output"))?;
    Ok((man.get_filename(), text))
}
