//! Tips for wrong command lines: the command or flag that was probably meant.

use std::path::Path;

use clap::{
    Command, CommandFactory as _,
    builder::StyledStr,
    error::{ContextKind, ContextValue, ErrorKind},
};

use super::Cli;
use crate::nearest::question;

/// Alternative names, and the commands that they refer to. A command that deletes is never suggested.
const SYNONYMS: [(&[&str], &str); 9] = [
    (
        &["backup", "download", "dump", "save", "pull"],
        "`export -o FILE` saves all contacts to a file",
    ),
    (
        &["restore", "recover", "bring-back"],
        "`import BACKUP --mode missing` recreates lost contacts; `undo RUN` reverts a run",
    ),
    (
        &["compare", "changes"],
        "`diff OLD [NEW]` compares two backups, or a backup and the account",
    ),
    (
        &[
            "upload", "load", "push", "send", "sync", "add", "create", "update",
        ],
        "`import FILE` sends a file, and `apply` sends the rest of a run",
    ),
    (
        &["list", "ls", "show", "history", "status", "log"],
        "`runs` lists past runs, `get ID` shows a contact, `export` saves all, `users` lists employees",
    ),
    (
        &[
            "employees",
            "employee",
            "staff",
            "managers",
            "owners",
            "user",
        ],
        "`users` lists the employees and their ids",
    ),
    (
        &["validate", "lint", "test", "preview"],
        "`check FILE` reads a file without an account, and `plan FILE` compares it with the account",
    ),
    (
        &["version"],
        "`wazzup-contacts --version` shows the version",
    ),
    (
        &["login", "token"],
        "set WAZZUP_TOKEN or pass --token-file FILE; `auth` shows whether the token works",
    ),
];

/// Improves the parser's error: adds the usage of the command, and a tip that is better than a similar word.
pub(super) fn with_tip(mut error: clap::Error, words: &[String]) -> clap::Error {
    let mut cli = Cli::command();
    cli.build();
    let command = command_of(&cli, &error);
    let tip = tip(&mut error, &cli, command, words);
    // The parser's usage contains typed options and may lack required arguments.
    if error.get(ContextKind::Usage).is_some() {
        let usage = command.clone().render_usage();
        error.insert(ContextKind::Usage, ContextValue::StyledStr(usage));
    }
    if let Some(tip) = tip {
        let tips = vec![StyledStr::from(tip)];
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
    }
    error
}

/// The tip for an error. Removes suggestions of the parser that it replaces or that could harm.
fn tip(
    error: &mut clap::Error,
    cli: &Command,
    command: &Command,
    words: &[String],
) -> Option<String> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        _ => String::new(),
    };
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let word = text(ContextKind::InvalidSubcommand);
            let tip = command_tip(&word);
            if tip.is_some() || !word.starts_with("del") {
                // The parser suggests similar words, possibly `delete`.
                keep_harmless(error, tip.is_some());
            }
            let is_helped = tip.is_some() || error.get(ContextKind::SuggestedSubcommand).is_some();
            tip.or_else(|| (!is_helped).then(|| nearest_command(command, &word))?)
        }
        ErrorKind::UnknownArgument => {
            let argument = text(ContextKind::InvalidArg);
            let tip = argument_tip(cli, command, &argument, words);
            // Only ids may be values that begin with a dash.
            if tip.is_some() || !["get", "delete"].contains(&command.get_name()) {
                error.remove(ContextKind::Suggested);
            }
            if tip.is_some() {
                error.remove(ContextKind::SuggestedArg);
            }
            tip
        }
        ErrorKind::MissingRequiredArgument if misses_positional(error) => {
            example(command).map(|line| format!("for example: {line}"))
        }
        ErrorKind::InvalidValue => {
            let value = text(ContextKind::InvalidValue);
            let ending = Path::new(&value).extension();
            let is_mapping = ending.is_some_and(|it| it == "toml");
            (is_mapping && text(ContextKind::InvalidArg).contains("--owners")).then(|| {
                format!("a file that maps names to ids is a mapping file: --mapping {value}")
            })
        }
        _ => None,
    }
}

