//! Runs of the history: finds the one that a command names, and records that a command could not work on its run.

use std::path::{Path, PathBuf};

use super::Context;
use crate::{
    error::{Error, ExitCode},
    ledger::HistoryEntry,
    plan::Mode,
    run::RunError,
    workflow::{NamedRun, Session, joined, new_entry, record_stop, record_without_account},
};

/// The run with this name or path.
pub(super) fn named_run(context: &Context, run: &str) -> Result<NamedRun, Error> {
    if let Some(found) = NamedRun::find(&context.settings.state_directory, run)? {
        return Ok(found);
    }
    let path = PathBuf::from(run);
    match path.metadata() {
        Ok(_) => Ok(NamedRun::File(path)),
        Err(source) => Err(RunError::Io { path, source }.into()),
    }
}

/// The file of the run with this name or path.
pub(super) fn find_run(context: &Context, run: &str) -> Result<PathBuf, Error> {
    Ok(named_run(context, run)?.file()?)
}

/// Like [`Context::session`], for a plan. A failure is recorded in the history, except of a dry run.
pub(super) fn session_to_plan(
    context: &Context,
    mode: Mode,
    files: &[PathBuf],
    is_dry_run: bool,
) -> Result<Session, Error> {
    context.session().inspect_err(|error| {
        if !is_dry_run {
            record_unbegun(context, mode, joined(files), error);
        }
    })
}

/// Records a run that could not begin, because its command could not sign in or its job had no source.
pub(super) fn record_unbegun(context: &Context, mode: Mode, source: String, error: &Error) {
    let profile = context.settings.profile_word();
    let run = HistoryEntry {
        started_at: context.watched.started.at,
        seconds: context.watched.started.seconds(),
        ..new_entry(profile, &context.watched.command, mode, source)
    };
    let recorded = record_without_account(&context.settings.state_directory, run, error);
    if let Err(error) = recorded {
        context.console.say(&not_recorded(&error));
    }
}

/// Records in a run's line that it could not be sent, unless another command is working on it or this one was
/// typed wrongly.
pub(super) fn record_not_sent(context: &Context, run: &Path, error: &Error) {
    if matches!(error.exit_code(), ExitCode::Busy | ExitCode::Usage) {
        return;
    }
    if let Err(error) = record_stop(&context.settings.state_directory, run, error) {
        context.console.say(&not_recorded(&error));
    }
}

fn not_recorded(error: &Error) -> String {
    format!("the run can't be recorded in the ledger: {error}")
}
