//! `report`: the HTML report of a run.

use std::{
    io::{self, BufWriter},
    path::Path,
};

use serde_json::json;

use super::{Context, history::find_run, next_steps::ReportedState, page::page_of, resume};
use crate::{
    characters::visible,
    cli::ReportArgs,
    error::{Error, ExitCode},
    paths::{is_stream, shown_path},
    report::{
        notes::Invocation,
        page::{self, ReportPage},
    },
    streams::is_standard_output,
    workflow::{PastRun, RunHistory, SANDBOX},
};

pub(super) fn run(context: &mut Context, args: &ReportArgs) -> Result<ExitCode, Error> {
    let path = find_run(context, &args.run)?;
    let output = args.output.as_deref().filter(|path| !is_stream(path));
    let output = output.map(|output| page::check_page(output, &[], Some(&path)));
    let output = output.transpose()?;
    if output.as_deref().is_none_or(is_standard_output) {
        context.console.keep_output_for_data();
    }
    let PastRun {
        run,
        meta,
        summary,
        phase,
        is_unfinished,
    } = PastRun::open(&path, &context.settings.state_directory)?;
    context.watched.account.get_or_init(|| meta.account.clone());
    if meta.account == SANDBOX {
        context.settings.account.sandbox = true;
    } else {
        let Invocation {
            profile, base_url, ..
        } = &meta.invocation;
        context.settings.take_over(profile, base_url);
    }
    let context = &*context;
    let history = RunHistory::read(&context.settings.state_directory)?;
    let undone = history.undone(&path);
    let can_continue = is_unfinished && undone.is_none();
    let resume = can_continue.then(|| resume::by_name(context, &run));
    let state = ReportedState {
        resume: resume.transpose()?,
        undone,
        ..ReportedState::new(phase)
    };
    let page = page_of(context, &run, &meta, &summary, state)?;
    match &output {
        Some(path) => page::save(&page, path)?,
        None => print(&page)?,
    }
    let shown = output.as_deref().map(shown_path);
    let object = json!({ "run": run.name(), "files": { "report": shown } });
    let text = shown.map(|path| format!("report written to {path}"));
    let text = text.unwrap_or_default();
    context.summarize(ExitCode::Done, object, &visible(&text));
    Ok(ExitCode::Done)
}

fn print(page: &ReportPage<'_>) -> Result<(), Error> {
    let name = Path::new("standard output");
    let mut out = BufWriter::new(io::stdout().lock());
    match page::write(page, &mut out, name) {
        Err(error) if error.is_closed_early() => Ok(()),
        written => Ok(written?),
    }
}
