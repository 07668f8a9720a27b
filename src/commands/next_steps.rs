//! The state of a run and the suggested next commands, for its report.

use std::path::Path;

use super::{Context, resume};
use crate::{
    error::Error,
    report::{
        page::{NextStep, Progress},
        summary::Summary,
    },
    run::{Done, RunFile},
};

pub(super) struct ReportedState<'a> {
    pub progress: Progress,
    /// The command that sends the rest.
    pub resume: Option<String>,
    pub failure: Option<&'a Error>,
    /// A note that the run was undone later.
    pub undone: Option<String>,
}

impl ReportedState<'_> {
    /// Nothing is left to send.
    pub(super) const fn new(progress: Progress) -> Self {
        Self {
            progress,
            resume: None,
            failure: None,
            undone: None,
        }
    }
}

/// The next steps after a run, for its report.
pub(super) fn steps(
    context: &Context,
    run: &RunFile,
    summary: &Summary,
    state: &ReportedState<'_>,
) -> Vec<NextStep> {
    let progress = state.progress;
    let step = |words: &str, command| NextStep {
        words: words.to_owned(),
        command,
    };
    let mut steps = Vec::new();
    if let Some(command) = state.resume.clone() {
        let words = match progress {
            Progress::Sent => "To continue:",
            Progress::Checked | Progress::Planned => "Nothing was sent. To send it:",
        };
        steps.push(step(words, Some(command)));
    }
    if let Some(file) = &summary.files.rejects
        && progress == Progress::Sent
    {
        let command = resume::about(context, "import", &resume::argument(Path::new(file)));
        steps.push(step(
            "To import the rejected rows, correct them in their file, and then:",
            Some(command),
        ));
    }
    let Done {
        created,
        updated,
        deleted,
        ..
    } = summary.done;
    let can_be_undone = created + updated + deleted > 0 && state.undone.is_none();
    if can_be_undone && !context.settings.sandbox {
        for (words, command) in [
            ("To compare the account with this run:", "verify"),
            ("To revert the changes of this run:", "undo"),
        ] {
            let command = resume::about(context, command, &resume::named(run));
            steps.push(step(words, Some(command)));
        }
    }
    steps
}
