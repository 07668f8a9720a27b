//! Refuses two options that name the same file, of which one is written.

use std::path::{Path, PathBuf};

use clap::{ArgMatches, CommandFactory as _, error::ErrorKind};

use super::Cli;
use crate::{output::real, paths::is_stream, streams::is_special};

/// Options that name a file to write.
pub(crate) const WRITTEN: [&str; 6] = [
    "output",
    "rejects",
    "report",
    "run",
    "metrics",
    "write-mapping",
];

/// The error if an output file of the command is also another file of it. Sources and named runs are compared later,
/// when they are known.
pub(super) fn same_file(matches: &ArgMatches) -> Option<clap::Error> {
    let (command, matches) = matches.subcommand()?;
    let named: Vec<_> = matches
        .ids()
        .filter_map(|id| named(matches, id.as_str()))
        .collect();
    let written = named
        .iter()
        .filter(|(option, _)| WRITTEN.contains(&&**option));
    let mut pairs = written.flat_map(|one| named.iter().map(move |other| (one, other)));
    let ((one, path), (other, _)) =
        pairs.find(|((one, file), (other, path))| one != other && real(file) == real(path))?;
    let message = format!(
        "'--{one}' and '--{other}' name the same file, {}: name another file for one of them",
        path.display()
    );
    let mut cli = Cli::command();
    cli.build();
    let command = cli.find_subcommand_mut(command)?;
    Some(command.error(ErrorKind::ArgumentConflict, message))
}

/// The option and the file that it names.
fn named<'a>(matches: &'a ArgMatches, id: &str) -> Option<(String, &'a Path)> {
    let path = matches.try_get_one::<PathBuf>(id).ok()??.as_path();
    let is_file = id != "files" && !is_stream(path) && !is_special(path);
    is_file.then(|| (id.replace('_', "-"), path))
}
