//! Deletes contacts by id, as a run of deletions in a temporary run file.

use std::collections::HashSet;

use super::{Session, contact_records::forget, scratch_run};
use crate::{
    apply::{self, ApplyError, ApplyOptions, SenderState},
    contact::BATCH_MAX,
    error::{Error, ExitCode},
    plan::{gate::Bound, snapshot::read_account},
    run::{Deletion, RunFile, Tally, batches, changes, sent, snapshot},
};

pub(crate) struct DeletedContacts {
    pub deleted: u64,
    /// True if the account had all contacts to be deleted.
    are_all_present: bool,
    /// Ids that still exist or whose outcome is unknown, with the reason.
    pub left: Vec<String>,
    failure: Option<Error>,
}

impl DeletedContacts {
    pub(crate) fn exit_code(&self) -> ExitCode {
        match &self.failure {
            Some(error) => error.exit_code(),
            None if self.left.is_empty() && self.are_all_present => ExitCode::Done,
            None => ExitCode::Rejected,
        }
    }

    /// The exit code, or the error that ended the deletion.
    pub(crate) fn result(self) -> Result<ExitCode, Error> {
        let code = self.exit_code();
        self.failure.map_or(Ok(code), Err)
    }
}

/// Contacts to be deleted by id, in a temporary run file.
pub(crate) struct ContactsToDelete {
    run: RunFile,
    /// The ids that exist in the account.
    pub present: Vec<String>,
    pub absent: Vec<String>,
}

impl ContactsToDelete {
    /// Looks up the ids, because a deletion is answered in the same way for missing ids.
    pub(crate) fn find(session: &Session, ids: &[String]) -> Result<Self, Error> {
        let run = scratch_run(&session.state_directory)?;
        let mut seen = HashSet::new();
        let ids: Vec<_> = ids.iter().filter(|id| seen.insert(*id)).cloned().collect();
        read_account(session.reader(), &run, ids.len() as u64, |portion| {
            Ok((portion == 0).then(|| ids.clone()))
        })?;
        let unreadable = snapshot::unreadable(&run)?;
        let (mut present, mut absent) = (Vec::new(), Vec::new());
        for id in ids {
            let is_unreadable = unreadable.iter().any(|it| it.id.as_ref() == Some(&id));
            if is_unreadable || snapshot::find(&run, &id)?.is_some() {
                present.push(id);
            } else {
                absent.push(id);
            }
        }
        plan(&run, &present)?;
        Ok(Self {
            run,
            present,
            absent,
        })
    }

    pub(crate) fn delete(
        &self,
        session: &Session,
        max_refused: Bound,
    ) -> Result<DeletedContacts, Error> {
        let run = &self.run;
        forget(session, &self.present)?;
        let options = ApplyOptions {
            queued: session.queued,
            check_stale: false,
            grace: session.grace,
            resume: "run the same command again".to_owned(),
            state: SenderState::of(run, max_refused)?.into(),
            chosen: None,
        };
        let applied = apply::apply(run, &session.client, options, &session.monitor);
        let failure = applied.err();
        let failed = sent::failed_deletions(run)?.into_iter();
        let mut left: Vec<_> = failed
            .map(|(id, reason)| format!("{id}: {reason}"))
            .collect();
        if matches!(failure, None | Some(ApplyError::Unconfirmed(_))) {
            let unknown = sent::left_over(run)?.into_iter();
            left.extend(unknown.map(|(id, _)| format!("{id}: the outcome is unknown")));
        }
        Ok(DeletedContacts {
            deleted: Tally::of(run)?.done.deleted,
            are_all_present: self.absent.is_empty(),
            left,
            failure: failure.map(Error::from),
        })
    }
}

fn plan(run: &RunFile, ids: &[String]) -> Result<(), Error> {
    for (seq, id) in (0..).zip(ids) {
        let deletion = Deletion {
            seq,
            id: id.clone(),
            snapshot: None,
        };
        changes::add_deletion(run, &deletion)?;
    }
    run.set_fact("blank_rows", &0)?;
    batches::make(run, BATCH_MAX)?;
    Ok(run.seal()?)
}
