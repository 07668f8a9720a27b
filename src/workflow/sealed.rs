//! A run with a complete plan, either new or continued.

use std::{path::Path, time::Duration};

use super::{
    RunMeta, Session,
    contact_records::is_overtaken,
    meta::{DOUBTS, WARNINGS, refuse_doubts},
};
use crate::{
    error::{Error, ExitCode},
    ledger::{Ledger, RejectsPath, remember_rejects_path},
    output::file_digest,
    paths::shown_path,
    report::{rejects, summary::Summary},
    run::{
        RunError, RunFile, StagedSource, State, Tally, batches, changes, changes::ALL_DELETIONS,
        sent, sources, store::Lock,
    },
    selection::Selection,
    source::EncodingDoubt,
    wording::{Started, counted},
};

/// The locks of a run that is planned or sent. They end with it.
#[expect(dead_code, reason = "the fields are held, not read")]
pub(crate) struct RunLocks {
    pub(super) run: Lock,
    /// Held once the account is known.
    pub(super) account: Option<Lock>,
}

/// A run that can be sent.
pub(crate) struct SealedRun {
    pub run: RunFile,
    pub meta: RunMeta,
    pub warnings: Vec<String>,
    pub rejects: RejectsPath,
    /// Number of contacts of each kind that are sent first and read back.
    pub canary: Option<usize>,
    /// The contacts to be sent; `None` for all.
    pub selection: Option<Selection>,
    /// When the command began.
    pub started: Started,
    /// True if the account has been locked since the plan was made.
    pub is_new: bool,
    pub locks: RunLocks,
}

impl SealedRun {
    /// Opens an undamaged run with a complete plan. `rejects` is the requested path.
    pub(crate) fn open(
        path: &Path,
        rejects: Option<&Path>,
        state_directory: &Path,
    ) -> Result<Self, Error> {
        let run_lock = Lock::run(path)?;
        let run = RunFile::open(path)?;
        let meta = RunMeta::of(
            &run,
            "import its source again, which sends only what differs \
             (a copy of an interrupted run also needs its -wal file)",
        )?;
        let ledger = Ledger::open(state_directory, &meta.account);
        let target = rejects::of_run(rejects, &run, &meta.source.path, &ledger)?;
        meta.check_rejects(&target, &run)?;
        Ok(Self {
            warnings: run.find_fact(WARNINGS)?.unwrap_or_default(),
            run,
            meta,
            rejects: target,
            canary: None,
            selection: None,
            started: Started::now(),
            is_new: false,
            locks: RunLocks {
                run: run_lock,
                account: None,
            },
        })
    }

    pub(crate) fn is_done(&self) -> Result<bool, Error> {
        Ok(self.run.state()? == State::Done)
    }

    /// Locks the run's account, unless the encoding of a source is uncertain.
    pub(crate) fn lock(&mut self, session: &Session, wait: bool) -> Result<(), Error> {
        let doubts: Option<Vec<EncodingDoubt>> = self.run.find_fact(DOUBTS)?;
        refuse_doubts(&doubts.unwrap_or_default())?;
        self.locks.account = Some(session.lock(wait)?);
        self.meta.check_account(session, &self.run)
    }

    /// Sources that still exist but changed since planning.
    pub(crate) fn changed_sources(&self) -> Result<Vec<String>, Error> {
        let mut sources = sources::all(&self.run)?;
        sources.dedup_by(|a, b| a.path == b.path);
        let is_changed = |source: &StagedSource| {
            !source.blake3.is_empty() && differs(source, &self.meta.path_of(source))
        };
        let changed = sources.into_iter().filter(is_changed);
        Ok(changed.map(|source| source.path).collect())
    }

    /// True if each contact must be looked up before it is sent, because the account may have changed since the
    /// plan was made.
    pub(crate) fn may_be_stale(
        &self,
        session: &Session,
        stale_after: Duration,
    ) -> Result<bool, Error> {
        let is_overtaken = is_overtaken(session, &self.run, self.meta.writes_before)?;
        if !is_overtaken && self.meta.age() <= stale_after {
            return Ok(false);
        }
        if is_overtaken {
            session.notice(
                "another run has written to this account since the plan was made: looking up each contact before it is sent",
            );
        }
        let blind = batches::blind_updates(&self.run)?;
        if blind > 0 {
            session.notice(format!(
                "{} planned without reading the account: changes by others since then can't be detected",
                counted(blind, "update")
            ));
        }
        Ok(true)
    }

    /// Restricts sending to some contacts of the run. Ids without anything left to send become a warning.
    pub(crate) fn select(&mut self, selection: Selection) -> Result<(), Error> {
        let left = sent::left_over(&self.run)?;
        let warning =
            selection.missing_warning("with nothing left to send in this run", |found| {
                for (id, _) in &left {
                    found(id);
                }
                Ok::<_, Error>(())
            })?;
        self.warnings.extend(warning);
        self.selection = Some(selection);
        Ok(())
    }

    pub(crate) fn deletes(&self) -> Result<u64, Error> {
        let mut count = 0;
        changes::for_each_deletion(&self.run, ALL_DELETIONS, |deletion| {
            let selection = self.selection.as_ref();
            let is_sent = selection.is_none_or(|selection| selection.contains(&deletion.id));
            count += u64::from(is_sent);
            Ok::<_, RunError>(())
        })?;
        Ok(count)
    }

    pub(crate) fn write_rejects(&self, ledger: &mut Ledger) -> Result<rejects::RejectsFile, Error> {
        let Self {
            run, meta, rejects, ..
        } = self;
        let sources = meta.source_paths(run)?;
        let for_excel = meta.rejects_for_excel;
        let profile = &meta.invocation.profile;
        let written = rejects::write(run, rejects, for_excel, &sources, profile, ledger)?;
        if written.count > 0 {
            let target = RejectsPath {
                path: written.path.clone(),
                ..rejects.clone()
            };
            remember_rejects_path(ledger, &run.digest()?, &target)?;
        }
        Ok(written)
    }

    /// The facts and counts of the run, as a summary of the command that works on it.
    pub(super) fn counts(&self, tally: Tally) -> Summary {
        let mut summary = self.meta.summary(&self.run, self.started.times(), tally);
        if !self.is_new {
            let planned_by = std::mem::replace(&mut summary.command, "apply".to_owned());
            summary.planned_by = Some(planned_by);
        }
        summary
    }

    pub(crate) fn summary(&self, tally: Tally, rejects: &Path) -> (ExitCode, Summary) {
        let rejected = tally.rows.rejected + tally.done.failed > 0 && rejects.exists();
        let code = code_of(&tally, tally.left() > 0);
        let mut summary = self.counts(tally);
        summary.exit_code = code as u8;
        summary.files.rejects = rejected.then(|| shown_path(rejects));
        (code, summary)
    }
}

/// The exit code of a run with these counts. `is_unfinished`: some of the selected contacts are left.
pub(super) fn code_of(tally: &Tally, is_unfinished: bool) -> ExitCode {
    if is_unfinished {
        ExitCode::Failed
    } else if tally.rows.rejected + tally.done.failed > 0 {
        ExitCode::Rejected
    } else {
        ExitCode::Done
    }
}

/// True if the file differs from the source. A pipe or a terminal is not read again.
fn differs(source: &StagedSource, path: &Path) -> bool {
    let Ok(data) = path.metadata() else {
        return false;
    };
    let is_another = || file_digest(path).is_ok_and(|found| found != source.blake3);
    data.is_file() && (data.len() != source.bytes || is_another())
}
