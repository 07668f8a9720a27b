//! Plans the undo of a run. It is sent like any other plan.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    PlannedRun, RunLocks, RunMeta, Session,
    planned::{NewRun, PlanParts},
    run_record::{RunRecord, undo_name},
};
use crate::{
    contact::ChatType,
    error::Error,
    normalize::LinkById,
    plan::{
        Mode, Plan, PlanContext, PlanOptions,
        gate::{Bound, Bounds},
        undo::{self, Losses},
    },
    report::{rejects, summary::SourceSummary},
    run::{RunFile, State, batches, store::Lock},
    wording::{Started, counted},
};

#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(crate) struct UndoRequest<'a> {
    /// The file of the run.
    pub run: &'a Path,
    /// Also restore contacts that changed since.
    pub force: bool,
    /// The links of restored contacts whose own are unknown.
    pub link: Option<&'a LinkById>,
    /// Limit of contacts that the server refuses.
    pub max_refused: Bound,
    /// The rejects file; otherwise `RUN.rejected.csv` in the working directory.
    pub rejects: Option<&'a Path>,
    /// Write rejects in CSV for spreadsheet programs.
    pub rejects_for_excel: bool,
    /// Wait while another run uses the account.
    pub wait: bool,
    /// True if the undo will be discarded, so the ledger does not record it.
    pub dry_run: bool,
}

impl UndoRequest<'_> {
    /// Compares what the run changed with the account, and plans to restore it.
    pub(crate) fn plan(&self, session: &Session) -> Result<PlannedRun, Error> {
        let undone = RunFile::open(self.run)?;
        let source = self.run.display().to_string();
        let record = RunRecord::new(session, "undo", Mode::Undo, source, None, self.dry_run);
        let prepare = || self.prepare(session, &undone);
        NewRun::plan(session, record, prepare, |run, new| {
            let meta = self.describe(session, &undone, new);
            meta.record(session, run, &new.rejects)?;
            self.fill(session, run, meta, &undone)
        })
    }

    /// Locks the account and chooses the files of the undo.
    fn prepare(&self, session: &Session, undone: &RunFile) -> Result<NewRun, Error> {
        let started = Started::now();
        let account_lock = session.lock(self.wait)?;
        let undone_lock = Lock::run(self.run)?;
        let meta = RunMeta::of(undone, "it changed nothing")?;
        meta.check_account(session, undone)?;
        let name = undo_name(&undone.name());
        let source = PathBuf::from(format!("{name}.run"));
        let rejects = rejects::choose(self.rejects, &source, undone.path())?;
        meta.check_rejects(&rejects, undone)?;
        let (path, run_lock) = session.reserve_run(&name)?;
        Ok(NewRun {
            path,
            source_bytes: fs::metadata(undone.path()).map_or(u64::MAX, |it| it.len()),
            locks: RunLocks {
                run: run_lock,
                account: Some(account_lock),
            },
            rejects,
            started,
            _undone_lock: Some(undone_lock),
        })
    }

    fn fill(
        &self,
        session: &Session,
        run: &RunFile,
        meta: RunMeta,
        undone: &RunFile,
    ) -> Result<PlanParts, Error> {
        let context = PlanContext {
            run,
            account: session.reader(),
            options: &meta.options,
            owners: None,
            records: None,
            earlier_runs: session.earlier_runs()?,
            shrink: None,
        };
        let (plan, losses) = undo::undo(&context, undone, self.force, self.link)?;
        let of_undo = warnings(&plan, &losses, undone)?;
        let warnings = [&plan.warnings[..], &of_undo].concat();
        Ok(PlanParts {
            meta,
            plan,
            staged: None,
            warnings,
        })
    }

    fn describe(&self, session: &Session, undone: &RunFile, new: &NewRun) -> RunMeta {
        let options = PlanOptions {
            mode: Mode::Undo,
            // A contact is restored completely, because `verify` reports any other chat as a difference.
            cleared: ChatType::ALL.to_vec(),
            bounds: Bounds {
                max_refused: self.max_refused,
                ..Bounds::default()
            },
            ..PlanOptions::default()
        };
        let source = SourceSummary {
            path: undone.path().display().to_string(),
            ..SourceSummary::default()
        };
        RunMeta {
            command: "undo".to_owned(),
            options,
            source,
            rejects_for_excel: self.rejects_for_excel,
            ..RunMeta::new(session, &new.rejects, new.started.at)
        }
    }
}

/// Warnings about the parts that can't be restored.
fn warnings(plan: &Plan, losses: &Losses, undone: &RunFile) -> Result<Vec<String>, Error> {
    let mut warnings = Vec::from_iter(plan.link_warning(""));
    if losses.left_alone > 0 {
        warnings.push(format!(
            "{} left alone: the rejects file has the reasons",
            counted(losses.left_alone, "contact")
        ));
    }
    if losses.remembered > 0 {
        warnings.push(format!(
            "{} updated without reading the account will be restored from an earlier run",
            counted(losses.remembered, "contact")
        ));
    }
    if losses.links > 0 {
        warnings.push(format!(
            "{} (uri) can't be restored, because the API never returned the old value: pass --set uri='https://…/{{id}}'",
            counted(losses.links, "link")
        ));
    }
    if losses.unknown_fields > 0 {
        warnings.push(format!(
            "{} had undocumented fields, which can't be restored, because the API refuses requests with such \
             fields; the run file shows them",
            counted(losses.unknown_fields, "contact")
        ));
    }
    if batches::shown_state(undone)? == State::Sealed {
        warnings.push(format!(
            "run {} is not finished: its unsent contacts are ignored, and after the undo `apply` doesn't send them without --force",
            undone.name()
        ));
    }
    Ok(warnings)
}
