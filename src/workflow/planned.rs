//! A plan in its run file, before it is sent, kept or discarded.

use std::path::PathBuf;

use super::{
    RunLocks, RunMeta, SealedRun, SentRun, Session,
    meta::WARNINGS,
    run_record::{RunRecord, enter_span},
    send::send,
};
use crate::{
    error::{Error, ExitCode},
    ledger::{RejectsPath, RunStatus},
    paths::shown_path,
    plan::{Mode, Plan, gate::GateVerdict},
    report::{
        rejects,
        summary::{Forecast, Summary},
    },
    run::{self, RunFile, State, batches, store::Lock},
    stage::Staged,
    wording::{Started, float},
};

/// The age from which a new plan is compared with the account again before it is sent.
pub(crate) const STALE_AFTER: std::time::Duration = std::time::Duration::from_secs(10 * 60);

/// A plan in its run file. It is sealed and can be sent, unless the gate refused it.
pub struct PlannedRun {
    pub(crate) sealed: SealedRun,
    pub(crate) plan: Plan,
    pub(crate) staged: Option<Staged>,
    record: RunRecord,
}

pub(super) struct PlanParts {
    pub(super) meta: RunMeta,
    pub(super) plan: Plan,
    pub(super) staged: Option<Staged>,
    pub(super) warnings: Vec<String>,
}

/// A run whose file will be created.
pub(super) struct NewRun {
    pub(super) path: PathBuf,
    pub(super) source_bytes: u64,
    pub(super) locks: RunLocks,
    pub(super) rejects: RejectsPath,
    /// When the command began.
    pub(super) started: Started,
    /// Held until the run is planned.
    pub(super) _undone_lock: Option<Lock>,
}

impl NewRun {
    /// Prepares a run, creates and fills its file, and maintains its line in the history. On failure, the file is
    /// removed.
    pub(super) fn plan(
        session: &Session,
        mut record: RunRecord,
        prepare: impl FnOnce() -> Result<Self, Error>,
        fill: impl FnOnce(&RunFile, &Self) -> Result<PlanParts, Error>,
    ) -> Result<PlannedRun, Error> {
        let planned = prepare().and_then(|new| {
            let _span = enter_span(&new.path);
            run::store::clear_abandoned(&new.path)?;
            let run = RunFile::create_for(&new.path, new.source_bytes)?;
            record.begin(&new.path);
            let filled = fill(&run, &new).and_then(|parts| {
                run.transaction(|| {
                    run.set_fact(WARNINGS, &parts.warnings)?;
                    session.record_traffic(&run)
                })?;
                // The gate may have refused to seal it.
                run.commit()?;
                Ok(parts)
            });
            match filled {
                Ok(parts) => Ok((new, run, parts)),
                Err(error) => {
                    drop(run);
                    // An incomplete run file is ignored later, so a failure to remove it does not matter.
                    let _ = run::store::remove(&new.path);
                    Err(error)
                }
            }
        });
        let (new, run, parts) = planned.inspect_err(|error| record.fail(session, error))?;
        Ok(PlannedRun {
            sealed: SealedRun {
                run,
                meta: parts.meta,
                warnings: parts.warnings,
                rejects: new.rejects,
                canary: None,
                selection: None,
                started: new.started,
                is_new: true,
                locks: new.locks,
            },
            plan: parts.plan,
            staged: parts.staged,
            record,
        })
    }
}

impl PlannedRun {
    /// Number of rows that were rejected before anything was sent.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.plan.tally.rows.rejected
    }

    /// The reason why the gate refused the plan, which then can't be sent.
    #[must_use]
    pub fn refusal(&self) -> Option<&GateVerdict> {
        self.plan.verdict.as_ref()
    }

    /// Number of contacts to create, update or delete.
    #[must_use]
    pub fn changes(&self) -> u64 {
        let planned = self.plan.tally.plan;
        planned.create + planned.update + planned.delete
    }

    /// Sends the plan. `resume` is the command that continues the run, for error messages and the summary.
    #[must_use]
    pub fn send(&self, session: &Session, resume: &str) -> SentRun {
        // The user may have taken long to confirm.
        let check_stale = self.sealed.meta.age() > STALE_AFTER;
        send(&self.sealed, session, check_stale, resume)
    }

    /// Removes the run file without sending the plan.
    pub fn discard(self) -> Result<(), Error> {
        self.discard_after(Some(&Error::Declined))
    }

    /// Removes the run file because of an error or the gate, or because there is nothing to send.
    pub(crate) fn discard_after(mut self, error: Option<&Error>) -> Result<(), Error> {
        let refusal = self.refusal().cloned().map(Error::Gate);
        let error = error.or(refusal.as_ref());
        self.record.stop(error, self.plan.tally);
        let path = self.sealed.run.path().to_path_buf();
        drop(self);
        Ok(run::store::remove(&path)?)
    }

    /// Records that the command ends with this exit code, and that `apply` will send the plan.
    pub(crate) fn keep(&mut self, code: ExitCode) -> Result<(), Error> {
        let status = match batches::shown_state(&self.sealed.run)? {
            State::Done => RunStatus::Done,
            State::Open | State::Sealed => RunStatus::Unfinished,
        };
        self.record.end(status, code, Some(self.plan.tally));
        Ok(())
    }

    pub(crate) fn write_rejects(
        &mut self,
        session: &Session,
    ) -> Result<rejects::RejectsFile, Error> {
        let ledger = session.ledger_of(&self.sealed.meta.account);
        let written = self.sealed.write_rejects(&mut ledger.lock())?;
        self.sealed.rejects.path.clone_from(&written.path);
        Ok(written)
    }

    /// The requests of the plan, and their duration.
    pub(crate) fn forecast(&self, session: &Session) -> Result<Forecast, Error> {
        let requests = batches::open_count(&self.sealed.run)?;
        let seconds = session.rate_per_second.map(|rate| float(requests) / rate);
        Ok(Forecast { requests, seconds })
    }

    /// The summary of a plan that is not sent, or not yet. The rejects are already written.
    pub(crate) fn summary(&self, session: &Session, code: ExitCode) -> Result<Summary, Error> {
        let mut tally = self.plan.tally;
        tally.done.not_attempted = 0;
        let SealedRun {
            run, meta, rejects, ..
        } = &self.sealed;
        let mut summary = meta.summary(run, self.sealed.started.times(), tally);
        summary.exit_code = code as u8;
        summary.requests = session.client.stats();
        summary.files.rejects = (self.rejected() > 0).then(|| shown_path(&rejects.path));
        summary.forecast = Some(self.forecast(session)?);
        summary.gate.clone_from(&self.plan.verdict);
        summary.warnings.clone_from(&self.sealed.warnings);
        Ok(summary)
    }

    pub(crate) fn is_undo(&self) -> bool {
        self.sealed.meta.options.mode == Mode::Undo
    }
}
