//! The state of a run and the suggested next commands, for its report.

use std::path::Path;

use super::{Context, resume};
use crate::{
    error::Error,
    plan::Mode,
    report::{
        page::{NextStep, ReportedPhase},
        summary::Summary,
    },
    run::{Done, RunFile},
    wording::shell_words,
};

/// Options that determine the contacts of rows. They take a value.
const OF_CONTACTS: [&str; 10] = [
    "--mode",
    "--map",
    "--mapping",
    "--region",
    "--set",
    "--owners",
    "--bad-numbers",
    "--phone-as",
    "--blank",
    "--on-duplicate",
];

pub(super) struct ReportedState<'a> {
    pub phase: ReportedPhase,
    /// The command that sends the rest.
    pub resume: Option<String>,
    pub failure: Option<&'a Error>,
    /// A note that the run was undone later.
    pub undone: Option<String>,
}

impl ReportedState<'_> {
    /// Nothing is left to send.
    pub(super) const fn new(phase: ReportedPhase) -> Self {
        Self {
            phase,
            resume: None,
            failure: None,
            undone: None,
        }
    }
}

/// The next steps after a run that was planned with this command line, for its report.
pub(super) fn steps(
    context: &Context,
    run: &RunFile,
    summary: &Summary,
    state: &ReportedState<'_>,
    command_line: &str,
) -> Vec<NextStep> {
    let phase = state.phase;
    let mut steps = Vec::new();
    if let Some(command) = state.resume.clone() {
        let words = match phase {
            ReportedPhase::Sent => "To continue:",
            ReportedPhase::Checked | ReportedPhase::Planned => "Nothing was sent. To send it:",
        };
        steps.push(step(words, command));
    }
    if let Some(file) = &summary.files.rejects
        && phase == ReportedPhase::Sent
    {
        steps.push(step_with_rejects(context, summary, file, command_line));
    }
    let Done {
        created,
        updated,
        deleted,
        ..
    } = summary.done;
    let can_be_undone = created + updated + deleted > 0 && state.undone.is_none();
    if can_be_undone && !context.settings.account.sandbox {
        for (words, command) in [
            ("To compare the account with this run:", "verify"),
            ("To revert the changes of this run:", "undo"),
        ] {
            let command = resume::command_for(context, command, &resume::named(run));
            steps.push(step(words, command));
        }
    }
    steps
}

fn step(words: &str, command: String) -> NextStep {
    NextStep {
        words: words.to_owned(),
        command: Some(command),
    }
}

/// The step to get the rejected rows, or the contacts that an undo left alone, into the account after all.
fn step_with_rejects(
    context: &Context,
    summary: &Summary,
    file: &str,
    command_line: &str,
) -> NextStep {
    if summary.mode == Mode::Undo.as_str() {
        let undone = resume::named_file(Path::new(&summary.source.path));
        let command = resume::command_for(context, "undo", &undone);
        return step(
            "To revert the contacts in the rejects file as well, and lose their later changes:",
            format!("{command} --force"),
        );
    }
    let command = resume::command_for(context, "import", &resume::argument(Path::new(file)));
    let options = options_of_contacts(command_line);
    step(
        "To import the rejected rows, correct them in their file, and then:",
        [vec![&*command], options].concat().join(" "),
    )
}

/// The options of a command line that the rows of its rejects need as well. A mirror of the rejects would delete all
/// other contacts.
fn options_of_contacts(command_line: &str) -> Vec<&str> {
    let mut options = Vec::new();
    let mut words = shell_words(command_line).into_iter();
    while let Some(word) = words.next() {
        let bare = word.trim_start_matches('\'');
        let flag = bare.split_once('=').map_or(bare, |(flag, _)| flag);
        if !OF_CONTACTS.contains(&flag) {
            continue;
        }
        let value = if flag == bare { words.next() } else { None };
        if flag != "--mode" || !value.unwrap_or(bare).ends_with("mirror") {
            options.push(word);
            options.extend(value);
        }
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_options_of_contacts_are_kept_as_they_were_quoted() {
        let line = r"wazzup-contacts import 'a b.csv' --mode mirror --set 'uri=https://x/{id}' --map 'name=Full '\''name' '--map=phone=Mobile no' --region RU --report r.html";
        assert_eq!(
            options_of_contacts(line).join(" "),
            r"--set 'uri=https://x/{id}' --map 'name=Full '\''name' '--map=phone=Mobile no' --region RU"
        );
        let line = "wazzup-contacts import a.csv --mode=update --phone-as viber --blank clear -q";
        let options = "--mode=update --phone-as viber --blank clear";
        assert_eq!(options_of_contacts(line).join(" "), options);
        assert!(options_of_contacts("wazzup-contacts import --mode=mirror").is_empty());
    }
}
