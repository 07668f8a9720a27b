//! From files to a plan in its run file.

use std::{collections::HashSet, path::Path};

use jiff::Timestamp;

use super::{
    AccountLock, Comparison, RunMeta, SealedRun, SentRun, Session, directory_name,
    meta::{DOUBTS, WARNINGS, refuse_doubts},
    run_record::{RunRecord, enter_span, stem},
};
use crate::{
    employees::{OwnerRule, Owners},
    error::{Error, ExitCode},
    ledger::{Ledger, RejectsPlace, RunStatus},
    plan::{
        self, Mode, Plan, PlanContext, PlanOptions,
        gate::{Bound, GateVerdict},
        shrink::ShrinkBound,
    },
    report::{
        dropped::DroppedNumbers,
        rejects,
        summary::{Forecast, Summary},
    },
    run::{
        self, Contacts, RunError, RunFile, State, batches, blocks, rejects as reject_rows,
        store::Lock,
    },
    stage::{ReadRequest, Staged, stage_files},
    wording::{counted, shown_path},
};

/// After this time a plan that was just made is compared with the account again before it is sent.
pub(crate) const STALE_AFTER: std::time::Duration = std::time::Duration::from_secs(10 * 60);

/// A plan to be made: the files, the rules, and the run file that will hold it.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent choices of the user"
)]
pub struct PlanRequest<'a> {
    /// The files to read.
    pub reading: &'a ReadRequest,
    /// The command, for the summary.
    pub command: &'static str,
    /// The rules of the plan; `cleared` is filled in from `clear_blank`.
    pub options: PlanOptions,
    /// True if an empty cell clears the chat of its type (`--blank clear`).
    pub clear_blank: bool,
    /// The state with which contacts are compared.
    pub comparison: Comparison,
    /// Mirror even if the profile used another account last time.
    pub other_account: bool,
    /// How many rows of the last run of the same source may be missing, if that is limited.
    pub max_shrink: Option<Bound>,
    /// The run file to create; otherwise a new one in the state directory.
    pub run: Option<&'a Path>,
    /// The rejects file; otherwise `FILE.rejected.csv` in the working directory.
    pub rejects: Option<&'a Path>,
    /// Write rejects in CSV for spreadsheet programs.
    pub rejects_for_excel: bool,
    /// How names in `responsible_user_id` are treated.
    pub owners: Owners,
    /// The treatment of a source whose encoding is uncertain.
    pub on_doubt: OnDoubt,
    /// Wait while another run uses the account.
    pub wait: bool,
    /// True if the run will be discarded: the ledger does not record it.
    pub dry_run: bool,
}

/// The treatment of a source whose encoding is uncertain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDoubt {
    /// It refuses the plan, which is to be sent.
    #[default]
    Refuse,
    /// It is a warning, and refuses the run when that is to be sent.
    Warn,
}

/// A plan in its run file. It is sealed, so it can be sent, unless the gate refused it.
pub struct PlannedRun {
    pub(crate) sealed: SealedRun,
    pub(crate) plan: Plan,
    pub(crate) staged: Option<Staged>,
    record: RunRecord,
}

/// The parts of a plan that was made in a run file.
pub(super) type PlanParts = (RunMeta, Plan, Option<Staged>, Vec<String>);

impl<'a> PlanRequest<'a> {
    /// An upsert with the default limits.
    #[must_use]
    pub fn new(reading: &'a ReadRequest) -> Self {
        Self {
            reading,
            command: "import",
            options: PlanOptions::default(),
            clear_blank: false,
            comparison: Comparison::Account,
            other_account: false,
            max_shrink: None,
            run: None,
            rejects: None,
            rejects_for_excel: false,
            owners: Owners::Guard,
            on_doubt: OnDoubt::default(),
            wait: false,
            dry_run: false,
        }
    }

    /// Stages the files and plans. If that fails, no run file is left and nothing was sent.
    pub fn plan(&self, session: &Session) -> Result<PlannedRun, Error> {
        let mode = self.options.mode;
        let run = (self.run, self.dry_run);
        let record = RunRecord::new(session, self.command, mode, self.source(), run);
        recorded(session, record, |record| {
            self.plan_recorded(session, record)
        })
    }

    /// The source as the history has it.
    fn source(&self) -> String {
        let files = self.reading.files.iter().map(|file| file.to_string_lossy());
        files.collect::<Vec<_>>().join(", ")
    }

    /// The limit of missing rows, if there is one and an earlier run to compare with.
    fn shrink(&self, session: &Session) -> Result<Option<ShrinkBound>, Error> {
        let Some(bound) = self.max_shrink.filter(|_| !session.is_rehearsal) else {
            return Ok(None);
        };
        let history = session.ledger().history()?;
        let source = self.source();
        Ok(ShrinkBound::of(&history, &session.profile, &source, bound))
    }

