//! Plans files, for `import` and `plan`.

use std::path::Path;

use super::{Context, history::session_to_plan, page::request_files};
use crate::{
    cli::{Blank, ChangedOnly, PlanningArgs, SourceArgs},
    error::Error,
    plan::{PlanOptions, gate::Bounds},
    settings::reading,
    stage::ReadRequest,
    workflow::{Comparison, OnDoubt, PlanRequest, PlannedRun, Session},
};

/// The purpose of a plan.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// `import` sends it.
    Send,
    /// `plan` keeps it for `apply`.
    Keep,
    /// `import --dry-run` shows and discards it.
    Show,
}

/// Checks the files to be written, signs in, and plans. `run`: the run file to create, if it was named.
pub(super) fn plan_files(
    context: &Context,
    args: &SourceArgs,
    run: Option<&Path>,
    purpose: Purpose,
) -> Result<(Session, PlannedRun), Error> {
    let SourceArgs {
        read,
        planning,
        report,
        locked,
        ..
    } = args;
    let profile = &context.settings.profile;
    context.await_ids(planning.ids.as_deref());
    let reading = reading::resolve_selected(read, planning, profile)?;
    let (rejects, report) = (planning.rejects.as_deref(), report.report.as_deref());
    request_files(context, rejects, report, &reading.files, run)?;
    let is_dry_run = purpose == Purpose::Show;
    let session = session_to_plan(context, planning.mode, &reading.files, is_dry_run)?;
    let request = PlanRequest {
        command: if purpose == Purpose::Keep {
            "plan"
        } else {
            "import"
        },
        run,
        dry_run: is_dry_run,
        wait: locked.wait,
        max_shrink: planning.max_shrink.or(profile.max_shrink),
        on_doubt: if purpose == Purpose::Send {
            OnDoubt::Refuse
        } else {
            OnDoubt::Warn
        },
        ..plan_request(&reading, planning)
    };
    let planned = plan(context, || request.plan(&session))?;
    Ok((session, planned))
}

/// Plans. If something other than the files fails, prints whether the command can be repeated.
pub(super) fn plan(
    context: &Context,
    plan: impl FnOnce() -> Result<PlannedRun, Error>,
) -> Result<PlannedRun, Error> {
    plan().inspect_err(|error| {
        if let Some(words) = error.without_plan() {
            context.console.say(words);
        }
    })
}

fn plan_request<'a>(reading: &'a ReadRequest, args: &'a PlanningArgs) -> PlanRequest<'a> {
    let full_every = args.full_every;
    PlanRequest {
        options: PlanOptions {
            mode: args.mode,
            on_duplicate: args.on_duplicate,
            cleared: Vec::new(),
            bounds: Bounds {
                max_rejects: args.max_rejects,
                max_delete: args.max_delete,
                max_refused: args.max_refused,
            },
            batch_size: args.batch_size.into(),
        },
        clear_blank: args.blank == Blank::Clear,
        comparison: match args.changed_only {
            None => Comparison::Account,
            Some(ChangedOnly::On) => Comparison::Ledger { full_every },
            Some(ChangedOnly::Reset) => Comparison::Reset,
        },
        other_account: args.other_account,
        rejects: args.rejects.as_deref(),
        rejects_for_excel: args.excel,
        owners: args.owners,
        ..PlanRequest::new(reading)
    }
}
