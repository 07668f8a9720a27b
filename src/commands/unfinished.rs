//! Finds the run that `apply` continues by default.

use std::path::PathBuf;

use super::{Context, resume};
use crate::{
    error::Error,
    ledger::{HistoryEntry, RunStatus},
    report::summary::Summary,
    run::{RunError, RunFile},
    workflow::{RunHistory, Session},
};

/// The last unfinished run of the account and profile, with the session that identified the account. Mentions
/// unfinished runs of other accounts and profiles, except in a job, where they are left to other jobs.
pub(super) fn last_unfinished(context: &Context) -> Result<Option<(PathBuf, Session)>, Error> {
    let history = RunHistory::read(&context.settings.state_directory)?;
    let unfinished: Vec<_> = history.unfinished().collect();
    say_superseded(context, &history);
    if unfinished
        .iter()
        .all(|run| run.status == RunStatus::Unreadable)
    {
        return unfinished.first().map_or(Ok(None), |run| Err(doubt(run)));
    }
    let session = sign_in(context, &unfinished)?;
    let (own, others): (Vec<_>, Vec<_>) = unfinished
        .into_iter()
        .partition(|run| session.is_run_of(run));
    for run in others
        .iter()
        .filter(|run| run.status == RunStatus::Unfinished && context.turns.is_none())
    {
        let profile = run.profile.as_deref().unwrap_or("unknown");
        context.console.say(&format!(
            "also unfinished: run {} of another profile or account (profile {profile}, account {}, {})",
            run.run, run.account, run.source
        ));
    }
    let Some((last, rest)) = own.split_first() else {
        return Ok(None);
    };
    if last.status == RunStatus::Unreadable {
        return Err(doubt(last));
    }
    for run in rest
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
    Ok(last.file.clone().map(|file| (file, session)))
}

/// Signs in. A failure is recorded in the line of the profile's last unfinished run.
fn sign_in(context: &Context, unfinished: &[&HistoryEntry]) -> Result<Session, Error> {
    context.session().inspect_err(|error| {
        let mut runs = unfinished.iter();
        let last = runs.find(|run| is_of_profile(context, run));
        if let Some(file) = last.and_then(|run| run.file.as_deref()) {
            context.record_stop(file, error);
        }
    })
}

fn is_of_profile(context: &Context, run: &HistoryEntry) -> bool {
    run.profile.as_deref() == Some(context.settings.profile_word())
}

pub(super) fn say_nothing_is_left(context: &Context) {
    context.console.say(&format!(
        "nothing is left to send: {} has no unfinished run; if the run file is elsewhere, name it",
        context.settings.state_directory.join("runs").display()
    ));
    let nothing = Summary {
        command: "apply".to_owned(),
        started_at: context.watched.started.to_string(),
        ..Summary::default()
    };
    context.console.summary(&nothing, "");
}

fn say_superseded(context: &Context, history: &RunHistory) {
    for run in history
        .runs
        .iter()
        .filter(|run| run.status == RunStatus::Unfinished && is_of_profile(context, run))
    {
        if let Some(later) = history.superseding(run) {
            context.console.say(&format!(
                "not continued: run {}, because the later run {} of {} is done; to send it anyway: wazzup-contacts apply {}",
                run.run,
                later.run,
                run.source,
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

/// The error for an unreadable file that may be the run to continue.
fn doubt(run: &HistoryEntry) -> Error {
    let opened = run.file.as_deref().map(RunFile::open);
    match opened {
        Some(Err(error)) => RunError::Doubtful {
            source: Box::new(error),
        }
        .into(),
        _ => Error::NotFound(format!("run {} can't be read", run.run)),
    }
}
