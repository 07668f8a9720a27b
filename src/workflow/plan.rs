//! From files to a plan in its run file.

use std::{collections::HashSet, path::Path};

use super::{
    Comparison, PlannedRun, RunLocks, RunMeta, Session,
    contact_records::{check_last_account, compared},
    history::prune,
    meta::{DOUBTS, joined, refuse_doubts},
    planned::{NewRun, PlanParts},
    run_record::{RunRecord, stem},
};
use crate::{
    employees::{OwnerRule, Owners},
    error::Error,
    ledger::{Ledger, RejectsOrigin, lines, lines_with_files, record_rejects},
    plan::{
        self, PlanContext, PlanOptions,
        gate::Bound,
        missing_columns,
        shrink::{ShrinkBound, runs_of_source},
    },
    report::{dropped::DroppedNumbers, rejects},
    run::{self, Contacts, RunError, RunFile, blocks, rejects as reject_rows, store::Lock},
    stage::{ReadRequest, Staged, stage_files},
    wording::{Started, counted},
};

/// A plan to be made: the files, the rules, and the run file for it.
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
    /// The rules of the plan. `cleared` is filled in from `clear_blank`.
    pub options: PlanOptions,
    /// True if an empty cell clears the chat of its type (`--blank clear`).
    pub clear_blank: bool,
    /// The reference with which contacts are compared.
    pub comparison: Comparison,
    /// Mirror even if the profile last used another account.
    pub other_account: bool,
    /// Limit on rows that are missing compared with the last run of the same source, if any.
    pub max_shrink: Option<Bound>,
    /// The run file to create; otherwise a new one in the state directory.
    pub run: Option<&'a Path>,
    /// The rejects file; otherwise `FILE.rejected.csv` in the working directory.
    pub rejects: Option<&'a Path>,
    /// Write rejects in CSV for spreadsheet programs.
    pub rejects_for_excel: bool,
    /// The treatment of names in `responsible_user_id`.
    pub owners: Owners,
    /// The treatment of a source whose encoding is uncertain.
    pub on_doubt: OnDoubt,
    /// Wait while another run uses the account.
    pub wait: bool,
    /// True if the run will be discarded, so the ledger does not record it.
    pub dry_run: bool,
}

