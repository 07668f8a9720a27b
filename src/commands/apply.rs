//! `apply`: sends the rest of a run.

use std::path::Path;

use super::{
    Context,
    confirm::confirm_deletes,
    history::{find_run, record_not_sent},
    nothing_left::{say_nothing_is_left, show_again},
    page::request_files,
    resume,
    sent::show_sent,
    unfinished::last_unfinished,
};
use crate::{
    cli::ApplyArgs,
    error::{Error, ExitCode},
    plan::Mode,
    report::rejects,
    selection::Selection,
    settings::reading::selection,
    wording::counted,
    workflow::{self, RunHistory, SealedRun, Session},
};

pub(super) fn run(context: &Context, args: &ApplyArgs) -> Result<ExitCode, Error> {
    let (path, session) = if let Some(run) = &args.run {
        (find_run(context, run)?, None)
    } else if let Some((path, session)) = last_unfinished(context, args.send.locked.wait)? {
        (path, Some(session))
    } else {
        say_nothing_is_left(context);
        if args.send.report.report.is_some() {
            let console = context.console;
            console.say_always("no report was written, because no run was found");
        }
        return Ok(ExitCode::Done);
    };
    request_files(
        context,
        args.rejects.as_deref(),
        args.send.report.report.as_deref(),
        &[],
        Some(&path),
    )?;
    send(context, args, &path, session).inspect_err(|error| record_not_sent(context, &path, error))
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
    resumed.meta.rejects_for_excel |= args.send.excel;
    let mode = resumed.meta.options.mode;
    let selection = read_selection(context, args, mode)?;
    if args.run.is_none() {
        let (name, source) = (resumed.run.name(), &resumed.meta.source.path);
        context
            .console
            .say(&format!("continuing run {name} ({source})"));
    }
    if resumed.is_done()? {
        return show_again(context, args, &resumed);
    }
    resumed
        .warnings
        .extend(check_undone(context, path, args.force)?);
    rejects::check_writable(&resumed.rejects)?;
    let session = session.map_or_else(|| context.session(), Ok)?;
    resumed.lock(&session, args.send.locked.wait)?;
    if let Some(selection) = selection {
        resumed.select(selection)?;
    }
    context.console.warn(&resumed.warnings);
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
    let sent = workflow::send(&resumed, &session, check_stale, &format!("{rest}{ids}"));
    let left_out = (sent.left_out > 0).then(|| counted(sent.left_out, "contact"));
    let result = show_sent(context, &resumed, sent);
    if let Some(contacts) = left_out {
        let line = format!("--ids left out {contacts} of the run; to send them: {rest}");
        context.console.say(&line);
    }
    result
}

fn read_selection(
    context: &Context,
    args: &ApplyArgs,
    mode: Mode,
) -> Result<Option<Selection>, Error> {
    let ids = args.ids.as_deref();
    context.await_ids(ids);
    Ok(ids.map(|ids| selection(ids, mode)).transpose()?)
}

/// Refuses an undone run. With `force`, returns a warning instead.
fn check_undone(context: &Context, path: &Path, force: bool) -> Result<Option<String>, Error> {
    let history = RunHistory::read(&context.settings.state_directory)?;
    match history.undone(path) {
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
