//! Reads a state of the account for `diff`: a file, or the account.

use std::{path::Path, sync::Arc};

use super::{Session, StagedFiles, scratch_run, verify::rejected_rows};
use crate::{
    contact::ChatType,
    diff::AccountState,
    employees::OwnerRule,
    environment::temporary_directory,
    error::Error,
    plan::{Mode, duplicates::OnDuplicate, snapshot::list},
    progress::Monitor,
    run::Tally,
    stage::ReadRequest,
};

/// A state of the account, as a file or the account itself has it.
pub(crate) struct ReadState {
    /// The name of the file, or `account`.
    pub name: String,
    pub state: AccountState,
    pub warnings: Vec<String>,
    /// Number of rejected rows, which can't be compared.
    pub rejected: u64,
    pub rejected_rows: Vec<String>,
}

impl ReadState {
    pub(crate) fn of_file(
        file: &Path,
        reading: &ReadRequest,
        on_duplicate: OnDuplicate,
        monitor: &Arc<dyn Monitor>,
    ) -> Result<Self, Error> {
        let reading = ReadRequest {
            files: vec![file.to_path_buf()],
            ..reading.clone()
        };
        let StagedFiles {
            run,
            chat_types,
            has_all_fields,
            warnings,
            are_backups: _,
            owner_hint: _,
        } = StagedFiles::new(
            &temporary_directory(),
            Mode::Upsert,
            &reading,
            on_duplicate,
            &OwnerRule::default(),
            monitor,
        )?;
        let is_whole = has_all_fields && ChatType::ALL.iter().all(|it| chat_types.contains(it));
        let chat_types = (!is_whole).then_some(chat_types);
        Ok(Self {
            name: file.display().to_string(),
            warnings,
            rejected: Tally::of(&run)?.rows.rejected,
            rejected_rows: rejected_rows(&run)?,
            state: AccountState::of_staged(run, chat_types)?,
        })
    }

    pub(crate) fn of_account(session: &Session) -> Result<Self, Error> {
        let run = scratch_run(&temporary_directory())?;
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
