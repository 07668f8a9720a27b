//! `import`: plans and applies.

use super::{
    Context,
    confirm::confirm_deletes,
    planned::{show, show_dry_run},
    planning::{Purpose, plan_files},
    sent::send,
};
use crate::{
    cli::ImportArgs,
    error::{Error, ExitCode},
    plan::Mode,
};

pub(super) fn run(context: &Context, args: &ImportArgs) -> Result<ExitCode, Error> {
    let purpose = if args.dry_run {
        context.console.print_results();
        Purpose::Show
    } else {
        Purpose::Send
    };
    let (session, planned) = plan_files(context, &args.sources, args.run.as_deref(), purpose)?;
    // If the user declines the deletes, no run file is left.
    let is_certain = args.yes || args.sources.planning.mode != Mode::Mirror;
    let mut planned = show(context, &session, planned, !args.dry_run && is_certain)?;
    if args.dry_run {
        return show_dry_run(context, &session, planned);
    }
    let delete = planned.plan.tally.plan.delete;
    let confirmed = confirm_deletes(context, &session, args.yes, delete, "");
    planned.sealed.canary = args.canary.map(usize::from);
    send(context, &session, planned, confirmed)
}
