//! The command that continues a run, with the options of the account, as the user has to type it.

use std::{borrow::Cow, path::Path};

use super::Context;
use crate::{
    error::Error,
    run::{RunFile, changes, store::is_among_runs},
    settings::Settings,
    wording::shell_quoted,
};

/// `wazzup-contacts apply …` for this run.
pub(super) fn command(context: &Context, run: &RunFile) -> Result<String, Error> {
    with(context, run, argument(run.path()))
}

/// The next step after `plan`.
pub(super) fn after_plan(context: &Context, run: &RunFile) -> Result<String, Error> {
    if context.settings.sandbox {
        return Ok(
            "nothing was sent, and this plan can't be applied: its sandbox ends with this command. \
             To try the whole way, `import` with --sandbox, or keep a sandbox running with `wazzup-contacts sandbox`"
                .to_owned(),
        );
    }
    let command = command(context, run)?;
    Ok(format!("nothing was sent; to send it: {command}"))
}

/// As [`command`], with the run's name if that is enough to find it.
pub(super) fn by_name(context: &Context, run: &RunFile) -> Result<String, Error> {
    with(context, run, named(run))
}

fn with(context: &Context, run: &RunFile, name: String) -> Result<String, Error> {
    let mut words = vec!["wazzup-contacts apply".to_owned(), name];
    words.extend(options(&context.settings));
    if changes::deletion_count(run)? > 0 {
        words.push("--yes".to_owned());
    }
    Ok(words.join(" "))
}

/// The argument for `runs show`: the run's name if it is in the state directory, otherwise its file.
pub(super) fn named(run: &RunFile) -> String {
    if is_among_runs(run.path()) {
        run.name()
    } else {
        argument(run.path())
    }
}

/// The options that select the account and its limits.
fn options(settings: &Settings) -> Vec<String> {
    let Settings {
        common, account, ..
    } = settings;
    let path = |path: &Option<std::path::PathBuf>| path.as_deref().map(quoted);
    let word = |word: &Option<String>| word.as_deref().map(|word| quoted(Path::new(word)));
    let mut options: Vec<String> = [
        ("--profile", word(&common.profile)),
        ("--config", path(&common.config)),
        ("--base-url", word(&account.base_url)),
        ("--token-file", path(&account.token_file)),
        ("--rate", word(&account.rate)),
        ("--concurrency", account.concurrency.map(|n| n.to_string())),
    ]
    .into_iter()
    .filter_map(|(flag, value)| value.map(|value| format!("{flag} {value}")))
    .collect();
    if account.sandbox {
        options.push("--sandbox".to_owned());
    }
    options.sort();
    options
}

/// One word for a shell that does not look like an option.
pub(super) fn argument(path: &Path) -> String {
    if path.to_string_lossy().starts_with('-') {
        return quoted(&Path::new(".").join(path));
    }
    quoted(path)
}

/// One word for a shell, in quotes only if it needs them.
fn quoted(path: &Path) -> String {
    let text: Cow<'_, str> = path.to_string_lossy();
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:@%+=,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.into_owned();
    }
    shell_quoted(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_for_the_shell() {
        for (path, word) in [
            ("/runs/a-1.run", "/runs/a-1.run"),
            ("my runs/a.run", "'my runs/a.run'"),
            ("it's.run", r"'it'\''s.run'"),
        ] {
            assert_eq!(quoted(Path::new(path)), word);
        }
    }
}
