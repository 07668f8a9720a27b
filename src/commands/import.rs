//! `import`: plan and apply.

use super::{Context, plan::Making, resume};
use crate::{
    cli::ImportArgs,
    error::{Error, ExitCode},
    wording::counted,
};

/// Runs the command.
pub(super) fn run(context: &Context, args: &ImportArgs) -> Result<ExitCode, Error> {
    let session = context.session()?;
    let _lock = session.lock(&context.store()?, context.settings.wait)?;
    let making = Making {
        context,
        session: &session,
        command: "import",
        read: &args.read,
        planning: &args.planning,
    };
    let made = making.make(args.run.as_deref())?.shown(context, &session)?;
    if args.dry_run {
        return made.end_dry_run(context, &session);
    }
    let delete = made.plan.tally.plan.delete;
    if delete > 0
        && !args.yes
        && !context
            .console
            .confirm(&format!("delete {}?", counted(delete, "contact")))
    {
        return Err(Error::usage(
            format!(
                "the plan deletes {}, and nobody said yes: nothing was sent",
                counted(delete, "contact")
            ),
            Some(format!(
                "pass --yes, or send the plan later: {}",
                resume::command(context, &made.run)?
            )),
        ));
    }
    made.send(context, &session)
}
