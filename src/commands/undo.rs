//! `undo`: reverts the changes of a run.

use std::slice;

use super::{
    Context,
    confirm::{confirm, confirm_deletes},
    history::{find_run, session_to_plan},
    next_steps::ReportedState,
    page::{request_files, write_report},
    planned::{show, show_dry_run},
    planning::plan,
    sent::send,
};
use crate::{
    cli::UndoArgs,
    error::{Error, ExitCode},
    plan::Mode,
    report::page::ReportedPhase,
    wording::counted,
    workflow::{PlannedRun, Session, UndoRequest},
};

pub(super) fn run(context: &Context, args: &UndoArgs) -> Result<ExitCode, Error> {
    if args.dry_run {
        context.console.print_results();
    }
    let undone = find_run(context, &args.run)?;
    request_files(
        context,
        args.rejects.as_deref(),
        args.send.report.report.as_deref(),
        &[],
        Some(&undone),
    )?;
    let session = session_to_plan(context, Mode::Undo, slice::from_ref(&undone), args.dry_run)?;
    let request = UndoRequest {
        run: &undone,
        force: args.force,
        link: args.set.as_ref(),
        max_refused: args.max_refused,
        rejects: args.rejects.as_deref(),
        rejects_for_excel: args.send.excel,
        wait: args.send.locked.wait,
        dry_run: args.dry_run,
    };
    let planned = plan(context, || request.plan(&session))?;
    if planned.changes() == 0 && planned.rejected() == 0 {
        return nothing_left(context, &session, planned);
    }
    let planned = show(context, &session, planned, args.yes && !args.dry_run)?;
    if args.dry_run {
        return show_dry_run(context, &session, planned);
    }
    let confirmed = confirm_undo(context, &session, args.yes, &planned);
    send(context, &session, planned, confirmed)
}

fn confirm_undo(
    context: &Context,
    session: &Session,
    yes: bool,
    planned: &PlannedRun,
) -> Result<(), Error> {
    let delete = planned.plan.tally.plan.delete;
    let others = planned.changes() - delete;
    if delete == 0 {
        return confirm(context, yes || others == 0, "Revert all of this?");
    }
    let besides = match others {
        0 => String::new(),
        _ => format!(" and restore {}", counted(others, "other")),
    };
    confirm_deletes(context, session, yes, delete, &besides)
}

/// Nothing is left to undo, so no run file is kept.
fn nothing_left(
    context: &Context,
    session: &Session,
    planned: PlannedRun,
) -> Result<ExitCode, Error> {
    let mut summary = planned.summary(session, ExitCode::Done)?;
    (summary.run, summary.files.run) = (None, None);
    context.console.warn(&planned.sealed.warnings);
    let state = ReportedState::new(ReportedPhase::Sent);
    write_report(context, &planned.sealed, &mut summary, state)?;
    planned.discard_after(None)?;
    context.console.summary(&summary, "nothing is left to undo");
    Ok(ExitCode::Done)
}