/// The treatment of a source whose encoding is uncertain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDoubt {
    /// Refuse the plan, because it is about to be sent.
    #[default]
    Refuse,
    /// Warn, and refuse the run when it is about to be sent.
    Warn,
}

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

    /// Stages the files and plans. On failure, no run file is left and nothing was sent.
    pub fn plan(&self, session: &Session) -> Result<PlannedRun, Error> {
        let record = RunRecord::new(
            session,
            self.command,
            self.options.mode,
            joined(&self.reading.files),
            self.run,
            self.dry_run,
        );
        let prepare = || self.prepare(session);
        let planned = NewRun::plan(session, record, prepare, |run, new| {
            self.fill(session, run, new)
        })?;
        prune(session);
        Ok(planned)
    }

    /// The limit on missing rows, if there is one and an earlier run to compare with.
    fn shrink(&self, session: &Session) -> Result<Option<ShrinkBound>, Error> {
        let Some(bound) = self.max_shrink.filter(|_| !session.is_sandbox) else {
            return Ok(None);
        };
        let history = lines(&session.ledger())?;
        let source = joined(&self.reading.files);
        Ok(ShrinkBound::of(&history, &session.profile, &source, bound))
    }

    /// The warning about columns that the last run of the source with changes read.
    fn missing_columns(&self, session: &Session, run: &RunFile) -> Result<Option<String>, Error> {
        let history = lines_with_files(&session.ledger())?;
        let source = joined(&self.reading.files);
        let earlier = runs_of_source(&history, &session.profile, &source);
        // A run that changed nothing may be one that lacked the columns.
        let earlier = earlier.filter(|run| run.has_sent());
        let mut files = earlier.filter_map(|run| run.file.as_ref());
        // A file that is unreadable or of another version is skipped.
        match files.find_map(|file| RunFile::open(file).ok()) {
            Some(last) => Ok(missing_columns::warning(run, &last)?),
            None => Ok(None),
        }
    }

    /// Locks the account and chooses the files of the run.
    fn prepare(&self, session: &Session) -> Result<NewRun, Error> {
        let started = Started::now();
        let account_lock = session.lock(self.wait)?;
        check_last_account(session, self.options.mode, self.other_account)?;
        let Some(source) = self.reading.files.first() else {
            return Err(Error::usage("no file to read was given", None));
        };
        let (path, run_lock) = match self.run {
            Some(run) => (run.to_path_buf(), Lock::run(run)?),
            None => session.reserve_run(&stem(source))?,
        };
        let rejects = rejects::choose(self.rejects, source, &path)?;
        rejects::check_spares(&rejects.wanted, &self.reading.files, &[&path])?;
        Ok(NewRun {
            path,
            source_bytes: self.reading.bytes(),
            locks: RunLocks {
                run: run_lock,
                account: Some(account_lock),
            },
            rejects,
            started,
            _undone_lock: None,
        })
    }

    fn fill(&self, session: &Session, run: &RunFile, new: &NewRun) -> Result<PlanParts, Error> {
        let rejects = &new.rejects;
        let mode = self.options.mode;
        let (compared, records) = compared(session, self.comparison, mode)?;
        let (owners, warning) = self.owner_rule(session, run)?;
        let mut staged = self.stage(session, run, &owners)?;
        if self.on_doubt == OnDoubt::Refuse {
            refuse_doubts(&staged.doubts)?;
        }
        let mut options = self.options.clone();
        if self.clear_blank {
            options.cleared = staged.chat_types.iter().copied().collect();
        }
        let meta = RunMeta {
            command: self.command.to_owned(),
            options,
            source: staged.source.clone(),
            rejects_for_excel: self.rejects_for_excel,
            compared,
            ..RunMeta::new(session, rejects, new.started.at)
        };
        meta.record(session, run, rejects)?;
        run.set_fact(DOUBTS, &staged.doubts)?;
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
        warnings.extend(self.missing_columns(session, run)?);
        warnings.extend(self.staging_warnings(session, run, &mut staged)?);
        warnings.extend_from_slice(&plan.warnings);
        warnings.extend(plan.link_warning(": pass --set uri='https://…/{id}'"));
        Ok(PlanParts {
            meta,
            plan,
            staged: Some(staged),
            warnings,
        })
    }

    /// Like [`Session::owner_rule`]. The run file gets the names of listed employees.
    fn owner_rule(
        &self,
        session: &Session,
        run: &RunFile,
    ) -> Result<(OwnerRule, Option<String>), Error> {
        let (owners, warning) = session.owner_rule(self.owners)?;
        if let OwnerRule::Match(employees) = &owners {
            let names = employees.list().iter().map(|it| (&*it.id, &*it.name));
            run::owners::set_names(run, &names.collect())?;
        }
        Ok((owners, warning))
    }

    fn stage(&self, session: &Session, run: &RunFile, owners: &OwnerRule) -> Result<Staged, Error> {
        let ReadRequest { files, numbers, .. } = self.reading;
        let profile = &session.profile;
        let dropped = numbers.drops_bad.then(|| {
            rejects::of_dropped(self.rejects, files, run.path(), profile, &session.ledger())
        });
        let dropped = dropped.transpose()?;
        let (mode, monitor) = (self.options.mode, &session.monitor);
        let staged = stage_files(run, self.reading, mode, owners, dropped.as_deref(), monitor)?;
        Ok(staged)
    }

    fn staging_warnings(
        &self,
        session: &Session,
        run: &RunFile,
        staged: &mut Staged,
    ) -> Result<Vec<String>, Error> {
        let mut warnings = staged.warnings.clone();
        if let Some(dropped) = staged.dropped.take() {
            let origin = RejectsOrigin::new(&self.reading.files, &session.profile);
            warnings.extend(list_dropped(run, dropped, &origin, &mut session.ledger())?);
        }
        if let Some(selection) = &self.reading.selection {
            warnings
                .extend(selection.missing_warning("without a row", |found| found_ids(run, found))?);
        }
        Ok(warnings)
    }
}

/// Lists the numbers that were left out of accepted rows. Returns a warning if there are any.
fn list_dropped(
    run: &RunFile,
    dropped: DroppedNumbers,
    origin: &RejectsOrigin,
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
    record_rejects(ledger, &path, origin)?;
    let numbers = counted(count, "number");
    Ok(Some(format!(
        "{numbers} left out of contacts with other chats (--bad-numbers drop), listed in {}",
        path.display()
    )))
}

/// Calls `found` with the id of every staged row.
fn found_ids(run: &RunFile, found: &mut dyn FnMut(&str)) -> Result<(), RunError> {
    for block in 0..blocks::count(run)? {
        let contacts = Contacts::read(run, block)?;
        for index in 0..contacts.len() {
            found(&run.id_of(contacts.json(index))?);
        }
    }
    reject_rows::for_each_id(run, |id| {
        found(&id);
        Ok(())
    })
}
