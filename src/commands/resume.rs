//! The command that continues a run, as the user must type it.

use std::path::Path;

use super::Context;
use crate::{
    error::Error,
    run::{RunFile, changes, store::is_among_runs},
    settings::Settings,
    wording::shell_word,
};

/// `wazzup-contacts apply …` for this run.
pub(super) fn command(context: &Context, run: &RunFile) -> Result<String, Error> {
    apply_command(context, run, &argument(run.path()))
}

pub(super) fn after_plan(context: &Context, run: &RunFile) -> Result<String, Error> {
    if context.settings.account.sandbox {
        return Ok(
            "nothing was sent, and this plan can't be applied: its sandbox ends with this command. \
             To rehearse everything, run `import` with --sandbox, or keep a sandbox running with `wazzup-contacts sandbox`"
                .to_owned(),
        );
    }
    let command = command(context, run)?;
    Ok(format!("nothing was sent; to send it: {command}"))
}

/// Like [`command`], with the run's name if that suffices to find it.
pub(super) fn by_name(context: &Context, run: &RunFile) -> Result<String, Error> {
    apply_command(context, run, &named(run))
}

fn apply_command(context: &Context, run: &RunFile, name: &str) -> Result<String, Error> {
    let mut command = command_for(context, "apply", name);
    if changes::deletion_count(run)? > 0 {
        command.push_str(" --yes");
    }
    Ok(command)
}

/// The argument for `runs show`: the run's name if it is in the state directory, otherwise its path.
pub(super) fn named(run: &RunFile) -> String {
    named_file(run.path())
}

/// Like [`named`], for the path of a run file.
pub(super) fn named_file(path: &Path) -> String {
    match path.file_stem() {
        Some(name) if is_among_runs(path) => name.to_string_lossy().into_owned(),
        _ => argument(path),
    }
}

/// The options that select the account and its limits.
fn options(settings: &Settings) -> Vec<String> {
    let Settings {
        common, account, ..
    } = settings;
    let path = |path: &Option<std::path::PathBuf>| path.as_deref().map(shell_word);
    let word = |word: &Option<String>| word.as_deref().map(|word| shell_word(Path::new(word)));
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

/// `wazzup-contacts COMMAND RUN` with the options of the account.
pub(super) fn command_for(context: &Context, command: &str, name: &str) -> String {
    let mut words = vec![format!("wazzup-contacts {command} {name}")];
    words.extend(options(&context.settings));
    words.join(" ")
}

/// A path as one shell word that does not look like an option.
pub(super) fn argument(path: &Path) -> String {
    if path.to_string_lossy().starts_with('-') {
        return shell_word(&Path::new(".").join(path));
    }
    shell_word(path)
}
