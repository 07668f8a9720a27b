//! The facts of a past run for its report, and the report of a check.

use std::path::Path;

use super::{RunMeta, meta::WARNINGS};
use crate::{
    error::Error,
    ledger::Ledger,
    paths::shown_path,
    report::{
        notes::{Invocation, NOTES},
        page::{self, NextStep, ReportPage, ReportedPhase},
        rejects,
        summary::Summary,
    },
    run::{RunFile, State, Tally, sent},
};

pub(crate) struct PastRun {
    pub run: RunFile,
    pub meta: RunMeta,
    pub summary: Summary,
    pub phase: ReportedPhase,
    /// True if something is left to send.
    pub is_unfinished: bool,
}

impl PastRun {
    /// Opens an undamaged run with a complete plan. The counts are current; requests and times are those of the
    /// command that sent last.
    pub(crate) fn open(path: &Path, state_directory: &Path) -> Result<Self, Error> {
        let run = RunFile::open(path)?;
        let meta = RunMeta::of(&run, "it has no report")?;
        let mut tally = Tally::of(&run)?;
        let stored: Option<Summary> = run.find_fact("summary")?;
        let is_sent = stored.is_some() || sent::count(&run)? > 0;
        if !is_sent {
            tally.done.not_attempted = 0;
        }
        let is_unfinished = run.state()? != State::Done;
        let mut summary = match stored {
            Some(stored) => stored.with_tally(tally),
            // It was never sent, or its sending was killed.
            None => Summary {
                warnings: run.find_fact(WARNINGS)?.unwrap_or_default(),
                ..meta.summary(&run, (meta.planned_at, 0.0), tally)
            },
        };
        let ledger = Ledger::open(state_directory, &meta.account);
        let target = rejects::of_run(None, &run, &meta.source.path, &ledger)?;
        let has_rejects = tally.rows.rejected + tally.done.failed > 0 && target.path.exists();
        summary.files.rejects = has_rejects.then(|| shown_path(&target.path));
        let phase = if is_sent {
            ReportedPhase::Sent
        } else {
            ReportedPhase::Planned
        };
        Ok(Self {
            run,
            meta,
            summary,
            phase,
            is_unfinished,
        })
    }
}

/// Writes the report of a check of the files that were staged into `run`.
pub(crate) fn save_check_page(
    run: &RunFile,
    summary: &Summary,
    command_line: String,
    path: &Path,
) -> Result<(), Error> {
    let invocation = Invocation {
        command_line,
        ..Invocation::default()
    };
    let next = NextStep {
        words: "To see what an import would change in the account, run `import --dry-run` with the same files and options.".to_owned(),
        command: None,
    };
    let page = ReportPage {
        phase: ReportedPhase::Checked,
        summary,
        run,
        invocations: [Some(invocation), None],
        notes: run.find_fact(NOTES)?.unwrap_or_default(),
        failure: None,
        undone: None,
        next: vec![next],
    };
    Ok(page::save(&page, path)?)
}
