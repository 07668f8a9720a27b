//! `report`: the HTML report of a run. Also writes the report that other commands are asked for.

use std::{
    io::{self, BufWriter},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde_json::json;

use super::{Context, conclusion::message, resume};
use crate::{
    cli::ReportArgs,
    error::{Error, ExitCode},
    report::{
        page::{self, Progress, ReportPage},
        summary::Summary,
    },
    run::RunFile,
    wording::{elapsed, shown_path, visible},
    workflow::{PastRun, PlannedRun, RunMeta},
};

/// Runs the command.
pub(super) fn run(context: &Context, args: &ReportArgs) -> Result<ExitCode, Error> {
    let started = Timestamp::now();
    let path = context.store()?.find(&args.run);
    let output = args
        .output
        .as_deref()
        .filter(|path| *path != Path::new("-"));
    let output = output.map(|output| page::check_asked_page(output, &[], Some(&path)));
    let output = output.transpose()?;
    if output.is_none() {
        context.console.keep_output_for_data();
    }
    let PastRun {
        run,
        meta,
        summary,
        progress,
        is_unfinished,
    } = PastRun::open(&path, &context.settings.state_directory)?;
    let resume = is_unfinished.then(|| resume::by_name(context, &run));
    let next = resume::steps(context, &run, &summary, (progress, resume.transpose()?));
    let page = meta.page(&run, &summary, progress, next)?;
    match &output {
        Some(path) => page::save(&page, path)?,
        None => print(&page)?,
    }
    let shown = output.as_deref().map(shown_path);
    let object = json!({
        "command": "report", "exit_code": 0, "run": run.name(), "files": { "report": shown },
        "started_at": started.to_string(), "seconds": elapsed(started),
    });
    let text = shown.map(|path| format!("report written to {path}"));
    context
        .console
        .summary(&object, &visible(&text.unwrap_or_default()));
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

impl Context<'_> {
    /// Notes the report that is asked for, and checks that it can be written.
    pub(super) fn ask_report(
        &self,
        path: Option<&Path>,
        sources: &[PathBuf],
        run: Option<&Path>,
    ) -> Result<(), Error> {
        if let Some(path) = path {
            let path = page::check_asked_page(path, sources, run)?;
            self.report.get_or_init(|| path);
        }
        Ok(())
    }

    /// Writes the report if it was asked for, and adds it to the files of the summary. `resume` is the command that
    /// sends what is left.
    pub(super) fn write_report(
        &self,
        run: &RunFile,
        meta: &RunMeta,
        summary: &mut Summary,
        (progress, resume, failure): (Progress, Option<String>, Option<&Error>),
    ) -> Result<(), Error> {
        let Some(path) = self.report.get() else {
            return Ok(());
        };
        summary.files.report = Some(shown_path(path));
        let next = resume::steps(self, run, summary, (progress, resume));
        let mut page = meta.page(run, summary, progress, next)?;
        page.failure = failure.map(|error| (message(error), error.hint()));
        Ok(page::save(&page, path)?)
    }

    /// As [`Self::write_report`], of a plan that is not sent, or not yet.
    pub(super) fn write_plan_report(
        &self,
        planned: &PlannedRun,
        summary: &mut Summary,
        resume: Option<String>,
    ) -> Result<(), Error> {
        let PlannedRun { run, meta, .. } = planned;
        self.write_report(run, meta, summary, (Progress::Planned, resume, None))
    }
}