    fn plan_recorded(
        &self,
        session: &Session,
        record: &mut RunRecord,
    ) -> Result<(SealedRun, Plan, Option<Staged>), Error> {
        let started = Timestamp::now();
        let account_lock = session.lock(self.wait)?;
        session.check_last_account(self.options.mode, self.other_account)?;
        let Some(source) = self.reading.files.first() else {
            return Err(Error::usage("there is no file to read", None));
        };
        let (path, run_lock) = match self.run {
            Some(run) => (run.to_path_buf(), Lock::run(run)?),
            None => session.reserve_run(&stem(source))?,
        };
        let _span = enter_span(&path);
        let rejects = rejects::choose(self.rejects, source, &path)?;
        rejects::check_spares(&rejects.wanted, &self.reading.files, &[&path])?;
        let locks = (run_lock, Some(account_lock));
        let planned = create_run(session, &path, locks, rejects, started, |run, rejects| {
            record.begin(&path);
            self.fill(session, run, rejects, started)
        })?;
        if let Err(error) = session.prune() {
            session.notice(format!("old runs can't be removed: {error}"));
        }
        Ok(planned)
    }

    fn fill(
        &self,
        session: &Session,
        run: &RunFile,
        rejects: &RejectsPlace,
        planned_at: Timestamp,
    ) -> Result<PlanParts, Error> {
        let mode = self.options.mode;
        let (compared, records) = session.compared(self.comparison, mode)?;
        let (owners, warning) = session.owner_rule(self.owners)?;
        if let OwnerRule::Match(employees) = &owners {
            let names = employees.list().iter().map(|it| (&*it.id, &*it.name));
            run::owners::set_names(run, &names.collect())?;
        }
        let mut ledger = Ledger::open(&session.state_directory, &session.account);
        let dropped = self
            .reading
            .drop_bad_numbers
            .then(|| rejects::of_dropped(&self.reading.files, run.path(), &ledger));
        let dropped = dropped.transpose()?;
        let monitor = &session.monitor;
        let mut staged = stage_files(
            run,
            self.reading,
            mode,
            &owners,
            dropped.as_deref(),
            monitor,
        )?;
        if self.on_doubt == OnDoubt::Refuse {
            refuse_doubts(&staged.doubts)?;
        }
        let mut options = self.options.clone();
        if self.clear_blank {
            options.cleared = staged.messengers.iter().copied().collect();
        }
        let meta = RunMeta {
            command: self.command.to_owned(),
            account: session.account.clone(),
            options,
            source: staged.source.clone(),
            rejects: rejects.wanted.to_string_lossy().into_owned(),
            rejects_for_excel: self.rejects_for_excel,
            directory: directory_name(),
            planned_at,
            compared,
            asked: Some(session.asked()),
            writes_before: session.writes(),
        };
        meta.record(session, run, rejects)?;
        let context = PlanContext {
            run,
            account: session.reader(),
            options: &meta.options,
            owners: staged.notes.owners.has_name().then_some(&owners),
            records: records.as_ref(),
            earlier_runs: session.earlier_runs()?,
            shrink: self.shrink(session)?,
        };
        let plan = plan::plan(&context, std::mem::take(&mut staged.duplicates))?;
        let mut warnings: Vec<_> = warning.into_iter().collect();
        warnings.extend_from_slice(&staged.warnings);
        if let Some(dropped) = staged.dropped.take() {
            warnings.extend(list_dropped(run, dropped, &mut ledger)?);
        }
        if let Some(selection) = &self.reading.selection {
            warnings
                .extend(selection.missing_warning("without a row", |found| found_ids(run, found))?);
        }
        warnings.extend_from_slice(&plan.warnings);
        warnings.extend(plan.link_warning(": pass --set uri='https://…/{id}'"));
        run.set_fact(DOUBTS, &staged.doubts)?;
        Ok((meta, plan, Some(staged), warnings))
    }
}

/// Lists the numbers that were left out of rows that are contacts, and returns a warning if there are any.
fn list_dropped(
    run: &RunFile,
    dropped: DroppedNumbers,
    ledger: &mut Ledger,
) -> Result<Option<String>, Error> {
    let mut rejected = HashSet::new();
    reject_rows::for_each::<Error>(run, |it| {
        rejected.insert((it.source, it.row));
        Ok(())
    })?;
    let path = dropped.path().to_path_buf();
    let count = dropped.finish(|source, row| rejected.contains(&(source, row)))?;
    if count == 0 {
        return Ok(None);
    }
    ledger.record_rejects_file(&path)?;
    let numbers = counted(count, "number");
    Ok(Some(format!(
        "{numbers} left out of contacts with other chats (--bad-numbers drop), listed in {}",
        path.display()
    )))
}

