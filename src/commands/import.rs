//! `import`: plan and apply.

use super::{Context, confirm::confirm, plan::Making};
use crate::{
    cli::ImportArgs,
    error::{Error, ExitCode},
    report::rejects,
    settings::reading::Reading,
    wording::counted,
};

/// Runs the command.
pub(super) fn run(context: &Context, args: &ImportArgs) -> Result<ExitCode, Error> {
    // A token that is got is a request, and may spend a refresh token.
    check_rejects(context, args)?;
    let session = context.session()?;
    let _lock = session.lock(&context.store()?, args.turn.wait)?;
    let making = Making {
        context,
        session: &session,
        command: "import",
        read: &args.read,
        planning: &args.planning,
    };
    let made = making
        .make(args.run.as_deref())?
        .shown(context, &session, args.dry_run)?;
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

/// Can the rejects be written where they belong?
fn check_rejects(context: &Context, args: &ImportArgs) -> Result<(), Error> {
    let rejects = if let Some(rejects) = &args.planning.rejects {
        rejects.clone()
    } else {
        let reading = Reading::resolve(&args.read, &context.settings.profile)?;
        rejects::default_path(&reading.files[0])
    };
    rejects::check_writable(&rejects::resolve(&rejects)?)
}
