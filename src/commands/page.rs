//! The report that a command may write.

use std::path::{Path, PathBuf};

use super::{
    Context,
    conclusion::message,
    next_steps::{self, ReportedState},
};
use crate::{
    characters::visible,
    error::Error,
    paths::shown_path,
    report::{
        notes::{Invocation, NOTES, SENT_BY},
        page::{self, ReportPage, ReportedFailure},
        rejects,
        summary::Summary,
    },
    run::RunFile,
    streams::is_standard_output,
    wording::Started,
    workflow::{RunMeta, SealedRun},
};

pub(super) fn page_of<'a>(
    context: &Context,
    run: &'a RunFile,
    meta: &RunMeta,
    summary: &'a Summary,
    state: ReportedState<'_>,
) -> Result<ReportPage<'a>, Error> {
    Ok(ReportPage {
        phase: state.phase,
        summary,
        run,
        invocations: [Some(meta.invocation.clone()), run.find_fact(SENT_BY)?],
        notes: run.find_fact(NOTES)?.unwrap_or_default(),
        failure: state.failure.map(failure),
        next: next_steps::steps(context, run, summary, &state, &meta.invocation.command_line),
        undone: state.undone,
    })
}

fn failure(error: &Error) -> ReportedFailure {
    ReportedFailure {
        message: message(error),
        hint: error.hint(),
    }
}

/// Checks that the requested rejects and report can be written, and notes the report.
pub(super) fn request_files(
    context: &Context,
    rejects: Option<&Path>,
    report: Option<&Path>,
    sources: &[PathBuf],
    run: Option<&Path>,
) -> Result<(), Error> {
    rejects::check_requested(rejects)?;
    let report = report.map(|path| page::check_page(path, sources, run));
    let report = report.transpose()?;
    let console = context.console;
    let is_used = console.wants_json() || (console.has_report() && !console.is_quiet());
    for (what, path) in [("rejects", rejects), ("report", report.as_deref())] {
        if is_used && path.is_some_and(is_standard_output) {
            return Err(Error::usage(
                format!(
                    "the {what} and the command's other output would be mixed on standard output"
                ),
                format!("name a file with --{what}"),
            ));
        }
    }
    if let Some(path) = report {
        context.report.get_or_init(|| path);
    }
    Ok(())
}

/// Writes the report if it was requested, and adds it to the files of the summary.
pub(super) fn write_report(
    context: &Context,
    SealedRun { run, meta, .. }: &SealedRun,
    summary: &mut Summary,
    state: ReportedState<'_>,
) -> Result<(), Error> {
    let Some(path) = context.report.get() else {
        return Ok(());
    };
    summary.files.report = Some(shown_path(path));
    page::save(&page_of(context, run, meta, summary, state)?, path)?;
    context.has_report.set(true);
    Ok(())
}

/// Writes a report about the error if a report was requested but not written yet.
pub(super) fn report_failure(context: &Context, started: Started, error: &Error) {
    let Some(path) = context.report.get().filter(|_| !context.has_report.get()) else {
        return;
    };
    let invocation = Invocation {
        command_line: context.command_line.clone(),
        profile: context.settings.profile_name.clone().unwrap_or_default(),
        ..Invocation::default()
    };
    // The command has already failed, and another error would hide the first one.
    if page::save_failure(&invocation, &started.at.to_string(), &failure(error), path).is_ok() {
        let path = shown_path(path);
        let line = format!("report written to {}", visible(&path));
        context.console.say(&line);
        context.watched.failure_page.get_or_init(|| path);
    }
}
