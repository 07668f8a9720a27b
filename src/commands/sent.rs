//! Sends a plan, and shows a run that was sent, for `import`, `apply` and `undo`.

use super::{Context, confirm::decline, next_steps::ReportedState, page::write_report, resume};
use crate::{
    characters::visible,
    error::{Error, ExitCode},
    paths::shown_path,
    report::{page::ReportedPhase, rejects},
    run::{RunFile, snapshot},
    wording::counted,
    workflow::{PlannedRun, SealedRun, SentRun, Session},
};

/// Sends a plan if it was confirmed; otherwise discards it.
pub(super) fn send(
    context: &Context,
    session: &Session,
    planned: PlannedRun,
    confirmed: Result<(), Error>,
) -> Result<ExitCode, Error> {
    if let Err(declined) = confirmed {
        return decline(context, session, planned, declined);
    }
    let sent = planned.send(session, &resume::command(context, &planned.sealed.run)?);
    show_sent(context, &planned.sealed, sent)
}

/// Shows the summary, and after a failure the command that continues the run.
pub(super) fn show_sent(
    context: &Context,
    sealed: &SealedRun,
    mut sent: SentRun,
) -> Result<ExitCode, Error> {
    let run = &sealed.run;
    show_refusals(context, run, &sent);
    context.console.warn(&sent.warnings);
    if let Some(written) = &sent.rejects {
        say_where_rejects_are(context, written);
    }
    let resume = sent.resume.clone();
    let failure = sent.failure.as_ref();
    let state = ReportedState {
        resume,
        failure,
        ..ReportedState::new(ReportedPhase::Sent)
    };
    if let Some(summary) = &mut sent.summary
        && let Err(error) = write_report(context, sealed, summary, state)
    {
        summary.files.report = None;
        if sent.failure.is_none() {
            summary.exit_code = error.exit_code() as u8;
        }
        sent.failure.get_or_insert(error);
    }
    if let Some(summary) = &sent.summary {
        context.console.summary(summary, &summary.to_string());
    }
    let done = sent.done();
    if let Some(Error::Canary(_)) = sent.failure
        && done.created + done.updated + done.deleted > 0
    {
        // Without a snapshot, --force would delete contacts that may have existed before.
        let force = if snapshot::exists(run)? {
            " --force"
        } else {
            ""
        };
        context.console.say_always(&format!(
            "to revert the changes: {}{force}",
            resume::command_for(context, "undo", &resume::named(run))
        ));
    }
    if let Some(command) = &sent.resume {
        // Follows an error, which is also printed with --quiet.
        context
            .console
            .say_always(&format!("to continue: {}", visible(command)));
    }
    sent.result()
}

/// Number of failed deletions in a message.
const NOT_DELETED_SHOWN: usize = 20;

fn show_refusals(context: &Context, run: &RunFile, sent: &SentRun) {
    let shown = sent.not_deleted.iter().take(NOT_DELETED_SHOWN);
    let mut lines: Vec<_> = shown
        .map(|(id, reason)| format!("{id}  {reason}"))
        .collect();
    if sent.not_deleted.len() > NOT_DELETED_SHOWN {
        lines.push(format!(
            "… all of them: wazzup-contacts runs show {}",
            resume::named(run)
        ));
    }
    context.console.section("not deleted", &lines);
    if !matches!(sent.failure, Some(Error::Budget(_))) {
        let causes = sent.refused.causes.iter().map(ToString::to_string);
        let lines: Vec<_> = causes.chain(sent.refused.advice()).collect();
        context.console.section("refused by the server", &lines);
    }
}

/// Prints the path of the rejects if it differs from the requested one, or if the summary is hidden, because
/// nothing else would explain exit code 3.
pub(super) fn say_where_rejects_are(context: &Context, written: &rejects::RejectsFile) {
    if written.count == 0 {
        return;
    }
    if written.path != written.wanted {
        context.console.say(&format!(
            "{} was edited or was not written by this tool, so it was left alone; the rejects are in {}",
            shown_path(&written.wanted),
            shown_path(&written.path)
        ));
    }
    if context.console.hides_report() {
        let were = if written.count == 1 { "was" } else { "were" };
        let rows = counted(written.count, "row");
        let path = shown_path(&written.path);
        context
            .console
            .say_always(&visible(&format!("{rows} {were} rejected: see {path}")));
    }
}
