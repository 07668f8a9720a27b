//! Every flag is an argument in at least one integration test.
//!
//! Flags come from the definition of the command line, arguments from the string literals of the tests. A flag
//! that several commands share has one definition and needs one use; a flag with its own documentation in a
//! command needs a use with that command.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use clap::CommandFactory as _;
use regex::Regex;
use wazzup_contacts::cli::Cli;

/// A flag as the command line defines it: its spellings and its help.
type Definition = (Vec<String>, String);

/// The commands that share each definition.
fn definitions(cli: &clap::Command) -> BTreeMap<Definition, BTreeSet<String>> {
    let mut found = BTreeMap::<Definition, BTreeSet<String>>::new();
    for command in cli.get_subcommands() {
        for argument in cli.get_arguments().chain(command.get_arguments()) {
            let Some(long) = argument.get_long() else {
                continue;
            };
            let short = argument.get_short().map(|short| format!("-{short}"));
            let spellings = [format!("--{long}")].into_iter().chain(short).collect();
            let help = argument.get_help().map(ToString::to_string);
            let commands = found.entry((spellings, help.unwrap_or_default()));
            let name = command.get_name().to_owned();
            commands.or_default().insert(name);
        }
    }
    found
}

/// Each command of a test with each flag that follows it in the test's string literals.
fn uses(cli: &clap::Command) -> BTreeSet<(String, String)> {
    let commands: BTreeSet<&str> = cli.get_subcommands().map(clap::Command::get_name).collect();
    let literal = Regex::new(r#"(?s)"((?:[^"\\]|\\.)*)""#).unwrap();
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "rs") {
            continue;
        }
        let text = fs::read_to_string(path).unwrap();
        let mut command = String::new();
        for literal in literal.captures_iter(&text) {
            let line = literal[1].replace("\\\n", " ");
            let mut words = line.split_whitespace().peekable();
            if let Some(name) = words.peek().filter(|word| commands.contains(*word)) {
                (*name).clone_into(&mut command);
            }
            for word in words.filter(|word| word.starts_with('-')) {
                let flag = word.split('=').next().unwrap_or(word);
                found.insert((command.clone(), flag.to_owned()));
            }
        }
    }
    found
}

#[test]
fn every_flag_is_used_in_a_test() {
    let mut cli = Cli::command();
    cli.build();
    let uses = uses(&cli);
    let unused: Vec<String> = definitions(&cli)
        .into_iter()
        .filter(|((spellings, _), commands)| {
            let is_used = |(command, flag): &(String, String)| {
                commands.contains(command) && spellings.contains(flag)
            };
            !uses.iter().any(is_used)
        })
        .map(|((spellings, _), commands)| format!("{} of {commands:?}", spellings[0]))
        .collect();
    assert!(unused.is_empty(), "flags without a test: {unused:#?}");
}
