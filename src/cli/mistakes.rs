//! Tips for a command line that can't be parsed: the command or the flag that is meant.

use std::path::Path;

use clap::{
    Parser as _,
    builder::StyledStr,
    error::{ContextKind, ContextValue, ErrorKind},
};

use super::Cli;

/// Words for which people know another name, and the commands that they mean. A command that deletes is never suggested.
const SYNONYMS: [(&[&str], &str); 7] = [
    (
        &["backup", "download", "dump", "save", "pull"],
        "`export -o FILE` saves all contacts to a file",
    ),
    (
        &["restore", "recover", "bring-back"],
        "`import BACKUP --mode missing` creates the contacts that are gone; `undo RUN` reverts a run",
    ),
    (
        &["compare", "changes"],
        "`diff OLD [NEW]` compares two backups, or a backup and the account",
    ),
    (
        &[
            "upload", "load", "push", "send", "sync", "add", "create", "update",
        ],
        "`import FILE` sends a file, and `apply` what is left of a run",
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
];

impl Cli {
    /// Parses the command line, or ends the program with the error, the usage and a tip.
    #[must_use]
    pub fn parse_or_exit() -> Self {
        Self::try_parse().unwrap_or_else(|error| with_tip(error).exit())
    }
}

/// Replaces the parser's guess by a better tip, if there is one.
fn with_tip(mut error: clap::Error) -> clap::Error {
    let word = |kind| match error.get(kind) {
        Some(ContextValue::String(word)) => Some(word.clone()),
        _ => None,
    };
    let tip = match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let word = word(ContextKind::InvalidSubcommand).unwrap_or_default();
            let tip = command_tip(&word);
            if tip.is_some() || !word.starts_with("del") {
                // The parser suggests what is spelt alike, which may be `delete`.
                keep_harmless(&mut error, tip.is_some());
            }
            tip
        }
        ErrorKind::UnknownArgument => {
            let of_export = std::env::args().any(|word| word == "export");
            let name = word(ContextKind::InvalidArg).filter(|name| !name.starts_with('-'));
            name.filter(|_| of_export)
                .map(|name| format!("name the file with -o: wazzup-contacts export -o {name}"))
        }
        _ => None,
    };
    if let Some(tip) = tip {
        let tips = vec![StyledStr::from(tip)];
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
    }
    error
}

fn command_tip(word: &str) -> Option<String> {
    let lower = word.to_lowercase();
    let known = SYNONYMS.iter().find(|(words, _)| words.contains(&&*lower));
    let of_file = || {
        let is_file = Path::new(word).extension().is_some() || Path::new(word).exists();
        is_file.then(|| format!("the command comes first: wazzup-contacts import {word}"))
    };
    known.map(|(_, tip)| (*tip).to_owned()).or_else(of_file)
}

/// Takes the parser's suggestions away, or only `delete`.
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
    use super::*;

    fn tips(words: &[&str]) -> String {
        let words = [&["wazzup-contacts"], words].concat();
        with_tip(Cli::try_parse_from(words).unwrap_err()).to_string()
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
}
