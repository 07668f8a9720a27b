//! `plan`: does everything that `import` does, except sending.

use std::path::Path;

use super::{
    Context,
    next_steps::ReportedState,
    page::write_report,
    planned::{show, write_rejects},
    planning::{Purpose, plan_files},
    resume,
};
use crate::{
    cli::PlanArgs,
    error::{Error, ExitCode},
    output::promises_no_text,
    report::page::ReportedPhase,
};

pub(super) fn run(context: &Context, args: &PlanArgs) -> Result<ExitCode, Error> {
    context.console.print_results();
    if let Some(path) = &args.output {
        refuse_tables(path)?;
    }
    let run = args.output.as_deref();
    let (session, planned) = plan_files(context, &args.sources, run, Purpose::Keep)?;
    let mut planned = show(context, &session, planned, true)?;
    let code = match (
        args.exit_code && planned.changes() > 0,
        planned.rejected() > 0,
    ) {
        (true, _) => ExitCode::Changes,
        (false, true) => ExitCode::Rejected,
        (false, false) => ExitCode::Done,
    };
    write_rejects(context, &session, &mut planned)?;
    let mut summary = planned.summary(&session, code)?;
    planned.keep(code)?;
    let is_sendable = planned.changes() > 0 && !context.settings.account.sandbox;
    let resume = is_sendable.then(|| resume::command(context, &planned.sealed.run));
    let state = ReportedState {
        resume: resume.transpose()?,
        ..ReportedState::new(ReportedPhase::Planned)
    };
    write_report(context, &planned.sealed, &mut summary, state)?;
    context.console.summary(&summary, &summary.to_string());
    if planned.changes() > 0 {
        context
            .console
            .say(&resume::after_plan(context, &planned.sealed.run)?);
    }
    Ok(code)
}

/// Refuses a table or a page as the name of the run file.
fn refuse_tables(path: &Path) -> Result<(), Error> {
    const TABLES: [&str; 4] = ["csv", "tsv", "txt", "xlsx"];
    let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
    let is_table = TABLES.iter().any(|table| ending == *table);
    if !is_table && !promises_no_text(path) {
        return Ok(());
    }
    let hint = if is_table {
        "rejected rows go to a table with --rejects; the plan itself is text: wazzup-contacts plan FILE > plan.txt"
    } else {
        "leave -o out, or name a .run file; the plan itself is text: wazzup-contacts plan FILE > plan.txt"
    };
    Err(Error::usage(
        format!(
            "{}: -o only writes a run file, which `apply` sends",
            path.display()
        ),
        hint.to_owned(),
    ))
}
