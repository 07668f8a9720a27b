//! Finds the run that `apply` continues by default.

use std::path::PathBuf;

use super::{
    Context,
    history::record_not_sent,
    nothing_left::{doubt, is_of_profile, refuse_unplanned},
    resume,
};
use crate::{
    error::Error,
    ledger::{HistoryEntry, RunStatus},
    run::RunError,
    workflow::{RunHistory, Session},
};

/// The last unfinished run of the account and profile, with the session that identified the account. Mentions
/// unfinished runs of other accounts and profiles, except in a job, where they are left to other jobs. If another
/// process is working on a run of the account, waits for it or fails.
pub(super) fn last_unfinished(
    context: &Context,
    wait: bool,
) -> Result<Option<(PathBuf, Session)>, Error> {
    let history = RunHistory::read(&context.settings.state_directory)?;
    let unfinished: Vec<_> = history.unfinished().collect();
    say_superseded(context, &history);
    let mut running = history
        .runs
        .iter()
        .filter(|run| run.status == RunStatus::Running && is_of_profile(context, run))
        .peekable();
    if running.peek().is_none()
        && unfinished
            .iter()
            .all(|run| run.status == RunStatus::Unreadable)
    {
        refuse_unplanned(context, &history)?;
        return unfinished.first().map_or(Ok(None), |run| Err(doubt(run)));
    }
    let session = sign_in(context, &unfinished)?;
    let (own, others): (Vec<_>, Vec<_>) = unfinished
        .into_iter()
        .partition(|run| session.is_run_of(run));
    say_others(context, &others);
    let Some((last, rest)) = own.split_first() else {
        let Some(run) = running.find(|run| session.is_run_of(run)) else {
            refuse_unplanned(context, &history)?;
            return Ok(None);
        };
        if wait {
            drop(session.lock(wait)?);
            return last_unfinished(context, false);
        }
        let what = format!("run {}", run.run);
        return Err(RunError::Busy { what }.into());
    };
    if last.status == RunStatus::Unreadable {
        return Err(doubt(last));
    }
    say_earlier(context, rest);
    Ok(last.file.clone().map(|file| (file, session)))
}

fn say_earlier(context: &Context, earlier: &[&HistoryEntry]) {
    for run in earlier
        .iter()
        .filter(|run| run.status == RunStatus::Unfinished)
    {
        context.console.say(&format!(
            "also unfinished: run {} ({}); to continue it: wazzup-contacts apply {}",
            run.run,
            run.source,
            name(run)
        ));
    }
}

fn say_others(context: &Context, others: &[&HistoryEntry]) {
    for run in others
        .iter()
        .filter(|run| run.status == RunStatus::Unfinished && !context.console.is_job())
    {
        let profile = run.profile.as_deref().unwrap_or("unknown");
        context.console.say(&format!(
            "also unfinished: run {} of another profile or account (profile {profile}, account {}, {})",
            run.run, run.account, run.source
        ));
    }
}

/// Signs in. A failure is recorded in the line of the profile's last unfinished run.
fn sign_in(context: &Context, unfinished: &[&HistoryEntry]) -> Result<Session, Error> {
    context.session().inspect_err(|error| {
        let mut runs = unfinished.iter();
        let last = runs.find(|run| is_of_profile(context, run));
        if let Some(file) = last.and_then(|run| run.file.as_deref()) {
            record_not_sent(context, file, error);
        }
    })
}

fn say_superseded(context: &Context, history: &RunHistory) {
    for run in history
        .runs
        .iter()
        .filter(|run| run.status == RunStatus::Unfinished && is_of_profile(context, run))
    {
        if let Some(later) = history.superseding(run) {
            let is_undo = run
                .file
                .as_deref()
                .is_some_and(|file| later.has_undone(file));
            let (reason, force) = if is_undo {
                (format!("it was undone by {}", later.run), " --force")
            } else {
                let reason = format!("the later run {} of {} is done", later.run, run.source);
                (reason, "")
            };
            context.console.say(&format!(
                "not continued: run {}, because {reason}; to send it anyway: wazzup-contacts apply {}{force}",
                run.run,
                name(run)
            ));
        }
    }
}

fn name(run: &HistoryEntry) -> String {
    run.file
        .as_deref()
        .map_or_else(|| run.run.clone(), resume::named_file)
}
