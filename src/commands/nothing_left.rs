//! The reasons why `apply` without a name has no run to continue.

use super::Context;
use crate::{
    error::Error,
    ledger::{HistoryEntry, RunStatus},
    report::summary::Summary,
    run::{RunError, RunFile},
    workflow::RunHistory,
};

/// Fails if the last run of the profile stopped while it was planned, which `apply` can't continue.
pub(super) fn refuse_unplanned(context: &Context, history: &RunHistory) -> Result<(), Error> {
    let mut runs = history.runs.iter();
    let Some(last) = runs.find(|run| is_of_profile(context, run)) else {
        return Ok(());
    };
    let was_cut_short = matches!(last.exit_code, None | Some(1 | 129 | 130 | 143));
    if last.status != RunStatus::Stopped || last.has_sent() || !was_cut_short {
        return Ok(());
    }
    let HistoryEntry {
        run,
        command,
        source,
        ..
    } = last;
    Err(Error::NotFound(format!(
        "nothing can be continued: the last run {run} ({command} {source}) has no complete plan; \
         run `wazzup-contacts {command}` again, with the same source and options"
    )))
}

pub(super) fn say_nothing_is_left(context: &Context) {
    let account = context.watched.account.get();
    let of_account = account.map(|account| {
        let profile = context.settings.profile_word();
        format!(" of account {account} and profile {profile}")
    });
    context.console.say(&format!(
        "nothing is left to send: {} has no unfinished run{}; if the run file is elsewhere, name it",
        context.settings.state_directory.join("runs").display(),
        of_account.unwrap_or_default()
    ));
    let nothing = Summary {
        command: "apply".to_owned(),
        started_at: context.watched.started.to_string(),
        ..Summary::default()
    };
    context.console.summary(&nothing, "");
}

/// The error for an unreadable file that may be the run to continue.
pub(super) fn doubt(run: &HistoryEntry) -> Error {
    let opened = run.file.as_deref().map(RunFile::open);
    match opened {
        Some(Err(error)) => RunError::Doubtful {
            source: Box::new(error),
        }
        .into(),
        _ => Error::NotFound(format!("run {} can't be read", run.run)),
    }
}

pub(super) fn is_of_profile(context: &Context, run: &HistoryEntry) -> bool {
    run.profile.as_deref() == Some(context.settings.profile_word())
}