/// Calls `found` with the id of every row that was staged.
fn found_ids(run: &RunFile, found: &mut dyn FnMut(&str)) -> Result<(), RunError> {
    for block in 0..blocks::count(run)? {
        let contacts = Contacts::read(run, block)?;
        for index in 0..contacts.len() {
            found(&run.id_of(contacts.json(index))?);
        }
    }
    reject_rows::for_each_id(run, |id| found(&id))
}

/// Plans a run and keeps its line in the history.
pub(super) fn recorded(
    session: &Session,
    mut record: RunRecord,
    plan: impl FnOnce(&mut RunRecord) -> Result<(SealedRun, Plan, Option<Staged>), Error>,
) -> Result<PlannedRun, Error> {
    match plan(&mut record) {
        Ok((sealed, plan, staged)) => Ok(PlannedRun {
            sealed,
            plan,
            staged,
            record,
        }),
        Err(error) => {
            record.fail(session, &error);
            Err(error)
        }
    }
}

/// Creates a run file and fills it. If that fails, the file is removed.
pub(super) fn create_run(
    session: &Session,
    path: &Path,
    locks: (Lock, Option<AccountLock>),
    rejects: RejectsPlace,
    started: Timestamp,
    fill: impl FnOnce(&RunFile, &RejectsPlace) -> Result<PlanParts, Error>,
) -> Result<(SealedRun, Plan, Option<Staged>), Error> {
    run::store::clear_abandoned(path)?;
    let run = RunFile::create(path)?;
    let filled = fill(&run, &rejects).and_then(|parts| {
        run.set_fact(WARNINGS, &parts.3)?;
        session.record_traffic(&run)?;
        Ok(parts)
    });
    match filled {
        Ok((meta, plan, staged, warnings)) => {
            let sealed = SealedRun {
                run,
                meta,
                warnings,
                rejects,
                canary: None,
                selection: None,
                started,
                is_new: true,
                locks,
            };
            Ok((sealed, plan, staged))
        }
        Err(error) => {
            drop(run);
            // A run file that was never planned is ignored, and the first error is the one to report.
            let _ = run::store::remove(path);
            Err(error)
        }
    }
}

impl PlannedRun {
    /// Number of rows that were rejected before anything was sent.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.plan.tally.rows.rejected
    }

    /// Why the gate refused the plan; such a plan can't be sent.
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
        // The confirmation may have taken long.
        let check_stale = self.sealed.meta.age() > STALE_AFTER;
        self.sealed.send(session, check_stale, resume)
    }

    /// Removes the run file: the plan is not sent.
    pub fn discard(self) -> Result<(), Error> {
        self.discard_after(Some(&Error::Declined))
    }

    /// Removes the run file, because of the error, of the gate, or because there is nothing to send.
    pub(crate) fn discard_after(mut self, error: Option<&Error>) -> Result<(), Error> {
        let refusal = self.refusal().cloned().map(Error::Gate);
        let error = error.or(refusal.as_ref());
        self.record.stop(error, self.plan.tally);
        let path = self.sealed.run.path().to_path_buf();
        drop(self);
        Ok(run::store::remove(&path)?)
    }

    /// Records that the command ends with this code, and that `apply` will send the plan.
    pub(crate) fn keep(&mut self, code: ExitCode) -> Result<(), Error> {
        let status = match batches::progress(&self.sealed.run)? {
            State::Done => RunStatus::Done,
            State::Open | State::Sealed => RunStatus::Unfinished,
        };
        self.record.end(status, code, self.plan.tally);
        Ok(())
    }

    pub(crate) fn write_rejects(
        &mut self,
        session: &Session,
    ) -> Result<rejects::RejectsFile, Error> {
        let written = self.sealed.write_rejects(&session.state_directory)?;
        self.sealed.rejects.path.clone_from(&written.path);
        Ok(written)
    }

    /// The requests that the plan needs, and the time that they take.
    pub(crate) fn forecast(&self, session: &Session) -> Result<Forecast, Error> {
        let requests = batches::open_count(&self.sealed.run)?;
        let seconds = session.rate_per_second.map(|rate| {
            #[expect(clippy::cast_precision_loss, reason = "an estimate")]
            let seconds = requests as f64 / rate;
            seconds
        });
        Ok(Forecast { requests, seconds })
    }

    /// The summary of a plan that is not sent, or not yet. The rejects are written already.
    pub(crate) fn summary(&self, session: &Session, code: ExitCode) -> Result<Summary, Error> {
        let mut tally = self.plan.tally;
        tally.done.not_attempted = 0;
        let SealedRun {
            run, meta, rejects, ..
        } = &self.sealed;
        let mut summary = meta.summary(run, self.sealed.started, tally);
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
