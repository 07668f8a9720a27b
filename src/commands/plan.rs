//! `plan`: everything of an import but the sending.

use super::{Context, apply::write_rejects, making::Making, resume};
use crate::{
    cli::PlanArgs,
    error::{Error, ExitCode},
    report::{rejects, summary::RequestSummary},
};

/// Runs the command.
pub(super) fn run(context: &Context, args: &PlanArgs) -> Result<ExitCode, Error> {
    rejects::check_asked(args.planning.rejects.as_deref())?;
    let session = context.session()?;
    let _lock = session.lock(&context.store()?, args.turn.wait)?;
    let making = Making {
        context,
        session: &session,
        command: "plan",
        read: &args.read,
        planning: &args.planning,
    };
    let made = making
        .make(args.output.as_deref())?
        .shown(context, &session, true)?;
    let planned = made.plan.tally.plan;
    let changes = planned.create + planned.update + planned.delete;
    let code = match (args.exit_code && changes > 0, made.rejected > 0) {
        (true, _) => ExitCode::Changes,
        (false, true) => ExitCode::Rejected,
        (false, false) => ExitCode::Done,
    };
    write_rejects(context, &made.run, &made.about)?;
    let mut summary = made.forecast(&session, code)?;
    // What it took to read the account is not what the plan is about.
    summary.requests = RequestSummary::default();
    context.console.summary(&summary, &summary.to_string());
    if changes > 0 {
        context
            .console
            .say(&resume::after_plan(context, &made.run)?);
    }
    Ok(code)
}
