//! Records in the history that a command ended before it could work on its run.

use std::path::{Path, PathBuf};

use super::Context;
use crate::{
    error::{Error, ExitCode},
    ledger::{HistoryEntry, RunStatus},
    plan::Mode,
    wording::elapsed,
    workflow::{Session, directory_name, find_run, joined, record_stop, record_without_account},
};

impl Context<'_> {
    /// The file of a run that is given by name or path.
    pub(super) fn find_run(&self, run: &str) -> Result<PathBuf, Error> {
        find_run(&self.settings.state_directory, run)
    }

    /// Like [`Self::session`], for a plan. A failure is recorded in the history, except of a dry run.
    pub(super) fn session_to_plan(
        &self,
        mode: Mode,
        files: &[PathBuf],
        is_dry_run: bool,
    ) -> Result<Session, Error> {
        self.session().inspect_err(|error| {
            if is_dry_run {
                return;
            }
            let run = HistoryEntry {
                started_at: self.watched.started,
                seconds: elapsed(self.watched.started),
                profile: Some(self.settings.profile_word().to_owned()),
                command: self.watched.command.clone(),
                mode: mode.as_str().to_owned(),
                source: joined(files),
                directory: directory_name(),
                status: RunStatus::Stopped,
                exit_code: Some(error.exit_code() as u8),
                error: Some(error.to_string()),
                ..HistoryEntry::default()
            };
            if let Err(error) = record_without_account(&self.settings.state_directory, run) {
                self.console.say(&not_recorded(&error));
            }
        })
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
