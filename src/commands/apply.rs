//! `apply`: sends the rest of a run.

use std::path::Path;

use super::{
    Context,
    confirm::confirm_deletes,
    next_steps::ReportedState,
    nothing_left::say_nothing_is_left,
    resume,
    sent::{say_where_rejects_are, show_sent},
    unfinished::last_unfinished,
};
use crate::{
    cli::ApplyArgs,
    error::{Error, ExitCode},
    ledger::Ledger,
    report::{page::Progress, rejects},
    run::Tally,
    settings::reading::selection,
    wording::counted,
    workflow::{RunHistory, SealedRun, Session},
};

pub(super) fn run(context: &Context, args: &ApplyArgs) -> Result<ExitCode, Error> {
    let (path, session) = if let Some(run) = &args.run {
        (context.find_run(run)?, None)
    } else if let Some((path, session)) = last_unfinished(context, args.locked.wait)? {
        (path, Some(session))
    } else {
        say_nothing_is_left(context);
        if args.report.report.is_some() {
            let console = context.console;
            console.say_always("no report was written, because no run was found");
        }
        return Ok(ExitCode::Done);
    };
    context.request_report(args.report.report.as_deref(), &[], Some(&path))?;
    send(context, args, &path, session).inspect_err(|error| context.record_stop(&path, error))
}

fn send(
    context: &Context,
    args: &ApplyArgs,
    path: &Path,
    session: Option<Session>,
) -> Result<ExitCode, Error> {
    let state_directory = &context.settings.state_directory;
    let mut resumed = SealedRun::open(path, args.rejects.as_deref(), state_directory)?;
    resumed.canary = args.canary.map(usize::from);
    resumed.meta.rejects_for_excel |= args.excel;
    let mode = resumed.meta.options.mode;
    let ids = args.ids.as_deref();
    context.await_ids(ids);
    let selection = ids.map(|ids| selection(ids, mode)).transpose()?;
    if args.run.is_none() {
        let (name, source) = (resumed.run.name(), &resumed.meta.source.path);
        let line = format!("continuing run {name} ({source})");
        context.console.say(&line);
    }
    if resumed.is_done()? {
        return show_again(context, args, &resumed);
    }
    resumed
        .warnings
        .extend(check_undone(context, path, args.force)?);
    rejects::check_writable(&resumed.rejects)?;
    let session = session.map_or_else(|| context.session(), Ok)?;
    resumed.lock(&session, args.locked.wait)?;
    if let Some(selection) = selection {
        resumed.select(selection)?;
    }
    context.console.warnings(&resumed.warnings);
    confirm_deletes(context, &session, args.yes, resumed.deletes()?, "")?;
    say_changed(context, &resumed)?;
    let check_stale = !args.force && resumed.may_be_stale(&session, args.stale_after)?;
    let mut rest = resume::command(context, &resumed.run)?;
    if let Some(max_refused) = args.max_refused {
        resumed.meta.options.bounds.max_refused = max_refused;
        rest = format!("{rest} --max-refused {max_refused}");
    }
    let ids = args.ids.as_deref().map(resume::argument);
    let ids = ids.map_or_else(String::new, |ids| format!(" --ids {ids}"));
    let sent = resumed.send(&session, check_stale, &format!("{rest}{ids}"));
    let left_out = sent.left_out;
    let result = show_sent(context, &resumed, sent);
    if left_out > 0 {
        context.console.say(&format!(
            "--ids left out {} of the run; to send them: {rest}",
            counted(left_out, "contact")
        ));
    }
    result
}

/// Refuses an undone run. With `force`, returns a warning instead.
fn check_undone(context: &Context, path: &Path, force: bool) -> Result<Option<String>, Error> {
    let history = RunHistory::read(&context.settings.state_directory)?;
    let undone = history.undone(path);
    match undone {
        Some(undone) if !force => Err(Error::usage(
            format!("{undone}, so its unsent contacts are out of date"),
            "import the source again; --force sends the rest of this run anyway".to_owned(),
        )),
        undone => {
            Ok(undone.map(|undone| format!("{undone}, so its counts include reverted contacts")))
        }
    }
}

fn say_changed(context: &Context, resumed: &SealedRun) -> Result<(), Error> {
    for path in resumed.changed_sources()? {
        context.console.say(&format!(
            "{path} changed since it was planned; the plan is sent, not the changed file"
        ));
    }
    Ok(())
}

/// Shows the result of a finished run. Its rejects are written only on request, because the user may be editing
/// the existing file.
fn show_again(context: &Context, args: &ApplyArgs, resumed: &SealedRun) -> Result<ExitCode, Error> {
    let console = context.console;
    let SealedRun { run, meta, .. } = resumed;
    let history = RunHistory::read(&context.settings.state_directory)?;
    let undone = history.undone(run.path());
    let words = undone.as_ref().map(|undone| format!("; {undone}"));
    console.say(&format!(
        "nothing is left to send: run {} is done{}",
        run.name(),
        words.unwrap_or_default()
    ));
    let tally = Tally::of(run)?;
    let rejects = if args.rejects.is_some() || args.excel {
        let mut ledger = Ledger::open(&context.settings.state_directory, &meta.account);
        let written = resumed.write_rejects(&mut ledger)?;
        say_where_rejects_are(context, &written);
        written.path
    } else {
        resumed.rejects.path.clone()
    };
    let (code, mut summary) = resumed.summary(tally, &rejects);
    let state = ReportedState {
        undone,
        ..ReportedState::new(Progress::Sent)
    };
    context.write_report(run, meta, &mut summary, state)?;
    console.summary(&summary, &summary.to_string());
    Ok(code)
}