/// The command at which parsing ended, according to the parser's usage, or the program itself.
fn command_of<'c>(cli: &'c Command, error: &clap::Error) -> &'c Command {
    let usage = match error.get(ContextKind::Usage) {
        Some(ContextValue::StyledStr(usage)) => usage.to_string(),
        _ => String::new(),
    };
    let words = usage.split_whitespace();
    let words = words.skip_while(|word| *word != cli.get_name()).skip(1);
    words
        .map_while({
            let mut command = cli;
            move |word| {
                command = command.find_subcommand(word)?;
                Some(command)
            }
        })
        .last()
        .unwrap_or(cli)
}

fn misses_positional(error: &clap::Error) -> bool {
    let missing = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::Strings(missing)) => missing.as_slice(),
        _ => &[],
    };
    missing.iter().any(|argument| argument.starts_with('<'))
}

/// The first example in a command's help, without its explanation.
fn example(command: &Command) -> Option<String> {
    let help = command.get_after_help()?.to_string();
    let at = help.find("wazzup-contacts")?;
    let line = help[at..].lines().next()?;
    Some(line.split("   ").next()?.trim().to_owned())
}

/// The tip for an unknown argument of the command.
fn argument_tip(
    cli: &Command,
    command: &Command,
    argument: &str,
    words: &[String],
) -> Option<String> {
    let name = command.get_name();
    let is_root = name == cli.get_name();
    let Some(short) = argument.strip_prefix('-') else {
        return match name {
            "export" => Some(format!(
                "name the file with -o: wazzup-contacts export -o {argument}"
            )),
            "users" => Some(format!(
                "write them to a file: wazzup-contacts users --csv > {argument}"
            )),
            _ => None,
        };
    };
    let Some(long) = short.strip_prefix('-') else {
        // `-mode` is parsed as `-m -o -d -e`.
        let word = words
            .iter()
            .find(|word| word.starts_with(argument) && word.chars().count() > 2)?;
        let long = word.trim_start_matches('-').split('=').next()?;
        return has(command, long).then(|| format!("write two dashes: --{long}"));
    };
    let long = long.split('=').next()?;
    match long {
        "version" => return Some("`wazzup-contacts --version` shows the version".into()),
        "token" => return Some("a token is never an argument, because others could see it: set WAZZUP_TOKEN, or write it in a file and pass --token-file FILE".into()),
        _ => {}
    }
    let others = cli.get_subcommands().filter(|other| has(other, long));
    let others: Vec<_> = others.map(Command::get_name).collect();
    match others.as_slice() {
        [] => None,
        [first, ..] if is_root => {
            let typed = words.iter().find(|word| others.contains(&word.as_str()));
            let named = typed.map_or(*first, |word| word.as_str());
            Some(format!(
                "the command comes first: wazzup-contacts {named} … --{long}"
            ))
        }
        others => Some(format!(
            "`{name}` has no --{long}; the commands with it are {}",
            others.join(", ")
        )),
    }
}

fn has(command: &Command, long: &str) -> bool {
    let mut options = command.get_arguments();
    options.any(|option| option.get_long() == Some(long))
}

fn nearest_command(command: &Command, word: &str) -> Option<String> {
    let names = command.get_subcommands().map(Command::get_name);
    question(word, names.filter(|name| *name != "delete"))
}

fn command_tip(word: &str) -> Option<String> {
    let lower = word.to_lowercase();
    let known = SYNONYMS.iter().find(|(words, _)| words.contains(&&*lower));
    let of_file = || {
        let is_file = Path::new(word).extension().is_some() || Path::new(word).exists();
        is_file.then(|| format!("the command comes first: wazzup-contacts import {word}"))
    };
    let known = known.map(|(_, tip)| (*tip).to_owned()).or_else(of_file);
    known.or_else(|| {
        let is_command = Cli::command().find_subcommand(&lower).is_some() && lower != "delete";
        is_command.then(|| format!("commands are in lower case: {lower}"))
    })
}

