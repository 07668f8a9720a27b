//! `import`: plan and apply.

use super::{Context, confirm::confirm, making::Making};
use crate::{
    cli::ImportArgs,
    error::{Error, ExitCode},
    plan::Mode,
    report::rejects,
    wording::counted,
};

/// Runs the command.
pub(super) fn run(context: &Context, args: &ImportArgs) -> Result<ExitCode, Error> {
    rejects::check_asked(args.planning.rejects.as_deref())?;
    let session = context.session()?;
    let _lock = session.lock(&context.store()?, args.turn.wait)?;
    let making = Making {
        context,
        session: &session,
        command: "import",
        read: &args.read,
        planning: &args.planning,
    };
    // Who is asked before contacts are deleted may say no, and then there is no run to look into.
    let stays = !args.dry_run && (args.yes || args.planning.mode != Mode::Mirror);
    let made = making
        .make(args.run.as_deref())?
        .shown(context, &session, stays)?;
    if args.dry_run {
        return made.end_dry_run(context, &session);
    }
    let delete = made.plan.tally.plan.delete;
    let question = format!("Delete {}?", counted(delete, "contact"));
    if let Err(no) = confirm(context, args.yes || delete == 0, &question) {
        // `apply` must not send later what was refused now.
        made.forget()?;
        return Err(no);
    }
    made.send(context, &session)
}
