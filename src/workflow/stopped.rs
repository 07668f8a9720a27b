//! Writes into the history that a command ended before it could work on its run.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{
    directory_name,
    history::RunHistory,
    run_record::{absolute, name, stem},
};
use crate::{
    error::Error,
    ledger::{HistoryEntry, Ledger, RunStatus},
    plan::Mode,
    run::store::Store,
    wording::elapsed,
};

/// A run that could not begin, because its command could not sign in.
pub(crate) struct RunWithoutAccount<'a> {
    pub command: &'a str,
    pub mode: Mode,
    pub files: &'a [PathBuf],
    pub profile: &'a str,
    pub started: Timestamp,
}

impl RunWithoutAccount<'_> {
    /// Writes its line into the history of the account that the profile used last. A profile that never used one has none.
    pub(crate) fn record(&self, state_directory: &Path, error: &Error) -> Result<(), Error> {
        let history = RunHistory::read(state_directory)?;
        let is_of_profile = |run: &&HistoryEntry| run.profile.as_deref() == Some(self.profile);
        let Some(last) = history.runs.iter().find(is_of_profile) else {
            return Ok(());
        };
        let files = self.files.iter().map(|file| file.to_string_lossy());
        let source = files.collect::<Vec<_>>().join(", ");
        let is_taken = |name: &str| history.runs.iter().any(|run| run.run == name);
        let store = Store::open(state_directory)?;
        let (path, _) = store.reserve(&stem(Path::new(&source)), is_taken)?;
        let mut entry = HistoryEntry {
            account: last.account.clone(),
            run: name(&path),
            started_at: self.started,
            seconds: elapsed(self.started),
            profile: Some(self.profile.to_owned()),
            command: self.command.to_owned(),
            mode: self.mode.as_str().to_owned(),
            source,
            directory: directory_name(),
            status: RunStatus::Stopped,
            exit_code: Some(error.exit_code() as u8),
            error: Some(error.to_string()),
            ..HistoryEntry::default()
        };
        Ok(Ledger::open(state_directory, &last.account).record_run(&mut entry)?)
    }
}

/// Writes into the line of an unfinished run that a command could not send what is left of it.
pub(crate) fn record_stop(state_directory: &Path, file: &Path, error: &Error) -> Result<(), Error> {
    let file = Some(absolute(file));
    let runs = RunHistory::read(state_directory)?.runs.into_iter();
    let mut lines = runs.filter(|run| run.status == RunStatus::Unfinished && run.number > 0);
    let Some(mut line) = lines.find(|run| run.file == file) else {
        return Ok(());
    };
    line.exit_code = Some(error.exit_code() as u8);
    line.error = Some(error.to_string());
    let mut ledger = Ledger::open(state_directory, &line.account);
    Ok(ledger.record_run(&mut line)?)
}
