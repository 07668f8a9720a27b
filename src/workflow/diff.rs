//! The two states for `diff`: two files, or a file and the account.

use std::{env, sync::Arc};

use super::{Session, StagedFiles, scratch_run, verify::rejected_rows};
use crate::{
    diff::AccountState,
    employees::OwnerRule,
    error::Error,
    plan::{Mode, duplicates::OnDuplicate, snapshot::list},
    progress::Monitor,
    run::Tally,
    stage::ReadRequest,
};

pub(crate) struct StatePair {
    pub old: ReadState,
    pub new: ReadState,
}

pub(crate) struct ReadState {
    /// The name of the file, or `account`.
    pub name: String,
    pub state: AccountState,
    pub warnings: Vec<String>,
    /// Number of rejected rows, which can't be compared.
    pub rejected: u64,
    /// Examples of rejected rows.
    pub rejected_rows: Vec<String>,
}

impl StatePair {
    pub(crate) fn of_files(
        reading: &ReadRequest,
        on_duplicate: OnDuplicate,
        monitor: &Arc<dyn Monitor>,
    ) -> Result<Self, Error> {
        Ok(Self {
            old: ReadState::of_file(reading, 0, on_duplicate, monitor)?,
            new: ReadState::of_file(reading, 1, on_duplicate, monitor)?,
        })
    }

    pub(crate) fn of_account(
        reading: &ReadRequest,
        on_duplicate: OnDuplicate,
        session: &Session,
    ) -> Result<Self, Error> {
        Ok(Self {
            old: ReadState::of_file(reading, 0, on_duplicate, &session.monitor)?,
            new: ReadState::of_account(session)?,
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
        } = StagedFiles::new(
            (&env::temp_dir(), Mode::Upsert),
            &reading,
            on_duplicate,
            &OwnerRule::default(),
            monitor,
        )?;
        Ok(Self {
            name,
            warnings,
            rejected: Tally::of(&run)?.rows.rejected,
            rejected_rows: rejected_rows(&run)?,
            state: AccountState::of_staged(run, chat_types)?,
        })
    }

    fn of_account(session: &Session) -> Result<Self, Error> {
        let run = scratch_run(&env::temp_dir())?;
        let is_steady = list(session.reader(), &run)?;
        let restless = "the account kept changing while it was read, so some contacts may be reported as gone by mistake";
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