/// Removes the parser's suggestions, or only `delete`.
fn keep_harmless(error: &mut clap::Error, has_tip: bool) {
    let suggested = error.remove(ContextKind::SuggestedSubcommand);
    let Some(ContextValue::Strings(mut words)) = suggested.filter(|_| !has_tip) else {
        return;
    };
    words.retain(|word| word != "delete");
    if !words.is_empty() {
        error.insert(
            ContextKind::SuggestedSubcommand,
            ContextValue::Strings(words),
        );
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use clap::Parser as _;

    use super::*;

    fn tips(words: &[&str]) -> String {
        let words = [&["wazzup-contacts"], words].concat();
        let words: Vec<_> = words.into_iter().map(str::to_owned).collect();
        with_tip(Cli::try_parse_from(&words).unwrap_err(), &words).to_string()
    }

    #[test]
    fn other_words_for_a_command_name_it_and_never_delete() {
        for (word, command) in [
            ("backup", "`export -o"),
            ("restore", "`import BACKUP"),
            ("compare", "`diff OLD"),
            ("list", "`runs`"),
            ("upload", "`import FILE`"),
            ("Employees", "`users`"),
            ("chekc", "'check'"),
            ("contacts.csv", "import contacts.csv"),
        ] {
            let text = tips(&[word]);
            assert!(text.contains(command) && !text.contains("delete"), "{text}");
        }
        for word in ["elet", "dilute", "sled"] {
            assert!(!tips(&[word]).contains("delete"), "{word}");
        }
        assert!(tips(&["delte"]).contains("'delete'"));
    }

    /// Each is an argument that is missing, unknown, repeated, or can't be combined with another one.
    #[test]
    fn the_usage_of_an_error_is_that_of_the_help() {
        let mut cli = Cli::command();
        cli.build();
        for command in cli
            .get_subcommands()
            .filter(|command| command.get_name() != "help")
        {
            let name = command.get_name();
            let usage = command.clone().render_usage().to_string();
            let needed: Vec<_> = command.get_positionals().collect();
            for typed in [
                &["--nonsense"][..],
                &[],
                &["a", "b", "c", "d", "--json", "--json"],
            ] {
                let words = [&["wazzup-contacts", name], typed].concat();
                let words: Vec<_> = words.into_iter().map(str::to_owned).collect();
                let Err(error) = Cli::try_parse_from(&words) else {
                    continue;
                };
                let text = with_tip(error, &words).to_string();
                assert!(text.contains(&usage), "{text}");
                for argument in needed.iter().filter(|argument| argument.is_required_set()) {
                    let [shown, ..] = argument.get_value_names().unwrap() else {
                        unreachable!()
                    };
                    let is_named = name == "diff" || text.contains(&format!("<{shown}>"));
                    assert!(is_named, "{shown}: {text}");
                }
            }
        }
        let text = tips(&["import", "--full-every", "3", "a.csv"]);
        assert!(text.contains("import [OPTIONS] <FILE>..."), "{text}");
        let text = tips(&["apply", "--ids", "a", "--canary", "3"]);
        assert!(text.contains("apply [OPTIONS] [RUN]"), "{text}");
    }

    #[test]
    fn a_misplaced_or_misspelt_option_has_a_tip() {
        for (line, tip) in [
            ("import a.csv --dryrun", "'--dry-run'"),
            ("import a.csv -dry-run", "write two dashes: --dry-run"),
            ("import a.csv -mode create", "write two dashes: --mode"),
            (
                "--dry-run import a.csv",
                "the command comes first: wazzup-contacts import … --dry-run",
            ),
            (
                "check a.csv --yes",
                "`check` has no --yes; the commands with it are import, delete",
            ),
            ("import a.csv --token abc", "never an argument"),
            ("import --version", "`wazzup-contacts --version`"),
            ("version", "`wazzup-contacts --version`"),
            ("Import a.csv", "commands are in lower case: import"),
            ("users users.csv", "--csv > users.csv"),
            ("get -5", "'-- -5'"),
            (
                "import",
                "for example: wazzup-contacts import contacts.csv --set",
            ),
            (
                "runs show",
                "Usage: wazzup-contacts runs show [OPTIONS] <RUN>",
            ),
            (
                "import a.csv --canary x",
                "write a whole number from 1 to 1000",
            ),
        ] {
            let words: Vec<_> = line.split(' ').collect();
            let text = tips(&words);
            assert!(text.contains(tip), "{line}: {text}");
            assert!(!text.contains("to pass '--"), "{line}: {text}");
        }
    }
}
