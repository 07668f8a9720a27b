//! The two states that `diff` compares: of files, or of a file and the account.

use std::{path::Path, sync::Arc};

use tempfile::TempDir;

use super::{
    Session,
    verify::{StagedFiles, rejected_rows},
};
use crate::{
    diff::AccountState,
    employees::OwnerRule,
    error::Error,
    plan::{duplicates::OnDuplicate, snapshot::list},
    private,
    progress::Monitor,
    run::{RunFile, Tally},
    stage::ReadRequest,
};

pub(crate) struct StatePair {
    pub old: ReadState,
    pub new: ReadState,
    /// Holds their run files, which are of no use afterwards.
    _scratch: TempDir,
}

pub(crate) struct ReadState {
    /// The name of the file, or `account`.
    pub name: String,
    pub state: AccountState,
    pub warnings: Vec<String>,
    /// Number of rows that were rejected, so that they can't be compared.
    pub rejected: u64,
    /// Examples of them.
    pub rejected_rows: Vec<String>,
}

impl StatePair {
    pub(crate) fn of_files(
        reading: &ReadRequest,
        on_duplicate: OnDuplicate,
        monitor: &Arc<dyn Monitor>,
    ) -> Result<Self, Error> {
        Self::read(reading, on_duplicate, monitor, |path| {
            ReadState::of_file(reading, 1, on_duplicate, path, monitor)
        })
    }

    pub(crate) fn of_account(
        reading: &ReadRequest,
        on_duplicate: OnDuplicate,
        session: &Session,
    ) -> Result<Self, Error> {
        Self::read(reading, on_duplicate, &session.monitor, |path| {
            ReadState::of_account(session, path)
        })
    }

    fn read(
        reading: &ReadRequest,
        on_duplicate: OnDuplicate,
        monitor: &Arc<dyn Monitor>,
        new: impl FnOnce(&Path) -> Result<ReadState, Error>,
    ) -> Result<Self, Error> {
        let directory = std::env::temp_dir();
        let scratch = private::scratch_directory(&directory).map_err(Error::io(directory))?;
        let [old_run, new_run] = ["old.run", "new.run"].map(|name| scratch.path().join(name));
        Ok(Self {
            old: ReadState::of_file(reading, 0, on_duplicate, &old_run, monitor)?,
            new: new(&new_run)?,
            _scratch: scratch,
        })
    }

    pub(crate) const fn rejected(&self) -> u64 {
        self.old.rejected + self.new.rejected
    }
}

impl ReadState {
    fn of_file(
        reading: &ReadRequest,
        file: usize,
        on_duplicate: OnDuplicate,
        run: &Path,
        monitor: &Arc<dyn Monitor>,
    ) -> Result<Self, Error> {
        let files: Vec<_> = reading.files.iter().skip(file).take(1).cloned().collect();
        let name = files
            .iter()
            .map(|file| file.display().to_string())
            .collect();
        let reading = ReadRequest {
            files,
            ..reading.clone()
        };
        let StagedFiles {
            run,
            chat_types,
            warnings,
        } = StagedFiles::new(run, &reading, on_duplicate, &OwnerRule::default(), monitor)?;
        Ok(Self {
            name,
            warnings,
            rejected: Tally::of(&run)?.rows.rejected,
            rejected_rows: rejected_rows(&run)?,
            state: AccountState::of_staged(run, chat_types)?,
        })
    }

    fn of_account(session: &Session, run: &Path) -> Result<Self, Error> {
        let run = RunFile::create(run)?;
        let is_steady = list(session.reader(), &run)?;
        let restless = "the account kept changing while it was read, so some of its contacts may seem to be gone";
        Ok(Self {
            name: "account".to_owned(),
            state: AccountState::of_listed(run)?,
            warnings: (!is_steady)
                .then(|| restless.to_owned())
                .into_iter()
                .collect(),
            rejected: 0,
            rejected_rows: Vec::new(),
        })
    }
}
