//! Deletes contacts by id: a run of deletions, in a run file that is of no use afterwards.

use std::collections::HashSet;

use super::Session;
use crate::{
    apply::{self, ApplyOptions, SenderState},
    contact::BATCH_MAX,
    error::{Error, ExitCode},
    plan::gate::Bound,
    private,
    run::{Deletion, RunFile, Tally, batches, changes, sent},
};

/// The result of a deletion.
pub(crate) struct DeletedContacts {
    /// Number of ids that the account doesn't have any more.
    pub deleted: u64,
    /// Ids that are still there or whose outcome is unknown, with the reason.
    pub left: Vec<String>,
    /// The error that ended it early.
    failure: Option<Error>,
}

impl DeletedContacts {
    /// The exit code.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match &self.failure {
            Some(error) => error.exit_code(),
            None if self.left.is_empty() => ExitCode::Done,
            None => ExitCode::Rejected,
        }
    }

    /// The exit code, or the error that ended it early.
    pub(crate) fn result(self) -> Result<ExitCode, Error> {
        let code = self.exit_code();
        self.failure.map_or(Ok(code), Err)
    }
}

impl Session {
    /// Deletes contacts. Ids that the account does not have count as deleted.
    pub(crate) fn delete(
        &self,
        ids: &[String],
        max_refused: Bound,
    ) -> Result<DeletedContacts, Error> {
        let directory = &*self.state_directory;
        let scratch = private::scratch_directory(directory).map_err(Error::io(directory))?;
        let run = RunFile::create(&scratch.path().join("delete.run"))?;
        plan(&run, ids)?;
        self.forget(ids)?;
        let options = ApplyOptions {
            queued: self.queued,
            check_stale: false,
            grace: self.grace,
            resume: "run the same command again".to_owned(),
            state: SenderState::of(&run, max_refused)?.into(),
            numbers: None,
        };
        let applied = apply::apply(&run, &self.client, options, &self.monitor);
        let failed = sent::failed_deletions(&run, u32::MAX.into())?.into_iter();
        let mut left: Vec<_> = failed
            .map(|(id, reason)| format!("{id}: {reason}"))
            .collect();
        if applied.is_ok() {
            let unknown = sent::left_over(&run)?.into_iter();
            left.extend(unknown.map(|(id, _)| format!("{id}: the outcome is unknown")));
        }
        Ok(DeletedContacts {
            deleted: Tally::of(&run)?.done.deleted,
            left,
            failure: applied.err().map(Error::from),
        })
    }
}

fn plan(run: &RunFile, ids: &[String]) -> Result<(), Error> {
    run.begin()?;
    let mut seen = HashSet::new();
    let distinct = ids.iter().filter(|id| seen.insert(*id));
    for (seq, id) in (0..).zip(distinct) {
        let deletion = Deletion {
            seq,
            id: id.clone(),
            snapshot: None,
        };
        changes::add_deletion(run, &deletion)?;
    }
    run.set_fact("blank_rows", &0)?;
    batches::make(run, BATCH_MAX)?;
    run.commit()?;
    Ok(run.seal()?)
}
