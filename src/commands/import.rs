//! `import`: plans and applies.

use super::{
    Context,
    confirm::{confirm_deletes, decline},
    planned::{plan_request, show, show_dry_run},
    resume,
    sent::show_sent,
};
use crate::{
    cli::ImportArgs,
    error::{Error, ExitCode},
    plan::Mode,
    report::rejects,
    settings::reading,
    workflow::OnDoubt,
};

pub(super) fn run(context: &Context, args: &ImportArgs) -> Result<ExitCode, Error> {
    if args.dry_run {
        context.console.print_results();
    }
    rejects::check_requested(args.planning.rejects.as_deref())?;
    context.await_ids(args.planning.ids.as_deref());
    let reading = reading::resolve_selected(&args.read, &args.planning, &context.settings.profile)?;
    context.request_report(
        args.report.report.as_deref(),
        &reading.files,
        args.run.as_deref(),
    )?;
    let mode = args.planning.mode;
    let session = context.session_to_plan(mode, &reading.files, args.dry_run)?;
    let mut request = plan_request("import", &reading, &args.planning);
    request.run = args.run.as_deref();
    if args.dry_run {
        request.on_doubt = OnDoubt::Warn;
    }
    request.max_shrink = request.max_shrink.or(context.settings.profile.max_shrink);
    request.wait = args.turn.wait;
    request.dry_run = args.dry_run;
    let planned = context.plan(|| request.plan(&session))?;
    // If the user declines the deletes, no run file is left.
    let stays = !args.dry_run && (args.yes || mode != Mode::Mirror);
    let mut planned = show(context, &session, planned, stays)?;
    if args.dry_run {
        return show_dry_run(context, &session, planned);
    }
    let delete = planned.plan.tally.plan.delete;
    if let Err(declined) = confirm_deletes(context, &session, args.yes, (delete, "")) {
        return decline(context, &session, planned, declined);
    }
    planned.sealed.canary = args.canary.map(usize::from);
    let sent = planned.send(&session, &resume::command(context, &planned.sealed.run)?);
    show_sent(context, &planned.sealed, sent)
}
