//! Shows a plan, for `import`, `plan` and `undo`.

use super::{
    Context, next_steps::ReportedState, page::write_report, preview::Preview, resume,
    sent::say_where_rejects_are,
};
use crate::{
    error::{Error, ExitCode},
    report::page::ReportedPhase,
    workflow::{PlannedRun, Session},
};

/// Shows the plan. If the gate refused it, removes the run file and returns the refusal. `stays`: the run file
/// will certainly be kept.
pub(super) fn show(
    context: &Context,
    session: &Session,
    planned: PlannedRun,
    stays: bool,
) -> Result<PlannedRun, Error> {
    let console = context.console;
    console.warn(&planned.sealed.warnings);
    if let Some(staged) = &planned.staged {
        context.doubts(&staged.doubts);
        for (heading, lines) in staged.sections() {
            console.section(heading, &lines);
        }
    }
    let preview = Preview {
        planned: &planned,
        all_with: all_changes_with(&planned, stays),
    };
    preview.show(console, session)?;
    let Some(verdict) = planned.plan.verdict.clone() else {
        return Ok(planned);
    };
    end_without_sending(context, session, planned, ExitCode::Gate)?;
    Err(Error::Gate(verdict))
}

/// The command that shows all changes of the plan, if there is one.
fn all_changes_with(planned: &PlannedRun, stays: bool) -> Option<String> {
    match (planned.refusal(), stays, planned.is_undo()) {
        (None, true, _) => {
            let run = resume::named(&planned.sealed.run);
            Some(format!("wazzup-contacts runs show {run}"))
        }
        // A refused plan is not kept, and `plan` can't make an undo.
        (Some(_), ..) | (None, false, true) => None,
        (None, false, false) => {
            Some("`plan` with -o X.run keeps them, and `runs show X.run` shows them".to_owned())
        }
    }
}

pub(super) fn show_dry_run(
    context: &Context,
    session: &Session,
    planned: PlannedRun,
) -> Result<ExitCode, Error> {
    let code = match planned.rejected() {
        0 => ExitCode::Done,
        _ => ExitCode::Rejected,
    };
    end_without_sending(context, session, planned, code)?;
    context.console.say("dry run: nothing was sent");
    Ok(code)
}

/// Writes the rejects, removes the run file and shows the summary.
fn end_without_sending(
    context: &Context,
    session: &Session,
    mut planned: PlannedRun,
    code: ExitCode,
) -> Result<(), Error> {
    write_rejects(context, session, &mut planned)?;
    let mut summary = planned.summary(session, code)?;
    summary.files.run = None;
    let state = ReportedState::new(ReportedPhase::Planned);
    write_report(context, &planned.sealed, &mut summary, state)?;
    planned.discard_after(None)?;
    context.console.summary(&summary, &summary.to_string());
    Ok(())
}

/// Writes the rejects file, and prints its path if that is not obvious.
pub(super) fn write_rejects(
    context: &Context,
    session: &Session,
    planned: &mut PlannedRun,
) -> Result<(), Error> {
    let written = planned.write_rejects(session)?;
    say_where_rejects_are(context, &written);
    Ok(())
}
