//! Shows that nothing is left to send, or fails because no run can be continued.

use super::{Context, next_steps::ReportedState, page::write_report, sent::say_where_rejects_are};
use crate::{
    cli::ApplyArgs,
    error::{Error, ExitCode, UnusableRunError},
    ledger::{HistoryEntry, Ledger, RunStatus},
    report::{page::ReportedPhase, summary::Summary},
    run::{RunError, RunFile, Tally},
    workflow::{RunHistory, SealedRun},
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
    Err(UnusableRunError::NothingToContinue {
        run: last.run.clone(),
        command: last.command.clone(),
        file: last.source.clone(),
    }
    .into())
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
        started_at: context.watched.started.at.to_string(),
        ..Summary::default()
    };
    context.console.summary(&nothing, "");
}

/// Shows the result of a finished run. Its rejects are written only on request, because the user may be editing
/// the existing file.
pub(super) fn show_again(
    context: &Context,
    args: &ApplyArgs,
    resumed: &SealedRun,
) -> Result<ExitCode, Error> {
    let console = context.console;
    let SealedRun { run, meta, .. } = resumed;
    let history = RunHistory::read(&context.settings.state_directory)?;
    let undone = history.undone(run.path());
    let words = undone.as_ref().map(|undone| format!("; {undone}"));
    console.say(&format!(
        "nothing is left to send: run {} is done{}",
        run.name(),
        words.unwrap_or_default()
    ));
    let tally = Tally::of(run)?;
    let rejects = if args.rejects.is_some() || args.send.excel {
        let mut ledger = Ledger::open(&context.settings.state_directory, &meta.account);
        let written = resumed.write_rejects(&mut ledger)?;
        say_where_rejects_are(context, &written);
        written.path
    } else {
        resumed.rejects.path.clone()
    };
    let (code, mut summary) = resumed.summary(tally, &rejects);
    let state = ReportedState {
        undone,
        ..ReportedState::new(ReportedPhase::Sent)
    };
    write_report(context, resumed, &mut summary, state)?;
    console.summary(&summary, &summary.to_string());
    Ok(code)
}

/// The error for an unreadable file that may be the run to continue.
pub(super) fn doubt(run: &HistoryEntry) -> Error {
    if let Some(Err(error)) = run.file.as_deref().map(RunFile::open) {
        let source = Box::new(error);
        return RunError::Doubtful { source }.into();
    }
    let reason = run.error.as_deref().unwrap_or("its facts are damaged");
    UnusableRunError::Unreadable {
        run: run.run.clone(),
        reason: reason.to_owned(),
    }
    .into()
}

pub(super) fn is_of_profile(context: &Context, run: &HistoryEntry) -> bool {
    run.profile.as_deref() == Some(context.settings.profile_word())
}
