//! Runs of the history: finds the one that a command names, and records that a command could not work on its run.

use std::path::{Path, PathBuf};

use super::Context;
use crate::{
    error::{Error, ExitCode},
    ledger::HistoryEntry,
    plan::Mode,
    run::RunError,
    workflow::{NamedRun, Session, joined, new_entry, record_stop, record_without_account},
};

impl Context<'_> {
    /// The run with this name or path.
    pub(super) fn named_run(&self, run: &str) -> Result<NamedRun, Error> {
        if let Some(found) = NamedRun::find(&self.settings.state_directory, run)? {
            return Ok(found);
        }
        let path = PathBuf::from(run);
        match path.metadata() {
            Ok(_) => Ok(NamedRun::File(path)),
            Err(source) => Err(RunError::Io { path, source }.into()),
        }
    }

    /// The file of the run with this name or path.
    pub(super) fn find_run(&self, run: &str) -> Result<PathBuf, Error> {
        Ok(self.named_run(run)?.file()?)
    }

    /// Like [`Self::session`], for a plan. A failure is recorded in the history, except of a dry run.
    pub(super) fn session_to_plan(
        &self,
        mode: Mode,
        files: &[PathBuf],
        is_dry_run: bool,
    ) -> Result<Session, Error> {
        self.session().inspect_err(|error| {
            if !is_dry_run {
                self.record_unbegun(mode, joined(files), error);
            }
        })
    }

    /// Records a run that could not begin, because its command could not sign in or its job had no source.
    pub(super) fn record_unbegun(&self, mode: Mode, source: String, error: &Error) {
        let profile = self.settings.profile_word();
        let run = HistoryEntry {
            started_at: self.watched.started,
            ..new_entry(profile, &self.watched.command, mode, source)
        };
        let recorded = record_without_account(&self.settings.state_directory, run, error);
        if let Err(error) = recorded {
            self.console.say(&not_recorded(&error));
        }
    }

    /// Records in a run's line that it could not be sent, unless another command is working on it or this one was
    /// typed wrongly.
    pub(super) fn record_stop(&self, run: &Path, error: &Error) {
        if matches!(error.exit_code(), ExitCode::Busy | ExitCode::Usage) {
            return;
        }
        if let Err(error) = record_stop(&self.settings.state_directory, run, error) {
            self.console.say(&not_recorded(&error));
        }
    }
}

fn not_recorded(error: &Error) -> String {
    format!("the run can't be recorded in the ledger: {error}")
}
